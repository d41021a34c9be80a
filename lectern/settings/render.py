"""How examples become the rows that are trained: section `render` of params.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass

from lectern.settings import checks

TOO_LONG = ("divide", "drop")
SHORTEST = 8
"""Tokens: a question and its answer need more than fewer."""


@dataclass(frozen=True)
class Render:
    """Section `render`: how examples become the rows that are trained. The contestants read `persona` too."""

    max_length: int
    """Greatest length of a row; a longer conversation becomes several rows, each as long as possible. Unit: tokens."""
    too_long: str
    """What happens to a single question and answer that are longer: `divide` cuts the answer at sentence ends and
    repeats the question before each piece, `drop` leaves out the row. An exchange inside a longer conversation is
    always divided. Choices: TOO_LONG."""
    persona: str | None
    """System message for rows that have none: a Jinja template over the fields of the row's provenance (item, url,
    heading, ...). If the model's chat template has no system role, the text stands before the first question."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        if self.max_length < SHORTEST:
            yield (
                f"max_length is {self.max_length}; a question and its answer need more tokens: give {SHORTEST} or more"
            )
        yield from checks.choice("too_long", self.too_long, TOO_LONG)
