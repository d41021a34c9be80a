"""Which rows are kept: section `curate` of params.yaml."""

from dataclasses import dataclass

UNRATED = ("keep", "drop")


@dataclass(frozen=True)
class Curate:
    """Section `curate`."""

    min_rating: float | None
    """Least mean of the judge's scores, 1 to 5; null for no limit, since the embedded judge's scores mean nothing."""
    min_scores: dict[str, float]
    """Criterion -> least score, for criteria whose low score no other score can make up for: `faithful: 3`."""
    unrated: str
    """Whether to `keep` or `drop` rows that the judge was asked about but did not rate. Other rows are kept."""
    min_answer_words: int | None
    """A single answer with fewer words is dropped; null for no limit. There is no limit for dialogues."""
    max_answer_words: int | None
    """A single answer with more words is dropped."""
    min_question_words: int | None
    """A single question with fewer words is dropped."""
    max_question_words: int | None
    """A single question with more words is dropped."""
    languages: list[str]
    """Language codes such as en: rows in other languages are dropped. An empty list keeps all rows."""
    decontamination_threshold: float
    """Jaccard similarity of word triples from which a question counts as one in data/evals."""
    decontamination_semantic_threshold: float | None
    """Cosine similarity of embeddings (English) from which it does; null compares no meanings."""
    near_duplicate_threshold: float
    """Jaccard similarity of word triples from which two rows count as the same; 1 only drops exact duplicates."""
    semantic_duplicate_threshold: float | None
    """Cosine similarity from which both questions and answers mean the same; null compares no meanings."""

    def __post_init__(self) -> None:
        for name in ("decontamination_threshold", "near_duplicate_threshold"):
            if not 0.3 <= (value := getattr(self, name)) <= 1:
                raise ValueError(
                    f"{name} is {value}; choose 0.3 to 1 (0.8 is usual): below 0.3 unrelated rows count as the same"
                )
        for name in ("decontamination_semantic_threshold", "semantic_duplicate_threshold"):
            if (value := getattr(self, name)) is not None and not 0.5 <= value <= 1:
                raise ValueError(f"{name} is {value}; choose 0.5 to 1, or null to compare no meanings")
        for name, score in {"min_rating": self.min_rating, **self.min_scores}.items():
            if score is not None and not 1 <= score <= 5:
                raise ValueError(f"{name} is {score}; scores are from 1 to 5")
        if self.unrated not in UNRATED:
            raise ValueError(f"unrated is {self.unrated!r}; choose keep or drop")
        for part in ("answer", "question"):
            least, most = (getattr(self, f"{end}_{part}_words") for end in ("min", "max"))
            if (least is not None and least < 1) or (most is not None and most < (least or 1)):
                raise ValueError(
                    f"min_{part}_words is {least}, max_{part}_words is {most}: use 1 <= min <= max, or null for no "
                    "limit"
                )
