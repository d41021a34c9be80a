import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Example, Message, Prediction, Provenance
from lectern.evaluation import answer_figures, measuring, summary
from lectern.evaluation.rows import RowScore
from lectern.settings.score import Score
from stages import score
from tests.settings import configure

REFERENCE = "the seed is fixed once"
TRAINED = "we always fix the seed before the first batch is drawn"


def answer(
    i: int,
    text: str = REFERENCE,
    *,
    nll: float | None = 20.0,
    tokens: int | None = 10,
    item: str = "a",
    finished: bool = True,
    reference: str | None = REFERENCE,
    set: str = "held_out",
) -> Prediction:
    return Prediction(
        id=f"{i:016x}",
        set=set,
        messages=[Message(role="user", content=f"question {i}")],
        reference=reference,
        prediction=text,
        finished=finished,
        nll=nll,
        tokens=tokens,
        provenance=Provenance(item=item, start=float(i), method="m"),
    )


def run(
    root: Path,
    base: list[Prediction],
    tuned: list[Prediction],
    *,
    cleaned: dict[str, list[Prediction]] | None = None,
    similarity: str | None = None,
    **comparators: list[Prediction],
) -> dict[str, Any]:
    for name, rows in {"base": base, "tuned": tuned, **comparators}.items():
        io.write_jsonl(root / f"data/predictions/{name}.jsonl", rows)
    for name, rows in (cleaned or {}).items():
        io.write_jsonl(root / f"data/cleaned/{name}.jsonl", rows)
    for name in ("base", "tuned"):
        io.write_jsonl(root / f"data/episodes/{name}.jsonl", [])
    messages = [Message(role="user", content="how?"), Message(role="assistant", content=TRAINED)]
    io.write_jsonl(root / "data/splits/train.jsonl", [Example.of(messages, Provenance(item="t", method="m"))])
    for name in ("validation", "test"):
        io.write_jsonl(root / f"data/splits/{name}.jsonl", [])
    chosen = configure(Score, resamples=500, similarity=similarity)
    score.main(chosen, root / "data", root / "metrics")
    return json.loads((root / "metrics/scores.json").read_text())


def values(figures: dict[str, dict[str, float]]) -> dict[str, float]:
    return {name: figure["value"] for name, figure in figures.items()}


def test_every_figure_has_its_value(tmp_path: Path) -> None:
    base = [
        answer(0, "no no no no no no", nll=30.0, finished=False),
        answer(1, "", nll=50.0, tokens=30),
    ]
    tuned = [answer(1, nll=20.0, tokens=30), answer(0, nll=10.0)]
    found = run(tmp_path, base, tuned)
    ours, theirs, change = (values(found[side]) for side in ("base", "tuned", "difference"))
    # property: means over rows, likelihood over tokens and bytes, repetition over runs of four, lengths over words
    assert ours["nll"] == pytest.approx(80 / 40)
    assert change["nll"] == pytest.approx(-50 / 40)
    assert ours["perplexity"] == pytest.approx(math.exp(2), rel=1e-6)
    assert ours["bits_per_byte"] == pytest.approx(80 / math.log(2) / (2 * len(REFERENCE)), abs=1e-6)
    assert ours["rougeL"] == 0.0
    assert theirs["rouge1"] == theirs["rouge2"] == theirs["rougeL"] == theirs["rougeLsum"] == 1.0
    assert theirs["chrf"] == theirs["bleu"] == pytest.approx(100)
    assert ours["distinct1"] == pytest.approx(1 / 6, abs=1e-6), "an answer without words has no share"
    assert ours["repetition4"] == pytest.approx(2 / 3, abs=1e-6)
    assert ours["words"] == 3
    assert ours["length_ratio"] == pytest.approx(6 / 10)
    assert (ours["finished"], ours["empty"], theirs["empty"]) == (0.5, 0.5, 0.0)
    assert (ours["repeated_answers"], theirs["repeated_answers"]) == (0.0, 1.0)
    assert (found["rows"], found["recordings"], found["tokens"], found["resampled"]) == (2, 1, 40, "rows")
    assert found["set"] == "held_out"
    for figure in found["difference"].values():
        assert figure["low"] is figure["high"] is None, "two rows are too few for an interval"
    assert found["difference"]["rouge1"]["n"] == 2


