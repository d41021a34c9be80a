"""What the report shows: section `report` of params.yaml."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """Section `report`."""

    samples: int
    """Number of held-out questions shown with all answers: a quarter that gained most likelihood, a quarter that lost
    most, and the others spread evenly. Of each other set, a quarter as many are shown."""

    def __post_init__(self) -> None:
        if self.samples < 0:
            raise ValueError(f"samples is {self.samples}; choose 0 or more")
