"""What a check returns, and how it fails."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lectern.core.errors import LecternError
from lectern.tools.checking.gpu.report import Training


@dataclass(frozen=True)
class Found:
    """What a check measured."""

    figures: dict[str, Any] = field(default_factory=dict)
    trainings: list[Training] = field(default_factory=list)


class NotRunError(Exception):
    """A check cannot be made, for a reason that is not the fault of what it checks."""


class NotSoError(LecternError):
    """What a check claims is not so. The figures that say it are in the report too."""

    def __init__(self, reason: str, found: Found) -> None:
        super().__init__(reason)
        self.found = found


def claim(holds: bool, reason: str, found: Found) -> Found:
    """Return what was found if the claim holds.

    Raises:
        NotSoError: it does not hold.
    """
    if not holds:
        raise NotSoError(reason, found)
    return found


def furthest(one: Sequence[float], other: Sequence[float]) -> float:
    """The greatest relative difference of two series of losses; infinite where one is longer, empty or not finite."""
    if len(one) != len(other) or not one:
        return float("inf")
    differences = [abs(a - b) / max(abs(b), 1e-12) for a, b in zip(one, other, strict=True)]
    return max(difference if difference == difference else float("inf") for difference in differences)
