"""The measurements of each answer: the lines of `data/scores.jsonl`.

Every figure of metrics/scores.json follows from these rows (`evaluation.answer_figures`): two runs
can be compared from them.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from lectern.core.schema import Record

Share = float
"""A number from 0 to 1."""


class AnswerScore(Record):
    """The measurements of one answer. Fields that compare it with a reference are None if there is no reference."""

    rouge1: Share | None = Field(default=None, description="F1, 0 to 1")
    rouge2: Share | None = None
    rougeL: Share | None = None  # noqa: N815 (the field's own name)
    rougeLsum: Share | None = Field(default=None, description="None if the texts are too long")  # noqa: N815
    chrf: float | None = Field(default=None, description="chrF of this answer alone, 0 to 100")
    chrf_counts: list[int] | None = Field(
        default=None,
        description="number of character n-grams of the answer, of the reference and in common, for n from 1 to 6; the "
        "sums over all rows give chrF",
    )
    bleu_counts: list[int] | None = Field(
        default=None,
        description="number of words of the answer and of the reference, then of n-grams in common and of the answer, "
        "for n from 1 to 4; the sums over all rows give BLEU",
    )
    similarity: float | None = Field(
        default=None,
        description="cosine of the embeddings, -1 to 1; 0 for an empty answer; None if the model cannot read the text",
    )
    nll: float | None = Field(
        default=None, description="negative log-likelihood of the reference, summed over its tokens, in nats"
    )
    tokens: int | None = Field(default=None, description="number of tokens that `nll` sums over")
    words: int
    distinct1: Share | None = Field(
        description="number of distinct words divided by the number of words; None without words"
    )
    distinct2: Share | None = Field(description="the same for word pairs; None with fewer than two words")
    fourgrams: int = Field(description="number of runs of four words")
    repeated_fourgrams: int = Field(description="how many of these stand earlier in the same answer too")
    copied_words: int = Field(description="number of words in runs copied from a training answer")
    longest_copy: int = Field(description="number of words of the longest such run")
    repeated: bool = Field(
        default=False, description="another question of the set got the same answer, word for word"
    )
    finished: bool
    more: Mapping[str, list[float]] = Field(
        default_factory=dict,
        description="figure -> what the answer adds to its sums, of the figures without a field of their own",
    )

    @property
    def nats_per_token(self) -> float | None:
        """The negative log-likelihood of the reference by the token; None if it was not measured."""
        return self.nll / self.tokens if self.nll is not None and self.tokens else None

    @model_serializer(mode="wrap")
    def _leave_out_nothing(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        plain: dict[str, Any] = write(self)
        return plain if self.more else {name: value for name, value in plain.items() if name != "more"}


class RowScore(Record):
    """A line of `data/scores.jsonl`: the measurements of all answers to one question, and of the true answer."""

    id: str
    set: str = Field(description="`held_out`, `dialogues`, or the name of an evaluation set")
    item: str
    reference_words: int | None = Field(description="words of the reference; None without one")
    reference_bytes: int | None = Field(description="UTF-8 bytes of the reference; None without one")
    reference: AnswerScore | None = Field(
        default=None, description="measurements of the true answer itself, without likelihood and overlap"
    )
    answers: Mapping[str, AnswerScore] = Field(
        description="contestant -> measurements of its answer; a comparator may lack some rows"
    )
    cleaned: Mapping[str, AnswerScore] = Field(
        default_factory=dict,
        description="contestant -> measurements of its answer after `clean_answers`",
    )


class LikenessRank(Record):
    """A line of `data/likeness/ranks.jsonl`: how much one of the tuned model's answers sounds like the speaker."""

    set: str
    id: str
    rank: float = Field(
        description="the greater, the more alike; only the order means something, and only within one run"
    )
