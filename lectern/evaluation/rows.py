"""What is measured of each answer: the lines of `data/scores.jsonl`.

Every figure of metrics/scores.json follows from these rows (`evaluation.figures`): two runs can be compared from them.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from lectern.core.schema import Record

Share = float
"""From 0 to 1."""


class AnswerScore(Record):
    """One answer of one contestant. What compares it with a reference is None where there is none."""

    rouge1: Share | None = Field(default=None, description="F1, 0 to 1")
    rouge2: Share | None = None
    rougeL: Share | None = None  # noqa: N815 (the field's own name)
    rougeLsum: Share | None = Field(default=None, description="none either of two texts too long for it")  # noqa: N815
    chrf: float | None = Field(default=None, description="of this answer alone, 0 to 100")
    chrf_counts: list[int] | None = Field(
        default=None,
        description="character n-grams of the answer, the reference and both, for n from 1 to 6; those of all rows "
        "summed give chrF",
    )
    bleu_counts: list[int] | None = Field(
        default=None, description="words of the answer and the reference, n-grams in both, n-grams; likewise"
    )
    similarity: float | None = Field(
        default=None,
        description="cosine of the embeddings, -1 to 1; 0 of an empty answer; none where the model cannot read",
    )
    nll: float | None = Field(default=None, description="of the reference, summed, in nats")
    tokens: int | None = Field(default=None, description="that `nll` sums over")
    words: int
    distinct1: Share | None = Field(
        description="distinct words of the answer's; none of an answer without any"
    )
    distinct2: Share | None = Field(description="the same of word pairs; none below two words")
    fourgrams: int = Field(description="runs of four words")
    repeated_fourgrams: int = Field(description="of these, how many came before in the same answer")
    copied_words: int = Field(description="that stand in a run copied from a training answer")
    longest_copy: int = Field(description="words of the longest such run")
    repeated: bool = Field(
        default=False, description="another question of the set got the same answer, word for word"
    )
    finished: bool
    more: Mapping[str, list[float]] = Field(
        default_factory=dict,
        description="figure -> what the answer adds to its sums, of the figures without a field of their own",
    )

    @model_serializer(mode="wrap")
    def _leave_out_nothing(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        plain: dict[str, Any] = write(self)
        return plain if self.more else {name: value for name, value in plain.items() if name != "more"}


class RowScore(Record):
    """A line of `data/scores.jsonl`: every contestant on one question, and the true answer measured likewise."""

    id: str
    set: str = Field(description="`held_out`, `dialogues`, or the name of an evaluation set")
    item: str
    reference_words: int | None = Field(description="none without a reference")
    reference_bytes: int | None = Field(description="in UTF-8")
    reference: AnswerScore | None = Field(
        default=None, description="of the true answer itself: no likelihood, no overlap"
    )
    answers: Mapping[str, AnswerScore] = Field(
        description="contestant -> its answer's; a comparator may lack some rows"
    )
    cleaned: Mapping[str, AnswerScore] = Field(
        default_factory=dict, description="contestant -> its answer's after `clean_answers`"
    )
