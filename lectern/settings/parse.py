"""How texts are cut into passages: section `parse` of params.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass

from lectern.settings import checks

SECTIONS = ("references", "contents", "index")
"""Kinds of sections; `passages.back_matter` has their headings and looks."""
SHORTEST = 20
"""Tokens: a limit of passages below this would cut sentences."""


@dataclass(frozen=True)
class Parse:
    """Section `parse`: how pages, documents and lectures are cut into passages."""

    tokenizer: str
    """The tokenizer that counts: a packaged model, a directory with tokenizer.json, or a hub's organisation/model. It
    need not be the base model's, so that a sweep over base models asks the teacher nothing again."""
    min_tokens: int
    """Least length of a passage, where sections and sentences allow it. Unit: tokens."""
    max_tokens: int
    """Greatest length of a passage. Unit: tokens."""
    overlap: int
    """Length of the end of a passage that the next one of its section or chapter repeats. Unit: sentences."""
    min_share: float
    """Share of a recording's words from which one speaker's words are a lecture, which is cut into passages."""
    boilerplate_share: float
    """Share of a site's pages from which a block that stands on them is boilerplate, which is left out."""
    boilerplate_pages: int
    """Least number of pages on which a block must stand to be boilerplate. Unit: pages."""
    left_out: list[str]
    """Sections of documents that become no passages, and are counted; an empty list keeps all. Choices: SECTIONS."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        if not 0.5 < self.min_share <= 1:
            yield f"min_share is {self.min_share}; use a share above 0.5, up to 1, so that only one speaker has it"
        if not (1 <= self.min_tokens <= self.max_tokens and self.max_tokens >= SHORTEST):
            yield (
                f"min_tokens is {self.min_tokens}, max_tokens is {self.max_tokens}; use 1 <= min_tokens <= max_tokens "
                f"and max_tokens >= {SHORTEST}"
            )
        yield from checks.at_least(self, overlap=0)
        if unknown := [name for name in self.left_out if name not in SECTIONS]:
            yield f"left_out is {list(self.left_out)} with the unknown {unknown[0]!r}; use {', '.join(SECTIONS)}"
        yield from checks.share("boilerplate_share", self.boilerplate_share, above_zero=True)
        if self.boilerplate_pages < 2:
            yield (
                f"boilerplate_pages is {self.boilerplate_pages}; use 2 or more, since nothing on one page is repeated"
            )
