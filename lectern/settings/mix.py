"""Which general rows are trained beside those of the corpus: section `mix` of params.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass

from lectern.settings import checks

MOST = 0.95
"""Above this share hardly anything of the corpus would be trained."""


@dataclass(frozen=True)
class Mix:
    """Section `mix`: general rows that are trained beside those of the corpus, so that the model forgets less."""

    share: float
    """Share of the trained rows that are general; 0 for none. With .25, every fourth row is."""
    files: list[str]
    """Names of files in data/mix from which the rows are drawn, all as one; tables of chats or of questions and
    answers, and texts."""
    words: int
    """Least length of a passage into which a text is cut, at the end of a sentence. Unit: words."""
    seed: int
    """Seed of the draw; another one draws other rows. A larger share draws the same rows and some more."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        if not 0 <= self.share <= MOST:
            yield f"share is {self.share}; give a share of the trained rows from 0 to {MOST}"
        if self.share > 0 and not self.files:
            yield f"share is {self.share}, but files is []; name files that lie in data/mix, such as [general.jsonl]"
        yield from checks.at_least(self, words=20)