def test_copies_of_training_answers_are_counted(tmp_path: Path) -> None:
    base = [answer(0, "fix it"), answer(1, "fix it now")]
    tuned = [answer(0, f"Well: {TRAINED.upper()}!"), answer(1, "first batch")]
    found = run(tmp_path, base, tuned)
    # property: 11 of 14 words stand in one long run of a training answer; the reference copies nothing
    assert found["tuned"]["copied_share"]["value"] == pytest.approx(11 / 14, abs=1e-6)
    assert found["tuned"]["longest_copy"]["value"] == 5.5
    assert found["base"]["copied_share"]["value"] == found["reference"]["copied_share"]["value"] == 0.0


def test_true_answers_are_measured_by_what_means_something(tmp_path: Path) -> None:
    found = run(tmp_path, [answer(0)], [answer(0)])["reference"]
    # property: what a reader compares answers with, and no overlap of a text with itself
    assert set(found) == {*answer_figures.of_references()} - {answer_figures.SUPPORT}, "there are no sources"
    assert (found["words"]["value"], found["distinct1"]["value"]) == (5, 1.0)


def test_every_interval_holds_its_value(tmp_path: Path) -> None:
    base = [answer(n, "the " * (n + 1), nll=30.0 + n) for n in range(8)]
    tuned = [answer(n, REFERENCE[: 5 + 2 * n], nll=20.0 + 2 * n) for n in range(8)]
    found = run(tmp_path, base, tuned)
    for side in ("base", "tuned", "difference"):
        for name, figure in found[side].items():
            assert figure["low"] - 1e-6 <= figure["value"] <= figure["high"] + 1e-6, name
            assert figure["n"] == 8 or name.startswith(("distinct", "repetition"))


def test_a_figure_that_did_not_change_has_a_difference_of_zero(tmp_path: Path) -> None:
    rows = [answer(i, nll=20.0 + i) for i in range(6)]
    # property: the contestants are drawn together, so equal answers differ by nothing in each draw
    for figure in run(tmp_path, rows, rows)["difference"].values():
        assert figure == {"value": 0.0, "low": 0.0, "high": 0.0, "n": 6}


def test_each_row_has_its_scores(tmp_path: Path) -> None:
    run(tmp_path, [answer(1, "no"), answer(0)], [answer(0), answer(1)])
    rows = io.read_jsonl(tmp_path / "data/scores.jsonl", RowScore)
    # property: a line a question, in order of recording and second, whatever the order of the predictions
    assert [row.answers["base"].rougeL for row in rows] == [1.0, 0.0]
    assert [row.answers["base"].words for row in rows] == [5, 1]
    assert rows[0].answers["base"].chrf == 100
    assert [row.reference_words for row in rows] == [5, 5]


def test_the_figures_follow_from_the_rows_file_alone(tmp_path: Path) -> None:
    base, tuned = ([answer(n, text * n) for n in range(8)] for text in ("the ", "seed is "))
    found = run(tmp_path, base, tuned)
    rows = io.read_jsonl(tmp_path / "data/scores.jsonl", RowScore)
    # property: whoever has two runs' rows can compare them in every figure
    assert json.loads(io.to_json(summary.summarise(rows, seed=0, resamples=500, confidence=0.95))) == found


def test_sets_are_reported_apart(tmp_path: Path) -> None:
    held_out = [answer(n) for n in range(3)]
    asked = [answer(10 + n, "the seed", set="talks", item="talks", nll=5.0 + n) for n in range(2)]
    found = run(tmp_path, held_out + asked, held_out + asked)
    # property: what people ask weighs in no held-out figure
    assert (found["set"], found["rows"], list(found["sets"])) == ("held_out", 3, ["talks"])
    assert found["tuned"]["rougeL"]["value"] == 1.0
    assert found["sets"]["talks"]["tuned"]["rougeL"]["value"] == pytest.approx(2 * 0.4 / 1.4, abs=1e-6)
    assert found["sets"]["talks"]["rows"] == 2


def test_without_held_out_rows_dialogues_come_first(tmp_path: Path) -> None:
    rows = [answer(0, set="talks", item="talks"), answer(1, set="dialogues")]
    found = run(tmp_path, rows, rows)
    assert (found["set"], list(found["sets"])) == ("dialogues", ["talks"])


def test_questions_without_a_true_answer_have_figures_of_the_answer_alone(tmp_path: Path) -> None:
    rows = [answer(n, "some words", reference=None, nll=None, tokens=None, set="talks") for n in range(6)]
    found = run(tmp_path, rows, rows)
    # property: no overlap with nothing, no likelihood of nothing
    of_text = {name for name, one in answer_figures.FIGURES.items() if one.of == "text"}
    of_text -= {answer_figures.SUPPORT, "repetition4"}  # no sources; two words hold no run of four
    assert set(found["tuned"]) == of_text | {"finished"}
    assert (found["reference"], found["tokens"]) == ({}, None)


