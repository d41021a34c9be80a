"""Shorten an answer to what was asked for: an LLM says which part that is, and only the answer's own words are kept.

An LLM that is asked to trim also corrects, completes and smooths, and what is then scored is its own answer. So each
sentence of its reply must stand in the answer, word for word and in the answer's order; the text kept is the answer's.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lectern.core.schema import Prediction
from lectern.llm.prompting import Prompt
from lectern.llm.request import Reply, Request, make_request
from lectern.llm.structured import closed_object
from lectern.settings.llm import LLM
from lectern.text import evidence
from lectern.text.words import normalise, words

SCHEMA = closed_object(answer={"type": "string"})
LANGUAGE = "en"
"""Of the sentence splitter, whose rules for it end sentences at the marks of other scripts too."""
CLOSING_MARKS = ("Po", "Pe", "Pf")
"""Unicode categories of what ends a sentence: the full stop of any script, a bracket, a quotation mark."""
OUTCOMES = ("trimmed", "unchanged", "rewritten", "emptied", "malformed", "no_reply")
"""What becomes of an answer. All but the first leave it as it was: the reply repeats the answer, is not made of its
sentences, says nothing, is no JSON, or did not come."""


@dataclass(frozen=True)
class Trimmed:
    """An answer after its reply was looked at."""

    row: Prediction
    outcome: str


def ask(row: Prediction, llm: LLM, prompt: Prompt) -> Request | None:
    """The question which part of an answer was asked for; none where it says nothing."""
    if not normalise(row.prediction):
        return None
    question = next((m.content for m in reversed(row.messages) if m.role == "user"), "")
    return make_request(llm, prompt.render(question=question, answer=row.prediction), SCHEMA)


def trim(row: Prediction, request: Request | None, replies: Mapping[str, Reply]) -> Trimmed:
    """The answer without what was not asked for; its likelihood and its end stay what they were.

    Args:
        row: the answer.
        request: what was asked about it (`ask`).
        replies: by the keys of their requests.
    """
    if request is None:
        return Trimmed(row, "unchanged")
    reply = replies.get(request.key)
    if reply is None:
        return Trimmed(row, "no_reply")
    if reply.problem is not None:
        return Trimmed(row, "malformed")
    kept = json.loads(reply.text)["answer"]
    if not normalise(kept):
        return Trimmed(row, "emptied")
    if normalise(kept) == normalise(row.prediction):
        return Trimmed(row, "unchanged")
    text = keep(kept, row.prediction)
    if text is None:
        return Trimmed(row, "rewritten")
    return Trimmed(row.model_copy(update={"prediction": text}), "trimmed")


def keep(chosen: str, text: str) -> str | None:
    """Of `text`, the sentences of `chosen` with what stands between two neighbours; None where one stands nowhere.

    Case, punctuation and white space of `chosen` do not matter. Each sentence must stand in `text` without a gap, after
    the one before: words left out in the middle of a sentence may turn what it says into its opposite.
    """
    from sentencex import segment

    # an ellipsis would allow a gap
    sentences = [
        evidence.ELLIPSIS.sub(" ", one) for line in chosen.splitlines() for one in segment(LANGUAGE, line)
    ]
    spans = evidence.find(" ... ".join(one for one in sentences if normalise(one)), evidence.read(text))
    if not spans:
        return None
    kept, upto = "", spans[0][0]
    for begin, end in spans:
        gap = text[upto:begin]
        kept += " " if gap.strip() else gap
        while end < len(text) and unicodedata.category(text[end]) in CLOSING_MARKS:
            end += 1
        kept += text[begin:end]
        upto = end
    return kept


def summarise(before: Mapping[str, list[Prediction]], after: Mapping[str, list[Trimmed]]) -> dict[str, Any]:
    """Per contestant: rows, what became of them, words before and after."""
    found: dict[str, Any] = {}
    for name, rows in after.items():
        counts = Counter(one.outcome for one in rows)
        found[name] = {
            "rows": len(rows),
            **{outcome: counts[outcome] for outcome in OUTCOMES},
            "words_before": sum(len(words(row.prediction)) for row in before[name]),
            "words_after": sum(len(words(one.row.prediction)) for one in rows),
        }
    return found
