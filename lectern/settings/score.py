"""How answers are scored: section `score` of params.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass

from lectern.settings import checks

SIMILARITIES = ("embedded",)


@dataclass(frozen=True)
class Score:
    """Section `score`: how answers and episodes are measured."""

    seed: int
    """Seed of the bootstrap."""
    resamples: int
    """Number of bootstrap resamples; with 10,000, the bounds of a 95 % interval vary by about 1 % of its width."""
    confidence: float
    """Confidence level of the intervals, between 0 and 1."""
    similarity: str | None
    """Embedding model of the similarity: `embedded` is all-MiniLM-L6-v2, which reads English; null leaves the figure
    out. Choices: SIMILARITIES."""
    copy_words: int
    """Least number of consecutive words of an answer that also occur in a training answer, for them to count as copied.
    Unit: words."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from checks.bootstrap(self.resamples, self.confidence)
        if self.similarity not in (None, *SIMILARITIES):
            yield f"similarity is {self.similarity!r}; choose embedded, or null to leave it out"
        if self.copy_words < 1:
            yield f"copy_words is {self.copy_words}; choose 1 or more (8 is usual)"
