"""Mark which sentences of an answer have a source, and where it says something like them."""

from collections.abc import Mapping, Sequence
from typing import Any

from lectern.core.schema import Provenance, Sentence
from lectern.report import links, wording

QUOTED = 240
"""Greatest number of characters that are quoted of a source."""
LEGEND = (
    "After a sentence stands where the sources say something like it, or that no source was found. That is not whether "
    "the sentence is true. Questions and single words have no mark."
)


def describe(support: Mapping[str, Any]) -> str:
    """Return the legend, or why there are no marks; empty if nothing is known.

    Args:
        support: content of metrics/support.json; empty if the file is missing.
    """
    if not support:
        return ""
    return f"No sentence is marked by its source. {support['why']}" if "why" in support else LEGEND


def divide(runs: Sequence[Mapping[str, Any]], sentences: Sequence[Sentence]) -> list[dict[str, Any]]:
    """Divide the runs of a text at the ends of its sentences, and give each sentence its mark.

    Args:
        runs: their texts joined are the text, or its beginning.
        sentences: of the whole text, in order.

    Returns: the pieces; those with `mark` None are not followed by a mark.
    """
    shown = sum(len(run["text"]) for run in runs)
    ends = {
        one.span[1]: _mark(number, one)
        for number, one in enumerate(sentences, 1)
        if one.counts and one.span[1] <= shown
    }
    pieces: list[dict[str, Any]] = [{"runs": [], "mark": None}]
    at = 0
    for run in runs:
        text = run["text"]
        begin = 0
        for end in sorted({len(text), *(end - at for end in ends if at < end < at + len(text))}):
            pieces[-1]["runs"].append({**run, "text": text[begin:end]})
            if at + end in ends:
                pieces[-1]["mark"] = ends[at + end]
                pieces.append({"runs": [], "mark": None})
            begin = end
        at += len(text)
    return [piece for piece in pieces if piece["runs"]]


def _mark(number: int, sentence: Sentence) -> dict[str, Any]:
    source = sentence.source
    if source is None:
        return {"number": number, "place": None, "short": "no source", "link": None, "quote": ""}
    where = source.provenance
    return {
        "number": number,
        "place": links.describe_place(where),
        "short": _shorten_place(where),
        "link": links.web_link(where.url),
        "quote": wording.short(source.text, QUOTED),
    }


def _shorten_place(where: Provenance) -> str:
    if where.start is not None:
        return wording.clock(where.start)
    return "source" if where.page is None else f"page {where.page}"
