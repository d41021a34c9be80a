"""How a judge LLM is asked about answers, and when it is trusted: section `judging` of params.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass

from lectern.settings import checks


@dataclass(frozen=True)
class Judging:
    """Section `judging`: what the LLM of section `judge` is asked about the answers, and when it is trusted."""

    criterion: str
    """What makes an answer good, as the end of the sentence `The better one is ...`."""
    pairs: bool
    """Whether the judge is asked which of two answers is better, tuned or base."""
    rubric: bool
    """Whether the judge is asked for a score of each contestant's answer, from 1 to 5."""
    reasons: bool
    """Whether the judge gives a reason before its verdict. That improves a good judge, at several times the cost."""
    most: int | None
    """Greatest number of rows of a set that are judged, drawn by their ids; null for all."""
    longest: int
    """Greatest length of a text that the judge sees; texts that were cut are marked and counted. Unit: characters."""
    labels: list[str] | None
    """Names of the files in data/labels with which the judge is compared; null for all, [] for none."""
    most_labels: int | None
    """Greatest number of labelled pairs that the judge is asked about, drawn by their ids; null for all."""
    min_labels: int
    """Least number of labelled pairs that the judge must have judged to be trusted."""
    min_kappa: float
    """Least value of Cohen's kappa with people at which the judge is trusted; 0 is chance, 1 is full agreement."""
    resamples: int
    """Number of bootstrap resamples."""
    confidence: float
    """Confidence level of the intervals, between 0 and 1."""
    seed: int
    """Seed of the bootstrap."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        if not self.criterion.strip():
            yield "criterion is empty; say what makes an answer good"
        yield from checks.at_least(self, most=1, longest=100, most_labels=1, min_labels=1)
        if not 0 <= self.min_kappa <= 1:
            yield f"min_kappa is {self.min_kappa}; choose from 0 to 1 (0.4 is usual)"
        yield from checks.bootstrap(self.resamples, self.confidence)
