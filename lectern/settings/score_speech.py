"""How transcripts and diarizations are scored: section `score_speech` of params.yaml."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ScoreSpeech:
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
