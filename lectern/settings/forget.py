"""What the base and the tuned model are asked to find out what was forgotten: section `forget` of params.yaml."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lectern.settings import checks


@dataclass(frozen=True)
class Forget:
    """Section `forget`: how much of data/general is read and asked, to find out what the model forgot in the tuning."""

    words: int | None
    """Number of words of general text whose likelihood is measured, drawn evenly from its domains; null for all of
    them, 0 for none. Unit: words."""
    questions: int | None
    """Number of general questions that are asked, drawn at random; null for all of them, 0 for none."""
    refusals: int | None
    """Number of requests that a chat model should decline, drawn at random; null for all of them, 0 for none."""
    max_new_tokens: int
    """Greatest length of an answer to a question or request. Unit: tokens."""
    batch_size: int
    """Number of passages or prompts that are computed together; memory limits it."""
    tasks: list[str]
    """Names of tasks of lm-evaluation-harness, which both models do too; those of data/general/tasks, and those that
    the harness brings, whose data come from a hub. They need the extra `harness`."""
    task_rows: int | None
    """Greatest number of rows of a task; null for all."""
    resamples: int
    """Number of bootstrap resamples."""
    confidence: float
    """Confidence level of the intervals, between 0 and 1."""
    seed: int
    """Seed of the drawing from data/general and of the bootstrap."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from checks.at_least(
            self, words=0, questions=0, refusals=0, max_new_tokens=1, batch_size=1, task_rows=1
        )
        yield from checks.bootstrap(self.resamples, self.confidence)
        for name in self.tasks:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
                yield (
                    f"tasks has {name!r}; give the name of a task of lm-evaluation-harness, such as arc_easy, which "
                    "has only letters, digits, _, - and ."
                )
        yield from checks.unique("tasks", self.tasks, "a task")
