"""Which rows are kept: section `curate` of params.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass

from lectern.settings import checks

UNRATED = ("keep", "drop")


@dataclass(frozen=True)
class Curate:
    """Section `curate`: which rows are kept."""

    min_rating: float | None
    """Least mean of the judge's scores, from 1 to 5; null for no limit, since the embedded judge's scores mean
    nothing."""
    min_scores: dict[str, float]
    """Criterion -> least score, for criteria whose low score no other score can make up for, such as `faithful: 3`."""
    unrated: str
    """Whether rows that the judge was asked about but did not rate are kept. Other rows without a rating are always
    kept. Choices: UNRATED."""
    min_answer_words: int | None
    """A single answer with fewer words is dropped; null for no limit. Dialogues have no limit. Unit: words."""
    max_answer_words: int | None
    """A single answer with more words is dropped; null for no limit. Unit: words."""
    min_question_words: int | None
    """A single question with fewer words is dropped; null for no limit. Unit: words."""
    max_question_words: int | None
    """A single question with more words is dropped; null for no limit. Unit: words."""
    languages: list[str]
    """Language codes such as en: rows in other languages are dropped. An empty list keeps all rows."""
    decontamination_threshold: float
    """Jaccard similarity of word triples from which a question counts as one of data/evals."""
    decontamination_semantic_threshold: float | None
    """Cosine similarity of embeddings (English) from which a question counts as one of data/evals; null compares no
    meanings."""
    near_duplicate_threshold: float
    """Jaccard similarity of word triples from which two rows count as the same; 1 drops exact duplicates only."""
    semantic_duplicate_threshold: float | None
    """Cosine similarity of embeddings, of the questions and of the answers, from which two rows count as the same; null
    compares no meanings."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        for name in ("decontamination_threshold", "near_duplicate_threshold"):
            if not 0.3 <= (value := getattr(self, name)) <= 1:
                yield f"{name} is {value}; choose 0.3 to 1 (0.8 is usual): below 0.3 unrelated rows count as the same"
        for name in ("decontamination_semantic_threshold", "semantic_duplicate_threshold"):
            if (value := getattr(self, name)) is not None and not 0.5 <= value <= 1:
                yield f"{name} is {value}; choose 0.5 to 1, or null to compare no meanings"
        for name, score in {"min_rating": self.min_rating, **self.min_scores}.items():
            if score is not None and not 1 <= score <= 5:
                yield f"{name} is {score}; scores are from 1 to 5"
        yield from checks.choice("unrated", self.unrated, UNRATED)
        for part in ("answer", "question"):
            yield from (f"{problem}, or null for no limit" for problem in checks.words(self, part))
