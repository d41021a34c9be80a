"""Let a judge LLM rate the examples that an LLM wrote, each beside the passage that it was made from.

Run: python -m stages.rate        (dvc stage: rate)
Reads data/examples, data/taught and data/passages, writes data/ratings: one .jsonl per item and the manifest, and the
judge's replies in data/replies/rate; metrics/ratings.json holds the scores by criterion and method.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from stages.core import io, items, params, stage
from stages.core.schema import Example, Passage, Rating
from stages.llm import client, prompting
from stages.llm.request import Reply, Request
from stages.llm.settings import LLM, make_request
from stages.text import ratings


@dataclass(frozen=True)
class RateParams:
    """Section `rate`."""

    methods: list[str] = field(default_factory=list)
    """Rows made by these are rated; what people said or wrote themselves is not, unless it is named here."""
    prompt: str = "judge_example"
    """A file of stages/llm/prompts."""
    criteria: dict[str, str] = field(default_factory=dict)
    """Name -> what it means, as the judge reads it."""
    about_source: list[str] = field(default_factory=list)
    """Criteria that compare a row with its passage; a row without one is not rated by them."""

    def __post_init__(self) -> None:
        if self.methods and not self.criteria:
            raise ValueError("methods are named, criteria are not: say what the rows are rated by")
        if unknown := [name for name in self.about_source if name not in self.criteria]:
            raise ValueError(f"about_source names {', '.join(unknown)}, which is none of the criteria")
        if self.methods and set(self.criteria) <= set(self.about_source):
            raise ValueError("about_source names all criteria: a row without a passage has none left")
        if empty := [name for name, meaning in self.criteria.items() if not name or not meaning.strip()]:
            raise ValueError(f"criteria: {empty[0]!r} needs a name and what it means")


def main(
    params: RateParams,
    judge: LLM,
    examples: Path,
    taught: Path,
    passages: Path,
    out: Path,
    replies: Path,
    metrics: Path,
) -> client.Outcome:
    """Bring `out` to exactly one file of ratings per item, which may be empty.

    Raises:
        LecternError: more calls than `judge.allow_failed` got no reply; what was answered is written before.
    """
    prompt = prompting.load(params.prompt)
    asked = {
        item: [ask(row, texts, params, judge, prompt) for row in ratings.choose_rows(rows, params.methods)]
        for item, rows, texts in _read(examples, taught, passages)
    }
    answers = client.ask([a.request for found in asked.values() for a in found], judge, replies, "judge")
    result = items.sync(
        [
            items.Item(item, {}, {"rows": [_said(a, answers.replies.get(a.request.key)) for a in found]})
            for item, found in asked.items()
        ],
        out,
        functools.partial(ratings.load, model=judge.model, prompt=prompt.version),
        suffix=".jsonl",
        params={"model": judge.model, "prompt": prompt.version},
        code=(ratings,),
    )
    rated = [rating for path in items.read(out).values() for rating in io.read_jsonl(path, Rating)]
    summary = ratings.summarise(rated, params.criteria)
    io.write_json(metrics, summary | {"model": judge.model, "prompt": prompt.version})
    answers.check(judge.allow_failed, "judge")
    return client.Outcome(result, answers)


class Asked(NamedTuple):
    """What the judge is asked about one row."""

    row: Example
    criteria: list[str]
    request: Request


def _read(
    examples: Path, taught: Path, passages: Path
) -> Iterator[tuple[str, list[Example], dict[str, str]]]:
    """Each item with its rows and the text of its passages by their ids."""
    made = [items.read(examples), items.read(taught)]
    cut = items.read(passages)
    for item in sorted({name for found in made for name in found}):
        rows = [row for found in made if item in found for row in io.read_jsonl(found[item], Example)]
        texts = {p.id: p.text for p in io.read_jsonl(cut[item], Passage)} if item in cut else {}
        yield item, rows, texts


def ask(
    row: Example, texts: Mapping[str, str], params: RateParams, judge: LLM, prompt: prompting.Prompt
) -> Asked:
    """The question about a row; `texts` are those of its item's passages, by their ids."""
    passage = texts.get(row.provenance.passage or "")
    criteria = ratings.choose_criteria(params.criteria, params.about_source, passage is not None)
    messages = prompt.render(messages=row.messages, passage=passage, criteria=criteria)
    return Asked(row, list(criteria), make_request(judge, messages, ratings.make_schema(criteria)))


def _said(asked: Asked, reply: Reply | None) -> dict[str, Any]:
    """All that decides a row's rating."""
    said = None if reply is None else {"text": reply.text, "problem": reply.problem}
    row = asked.row
    return {"id": row.id, "method": row.provenance.method, "criteria": asked.criteria, "reply": said}


if __name__ == "__main__":
    stage.run(
        "rate",
        lambda: main(
            params.load("rate", RateParams),
            params.load("judge", LLM),
            Path("data/examples"),
            Path("data/taught"),
            Path("data/passages"),
            Path("data/ratings"),
            Path("data/replies/rate"),
            Path("metrics/ratings.json"),
        ),
    )