def test_comparators_are_compared_over_common_rows(tmp_path: Path) -> None:
    rows = [answer(n, nll=20.0) for n in range(8)]
    # Another tokenizer cuts the reference into half as many tokens; one row is missing, and one is its alone.
    other = [answer(n, "the seed", nll=30.0, tokens=5) for n in [*range(7), 99]]
    silent = [answer(n, nll=None, tokens=None) for n in range(8)]
    found = run(tmp_path, rows, rows, other=other, silent=silent)
    compared = found["comparators"]["other"]
    # property: own figures over own rows, differences over rows of both, nats per token never across tokenizers
    assert compared["scores"]["nll"] == pytest.approx({"value": 6.0, "low": 6.0, "high": 6.0, "n": 8})
    assert compared["difference"]["rougeL"]["n"] == 7
    assert not {"nll", "perplexity"} & set(compared["difference"])
    assert compared["difference"]["bits_per_byte"]["value"] == pytest.approx(
        -10 / math.log(2) / len(REFERENCE), abs=1e-6
    )
    assert "nll" not in found["comparators"]["silent"]["scores"]
    assert (found["rows"], found["tuned"]["nll"]["n"]) == (8, 8)
    # property: nothing is lost; the comparator's own row stands in the rows' file
    last = io.read_jsonl(tmp_path / "data/scores.jsonl", RowScore)[-1]
    assert set(last.answers) == {"other"}


def test_what_tuning_gains_beside_a_search_is_measured_against_the_base_with_the_same_search(
    tmp_path: Path,
) -> None:
    rows = [answer(n, nll=20.0) for n in range(6)]
    looked_up = {
        "base+sources": [answer(n, nll=18.0) for n in range(6)],
        "tuned+sources": [answer(n, nll=12.0) for n in range(6)],
    }
    compared = run(tmp_path, rows, rows, **looked_up)["comparators"]
    assert compared["tuned+sources"]["over_base"]["nll"]["value"] == pytest.approx(-0.6)
    assert compared["tuned+sources"]["difference"]["nll"]["value"] == pytest.approx(0.8)
    assert "over_base" not in compared["base+sources"]


def test_the_same_tokens_are_compared_by_the_token(tmp_path: Path) -> None:
    rows = [answer(n, nll=20.0) for n in range(6)]
    found = run(tmp_path, rows, rows, before=[answer(n, nll=25.0) for n in range(6)])
    assert found["comparators"]["before"]["difference"]["nll"]["value"] == pytest.approx(-0.5)


def test_cleaned_answers_are_compared_with_what_they_were(tmp_path: Path) -> None:
    rows = [answer(n, f"{REFERENCE} and so on") for n in range(6)]
    found = run(tmp_path, rows, rows, cleaned={"tuned": [answer(n) for n in range(5)]})
    cleaned = found["cleaned"]["tuned"]
    # property: cleaned minus before over the rows that were cleaned; what no text decides is not claimed
    assert list(found["cleaned"]) == ["tuned"]
    assert cleaned["difference"]["words"] == {"value": -3.0, "low": None, "high": None, "n": 5}
    assert cleaned["scores"]["rougeL"]["value"] == 1.0
    assert not {"nll", "perplexity", "bits_per_byte", "finished"} & set(cleaned["scores"])


def test_one_row_is_scored_without_an_interval(tmp_path: Path) -> None:
    found = run(tmp_path, [answer(0, nll=30)], [answer(0)])
    # property: a value, and null where nothing can be said
    assert found["difference"]["nll"] == {"value": -1.0, "low": None, "high": None, "n": 1}


def test_only_empty_answers_are_scored(tmp_path: Path) -> None:
    found = run(tmp_path, [answer(n, "") for n in range(6)], [answer(n, " \n") for n in range(6)])
    # property: zeros where an answer could have scored, and no figure of words that are not there
    assert {found["tuned"][name]["value"] for name in ("rougeL", "chrf", "bleu", "words")} == {0.0}
    assert found["tuned"]["empty"]["value"] == 1.0
    assert found["tuned"]["repeated_answers"]["value"] == 0.0
    assert not {"distinct1", "repetition4", "copied_share"} & set(found["tuned"])


