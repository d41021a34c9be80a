"""How texts are cut into passages: section `parse` of params.yaml."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Parse:
    """Section `parse`."""

    tokenizer: str
    """The tokenizer that counts: a packaged model, a directory with tokenizer.json, or a hub's organisation/model. It
    need not be the base model's, so that a sweep over base models asks the teacher nothing again."""
    min_tokens: int
    """Fewest tokens of a passage, where sections and sentences allow it."""
    max_tokens: int
    """Most tokens of a passage."""
    overlap: int
    """Number of sentences at the end of a passage that the next one of its section or chapter repeats."""
    min_share: float
    """Share of a recording's words from which one speaker's words are a lecture, which is cut into passages."""
    boilerplate_share: float
    """A block is boilerplate, and left out, if it is on at least this share of its site's pages"""
    boilerplate_pages: int
    """and on at least this many pages."""

    def __post_init__(self) -> None:
        if not 0.5 < self.min_share <= 1:
            raise ValueError(
                f"min_share is {self.min_share}: use a share above 0.5, up to 1, so that only one speaker can have it"
            )
        if not (1 <= self.min_tokens <= self.max_tokens and self.max_tokens >= 20):
            raise ValueError(
                f"min_tokens is {self.min_tokens}, max_tokens is {self.max_tokens}: use 1 <= min_tokens <= max_tokens "
                "and max_tokens >= 20"
            )
        if self.overlap < 0:
            raise ValueError(f"overlap is {self.overlap}: use 0 or more sentences")
        if not 0 < self.boilerplate_share <= 1:
            raise ValueError(f"boilerplate_share is {self.boilerplate_share}: use a share above 0, up to 1")
        if self.boilerplate_pages < 2:
            raise ValueError(
                f"boilerplate_pages is {self.boilerplate_pages}: use 2 or more, since nothing on one page is repeated"
            )
