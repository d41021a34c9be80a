"""Let a judge LLM rate the examples that an LLM wrote, each together with the passage that it was made from.

Run: python -m stages.rate        (dvc stage: rate)
Reads data/examples, data/taught and data/passages; writes data/ratings (one .jsonl per item and the manifest) and the
judge's replies into data/replies/rate. metrics/ratings.json holds the scores by criterion and method. If there is
anything to rate, the judge also rates the rows that people accepted or rejected in data/labels. The same file then says
how well its ratings separate these, and at which threshold.
"""

import functools
from pathlib import Path

from lectern.core import io, items, params, paths, stage
from lectern.core.schema import Rating
from lectern.curation import rating_requests, ratings
from lectern.curation.rating_requests import describe
from lectern.evaluation import labels
from lectern.evaluation.bootstrap import Bootstrap
from lectern.evaluation.rating_agreement import draw_curve
from lectern.llm import client, prompting
from lectern.settings.llm import LLM
from lectern.settings.rate import Rate


def main(
    settings: Rate,
    judge: LLM,
    examples: Path = paths.EXAMPLES,
    taught: Path = paths.TAUGHT,
    passages: Path = paths.PASSAGES,
    labelled: Path = paths.LABELS,
    out: Path = paths.RATINGS,
    replies: Path = paths.REPLIES / "rate",
    metrics: Path = paths.METRICS / "ratings.json",
) -> client.LLMStageResult:
    """Bring `out` to exactly one file of ratings, possibly empty, per item.

    Raises:
        LecternError: more calls than `judge.allow_failed` got no reply; the answered ones are written first.
    """
    prompt = prompting.load(settings.prompt)
    asked = {
        item: [
            rating_requests.ask(row, texts, settings, judge, prompt)
            for row in ratings.choose_rows(rows, settings.methods)
        ]
        for item, rows, texts in rating_requests.read_rows(examples, taught, passages)
    }
    people = labels.gather(labels.read(labelled), "row") if settings.calibrate and any(asked.values()) else []
    known = [
        rating_requests.ask(*labels.as_row(one), settings=settings, judge=judge, prompt=prompt)
        for one in people
    ]
    every = [*known, *(a for found in asked.values() for a in found)]
    answers = client.ask([a.request for a in every], judge, replies, "judge")
    result = items.sync(
        [
            items.Item(item, {}, {"rows": [describe(a, answers.replies.get(a.request.key)) for a in found]})
            for item, found in asked.items()
        ],
        out,
        functools.partial(ratings.load, model=judge.model, prompt=prompt.version),
        suffix=".jsonl",
        params={"model": judge.model, "prompt": prompt.version},
        code=(ratings,),
    )
    rated = items.read_records(out, Rating)
    parse = functools.partial(ratings.parse, prompt=prompt.version, model=judge.model)
    curve = draw_curve(
        people,
        [parse(**describe(a, answers.replies.get(a.request.key))).overall for a in known],
        Bootstrap(
            [one.question for one in people],
            resamples=settings.resamples,
            confidence=settings.confidence,
            seed=settings.seed,
        ),
        min_labels=settings.min_labels,
    )
    summary = ratings.summarise(rated, settings.criteria)
    io.write_json(metrics, {**summary, "calibration": curve, "model": judge.model, "prompt": prompt.version})
    answers.check(judge.allow_failed, "judge")
    return client.LLMStageResult(result, answers)


if __name__ == "__main__":
    stage.run("rate", lambda: main(params.load("rate", Rate), params.load("judge", LLM)))
