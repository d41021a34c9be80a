"""Two branches, real runs of the smoke recipe, compared from git and the cache alone."""

import json
import re
import shutil
from collections import Counter

import pytest

from tests.pipeline.conftest import Checkout

pytestmark = pytest.mark.slow


def compare(checkout: Checkout, *names: str) -> str:
    """The Markdown of a comparison."""
    checkout.run("python", "-m", "lectern", "compare", *names)
    return (checkout.root / "metrics/comparison/comparison.md").read_text(encoding="utf-8")


def read_rows(checkout: Checkout, path: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (checkout.root / path).read_text(encoding="utf-8").splitlines()]


def outputs(checkout: Checkout) -> dict[str, bytes]:
    """All that the pipeline wrote, and nothing that was compared."""
    return {name: content for name, content in checkout.outputs().items() if "/comparison/" not in name}


def test_another_learning_rate_is_compared_from_the_cache_and_nothing_runs(fork: Checkout) -> None:
    fork.run("git", "checkout", "-q", "-b", "rate")
    fork.run("python", "-m", "lectern", "params", "recipe=smoke", "train.learning_rate=0.02")
    ran = fork.repro()
    assert "train" in ran
    assert "split" not in ran
    fork.commit("another learning rate")
    before = outputs(fork)
    markdown = compare(fork, "main", "rate")
    # property: what was changed is named, and every held-out question is paired
    assert re.search(r"\| train\.learning\\_rate \| [\d.e-]+ \| 0\.02 \|", markdown)
    asked = Counter(row["set"] for row in read_rows(fork, "data/scores.jsonl"))
    first = json.loads((fork.root / "metrics/scores.json").read_text())["set"]
    assert re.search(rf"{asked[first]} questions? in both, 0 only in main, 0 only in rate", markdown)
    assert "| Negative log-likelihood |" in markdown
    assert re.search(r"- train: .*models/adapter", markdown)
    assert "- split:" not in markdown
    # property: the other branch's figures were not made again, neither here nor in the cache
    assert outputs(fork) == before
    assert fork.run("git", "status", "--porcelain").stdout == ""
    shown = json.loads(fork.run("dvc", "metrics", "diff", "main", "rate", "--json").stdout)
    assert "tuned.nll.value" in shown["metrics/scores.json"]
    # property: two commits are compared without what lies in the working tree
    for name in ("predictions", "splits", "raw"):
        shutil.rmtree(fork.root / "data" / name)
    (fork.root / "data/scores.jsonl").unlink()
    assert compare(fork, "main", "rate") == markdown
