"""The main job itself: ten talks through the packaged models to a tuned model that does better than its base."""

import json
from collections.abc import Callable

import pytest

from tests.pipeline.conftest import Checkout

pytestmark = pytest.mark.slow


def test_the_demo_ends_well_and_the_tuning_helps(fresh: Callable[[str], Checkout]) -> None:
    demo = fresh("demo")
    # what is written and judged takes most of the time, and has tests of its own
    shorter = ("generate.max_new_tokens=32", "episodes.turns=4", "judging.most=2", "judging.most_labels=4")
    demo.run("python", "-m", "lectern", "params", "recipe=demo", *shorter)
    assert sorted(demo.repro()) == sorted(demo.stages())

    scores = json.loads((demo.root / "metrics/scores.json").read_text())
    assert scores["difference"]["nll"]["n"] >= 10
    assert scores["difference"]["nll"]["high"] < 0, (
        "the tuned model finds the held-out answers likelier, beyond chance"
    )
    examples = json.loads((demo.root / "metrics/examples.json").read_text())
    assert examples["by_method"]["description_questions"]["rows"] >= 45
    speech = json.loads((demo.root / "metrics/speech.json").read_text())
    assert speech["wer"]["value"] < 0.1
    assert speech["der"]["value"] < 0.05
    runtime = [json.loads(path.read_text()) for path in (demo.root / "metrics/runtime").glob("*.json")]
    assert max(entry["peak_memory_mb"] for entry in runtime) < 4000
