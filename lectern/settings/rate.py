"""Which rows a judge LLM rates, by what, and how it is compared with people: section `rate` of params.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass

from lectern.settings import checks


@dataclass(frozen=True)
class Rate:
    """Section `rate`: which rows the LLM of section `judge` rates before they are trained on, and by what."""

    methods: list[str]
    """Rows made by these methods are rated. What people said or wrote themselves is not, unless it is named here."""
    prompt: str
    """Name of a file in lectern/llm/prompts, without its suffix."""
    criteria: dict[str, str]
    """Name -> what the criterion means, as the judge reads it."""
    about_source: list[str]
    """Criteria that compare a row with its passage. They are left out for a row without a passage."""
    reasons: bool
    """Whether the judge gives a reason before each score. That improves a good judge, at several times the cost."""
    calibrate: bool
    """Whether the judge is compared with people's verdicts on the rows of data/labels."""
    min_labels: int
    """Number of labelled rows that the judge must have rated before it counts as calibrated."""
    resamples: int
    """Number of bootstrap resamples."""
    confidence: float
    """Confidence level of the intervals, between 0 and 1."""
    seed: int
    """Seed of the bootstrap."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from checks.prompt("prompt", self.prompt)
        if self.methods and not self.criteria:
            yield "methods are given, but no criteria; name in `criteria` what the rows are rated by"
        elif self.methods and set(self.criteria) <= set(self.about_source):
            yield "about_source names all criteria, so none is left for a row without a passage; add another criterion"
        if unknown := [name for name in self.about_source if name not in self.criteria]:
            yield f"about_source names {', '.join(unknown)}, which is not in criteria; add it there or remove it here"
        if empty := [name for name, meaning in self.criteria.items() if not name or not meaning.strip()]:
            yield f"criteria: {empty[0]!r} needs both a name and a meaning"
        yield from checks.at_least(self, min_labels=1)
        yield from checks.bootstrap(self.resamples, self.confidence)
