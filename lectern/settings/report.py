"""What the report shows: section `report` of params.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass

from lectern.settings import checks


@dataclass(frozen=True)
class Report:
    """Section `report`: what the report shows."""

    samples: int
    """Number of held-out questions that are shown with all answers: a quarter that gained most likelihood, a quarter
    that lost most, and the others spread evenly. Of each other set, a quarter as many are shown."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from checks.at_least(self, samples=0)
