"""How the rows are split: section `split` of params.yaml."""

from dataclasses import dataclass

UNITS = ("item", "section")


@dataclass(frozen=True)
class Split:
    """Section `split`."""

    by: str
    """What is never divided between two splits: an `item` (a recording, page, document or part of a table), or a
    `section` (the text under one heading). Sections are for fewer than three documents; the scores then hold for other
    sections of the same documents."""
    seed: int
    """Random seed; another one chooses other items."""
    validation: float
    """Share of the items on which the validation loss is measured."""
    test: float
    """Share of the items that are held out for the scores."""
    near_duplicate_threshold: float
    """Jaccard similarity of word triples from which two rows of two splits count as a leak."""
    on_leak: str
    """What to do about a leak: `fail`, or `drop` the training row (the validation row, if the other is a test row)."""

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
