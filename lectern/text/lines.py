"""Lines that a page's width parted, joined again."""

import unicodedata
from collections.abc import Iterable, Set

import regex

# Written without spaces, so a line end between two of them is none.
_UNSPACED = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\u3000-\u303f\uff00-\uff60]"
)
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:-[\p{L}\p{M}\p{N}]+)*")
_HYPHENS = ("-", "\u2010", "\u00ad", "\u0002", "\ufffe")
"""At a line's end: as written, as a soft one, and as pdfium marks one that it takes for a line's."""
_PARTED = regex.compile(r"([\p{L}\p{M}-]*\p{L}\p{M}*)[-\u2010\u00ad\u0002\ufffe]$", regex.V0)
_CONTINUED = regex.compile(r"\p{Ll}[\p{L}\p{M}]*")


def vocabulary(lines: Iterable[str]) -> set[str]:
    """The words within lines, folded in case, with and without hyphens; not those that a line's end may have parted."""
    known: set[str] = set()
    for line in lines:
        found = [word.casefold() for word in _WORD.findall(line)]
        known.update(found[1:-1] if line.rstrip().endswith(_HYPHENS) else found[1:])
    return known


def is_divided(line: str) -> bool:
    """Whether a line ends within a word."""
    return _PARTED.search(line.rstrip()) is not None


def join(lines: Iterable[str], known: Set[str] = frozenset()) -> str:
    """One line of several. A word divided at a line's end is made whole again, one with a hyphen of its own keeps it.

    Which of the two it is: `known`, the words seen within lines, has the spelling without or with the hyphen, or both
    halves as words; where it says nothing, the hyphen goes, since most are the line's. Before anything but a small
    letter it stays (`UTF-`, `8`).
    """
    text = ""
    for line in (line.strip() for line in lines):
        if not line:
            continue
        text = line if not text else _joined(text, line, known)
    return text.replace("\u0002", "-").replace("\ufffe", "-").replace("\u2010", "-")


def _joined(text: str, line: str, known: Set[str]) -> str:
    if text.endswith(_HYPHENS):
        before, after = _PARTED.search(text), _CONTINUED.match(line)
        if before and after:
            head, tail = (unicodedata.normalize("NFC", part).casefold() for part in (before[1], after[0]))
            is_compound = head + tail not in known and (
                f"{head}-{tail}" in known or (len(head) > 2 and head in known and tail in known)
            )
            return (text[:-1] + "-" if is_compound else text[:-1]) + line
        if before and text[-1] != "-":
            return text[:-1] + "-" + line
        return text + line if before else f"{text} {line}"
    if _UNSPACED.match(text[-1]) and _UNSPACED.match(line):
        return text + line
    return f"{text} {line}"
