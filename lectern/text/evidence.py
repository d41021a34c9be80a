"""Find where a text contains a quotation.

Models copy words well, but not what surrounds them: case, dashes, quotation marks, line breaks. So words decide.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import regex

from lectern.text.words import words

ELLIPSIS = regex.compile(r"(?:\.\s?){3,}|\u2026")
# A run without spaces; in scripts that put no spaces between words, one character.
_CHUNK = regex.compile(
    r"(?V1)[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]\p{M}*"
    r"|[^\s\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]+"
)
# A line end within a word: hyphens, soft hyphens, and the characters that PDFs use for them.
_HYPHENATED = regex.compile(r"\p{L}[-\u2010\u00ad\u0002\ufffe]$")
_LETTER = regex.compile(r"\p{L}")


Span = tuple[int, int]


@dataclass(frozen=True)
class Text:
    """A text prepared for searching."""

    text: str
    letters: str
    """Its words without the spaces."""
    begins: dict[int, int]
    """Where a word begins in `letters` -> where it begins in `text`."""
    ends: dict[int, int]
    """Where a word ends in `letters` -> where it ends in `text`."""
    optional: frozenset[int]
    """Offsets in `letters` at which a word may also continue, because a line ended there with a hyphen."""


def read(text: str) -> Text:
    """Prepare a text for searching."""
    letters, begins, ends, optional = "", {}, {}, set()
    hyphenated = False
    for chunk in _CHUNK.finditer(text):
        found = words(chunk[0]) if regex.search(r"[\p{L}\p{N}]", chunk[0]) else []
        if hyphenated and found and _LETTER.match(chunk[0]):
            optional.add(len(letters))
        for word in found:
            begins[len(letters)] = chunk.start()
            letters += word
            ends[len(letters)] = chunk.end()
        hyphenated = bool(_HYPHENATED.search(chunk[0]))
    return Text(text, letters, begins, ends, frozenset(optional))


def find(quote: str, text: Text, least: int = 1) -> list[Span]:
    """The spans (start, end) of a quotation in a text, in characters; an empty list if it is not there or is empty.

    The text must contain the same words in the same order, with nothing between them. White space, case, punctuation,
    quotation marks, ligatures, and the division of a word at a line end may differ. `a ... b` is found if the text
    contains `a` and, somewhere after it, `b`.

    Args:
        quote: the quotation.
        text: prepared by `read`.
        least: fewest words of the quotation and of each of its parts; one or two words occur in a text by chance.
    """
    for parts in (
        [quote],
        ELLIPSIS.split(quote),
    ):  # whole first, since the text itself may contain the ellipsis
        places: list[tuple[int, int]] = []
        for prepared in filter(lambda part: part.letters, map(read, parts)):
            place = _find_from(prepared, text, places[-1][1] if places else 0, least)
            if place is None:
                break
            places.append(place)
        else:
            return [(text.begins[begin], text.ends[end]) for begin, end in places]
    return []


def cite(spans: Iterable[Span], text: str) -> str:
    """The text at these spans, in the text's order, joined by ellipses. Overlapping spans are merged."""
    merged: list[Span] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return " ... ".join(text[begin:end] for begin, end in merged)


def _find_from(quote: Text, text: Text, begin: int, least: int) -> tuple[int, int] | None:
    """The span of `quote`'s words in `text.letters`, searched from `begin` on; `None` if they are not there."""
    if len(quote.begins) < least:
        return None
    inner = set(quote.begins) - {0}
    at = text.letters.find(quote.letters, begin)
    while at >= 0:
        end = at + len(quote.letters)
        if at in text.begins and end in text.ends:
            there = {place - at for place in text.begins if at < place < end}
            if inner ^ there <= {place - at for place in text.optional} | quote.optional:
                return at, end
        at = text.letters.find(quote.letters, at + 1)
    return None
