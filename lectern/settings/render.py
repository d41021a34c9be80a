"""How examples become the rows that are trained: section `render` of params.yaml."""

from dataclasses import dataclass

TOO_LONG = ("divide", "drop")


@dataclass(frozen=True)
class Render:
    """Section `render`, whose persona `generate` reads too."""

    max_length: int
    """tokens of a row; a longer conversation becomes several rows, each as long as that allows"""
    too_long: str
    """what becomes of a question and its answer that are longer: divide the answer at sentence ends and repeat the
    question before each piece, or drop the row. An exchange within a longer conversation is always divided."""
    persona: str | None
    """the system message of each row that has none: a Jinja template over the fields of the row's provenance (item,
    url, heading, ...). Where the model's chat template has no system role, it stands in front of the first question."""

    def __post_init__(self) -> None:
        if self.max_length < 8:
            raise ValueError(
                f"max_length is {self.max_length}; a question and its answer need more tokens than that"
            )
        if self.too_long not in TOO_LONG:
            raise ValueError(f"too_long is {self.too_long!r}; choose one of {', '.join(TOO_LONG)}")
