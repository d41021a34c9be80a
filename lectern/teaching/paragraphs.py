"""Divide a passage into paragraphs that serve as answers."""

import re
from collections import Counter

from lectern.text.words import words

_BETWEEN = re.compile(r"\n[ \t]*\n\s*")


def divide(text: str, least: int, most: int) -> tuple[list[str], Counter[str]]:
    """Divide a text at paragraph ends into stretches of `least` to `most` words.

    A paragraph that is too short is joined with the next one, or else with the one before. The text between two joined
    paragraphs stays, so that the text contains each stretch character by character.

    Returns: the stretches, and how often a paragraph was left out for each reason (`too_short`, `too_long`).
    """

    def length(begin: int, end: int) -> int:
        return len(words(text[begin:end]))

    gaps = [found.span() for found in _BETWEEN.finditer(text)]
    begins, ends = [0, *(end for _, end in gaps)], [*(begin for begin, _ in gaps), len(text)]
    forward: list[tuple[int, int]] = []
    for begin, end in zip(begins, ends, strict=True):
        if forward and length(*forward[-1]) < least and length(forward[-1][0], end) <= most:
            forward[-1] = (forward[-1][0], end)
        else:
            forward.append((begin, end))
    joined: list[tuple[int, int]] = []
    for begin, end in forward:
        if joined and length(begin, end) < least and length(joined[-1][0], end) <= most:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    kept = [text[begin:end].strip() for begin, end in joined if least <= length(begin, end) <= most]
    left_out = Counter(
        "too_short" if length(begin, end) < least else "too_long"
        for begin, end in joined
        if text[begin:end].strip() and not least <= length(begin, end) <= most
    )
    return kept, left_out
