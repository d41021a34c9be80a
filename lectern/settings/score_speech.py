"""How transcripts and diarizations are scored: section `score_speech` of params.yaml."""

from dataclasses import dataclass

from lectern.settings.checks import check_bootstrap


@dataclass(frozen=True)
class ScoreSpeech:
    """Section `score_speech`."""

    collar: float
    """Seconds on each side of a reference boundary that `der_with_collar` ignores."""
    resamples: int
    """Number of bootstrap resamples."""
    confidence: float
    """Confidence level of the intervals, between 0 and 1."""
    seed: int
    """Random seed of the bootstrap."""

    def __post_init__(self) -> None:
        if self.collar < 0:
            raise ValueError(f"collar is {self.collar}; choose at least 0 (0.25 is usual)")
        check_bootstrap(self.resamples, self.confidence)
