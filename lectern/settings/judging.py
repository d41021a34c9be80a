"""How a judge LLM is asked about answers, and when it is believed: section `judging` of params.yaml."""

from dataclasses import dataclass

from lectern.settings.checks import check_bootstrap


@dataclass(frozen=True)
class Judging:
    """Section `judging`."""

    criterion: str
    """What makes an answer good, as the end of `The better one is ...`."""
    pairs: bool
    """Ask which of two answers is better, tuned or base."""
    rubric: bool
    """Ask for a score of each contestant's answer, 1 to 5."""
    reasons: bool
    """Let the judge give a reason before its verdict: a good judge becomes better by it, and several times as dear."""
    most: int | None
    """Rows of a set that are judged at most, drawn by their ids; null for all."""
    longest: int
    """Characters of a text that the judge is shown; what is cut is marked, and counted."""
    labels: list[str] | None
    """Files of data/labels that the judge is compared with; null for all, [] for none."""
    most_labels: int | None
    """Labelled pairs that are asked about at most, drawn by their ids; null for all."""
    min_labels: int
    """Labelled pairs that the judge must have judged before it may be trusted."""
    min_kappa: float
    """Cohen's kappa with people from which its figures are trusted; 0 is chance, 1 is full agreement."""
    resamples: int
    """Number of bootstrap resamples."""
    confidence: float
    """Confidence level of the intervals, between 0 and 1."""
    seed: int
    """Random seed of the bootstrap."""

    def __post_init__(self) -> None:
        if not self.criterion.strip():
            raise ValueError("criterion is empty: say what makes an answer good")
        for name, least in (("most", 1), ("longest", 100), ("most_labels", 1), ("min_labels", 1)):
            if (value := getattr(self, name)) is not None and value < least:
                raise ValueError(f"{name} is {value}; choose at least {least}")
        if not 0 <= self.min_kappa <= 1:
            raise ValueError(f"min_kappa is {self.min_kappa}; choose from 0 to 1 (0.4 is usual)")
        check_bootstrap(self.resamples, self.confidence)
