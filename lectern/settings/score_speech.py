"""How transcripts and diarizations are scored: section `score_speech` of params.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass

from lectern.settings import checks


@dataclass(frozen=True)
class ScoreSpeech:
    """Section `score_speech`: how transcripts and diarizations are compared with the truth, where there is one."""

    collar: float
    """Time on each side of a reference boundary that `der_with_collar` ignores. Unit: seconds."""
    resamples: int
    """Number of bootstrap resamples."""
    confidence: float
    """Confidence level of the intervals, between 0 and 1."""
    seed: int
    """Seed of the bootstrap."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        if not self.collar >= 0:
            yield f"collar is {self.collar}; choose at least 0 (0.25 is usual)"
        yield from checks.bootstrap(self.resamples, self.confidence)
