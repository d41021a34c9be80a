"""ROUGE of each row by the local `evaluate` module beside this file."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

MODULE = Path(__file__).parent / "metrics" / "unicode_rouge.py"


def score_rows(predictions: Sequence[str], references: Sequence[str]) -> dict[str, list[float]]:
    """ROUGE-1, ROUGE-2 and ROUGE-L F1 (0 to 1) of each prediction against its reference.

    Returns:
        `{"rouge1": [...], "rouge2": [...], "rougeL": [...]}`, each as long as `predictions`, in order.

    Raises:
        ValueError: the two differ in length.
    """
    import evaluate

    if len(predictions) != len(references):
        raise ValueError(f"{len(predictions)} predictions but {len(references)} references")
    if not predictions:
        return {name: [] for name in ("rouge1", "rouge2", "rougeL")}
    with tempfile.TemporaryDirectory() as cache:  # what evaluate buffers lies outside the project
        metric = evaluate.load(str(MODULE), cache_dir=cache, keep_in_memory=True)
        return metric.compute(predictions=list(predictions), references=list(references))
