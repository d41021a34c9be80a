"""Does a quote stand in a text?

Models copy words well, and everything around them badly: case, dashes, quotation marks, line breaks. So words decide.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import regex

from lectern.text.words import words

ELLIPSIS = regex.compile(r"(?:\.\s?){3,}|\u2026")
# A run without spaces, but one character at a time in scripts that put none between words.
_CHUNK = regex.compile(
    r"(?V1)[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]\p{M}*"
    r"|[^\s\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]+"
)
# The end of a line whose last word goes on in the next one: hyphens, soft ones, and what PDFs make of them.
_HYPHENATED = regex.compile(r"\p{L}[-\u2010\u00ad\u0002\ufffe]$")
_LETTER = regex.compile(r"\p{L}")


Span = tuple[int, int]


@dataclass(frozen=True)
class Text:
    """A text made ready to be searched for quotes."""

    text: str
    letters: str
    """its words without the spaces"""
    begins: dict[int, int]
    """where a word begins in `letters` -> where it stands in `text`"""
    ends: dict[int, int]
    """where a word ends in `letters` -> where it ends in `text`"""
    optional: frozenset[int]
    """places in `letters` at which one word may as well go on: a line ended there with a hyphen"""


def read(text: str) -> Text:
    """Make a text ready to be searched."""
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
    """Where a quote stands in a text, from and up to which character; nowhere when it is empty.

    The same words must stand there in the same order, and nothing between them. What may differ: white space, case,
    punctuation, quotation marks, ligatures, and a word divided at the end of a line. `a ... b` stands where `a` does,
    and where `b` does somewhere after it.

    Args:
        quote: what is said to stand in the text.
        text: made ready by `read`.
        least: words of the quote, and of each of its parts; one or two stand in a text by chance.
    """
    for parts in ([quote], ELLIPSIS.split(quote)):  # the text may have an ellipsis of its own
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
    """What the text itself has at these places, in its order; what overlaps is told once."""
    merged: list[Span] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return " ... ".join(text[begin:end] for begin, end in merged)


def _find_from(quote: Text, text: Text, begin: int, least: int) -> tuple[int, int] | None:
    """Where the words of `quote` stand in `text.letters`, from `begin` on."""
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
