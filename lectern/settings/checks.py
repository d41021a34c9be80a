"""Checks that several sections share. Each yields what is wrong: the field, its value and what is allowed."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lectern.core.errors import WrongValuesError

FEWEST_RESAMPLES = 100
PROMPTS = Path(__file__).parents[1] / "llm" / "prompts"
"""The folder of the prompts, a file each."""


def refuse(problems: Iterable[str]) -> None:
    """Raise one error that names all problems, if there are any.

    Raises:
        WrongValuesError: there are some.
    """
    if found := list(problems):
        raise WrongValuesError(found)


def choice(name: str, value: Any, choices: Sequence[str]) -> Iterator[str]:
    """Check that a value is one of the choices."""
    if value not in choices:
        several = " or ".join(choices) if len(choices) == 2 else f"one of {', '.join(choices)}"
        yield f"{name} is {value!r}; choose {several}"


def prompt(name: str, value: str) -> Iterator[str]:
    """Check that a prompt has its file in lectern/llm/prompts."""
    yield from choice(name, value, sorted(path.stem for path in PROMPTS.glob("*.jinja")))


def at_least(settings: Any, **bounds: float) -> Iterator[str]:
    """Check that each named field is its bound or more; null has no bound."""
    for name, bound in bounds.items():
        value = getattr(settings, name)
        if value is not None and not value >= bound:
            yield f"{name} is {value}; give {bound} or more"


def above_zero(settings: Any, *names: str) -> Iterator[str]:
    """Check that each named field is above 0; null has no bound."""
    for name in names:
        value = getattr(settings, name)
        if value is not None and not value > 0:
            yield f"{name} is {value}; it must be above 0"


def share(name: str, value: float, *, above_zero: bool = False, below_one: bool = False) -> Iterator[str]:
    """Check that a value is from 0 to 1.

    Args:
        name: of the field.
        value: of the field.
        above_zero: 0 itself is refused.
        below_one: 1 itself is refused.
    """
    if not (value > 0 if above_zero else value >= 0) or not (value < 1 if below_one else value <= 1):
        bounds = f"{'above 0' if above_zero else 'from 0'} {'and below 1' if below_one else 'to 1'}"
        yield f"{name} is {value}; it is a share, {bounds}"


def bootstrap(resamples: int, confidence: float) -> Iterator[str]:
    """Check how the intervals of figures are drawn.

    Args:
        resamples: draws of the bootstrap.
        confidence: share of the draws inside an interval.
    """
    if resamples < FEWEST_RESAMPLES:
        yield f"resamples is {resamples}; choose at least {FEWEST_RESAMPLES} (10000 is usual)"
    if not 0 < confidence < 1:
        yield f"confidence is {confidence}; choose between 0 and 1 (0.95 is usual)"


def words(settings: Any, part: str) -> Iterator[str]:
    """Check `min_<part>_words` and `max_<part>_words`; null has no bound."""
    least, most = (getattr(settings, f"{end}_{part}_words") for end in ("min", "max"))
    if (least is not None and least < 1) or (most is not None and most < (least or 1)):
        yield f"min_{part}_words is {least}, max_{part}_words is {most}; use 1 <= min <= max"


def unique(name: str, values: Collection[str], what: str) -> Iterator[str]:
    """Check that a list names nothing twice; `what` says what it names."""
    if len(set(values)) < len(values):
        yield f"{name} names {what} twice: {', '.join(values)}"


def pattern(name: str, value: str) -> Iterator[str]:
    """Check that a text is a regular expression."""
    try:
        re.compile(value)
    except re.error as error:
        yield f"{name}: {value!r} is not a regular expression ({error})"


def interpreter(value: str) -> Iterator[str]:
    """Check the field `python`: the name of a program, since a path holds on one machine only."""
    if not re.fullmatch(r"[A-Za-z0-9._-]+", value):
        yield f"python is {value!r}; give the name of an interpreter on the PATH, not a path"
