"""Join the lines that a page's width broke."""

import unicodedata
from collections.abc import Iterable, Set

import regex

# These scripts are written without spaces, so a line end between two such characters does not stand for one.
_UNSPACED = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\u3000-\u303f\uff00-\uff60]"
)
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:-[\p{L}\p{M}\p{N}]+)*")
_HYPHENS = ("-", "\u2010", "\u00ad", "\u0002", "\ufffe")
"""At a line end: a hyphen as written, a soft one, and the characters by which pdfium marks a line-end hyphen."""
_PARTED = regex.compile(r"([\p{L}\p{M}-]*\p{L}\p{M}*)[-\u2010\u00ad\u0002\ufffe]$", regex.V0)
_CONTINUED = regex.compile(r"\p{Ll}[\p{L}\p{M}]*")
_CAPITALS = regex.compile(r"\p{Lu}[\p{Lu}\p{M}]+(?![\p{L}\p{M}])")


def vocabulary(lines: Iterable[str]) -> set[str]:
    """The words within lines, case folded, with and without hyphens; without words that a line end may have divided."""
    known: set[str] = set()
    for line in lines:
        found = [word.casefold() for word in _WORD.findall(line)]
        known.update(found[1:-1] if line.rstrip().endswith(_HYPHENS) else found[1:])
    return known


def is_divided(line: str) -> bool:
    """Whether a line ends in the middle of a word."""
    return _PARTED.search(line.rstrip()) is not None


def join(lines: Iterable[str], known: Set[str] = frozenset()) -> str:
    """Join several lines into one. A word divided at a line end is joined again; a real hyphen is kept.

    `known`, the words seen within lines, decides which of the two it is: it contains the spelling without the hyphen,
    the spelling with it, or both halves as words. If it contains none of these, the hyphen is removed, since most
    belong to the line end. Before anything but a small letter (`UTF-`, `8`) a hyphen is kept, unless both halves are in
    capitals and `known` contains the spelling without it.
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
        if before and before[1].isupper() and (capitals := _CAPITALS.match(line)):
            whole = unicodedata.normalize("NFC", before[1] + capitals[0]).casefold()
            if whole in known:
                return text[:-1] + line
        if before and text[-1] != "-":
            return text[:-1] + "-" + line
        return text + line if before else f"{text} {line}"
    if _UNSPACED.match(text[-1]) and _UNSPACED.match(line):
        return text + line
    return f"{text} {line}"
