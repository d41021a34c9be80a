"""How the rows are split: section `split` of params.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass

from lectern.settings import checks

UNITS = ("item", "section")
"""What is never divided; `curation.partition.UNITS` has their code."""
ON_LEAK = ("fail", "drop")


@dataclass(frozen=True)
class Split:
    """Section `split`: how the rows are divided into train, validation and test."""

    by: str
    """What is never divided between two splits: an `item` (a recording, page, document or part of a table), or a
    `section` (the text under one heading). Sections are for fewer than three documents; the scores then hold for other
    sections of the same documents. Choices: UNITS."""
    seed: int
    """Seed of the draw; another one chooses other items."""
    validation: float
    """Share of the items on which the validation loss is measured."""
    test: float
    """Share of the items that are held out for the scores."""
    train_items: int | None
    """Number of items of the training split that are trained on; null for all. Validation and test stay as they are, so
    that figures can be compared: `lectern curve` varies it."""
    train_draw: int
    """Which items these are. More items of one draw hold the fewer ones; another number draws others."""
    near_duplicate_threshold: float
    """Jaccard similarity of word triples from which two rows of two splits count as a leak."""
    on_leak: str
    """What a leak does: `fail` stops the stage, `drop` leaves out the training row (the validation row, if the other is
    a test row). Choices: ON_LEAK."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        if min(self.validation, self.test) <= 0 or self.validation + self.test >= 1:
            yield f"validation {self.validation} and test {self.test} must be above 0 and below 1 together"
        yield from checks.at_least(self, train_items=1)
        if not 0.3 <= self.near_duplicate_threshold <= 1:
            yield f"near_duplicate_threshold is {self.near_duplicate_threshold}; choose 0.3 to 1"
        yield from checks.choice("by", self.by, UNITS)
        yield from checks.choice("on_leak", self.on_leak, ON_LEAK)
