"""How answers are scored: section `score` of params.yaml."""

from dataclasses import dataclass

from lectern.settings.checks import check_bootstrap


@dataclass(frozen=True)
class Score:
    """Section `score`."""

    seed: int = 0
    """Of the bootstrap's draws."""
    resamples: int = 10000
    """Draws of the bootstrap; at 10,000 the bounds of a 95 % interval are steady to about 1 % of its width."""
    confidence: float = 0.95
    """Share of the draws inside an interval."""
    similarity: str | None = "embedded"
    """What embeds the texts: `embedded` is all-MiniLM-L6-v2, which reads English; null leaves the figure out."""
    copy_words: int = 8
    """Words that a run has at least, in an answer and word for word in a training answer, to count as copied."""

    def __post_init__(self) -> None:
        check_bootstrap(self.resamples, self.confidence)
        if self.similarity not in (None, "embedded"):
            raise ValueError(f"similarity is {self.similarity!r}; choose embedded, or null for none")
        if self.copy_words < 1:
            raise ValueError(f"copy_words is {self.copy_words}; choose 1 or more (8 is usual)")
