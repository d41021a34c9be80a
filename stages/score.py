"""Score the held-out answers of the base and the tuned model, and their difference.

Run: python -m stages.score        (dvc stage: score)
Reads data/predictions/{base,tuned}.jsonl, writes data/scores.jsonl (one line a question) and metrics/scores.json.
"""

from dataclasses import dataclass
from pathlib import Path

from stages.core import io, params, stage
from stages.core.schema import Prediction
from stages.scoring import figures


@dataclass(frozen=True)
class ScoreParams:
    """Section `score`."""

    seed: int = 0
    """Of the bootstrap's draws."""
    resamples: int = 10000
    """Draws of the bootstrap; at 10,000 the bounds of a 95 % interval are steady to about 1 % of its width."""
    confidence: float = 0.95
    """Share of the draws inside an interval."""

    def __post_init__(self) -> None:
        if self.resamples < 100:
            raise ValueError(f"resamples is {self.resamples}; choose at least 100 (10000 is usual)")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence is {self.confidence}; choose between 0 and 1 (0.95 is usual)")


def main(params: ScoreParams, predictions: Path, out: Path, metrics: Path) -> str:
    """Write each row's scores and the figures over all rows."""
    base, tuned = (io.read_jsonl(predictions / f"{name}.jsonl", Prediction) for name in ("base", "tuned"))
    rows = figures.score_rows(base, tuned)
    summary = figures.summarise(
        rows, seed=params.seed, resamples=params.resamples, confidence=params.confidence
    )
    io.write_jsonl(out, rows)
    io.write_json(metrics, summary)
    return f"nll {summary['base']['nll']['value']:.3f} -> {summary['tuned']['nll']['value']:.3f} on {len(rows)} rows"


if __name__ == "__main__":
    stage.run(
        "score",
        lambda: main(
            params.load("score", ScoreParams),
            Path("data/predictions"),
            Path("data/scores.jsonl"),
            Path("metrics/scores.json"),
        ),
    )
