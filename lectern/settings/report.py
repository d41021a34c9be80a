"""What the report shows: section `report` of params.yaml."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """Section `report`."""

    samples: int = 12
    """Held-out questions shown with all answers: a quarter those that gained most likelihood, a quarter those that lost
    most, the rest drawn evenly; of each other set a quarter as many."""

    def __post_init__(self) -> None:
        if self.samples < 0:
            raise ValueError(f"samples is {self.samples}; choose 0 or more")
