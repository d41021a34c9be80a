"""Read the search spaces of hyperparameters: the files of conf/search."""

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
    """least value of a float or int"""
    high: float | None = None
    """greatest value of a float or int"""
    log: bool = False
    """whether values are drawn on a log scale, so that all orders of magnitude are equally likely"""
    choices: list[Any] = field(default_factory=list)
    """values of a choice: texts, numbers, true, false or null"""

    def __post_init__(self) -> None:
        if self.kind not in ("float", "int", "choice"):
            raise ValueError(f"kind is {self.kind!r}; use float, int or choice")
        if self.kind == "choice":
            self._check_choices()
        else:
            self._check_bounds()

    def _check_choices(self) -> None:
        if not self.choices or self.low is not None or self.high is not None or self.log:
            raise ValueError("kind is choice: give `choices`, and leave out low, high and log")
        odd = [value for value in self.choices if not isinstance(value, str | int | float | None)]
        if odd or len(set(map(str, self.choices))) < len(self.choices):
            raise ValueError(
                f"choices are {self.choices}; each must be a text, a number, true, false or null, and all different"
            )

    def _check_bounds(self) -> None:
        if self.choices or self.low is None or self.high is None or self.low > self.high:
            raise ValueError(
                f"low is {self.low} and high is {self.high}; a float or int needs low <= high, and no choices"
            )
        if self.log and self.low <= 0:
            raise ValueError(f"low is {self.low}; on a log scale it must be above 0")
        if self.kind == "int" and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError(f"low is {self.low} and high is {self.high}; an int needs whole numbers")

    def ends(self) -> list[Any]:
        """Return the two bounds, or all choices."""
        if self.kind == "choice":
            return self.choices
        assert self.low is not None
        assert self.high is not None
        return [int(self.low), int(self.high)] if self.kind == "int" else [self.low, self.high]


@dataclass(frozen=True)
class Search:
    """A file of conf/search."""

    name: str
    """name of the study; its experiments are called search-<name>-<n>"""
    trials: int
    """total number of trials; those of earlier calls and those that failed count too"""
    seed: int
    """seed of the sampler that proposes values"""
    metric: str
    """FILE.json:KEY of the number to optimise; dots separate the parts of a nested key"""
    direction: str
    """minimize or maximize"""
    target: str | None
    """the last stage that is run; null runs the whole pipeline"""
    space: dict[str, Any]
    """parameter, written as for `dvc exp run -S` -> the fields of a `Dimension`"""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", self.name):
            raise ValueError(
                f"name is {self.name!r}; use letters, digits, - and _, beginning with a letter or digit"
            )
        if self.trials < 1:
            raise ValueError(f"trials is {self.trials}; give 1 or more")
        if self.direction not in ("minimize", "maximize"):
            raise ValueError(f"direction is {self.direction!r}; use minimize or maximize")
        if not re.fullmatch(r"[^:]+\.json:[^:]+", self.metric):
            raise ValueError(f"metric is {self.metric!r}; give FILE.json:KEY")
        if self.metric.startswith(OF_TEST):
            raise ValueError(
                f"metric is {self.metric!r}, a figure of the test split, which must not be used to choose parameters; "
                "use one of the validation split"
            )
        if not self.space:
            raise ValueError("space is empty; name the parameters to search")

    def dimensions(self) -> dict[str, Dimension]:
        """Return each parameter with its checked values, in order of name."""
        return {key: _fill(Dimension, values, f"space.{key}") for key, values in sorted(self.space.items())}


def load(path: Path, **changes: Any) -> Search:
    """Read a file of conf/search; `changes` override its fields.

    Raises:
        LecternError: the file is missing, a key is unknown or missing, or a value has the wrong type or is out of
            bounds; the message names the file and the key.
    """
    from omegaconf import OmegaConf

    try:
        values: Any = OmegaConf.to_container(OmegaConf.load(path))
    except FileNotFoundError as error:
        raise LecternError(f"{path} does not exist; choose a file of conf/search, or write one") from error
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
