"""Let a judge LLM rate the examples that an LLM wrote, each beside the passage that it was made from.

Run: python -m stages.rate        (dvc stage: rate)
Reads data/examples, data/taught and data/passages, writes data/ratings: one .jsonl per item and the manifest, and the
judge's replies in data/replies/rate; metrics/ratings.json holds the scores by criterion and method. Where there is
something to rate, the judge also rates the rows that people accepted and rejected in data/labels: how well its ratings
part these, and at which threshold, stands in the same file.
"""

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lectern.core import io, items, params, stage
from lectern.core.schema import Example, Passage, Provenance, Rating
from lectern.curation import ratings
from lectern.evaluation import labels
from lectern.evaluation.bootstrap import Bootstrap
from lectern.evaluation.curve import draw_curve
from lectern.evaluation.labels import Labelled
from lectern.llm import client, prompting
from lectern.llm.request import Reply, Request, make_request
from lectern.settings.llm import LLM
from lectern.settings.rate import Rate


def main(
    params: Rate,
    judge: LLM,
    examples: Path,
    taught: Path,
    passages: Path,
    labelled: Path,
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
    people = labels.gather(labels.read(labelled), "row") if params.calibrate and any(asked.values()) else []
    known = [ask_labelled(one, params, judge, prompt) for one in people]
    every = [*known, *(a for found in asked.values() for a in found)]
    answers = client.ask([a.request for a in every], judge, replies, "judge")
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
    parse = functools.partial(ratings.parse, prompt=prompt.version, model=judge.model)
    curve = draw_curve(
        people,
        [parse(**_said(a, answers.replies.get(a.request.key))).overall for a in known],
        Bootstrap(
            [one.question for one in people],
            resamples=params.resamples,
            confidence=params.confidence,
            seed=params.seed,
        ),
        min_labels=params.min_labels,
    )
    summary = ratings.summarise(rated, params.criteria)
    io.write_json(metrics, {**summary, "calibration": curve, "model": judge.model, "prompt": prompt.version})
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


def ask(row: Example, texts: Mapping[str, str], params: Rate, judge: LLM, prompt: prompting.Prompt) -> Asked:
    """The question about a row; `texts` are those of its item's passages, by their ids."""
    passage = texts.get(row.provenance.passage or "")
    criteria = ratings.choose_criteria(params.criteria, params.about_source, passage is not None)
    messages = prompt.render(
        messages=row.messages, passage=passage, criteria=criteria, reasons=params.reasons
    )
    schema = ratings.make_schema(criteria, reasons=params.reasons)
    return Asked(row, list(criteria), make_request(judge, messages, schema))


def ask_labelled(known: Labelled, params: Rate, judge: LLM, prompt: prompting.Prompt) -> Asked:
    """The same question about a row that people have judged."""
    row = Example.of(known.label.messages, Provenance(item="labels", method="label", passage="passage"))
    texts = {} if known.label.passage is None else {"passage": known.label.passage}
    return ask(row, texts, params, judge, prompt)


def _said(asked: Asked, reply: Reply | None) -> dict[str, Any]:
    """All that decides a row's rating."""
    said = None if reply is None else {"text": reply.text, "problem": reply.problem}
    row = asked.row
    return {"id": row.id, "method": row.provenance.method, "criteria": asked.criteria, "reply": said}


if __name__ == "__main__":
    stage.run(
        "rate",
        lambda: main(
            params.load("rate", Rate),
            params.load("judge", LLM),
            Path("data/examples"),
            Path("data/taught"),
            Path("data/passages"),
            Path("data/labels"),
            Path("data/ratings"),
            Path("data/replies/rate"),
            Path("metrics/ratings.json"),
        ),
    )
