"""`dvc exp` as the README shows it: one run, a queue over base models, a branch, a comparison."""

import json
from typing import Any

import pytest

from tests.pipeline.conftest import Checkout

pytestmark = pytest.mark.slow
RECIPE = ("-S", "recipe=smoke")


def experiments(checkout: Checkout) -> list[dict[str, Any]]:
    """The finished experiments, as `dvc exp show` tells them."""
    shown = json.loads(checkout.run("dvc", "exp", "show", "--json").stdout)
    return [revision for entry in shown for e in entry["experiments"] or [] for revision in e["revs"]]


def test_a_sweep_a_branch_and_a_comparison(fork: Checkout) -> None:
    made = fork.run("dvc", "exp", "run", *RECIPE, "-S", "train.learning_rate=5e-3", "--name", "faster")
    # Nothing upstream of the training runs again.
    for stage in ("fetch", "transcribe", "diarize", "converse", "examples", "curate", "split", "render"):
        assert f"python -m stages.{stage}\n" not in made.stdout
    assert "python -m stages.train\n" in made.stdout
    fork.run("git", "checkout", "-f", "-q", "main")

    fork.run(
        "dvc",
        "exp",
        "run",
        *RECIPE,
        "-S",
        "base_model=tiny_llama,tiny_mistral",
        "-S",
        "train.seed=7",
        "--queue",
    )
    fork.run("dvc", "queue", "start")
    # Each look takes DVC most of a second, so this waits about five minutes at most.
    waiting = ("Queued", "Running")
    assert any(not any(w in fork.run("dvc", "queue", "status").stdout for w in waiting) for _ in range(300))
    found = experiments(fork)
    params = [e["data"]["params"]["params.yaml"]["data"] for e in found if not e.get("error")]
    assert sorted((p["base_model"]["name"], p["train"]["seed"]) for p in params) == [
        ("tiny_llama", 0),
        ("tiny_llama", 7),
        ("tiny_mistral", 7),
    ]
    scores = [e["data"]["metrics"]["metrics/scores.json"]["data"]["tuned"]["nll"]["value"] for e in found]
    assert len(set(scores)) == 3, "each experiment trained a model of its own"

    fork.run("dvc", "exp", "branch", "faster", "try-faster")
    fork.run("git", "checkout", "-q", "try-faster")
    fork.run("dvc", "checkout")
    assert fork.repro() == {}, "a branch of an experiment is up to date"
    difference = json.loads(fork.run("dvc", "metrics", "diff", "main", "--json").stdout)
    change = difference["metrics/scores.json"]["tuned.nll.value"]
    assert change["old"] != change["new"]
