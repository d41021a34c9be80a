"""The conditions of `lectern compare --fail-if`: whose name stands in one, and which verdict fails."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from lectern.core.errors import LecternError
from lectern.evaluation.answer_figures import FIGURES

Question = Literal["likeness", "knowledge", "carrying over", "looking it up", "forgetting", "certainty"]
"""The six questions with which the report opens, in its order."""
QUESTIONS: tuple[Question, ...] = get_args(Question)
LIKELIHOOD = "likelihood"
"""A name for the negative log-likelihood, or for bits per byte where the two models have other tokens."""
WORSE, NOT_BETTER = " worse", " not better"


@dataclass(frozen=True)
class Condition:
    """Something that must not be said of the second run."""

    text: str
    """as the user wrote it, in lower case"""
    subject: Question | tuple[str, ...]
    """a question, or the keys of figures of which the first that both runs measured counts"""
    forbids_chance: bool
    """whether everything but "better" fails; otherwise "worse" alone does"""

    def is_broken_by(self, tone: str) -> bool:
        """Tell whether a verdict fails the condition; `tone` is `better`, `worse` or anything between."""
        return tone != "better" if self.forbids_chance else tone == "worse"


def read(texts: Sequence[str]) -> list[Condition]:
    """Read conditions such as `likelihood worse` and `ROUGE-L not better`. Case and repeated spaces do not matter.

    Raises:
        LecternError: a condition has another form, or its name is unknown or that of a figure without a direction.
    """
    return [_read(" ".join(text.lower().split())) for text in texts]


def _read(text: str) -> Condition:
    ending = next((ending for ending in (NOT_BETTER, WORSE) if text.endswith(ending)), None)
    if ending is None:
        raise LecternError(
            f"--fail-if {text!r} is no condition. Write a name, and `worse` or `not better` after it, such as "
            f"`likelihood worse`. {_list_names()}"
        )
    return Condition(text, _find(text.removesuffix(ending)), ending == NOT_BETTER)


def _find(name: str) -> Question | tuple[str, ...]:
    for question in QUESTIONS:
        if name == question:
            return question
    if name == LIKELIHOOD:
        return ("nll", "bits_per_byte")
    for key, figure in FIGURES.items():
        if name in (key.lower(), figure.name.lower()):
            if figure.lower_is_better is None:
                raise LecternError(
                    f"--fail-if: {figure.name!r} is neither better nor worse when it is higher. {_list_names()}"
                )
            return (key,)
    raise LecternError(f"--fail-if: nothing is called {name!r}. {_list_names()}")


def _list_names() -> str:
    figures = [figure.name for figure in FIGURES.values() if figure.lower_is_better is not None]
    return f"Questions: {', '.join(QUESTIONS)}. Figures: {', '.join([LIKELIHOOD, *figures])}."
