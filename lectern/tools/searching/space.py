"""What a search searches: the files of conf/search."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lectern.core.errors import LecternError
from lectern.core.printing import first_line

OF_TEST = "metrics/scores.json"


@dataclass(frozen=True)
class Dimension:
    """The values that one parameter may take."""

    kind: str
    """float, int or choice"""
    low: float | None = None
    """the least number"""
    high: float | None = None
    """the greatest number"""
    log: bool = False
    """each order of magnitude is as likely as the others"""
    choices: list[Any] = field(default_factory=list)
    """of a choice: texts, numbers, true and false, or null"""

    def __post_init__(self) -> None:
        if self.kind not in ("float", "int", "choice"):
            raise ValueError(f"kind is {self.kind!r}; it is float, int or choice")
        if self.kind == "choice":
            self._check_choices()
        else:
            self._check_bounds()

    def _check_choices(self) -> None:
        if not self.choices or self.low is not None or self.high is not None or self.log:
            raise ValueError("a choice has `choices`, and neither low, high nor log")
        odd = [value for value in self.choices if not isinstance(value, str | int | float | None)]
        if odd or len(set(map(str, self.choices))) < len(self.choices):
            raise ValueError(
                f"choices are {self.choices}; give different texts, numbers, true and false, or null"
            )

    def _check_bounds(self) -> None:
        if self.choices or self.low is None or self.high is None or self.low > self.high:
            raise ValueError(f"low is {self.low} and high {self.high}; a number has both, in this order")
        if self.log and self.low <= 0:
            raise ValueError(f"low is {self.low}; on a log scale it must be above 0")
        if self.kind == "int" and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError(f"low is {self.low} and high {self.high}; an int has whole bounds")

    def ends(self) -> list[Any]:
        """The two bounds, or all choices."""
        if self.kind == "choice":
            return self.choices
        assert self.low is not None
        assert self.high is not None
        return [int(self.low), int(self.high)] if self.kind == "int" else [self.low, self.high]


@dataclass(frozen=True)
class Search:
    """A file of conf/search."""

    name: str
    """of the study; its experiments are search-<name>-<n>"""
    trials: int
    """how many in all: those of earlier calls and those that failed count too"""
    seed: int
    """of what is proposed"""
    metric: str
    """FILE.json:KEY of the number; the parts of a nested key stand between dots"""
    direction: str
    """minimize or maximize"""
    target: str | None
    """the pipeline runs up to this stage; null: all of it"""
    space: dict[str, Any]
    """parameter, as after `dvc exp run -S` -> the fields of a `Dimension`"""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", self.name):
            raise ValueError(f"name is {self.name!r}; give letters, digits, - and _")
        if self.trials < 1:
            raise ValueError(f"trials is {self.trials}; give 1 or more")
        if self.direction not in ("minimize", "maximize"):
            raise ValueError(f"direction is {self.direction!r}; it is minimize or maximize")
        if not re.fullmatch(r"[^:]+\.json:[^:]+", self.metric):
            raise ValueError(f"metric is {self.metric!r}; give FILE.json:KEY")
        if self.metric.startswith(OF_TEST):
            raise ValueError(f"metric is {self.metric!r}, of the test split, which must choose nothing")
        if not self.space:
            raise ValueError("space is empty; name the parameters to search")

    def dimensions(self) -> dict[str, Dimension]:
        """Each parameter with its checked values, in an order that does not depend on the file's."""
        return {key: _fill(Dimension, values, f"space.{key}") for key, values in sorted(self.space.items())}


def load(path: Path, **changes: Any) -> Search:
    """Read a space file; `changes` takes the place of its fields.

    Raises:
        LecternError: the file is missing, a key is unknown or missing, or a value has the wrong type or is out of
            bounds; the message names the file and the key.
    """
    from omegaconf import OmegaConf

    try:
        values: Any = OmegaConf.to_container(OmegaConf.load(path))
    except FileNotFoundError as error:
        raise LecternError(f"{path} does not exist; conf/search has the spaces that come with it") from error
    search: Search = _fill(Search, {**values, **changes}, str(path))
    try:
        search.dimensions()
    except LecternError as error:
        raise LecternError(f"{path}: {error}") from error
    return search


def _fill(cls: type[Any], values: Any, where: str) -> Any:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        return OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(cls), values))
    except (OmegaConfBaseException, ValueError, TypeError) as error:
        raise LecternError(f"{where}: {first_line(error)}") from error