@pytest.mark.parametrize(
    "text", ["Зерно задают один раз", "种子只设一次", "البذرة تثبت مرة واحدة", "🙂 👍🏽 🎲"]
)
def test_the_same_text_in_any_script_scores_in_full(tmp_path: Path, text: str) -> None:
    rows = [answer(0, text, reference=text)]
    found = values(run(tmp_path, rows, rows)["tuned"])
    # property: scripts are equal
    assert found["rouge1"] == found["rougeL"] == found["rougeLsum"] == found["length_ratio"] == 1.0
    assert found["chrf"] == pytest.approx(100)


def test_a_likelihood_beyond_floats_is_still_a_number(tmp_path: Path) -> None:
    # property: perplexity of a broken model stays finite, for JSON knows no infinity
    assert run(tmp_path, [answer(0, nll=1e5)], [answer(0)])["base"]["perplexity"]["value"] > 1e300


def test_bookkeeping_beside_the_predictions_is_no_contestant(tmp_path: Path) -> None:
    (tmp_path / "data/predictions").mkdir(parents=True)
    (tmp_path / "data/predictions/_journal.jsonl").write_text("half a li")
    (tmp_path / "data/predictions/.base.jsonl.tmp").write_text("half a li")
    assert run(tmp_path, [answer(0)], [answer(0)])["comparators"] == {}


@pytest.mark.parametrize(
    ("base", "tuned", "message"),
    [
        ([], [], "base has no predictions"),
        ([answer(0)], [], "tuned has no predictions"),
        ([answer(0)], [answer(1)], r"different questions: 1 only base \(.*\); 1 only tuned"),
        ([answer(0)], [answer(0, set="talks")], "different questions"),
        ([answer(0), answer(0)], [answer(0)], "base answers .* twice"),
        ([answer(0)], [answer(0, tokens=9)], "measured on 10 tokens of the reference, tuned on 9"),
        ([answer(0)], [answer(0, reference="another")], "the reference is not that of the other contestants"),
        ([answer(0)], [answer(0, tokens=None)], "nll is 20.0 over None tokens"),
    ],
)
def test_what_cannot_be_compared_is_an_error(
    tmp_path: Path, base: list[Prediction], tuned: list[Prediction], message: str
) -> None:
    # property: the error says what is wrong with which contestant
    with pytest.raises(LecternError, match=message):
        run(tmp_path, base, tuned)


def test_cleaned_answers_of_other_questions_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(LecternError, match=r"cleaned/tuned.jsonl has 1 rows that tuned did not answer"):
        run(tmp_path, [answer(0)], [answer(0)], cleaned={"tuned": [answer(1)]})


def test_a_likelihood_that_is_no_number_is_an_error() -> None:
    rows = {"base": [answer(0)], "tuned": [answer(0, nll=math.nan)]}
    # property: NaN from an overflow is named with its row, and never averaged
    with pytest.raises(LecternError, match=f"tuned, row {answer(0).id}: nll is nan"):
        measuring.score_rows(rows, {}, copied=lambda text: (0, 0, 0), with_similarity=False)


@pytest.mark.parametrize(
    ("field", "value"),
    [("resamples", 99), ("confidence", 1.0), ("similarity", "bge"), ("copy_words", 0)],
)
def test_a_parameter_out_of_bounds_is_an_error(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{field} is .*; choose"):
        configure(Score, **{field: value})


@pytest.mark.slow
def test_scoring_writes_nothing_but_its_outputs_and_needs_no_network(tmp_path: Path) -> None:
    work, home = tmp_path / "work", tmp_path / "home"
    run(work, [answer(0), answer(1)], [answer(0), answer(1)])
    before = {p for p in work.rglob("*") if p.is_file()}
    (work / "params.yaml").write_text(
        "score: {seed: 0, resamples: 100, confidence: 0.95, similarity: null, copy_words: 8}\n"
    )
    code = (
        "from pathlib import Path; from stages import score; from lectern.core import params;"
        "from lectern.settings.score import Score;"
        "score.main(params.load('score', Score), Path('data'), Path('metrics'))"
    )
    root = Path(__file__).parents[3]
    proxy = {
        name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
    }
    env = {"PYTHONPATH": str(root), "HOME": str(home), "PATH": os.environ["PATH"], **proxy}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=work, env=env, capture_output=True, text=True, check=False
    )
    # property: evaluate's cache is outside the project, and a dead network is no obstacle
    assert done.returncode == 0, done.stderr
    assert {p for p in work.rglob("*") if p.is_file()} - before == {work / "params.yaml"}
