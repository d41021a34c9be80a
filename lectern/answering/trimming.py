"""Shorten an answer to what was asked: an LLM chooses that part, and only the answer's own words are kept.

An LLM that is asked to trim also corrects, completes and smooths, so that its own answer would be scored. Therefore the
original answer must contain each sentence of the reply, word for word and in the same order; its text is kept.
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
"""Language of the sentence splitter. Its rules also end sentences at the marks of other scripts."""
CLOSING_MARKS = ("Po", "Pe", "Pf")
"""Unicode categories of characters that end a sentence: the full stops of any script, brackets, quotation marks."""
OUTCOMES = ("trimmed", "unchanged", "rewritten", "emptied", "malformed", "no_reply")
"""What can happen to an answer. All outcomes but the first leave it unchanged: the reply repeats the answer, contains
other sentences, is empty, is not valid JSON, or did not come."""


@dataclass(frozen=True)
class Trimmed:
    """An answer after its reply was applied."""

    row: Prediction
    outcome: str


def ask(row: Prediction, llm: LLM, prompt: Prompt) -> Request | None:
    """The request that asks which part of an answer was asked for; `None` if the answer is empty."""
    if not normalise(row.prediction):
        return None
    question = next((m.content for m in reversed(row.messages) if m.role == "user"), "")
    return make_request(llm, prompt.render(question=question, answer=row.prediction), SCHEMA)


def trim(row: Prediction, request: Request | None, replies: Mapping[str, Reply]) -> Trimmed:
    """The answer without the parts that were not asked for. Its likelihood and `finished` stay as they were.

    Args:
        row: the answer.
        request: the request about it, as `ask` returned it.
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
    """The sentences of `chosen` as `text` has them, with its gaps between neighbours; `None` if one is not in `text`.

    Case, punctuation and white space of `chosen` do not matter. `text` must contain each sentence without a gap, after
    the one before: leaving out words in the middle of a sentence may reverse its meaning.
    """
    from sentencex import segment

    # An ellipsis would allow a gap.
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
    """For each contestant: number of rows and of each outcome, and words before and after."""
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
