"""Which rows a judge LLM rates, by what, and how it is compared with people: section `rate` of params.yaml."""

from dataclasses import dataclass, field

from lectern.settings.checks import check_bootstrap


@dataclass(frozen=True)
class Rate:
    """Section `rate`."""

    methods: list[str] = field(default_factory=list)
    """Rows made by these are rated; what people said or wrote themselves is not, unless it is named here."""
    prompt: str = "judge_example"
    """A file of lectern/llm/prompts."""
    criteria: dict[str, str] = field(default_factory=dict)
    """Name -> what it means, as the judge reads it."""
    about_source: list[str] = field(default_factory=list)
    """Criteria that compare a row with its passage; a row without one is not rated by them."""
    reasons: bool = True
    """Let the judge give a reason before each score: a good judge becomes better by it, and several times as dear."""
    calibrate: bool = True
    """Compare the judge with people's verdicts on the rows of data/labels."""
    min_labels: int = 20
    """Labelled rows that the judge must have rated before it counts as calibrated."""
    resamples: int = 10000
    """Draws of the bootstrap."""
    confidence: float = 0.95
    """Share of the draws inside an interval."""
    seed: int = 0
    """Of the draws."""

    def __post_init__(self) -> None:
        if self.methods and not self.criteria:
            raise ValueError("methods are named, criteria are not: say what the rows are rated by")
        if unknown := [name for name in self.about_source if name not in self.criteria]:
            raise ValueError(f"about_source names {', '.join(unknown)}, which is none of the criteria")
        if self.methods and set(self.criteria) <= set(self.about_source):
            raise ValueError("about_source names all criteria: a row without a passage has none left")
        if empty := [name for name, meaning in self.criteria.items() if not name or not meaning.strip()]:
            raise ValueError(f"criteria: {empty[0]!r} needs a name and what it means")
        if self.min_labels < 1:
            raise ValueError(f"min_labels is {self.min_labels}; choose at least 1")
        check_bootstrap(self.resamples, self.confidence)
