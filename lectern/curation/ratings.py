"""What a judge LLM is asked about an example, and how its reply is read.

A rubric has one reason and one score for each criterion, the reason first: a score that comes after its reason agrees
better with people's scores (Zheng et al. 2023, Judging LLM-as-a-Judge, section 3.4; G-Eval, Liu et al. 2023).
"""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from lectern.core import io
from lectern.core.item import Item, Make
from lectern.core.schema import Example, Rating
from lectern.llm.structured import closed_object

SCORES = (1, 2, 3, 4, 5)
MAX_REASON = 240
"""Most characters of a reason, so that no judge writes until its token limit cuts the JSON off."""
NO_REPLY = "no reply"
"""The problem of a row whose call got no reply; the next run asks again."""


def make_schema(criteria: Iterable[str], *, reasons: bool) -> dict[str, Any]:
    """The JSON schema of a reply: for each criterion, in order, a reason and then a score, or only a score."""
    score = {"type": "integer", "enum": list(SCORES)}
    reason = {"type": "string", "minLength": 1, "maxLength": MAX_REASON}
    return closed_object(
        **dict.fromkeys(criteria, closed_object(reason=reason, score=score) if reasons else score)
    )


def choose_rows(rows: Iterable[Example], methods: Collection[str]) -> list[Example]:
    """The rows made by these methods, each once, sorted by id."""
    return [
        row for _, row in sorted({row.id: row for row in rows if row.provenance.method in methods}.items())
    ]


def choose_criteria(
    criteria: Mapping[str, str], about_source: Collection[str], has_source: bool
) -> dict[str, str]:
    """The criteria for a row. Those that compare it with its source text are left out if it has none."""
    return {name: text for name, text in criteria.items() if has_source or name not in about_source}


def load(*, model: str, prompt: str) -> Make:
    """The function that writes an item's ratings. `model` is the judge and `prompt` the version of its prompt."""

    def make(item: Item, path: Path) -> None:
        io.write_jsonl(
            path,
            [
                parse(
                    entry["reply"],
                    entry["criteria"],
                    id=entry["id"],
                    method=entry["method"],
                    prompt=prompt,
                    model=model,
                )
                for entry in item.values["rows"]
            ],
        )

    return make


def parse(
    reply: Mapping[str, Any] | None,
    criteria: Sequence[str],
    *,
    id: str,
    method: str,
    prompt: str,
    model: str,
) -> Rating:
    """The rating in a reply, or a rating that says why the reply contains none.

    Args:
        reply: its `text` and `problem`, as the store keeps them; `None` if the call was not answered.
        criteria: the criteria that were asked about, in order.
        id: of the row.
        method: of the row.
        prompt: version of the prompt.
        model: the judge.
    """
    problem = NO_REPLY if reply is None else reply["problem"]
    scores: dict[str, int] = {}
    reasons: dict[str, str] = {}
    if reply is not None and problem is None:
        said = json.loads(reply["text"])
        entries = {
            name: said[name] if isinstance(said[name], dict) else {"score": said[name]} for name in criteria
        }
        scores = {name: entry["score"] for name, entry in entries.items()}
        reasons = {name: entry["reason"].strip() for name, entry in entries.items() if "reason" in entry}
    overall = round(fmean(scores.values()), 4) if scores else None
    return Rating(
        id=id,
        method=method,
        scores=scores,
        reasons=reasons,
        overall=overall,
        prompt=prompt,
        model=model,
        problem=problem,
    )


def summarise(ratings: Sequence[Rating], criteria: Iterable[str]) -> dict[str, Any]:
    """The content of metrics/ratings.json: figures by criterion and by method, with the rows that each rests on."""
    names = list(criteria)
    by_method: dict[str, list[Rating]] = defaultdict(list)
    for rating in ratings:
        by_method[rating.method].append(rating)
    return {
        **_figures(ratings, names),
        "by_method": {method: _figures(found, names) for method, found in sorted(by_method.items())},
    }


def _figures(ratings: Sequence[Rating], criteria: Sequence[str]) -> dict[str, Any]:
    unanswered = sum(rating.problem == NO_REPLY for rating in ratings)
    return {
        "rows": len(ratings),
        "rated": sum(rating.problem is None for rating in ratings),
        "malformed": sum(rating.problem is not None for rating in ratings) - unanswered,
        "no_reply": unanswered,
        "overall": _mean([rating.overall for rating in ratings if rating.overall is not None]),
        "by_criterion": {
            name: _histogram([rating.scores[name] for rating in ratings if name in rating.scores])
            for name in criteria
        },
    }


def _mean(values: Sequence[float]) -> dict[str, Any]:
    return {"n": len(values), "mean": round(fmean(values), 4) if values else None}


def _histogram(scores: Sequence[int]) -> dict[str, Any]:
    counts = Counter(scores)
    return {**_mean(scores), "histogram": {str(score): counts[score] for score in SCORES}}
