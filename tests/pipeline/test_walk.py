"""A person's way through the browser on a real repository, from a name to the changed report and the tuned model."""

import json
from pathlib import Path

import pytest

from lectern.core import io
from lectern.core.schema import Conversation, Example
from tests.pipeline import walk
from tests.pipeline.conftest import Checkout, check_out
from tests.support.browsers import needs_chromium

pytestmark = [
    pytest.mark.slow,
    needs_chromium,
]
ITEM = "smoke-01-logs"


def test_from_a_name_to_the_report_and_the_tuned_model(tmp_path: Path) -> None:
    checkout: Checkout = check_out(tmp_path, "smoke")
    # drawn, or the untrained model is silent; and tuned so hard that it draws something else
    drawn = (
        "generate.evals=[talks]",
        "decoding.temperature=1.2",
        "train.learning_rate=0.02",
        "train.epochs=3",
    )
    checkout.run("python", "-m", "lectern", "params", "recipe=smoke", *drawn)
    checkout.repro()
    checkout.commit("run")
    root = checkout.root
    before = (root / "metrics/report.html").read_bytes()

    seen = walk.review(root, ITEM, None, None, labels=10)

    assert seen.labelled >= 8
    assert len(list((root / "data/labels/asha-rao").glob("*.json"))) == seen.labelled
    told = io.read_json(root / f"data/conversations/{ITEM}.json", Conversation)
    assert "Joe" in {utterance.speaker for utterance in told.utterances}
    mended = [
        row
        for path in (root / "data/splits").glob("*.jsonl")
        for row in io.read_jsonl(path, Example)
        if row.messages[-1].content.endswith("wants a seed of its own.")
    ]
    assert len(mended) == 1
    for said in (
        "Done.",
        "converse: made 1, kept 3, removed 0, failed 0",
        "What changed",
        "not there → kept",
    ):
        assert said in seen.rebuilt
    assert (root / "metrics/report.html").read_bytes() != before
    assert (
        "Joe" in seen.report
        or json.loads((root / "metrics/curation.json").read_text())["corrections"]["edit"] == 1
    )
    assert seen.answer
    changed = checkout.run("git", "status", "--porcelain", "--", "data").stdout.split()[1::2]
    assert {Path(name).parts[1] for name in changed} == {"corrections", "labels"}, (
        "what a person decided is git's"
    )
