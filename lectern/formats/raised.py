"""Superscripts in plain text: an exponent after `^`, and the mark of a note in brackets.

Joined without a sign, "2<sup>32</sup>" would be 232, and "Claude<sup>2</sup>" the name of another model.
"""

import re

from lectern.text import encoding

ORDINAL = re.compile(r"st|nd|rd|th|e|er|re|es|[eè]me|[eè]re|o|a|os|as|de?", re.I)
"""What stands raised after a number and makes it an ordinal number: 1st, 2e, 3o."""
SIMPLE = re.compile(r"[+\-−–]?\w+|\w+[+\-−–]|\([^()]*\)")
"""An exponent that needs no brackets."""
NUMBERS = re.compile(r"\d{1,3}(?:\s?[,;–-]\s?\d{1,3})*")
FUNCTIONS = frozenset({"sin", "cos", "tan", "sec", "log", "exp", "det", "mol"})
LONGEST_SYMBOL = 2
"""Most letters of a symbol that a number is an exponent of, such as `x` or `km`. After a word, it is a note's."""
LOOKED_AT = 100
"""Characters before a superscript that decide what it is."""
BRACKETED = re.compile(r"\(([^()]*)\)$")
OPENING = re.compile(r"[^\W\d_]{2,}")
"""How a word begins; a single letter is a symbol, as in the name of an isotope."""
WORD = re.compile(r"[^\W\d_]{3,}")


def join(text: str, before: str, is_note: bool = False) -> str:
    """A superscript as it is appended to the text `before` it. One that is a link (`is_note`) is the mark of a note."""
    text = encoding.tidy_line(text)
    if not re.search(r"\w", text):
        return text  # a trademark, a degree, an asterisk
    if is_note:
        return text if text.startswith(("[", "(")) else f"[{text}]"
    before = before[-LOOKED_AT:]
    if before.endswith(("^", "[", "(")) or not before.strip():
        return text
    letters = re.search(r"[^\W\d_]*$", before)[0]  # type: ignore[index]  # it matches an empty string
    if text.isalpha() and (len(letters) > 1 or (before[-1:].isdigit() and ORDINAL.fullmatch(text))):
        return text
    if NUMBERS.fullmatch(text) and _ends_in_word(before, letters):
        return f"[{text}]"
    if before[-1].isalnum() or before[-1] in ")]}|":
        return f"^{text}" if SIMPLE.fullmatch(text) else f"^({text})"
    return text


def lead(text: str, after: str) -> str:
    """A superscript at the start of a word: the mark of the note that `after` begins, as in `[1] The`."""
    text = encoding.tidy_line(text)
    return f"[{text}] " if NUMBERS.fullmatch(text) and OPENING.match(after) else text


def _ends_in_word(before: str, letters: str) -> bool:
    """Whether the text before a raised number is prose, so that the number is the mark of a note."""
    if letters:
        return len(letters) > LONGEST_SYMBOL and letters.lower() not in FUNCTIONS
    if bracketed := BRACKETED.search(before):
        return WORD.search(bracketed[1]) is not None
    # "IPv4" is a word, and punctuation ends one.
    return re.search(r"[^\W\d_]{3,}\d+$", before) is not None or before[-1] in ".,;:!?\"'”’»"
