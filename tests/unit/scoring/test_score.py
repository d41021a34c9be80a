import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stages import score
from stages.core import io
from stages.core.errors import LecternError
from stages.core.schema import Message, Prediction, Provenance, example_id
from stages.scoring.figures import RowScore

REFERENCE = "the seed is fixed once"


def answer(
    i: int,
    text: str = REFERENCE,
    *,
    nll: float = 20.0,
    tokens: int = 10,
    item: str = "a",
    finished: bool = True,
) -> Prediction:
    prompt = [Message(role="user", content=f"question {i}")]
    return Prediction(
        id=example_id([*prompt, Message(role="assistant", content=REFERENCE)]),
        messages=prompt,
        reference=REFERENCE,
        prediction=text,
        finished=finished,
        nll=nll,
        tokens=tokens,
        provenance=Provenance(item=item, start=float(i), method="m"),
    )


def run(root: Path, base: list[Prediction], tuned: list[Prediction]) -> dict:
    io.write_jsonl(root / "predictions/base.jsonl", base)
    io.write_jsonl(root / "predictions/tuned.jsonl", tuned)
    score.main(
        score.ScoreParams(resamples=500), root / "predictions", root / "scores.jsonl", root / "scores.json"
    )
    return json.loads((root / "scores.json").read_text())


def test_every_figure_has_its_value(tmp_path: Path) -> None:
    base = [
        answer(0, "no", nll=30.0, finished=False),
        answer(1, "the seed", nll=50.0, tokens=30, finished=True),
    ]
    tuned = [answer(1, nll=20.0, tokens=30), answer(0, nll=10.0)]
    found = run(tmp_path, base, tuned)
    # property: means over rows, likelihood over tokens, lengths over words, differences tuned minus base
    assert found["base"]["nll"]["value"] == pytest.approx(80 / 40)
    assert found["tuned"]["nll"]["value"] == pytest.approx(30 / 40)
    assert found["difference"]["nll"]["value"] == pytest.approx(-50 / 40)
    assert found["base"]["perplexity"]["value"] == pytest.approx(math.exp(2), rel=1e-6)
    assert found["base"]["rougeL"]["value"] == pytest.approx((0 + 2 * 1 * 0.4 / 1.4) / 2, abs=1e-6)
    assert found["tuned"]["rougeL"]["value"] == 1.0
    assert found["base"]["length_ratio"]["value"] == pytest.approx(3 / 10)
    assert found["base"]["finished"]["value"] == 0.5
    assert (found["rows"], found["recordings"], found["tokens"], found["resampled"]) == (2, 1, 40, "rows")
    for figure in found["difference"].values():
        assert figure["low"] is figure["high"] is None, "two rows are too few for an interval"
        assert figure["n"] == 2


def test_every_interval_holds_its_value(tmp_path: Path) -> None:
    base = [answer(n, "the", nll=30.0 + n) for n in range(8)]
    tuned = [answer(n, nll=20.0 + 2 * n) for n in range(8)]
    found = run(tmp_path, base, tuned)
    for side in ("base", "tuned", "difference"):
        for figure in found[side].values():
            assert figure["low"] <= figure["value"] <= figure["high"]
            assert figure["n"] == 8


def test_a_figure_that_did_not_change_has_a_difference_of_zero(tmp_path: Path) -> None:
    rows = [answer(i, nll=20.0 + i) for i in range(6)]
    # property: the contestants are drawn together, so equal answers differ by nothing in each draw
    assert run(tmp_path, rows, rows)["difference"]["nll"] == {"value": 0.0, "low": 0.0, "high": 0.0, "n": 6}


def test_each_row_has_its_scores(tmp_path: Path) -> None:
    run(tmp_path, [answer(1, "no"), answer(0)], [answer(0), answer(1)])
    rows = io.read_jsonl(tmp_path / "scores.jsonl", RowScore)
    # property: a line a question, in order of recording and second, whatever the order of the predictions
    assert [(r.base.rougeL, r.tuned.rougeL, r.base.words) for r in rows] == [(1.0, 1.0, 5), (0.0, 1.0, 1)]


def test_one_row_is_scored_without_an_interval(tmp_path: Path) -> None:
    found = run(tmp_path, [answer(0, nll=30)], [answer(0)])
    # property: a value, and null where nothing can be said
    assert found["difference"]["nll"] == {"value": -1.0, "low": None, "high": None, "n": 1}


def test_a_likelihood_beyond_floats_is_still_a_number(tmp_path: Path) -> None:
    # property: perplexity of a broken model stays finite, for JSON knows no infinity
    assert run(tmp_path, [answer(0, nll=1e5)], [answer(0)])["base"]["perplexity"]["value"] > 1e300


@pytest.mark.parametrize(
    ("base", "tuned", "message"),
    [
        ([], [], "base has no predictions"),
        ([answer(0)], [], "tuned has no predictions"),
        ([answer(0)], [answer(1)], r"different questions: 1 only base \(.*\); 1 only tuned"),
        ([answer(0), answer(0)], [answer(0)], "base answers .* twice"),
        ([answer(0)], [answer(0, tokens=9)], "measured on 10 tokens of the reference, tuned on 9"),
    ],
)
def test_what_cannot_be_compared_is_an_error(
    tmp_path: Path, base: list[Prediction], tuned: list[Prediction], message: str
) -> None:
    # property: the error says what is wrong with which contestant
    with pytest.raises(LecternError, match=message):
        run(tmp_path, base, tuned)


def test_a_likelihood_that_is_no_number_is_an_error(tmp_path: Path) -> None:
    from stages.scoring.figures import score_rows

    # property: NaN from an overflow is named with its row, and never averaged
    with pytest.raises(LecternError, match=f"tuned, row {answer(0).id}: nll is nan"):
        score_rows([answer(0)], [answer(0, nll=math.nan)])


@pytest.mark.slow
def test_scoring_writes_nothing_but_its_outputs_and_needs_no_network(tmp_path: Path) -> None:
    work, home = tmp_path / "work", tmp_path / "home"
    run(work, [answer(0), answer(1)], [answer(0), answer(1)])
    before = {p for p in work.rglob("*") if p.is_file()}
    (work / "params.yaml").write_text("score: {seed: 0, resamples: 100, confidence: 0.95}\n")
    code = (
        "from pathlib import Path; from stages import score; from stages.core import params;"
        "score.main(params.load('score', score.ScoreParams), "
        "Path('predictions'), Path('scores.jsonl'), Path('scores.json'))"
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
