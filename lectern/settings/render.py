"""How examples become the rows that are trained: section `render` of params.yaml."""

from dataclasses import dataclass

TOO_LONG = ("divide", "drop")


@dataclass(frozen=True)
class Render:
    """Section `render`. The stage `generate` reads the persona too."""

    max_length: int
    """greatest number of tokens of a row; a longer conversation becomes several rows, each as long as possible"""
    too_long: str
    """what to do with a single question and answer that are longer: `divide` the answer at sentence ends and repeat the
    question before each piece, or `drop` the row. An exchange inside a longer conversation is always divided."""
    persona: str | None
    """system message for rows that have none: a Jinja template over the fields of the row's provenance (item, url,
    heading, ...). If the model's chat template has no system role, the text is put in front of the first question."""

    def __post_init__(self) -> None:
        if self.max_length < 8:
            raise ValueError(
                f"max_length is {self.max_length}; a question and its answer need more tokens: give 8 or more"
            )
        if self.too_long not in TOO_LONG:
            raise ValueError(f"too_long is {self.too_long!r}; choose one of {', '.join(TOO_LONG)}")
