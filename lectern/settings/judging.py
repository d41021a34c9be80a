"""Section `judging` of params.yaml: what a judge LLM is asked about answers, and when its figures are trusted."""

from dataclasses import dataclass

from lectern.settings.checks import check_bootstrap


@dataclass(frozen=True)
class Judging:
    """Section `judging`."""

    criterion: str
    """What makes an answer good, as the end of the sentence `The better one is ...`."""
    pairs: bool
    """Whether the judge is asked which of two answers is better, tuned or base."""
    rubric: bool
    """Whether the judge is asked for a score of each contestant's answer, 1 to 5."""
    reasons: bool
    """Whether the judge gives a reason before its verdict. This improves a good judge, and costs several times more."""
    most: int | None
    """Greatest number of rows of a set that are judged, drawn by their ids; null for all."""
    longest: int
    """Greatest number of characters of a text that the judge sees; texts that were cut are marked and counted."""
    labels: list[str] | None
    """Names of the sets in data/labels with which the judge is compared; null for all, [] for no set."""
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
