"""Adding a figure takes an entry in the table and a function; whatever shows figures then shows it."""

from pathlib import Path
from typing import Any

import pytest

from lectern.core import io
from lectern.core.schema import Prediction
from lectern.evaluation import health, judge_figures, measuring, plotting, speech, summary
from lectern.evaluation.answer_figures import FIGURES, GROUPS, HEALTH, AnswerFigure, Counts
from lectern.evaluation.rows import AnswerScore, RowScore
from lectern.publishing import cards
from lectern.report import scores as shown_scores
from lectern.report.comparison import inputs
from lectern.report.comparison import scores as compared_scores
from lectern.settings.report import Report
from stages import report
from tests.settings import configure
from tests.support import made_up_run


def count_commas(text: str, _: str | None) -> Counts | None:
    return float(text.count(",")), float(len(text.split()))


def count_common_commas(text: str, reference: str | None) -> Counts | None:
    assert reference is not None, "a figure of pairs is asked about pairs only"
    return (float(min(text.count(","), reference.count(","))), 1.0) if "," in reference else None


COMMAS = AnswerFigure(
    key="commas",
    name="Commas",
    about="for each word",
    what="commas of an answer for each of its words",
    scale="0 to 1",
    group=HEALTH,
    digits=4,
    measure=count_commas,
)
COMMON_COMMAS = AnswerFigure(
    key="common_commas",
    name="Common commas",
    about="as many as the true answer has at most",
    what="commas of an answer, as many as the true answer has at most, mean",
    scale="0 and more",
    group=HEALTH,
    measure=count_common_commas,
    of="pair",
)


@pytest.fixture
def predictions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Prediction]]:
    """Of a run whose answers are measured and summarised with both figures in the table."""
    for figure in (COMMAS, COMMON_COMMAS):
        monkeypatch.setitem(FIGURES, figure.key, figure)
    made_up_run.make(tmp_path, made_up_run.Run(rows=24, gain=0.7, comparators=("before",)))
    found = {
        path.stem: io.read_jsonl(path, Prediction)
        for path in sorted((tmp_path / "data/predictions").glob("*.jsonl"))
    }
    rows = measuring.score_rows(
        found,
        {"tuned": found["tuned"]},
        copied=lambda text: (len(text.split()), 0, 0),
        with_similarity=False,
    )
    io.write_jsonl(tmp_path / "data/scores.jsonl", rows)
    summarised = summary.summarise(rows, seed=0, resamples=200, confidence=0.95)
    io.write_json(tmp_path / "metrics/scores.json", summarised)
    return found


def test_a_new_figure_is_measured_with_its_interval(
    predictions: dict[str, list[Prediction]], tmp_path: Path
) -> None:
    scores = io.read_plain(tmp_path / "metrics/scores.json")
    for side in ("base", "tuned"):
        texts = [row.prediction for row in predictions[side]]
        commas, words = sum(text.count(",") for text in texts), sum(len(text.split()) for text in texts)
        assert commas
        assert scores[side]["commas"]["value"] == pytest.approx(commas / words, abs=1e-6)
        assert (
            scores[side]["commas"]["low"] <= scores[side]["commas"]["value"] <= scores[side]["commas"]["high"]
        )
    # property: true answers are measured by what follows from a text alone, and a row may measure nothing
    assert "commas" in scores["reference"]
    assert "common_commas" not in scores["reference"]
    asked = [row for row in predictions["tuned"] if "," in (row.reference or "")]
    assert 0 < scores["tuned"]["common_commas"]["n"] == len(asked) < len(predictions["tuned"])
    # property: trimming and another contestant are compared by it too
    assert scores["cleaned"]["tuned"]["difference"]["commas"]["value"] == 0
    assert "commas" in scores["comparators"]["before"]["difference"]


def test_a_new_figure_is_shown_by_the_report_and_the_comparison(
    predictions: dict[str, list[Prediction]], tmp_path: Path
) -> None:
    report.main(configure(Report), tmp_path / "metrics", tmp_path / "data", tmp_path / "params.yaml")
    value = io.read_plain(tmp_path / "metrics/scores.json")["tuned"]["commas"]["value"]
    (headline, *_) = shown_scores.build_sets(io.read_plain(tmp_path / "metrics/scores.json"), {})
    under = {group["name"]: [figure["name"] for figure in group["figures"]] for group in headline["groups"]}
    assert under[HEALTH][-2:] == ["Commas", "Common commas"]
    for name in ("report.html", "report.md"):
        page = (tmp_path / "metrics" / name).read_text()
        assert "Common commas" in page
        assert f"{value:.4f}" in page, "with its decimals"
    sides = [read_side(tmp_path, name) for name in ("main", "branch")]
    (row,) = [
        row for row in compared_scores.compare_scores(*sides)["sets"][0]["tuned"] if row["key"] == "commas"
    ]
    assert (row["name"], row["a"]["text"], row["verdict"]) == ("Commas", f"{value:.4f}", "the same")


def read_side(root: Path, name: str) -> inputs.Run:
    nothing: dict[str, Any] = {}
    return inputs.Run(
        name=name,
        about="",
        params=nothing,
        lock=nothing,
        libraries=nothing,
        metrics={"scores": io.read_plain(root / "metrics/scores.json")},
        runtime=nothing,
        scores=io.read_jsonl(root / "data/scores.jsonl", RowScore),
        answers=None,
        decisions=None,
        questions=nothing,
        splits=None,
        sources=None,
        problems=nothing,
    )


def test_rows_without_such_a_figure_have_the_bytes_of_before() -> None:
    score = AnswerScore(
        words=1, distinct1=1.0, distinct2=None, fourgrams=0, repeated_fourgrams=0, copied_words=0, longest_copy=0,
        finished=True,
    )  # fmt: skip
    assert "more" not in score.model_dump(mode="json")
    more = score.model_copy(update={"more": {"commas": [1.0, 2.0]}})
    assert AnswerScore.model_validate(more.model_dump(mode="json")) == more


def test_each_figure_is_in_its_table_once_under_its_own_key() -> None:
    for table in (FIGURES, health.FIGURES, speech.FIGURES):
        assert all(name == figure.key for name, figure in table.items())
    calibration = [figure.key for figure in judge_figures.CALIBRATION]
    assert len(calibration) == len(set(calibration))
    # property: a reader finds each figure under a heading, and a name once
    assert {figure.group for figure in FIGURES.values()} == set(GROUPS)
    names = [figure.name for figure in FIGURES.values()]
    assert len(names) == len(set(names))
    # property: a figure takes its counts from the rows or from the text, never from both or neither
    assert all((figure.count is None) != (figure.measure is None) for figure in FIGURES.values())


@pytest.mark.parametrize("chosen", [plotting.DRAWN, cards.HEADLINE, shown_scores.TILES, compared_scores.MAIN])
def test_what_is_picked_out_is_in_the_table(chosen: tuple[str, ...]) -> None:
    assert set(chosen) <= set(FIGURES)
