"""All that the report shows of made-up runs, value by value: whatever changes in it changes a committed file."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from lectern.answering.general import Result
from lectern.core import io
from lectern.core.schema import AnswerSupport, Prediction, Provenance, Sentence, Support
from lectern.evaluation import forgetting, reruns
from lectern.report import inputs, view
from tests.support import expected, made_up_run
from tests.support.made_up_run import EVERYTHING, Run, interval

MEASURED = dataclasses.replace(
    EVERYTHING, rows=12, judge="trusted", evals=12, dialogues=0, episodes=2, comparators=("base+sources",)
)


def write_forgetting(root: Path) -> None:
    """Passages that got a little less likely, questions of which some were lost, requests, and tasks."""
    made: dict[str, list[Result]] = {}
    for worse, side in enumerate(("base", "tuned")):
        made[side] = [
            Result(
                kind="passage", id=f"p{n}", domain=("law", "fiction")[n % 2], nll=30 + n + worse * (1 + n % 3),
                tokens=10, bytes=40,
            )
            for n in range(12)
        ]  # fmt: skip
        made[side] += [
            Result(
                kind="question", id=f"q{n}", prompt=f"Number {n}?", answers=["Paris", "the city"], nll=4.0 + worse * n,
                prediction="Paris." if n % (2 + worse) == 0 else "Rome.", tokens=2,
            )
            for n in range(12)
        ]  # fmt: skip
        made[side] += [
            Result(
                kind="request", id=f"r{n}", prompt="!", prediction="I'm sorry, no." if n > 3 * worse else "Sure.",
                nll=None, tokens=None,
            )
            for n in range(8)
        ]  # fmt: skip
        io.write_jsonl(root / f"data/forgetting/{side}.jsonl", made[side])
    tasks = {
        side: {"quiz": {"acc": {"value": share, "higher_is_better": True, "rows": [1.0] * 6 + [share] * 6}}}
        for side, share in (("base", 1.0), ("tuned", 0.0))
    }
    found = forgetting.summarise(made["base"], made["tuned"], tasks, resamples=300, confidence=0.95, seed=0)
    io.write_json(root / "metrics/forgetting.json", found)


def write_support(root: Path, contestants: tuple[str, ...]) -> None:
    """The first sentence of each answer has a source, the last has none."""
    where = Provenance(
        item="talk-01", start=83.4, end=90.0, url="https://example.org/talk?t=83", method="turn"
    )
    rows = [
        AnswerSupport(
            set=one.set,
            id=one.id,
            contestant=name,
            sentences=[
                Sentence(span=(0, 9), counts=True, source=Support(text="as they say", provenance=where, score=0.9)),
                Sentence(span=(9, len(one.prediction)), counts=True, source=None),
            ],
        )
        for name in contestants
        for one in io.read_jsonl(root / f"data/predictions/{name}.jsonl", Prediction)
    ]  # fmt: skip
    io.write_jsonl(root / "data/support.jsonl", rows)
    io.write_json(root / "metrics/support.json", {"units": 6, "items": 2, "questions": 8, "sentences": 40})


def write_search(root: Path) -> None:
    recall = {
        name: {
            ranking: {str(k): interval(0.1 * k, 0.05 * k, 0.1 * k + 0.1, 24) for k in (1, 3)}
            for ranking in ("bm25", "both")
        }
        for name in ("held_out", "talks")
    }
    about = {"searched": "train", "include_own": False, "turns": "answers", "units": 35, "items": 7}
    io.write_json(root / "metrics/retrieval.json", {**about, "recall": recall})


def write_noise(root: Path) -> None:
    """Two further seeds, and trainings on fewer items."""
    scores = io.read_plain(root / "metrics/scores.json")
    name = reruns.name_scores((root / "metrics/scores.json").read_bytes())
    own = scores["tuned"]["nll"]["value"]

    def rerun(change: float, **parameter: int) -> reruns.Rerun:
        figure = reruns.RerunFigure(
            value=own + change, change=change, low=change - 0.02, high=change + 0.02, n=24
        )
        return reruns.Rerun(run="c0ffee", sets={"held_out": {"nll": figure}}, **parameter)

    seeds = reruns.summarise_seeds(scores, name, 0, [rerun(0.03, seed=1), rerun(-0.02, seed=2)])
    fewer = [rerun(0.2 * (7 - items), items=items, draw=0) for items in (3, 4, 5)]
    io.write_json(root / "metrics/noise/seeds.json", seeds)
    io.write_json(
        root / "metrics/noise/curve.json", reruns.summarise_curve(scores, name, 7, fewer, seeds, 10)
    )


@pytest.mark.parametrize(("run", "name"), [(Run(), "few"), (MEASURED, "all")])
def test_everything_that_is_shown(tmp_path: Path, run: Run, name: str) -> None:
    made_up_run.make(tmp_path, run)
    if name == "all":
        write_forgetting(tmp_path)
        write_support(tmp_path, run.contestants)
        write_search(tmp_path)
        write_noise(tmp_path)
    read = inputs.read(tmp_path / "metrics", tmp_path / "data", tmp_path / "params.yaml")
    shown: dict[str, Any] = view.build(read, samples_shown=2)
    assert shown.pop("versions"), "of the libraries, which differ"
    (expected.check if name == "few" else expected.check_many)(f"report/{name}.json", shown)
