"""How answers are scored: section `score` of params.yaml."""

from dataclasses import dataclass

from lectern.settings.checks import check_bootstrap


@dataclass(frozen=True)
class Score:
    """Section `score`."""

    seed: int
    """Random seed of the bootstrap."""
    resamples: int
    """Bootstrap resamples; with 10,000, the bounds of a 95 % interval vary by about 1 % of its width."""
    confidence: float
    """Confidence level of the intervals, between 0 and 1."""
    similarity: str | None
    """Embedding model for similarity: `embedded` is all-MiniLM-L6-v2, which reads English; null leaves it out."""
    copy_words: int
    """Fewest consecutive words of an answer that also occur in a training answer, for them to count as copied."""

    def __post_init__(self) -> None:
        check_bootstrap(self.resamples, self.confidence)
        if self.similarity not in (None, "embedded"):
            raise ValueError(f"similarity is {self.similarity!r}; choose embedded, or null to leave it out")
        if self.copy_words < 1:
            raise ValueError(f"copy_words is {self.copy_words}; choose 1 or more (8 is usual)")
