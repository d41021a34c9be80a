"""Compute ROUGE of each row with the `evaluate` module unicode_rouge.py."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

MODULE = Path(__file__).parent / "unicode_rouge.py"
TYPES = ("rouge1", "rouge2", "rougeL", "rougeLsum")


def score_rows(predictions: Sequence[str], references: Sequence[str]) -> dict[str, list[float | None]]:
    """Compute ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum F1 (0 to 1) of each prediction against its reference.

    Returns:
        `{"rouge1": [...], "rouge2": [...], "rougeL": [...], "rougeLsum": [...]}`, each as long as `predictions`, in
        order. ROUGE-Lsum is None if the two texts are too long together (`LSUM_LIMIT` in the module).

    Raises:
        ValueError: the two differ in length.
    """
    import evaluate

    if len(predictions) != len(references):
        raise ValueError(f"{len(predictions)} predictions but {len(references)} references")
    if not predictions:
        return {name: [] for name in TYPES}
    with tempfile.TemporaryDirectory() as cache:  # keeps evaluate's buffers out of the project
        metric = evaluate.load(str(MODULE), cache_dir=cache, keep_in_memory=True)
        return metric.compute(predictions=list(predictions), references=list(references))
