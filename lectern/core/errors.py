"""The kinds of failure that a person is expected to read."""

from collections.abc import Sequence


class LecternError(Exception):
    """The stage cannot go on. The message names the file, the value and the remedy; no traceback is shown."""


class ItemError(Exception):
    """One item cannot be made. It is recorded with this message and the other items go on."""


class WrongValuesError(ValueError):
    """Values of a section of params.yaml are out of bounds. Each problem names the field, its value and the remedy."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = list(problems)
