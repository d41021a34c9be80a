"""How the rows are split: section `split` of params.yaml."""

from dataclasses import dataclass

UNITS = ("item", "section")


@dataclass(frozen=True)
class Split:
    """Section `split`."""

    by: str = "item"
    """What is never on two sides: `item`, a recording, page, document or part of a table; or `section`, what stands
    under one heading, for fewer than three documents: scores then speak of other sections of the same documents."""
    seed: int = 0
    """Another seed draws other items."""
    validation: float = 0.15
    """Share of the items that the validation loss is measured on."""
    test: float = 0.2
    """Share of the items held out for the scores."""
    near_duplicate_threshold: float = 0.8
    """Jaccard similarity of word triples from which two rows on two sides count as a leak."""
    on_leak: str = "fail"
    """`fail`, or `drop`: leave out the row that is trained on (of validation and test, that of validation)."""

    def __post_init__(self) -> None:
        if min(self.validation, self.test) <= 0 or self.validation + self.test >= 1:
            raise ValueError(
                f"validation {self.validation} and test {self.test} must be above 0 and below 1 together"
            )
        if not 0.3 <= self.near_duplicate_threshold <= 1:
            raise ValueError(f"near_duplicate_threshold is {self.near_duplicate_threshold}; choose 0.3 to 1")
        if self.by not in UNITS:
            raise ValueError(f"by is {self.by!r}; choose {' or '.join(UNITS)}")
        if self.on_leak not in ("fail", "drop"):
            raise ValueError(f"on_leak is {self.on_leak!r}; choose fail or drop")
