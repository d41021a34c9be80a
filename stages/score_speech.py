"""Score transcripts and diarizations against the truth, for the recordings that have one.

Run: python -m stages.score_speech        (dvc stage: score_speech)
Reads data/raw, data/transcripts, data/diarization and data/conversations, writes metrics/speech.json. Where no
recording has a truth it says so and passes.
"""

from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from lectern.core import io, items, params, stage
from lectern.core.schema import Transcript
from lectern.evaluation import speech


@dataclass(frozen=True)
class ScoreSpeechParams:
    """Section `score_speech`."""

    collar: float = 0.25
    """Seconds on each side of a true boundary that der_with_collar leaves out."""
    resamples: int = 10000
    """Draws of the bootstrap."""
    confidence: float = 0.95
    """Share of the draws inside an interval."""
    seed: int = 0
    """Of the bootstrap's draws."""

    def __post_init__(self) -> None:
        if self.collar < 0:
            raise ValueError(f"collar is {self.collar}; choose at least 0 (0.25 is usual)")
        if self.resamples < 100:
            raise ValueError(f"resamples is {self.resamples}; choose at least 100 (10000 is usual)")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence is {self.confidence}; choose between 0 and 1 (0.95 is usual)")


def main(
    params: ScoreSpeechParams,
    raw: Path,
    transcripts: Path,
    diarization: Path,
    conversations: Path,
    metrics: Path,
) -> str:
    """Write the figures over all recordings that have a truth, and by recording."""
    words, turns, told = (items.read(folder) for folder in (transcripts, diarization, conversations))
    scored = {
        name: speech.score_item(
            raw / name / "truth.json",
            turns[name],
            told[name],
            language=io.read_json(words[name], Transcript).language,
            collar=params.collar,
        )
        for name in tqdm(sorted(told), desc="score_speech", unit="item", disable=None)
        if (raw / name / "truth.json").is_file()
    }
    summary = speech.summarise(
        scored, resamples=params.resamples, confidence=params.confidence, seed=params.seed
    )
    io.write_json(metrics, summary)
    if not scored:
        return "no recording has a truth.json beside it, so there is nothing to score"
    shown = ", ".join(f"{name} {summary[name]['value']:.3f}" for name in speech.FIGURES if name in summary)
    return f"{shown} on {len(scored)} recordings"


if __name__ == "__main__":
    stage.run(
        "score_speech",
        lambda: main(
            params.load("score_speech", ScoreSpeechParams),
            Path("data/raw"),
            Path("data/transcripts"),
            Path("data/diarization"),
            Path("data/conversations"),
            Path("metrics/speech.json"),
        ),
    )
