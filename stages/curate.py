"""Gather the examples of all items and decide on each: by people's corrections, ratings, rules and repeats.

Run: python -m stages.curate        (dvc stage: curate)
Reads data/examples, data/taught, data/ratings, data/passages, data/corrections and data/evals; writes
data/curated.jsonl, data/curation_decisions.jsonl (one line for each row, kept or dropped) and metrics/curation.json.
"""

import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from lectern.conversations.housekeeping import HousekeepingParams
from lectern.core import io, items, params, stage
from lectern.core.printing import one_line
from lectern.core.schema import Example, Passage, Question, Rating
from lectern.curation import curation, decontamination, filters, row_corrections

R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True)
class CurateParams:
    """Section `curate`."""

    min_rating: float | None = None
    """Least mean of the judge's scores, 1 to 5; null for none, as the embedded judge's say nothing."""
    min_scores: dict[str, float] = field(default_factory=dict)
    """Criterion -> least score, for what no good score elsewhere makes up for: `faithful: 3`."""
    unrated: str = "keep"
    """`keep` or `drop` rows that the judge was asked about and did not rate. Rows of other methods stay."""
    min_answer_words: int | None = None
    """A single answer with fewer words is dropped; null for no bound. Dialogues have none."""
    max_answer_words: int | None = None
    """A single answer with more words is dropped."""
    min_question_words: int | None = None
    """A single question with fewer words is dropped."""
    max_question_words: int | None = None
    """A single question with more words is dropped."""
    languages: list[str] = field(default_factory=list)
    """Codes such as en: rows in others are dropped; none keeps all."""
    decontamination_threshold: float = 0.8
    """Jaccard similarity of word triples from which a question counts as one of data/evals."""
    decontamination_semantic_threshold: float | None = 0.75
    """Similarity of meaning (cosine of embeddings; English) from which it does; null compares no meanings."""
    near_duplicate_threshold: float = 0.8
    """Jaccard similarity of word triples from which two rows count as the same; 1 drops exact repeats only."""
    semantic_duplicate_threshold: float | None = 0.75
    """Similarity of meaning from which they do, of the questions and of the answers; null compares no meanings."""

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
        if self.unrated not in curation.UNRATED:
            raise ValueError(f"unrated is {self.unrated!r}; choose keep or drop")
        for part in ("answer", "question"):
            least, most = (getattr(self, f"{end}_{part}_words") for end in ("min", "max"))
            if (least is not None and least < 1) or (most is not None and most < (least or 1)):
                raise ValueError(
                    f"min_{part}_words is {least}, max_{part}_words is {most}: both from 1, and the first not above "
                    "the second; null for no bound"
                )


def main(params: CurateParams, rules: HousekeepingParams, data: Path, metrics: Path) -> str:
    """Write the rows that are kept, a decision on each row, and the counts; all but the counts lies below `data`."""
    rows = [row for name in ("examples", "taught") for row in _read(data / name, Example)]
    ratings = curation.merge_ratings(_read(data / "ratings", Rating))
    corrections = row_corrections.read(data / "corrections")
    corrected = row_corrections.apply(rows, corrections)
    kept, decisions = curation.run(
        corrected,
        filters=[
            partial(
                curation.by_rating,
                ratings=ratings,
                minimum=params.min_rating,
                by_criterion=params.min_scores,
                unrated=params.unrated,
            ),
            partial(
                filters.by_length,
                min_answer_words=params.min_answer_words,
                max_answer_words=params.max_answer_words,
                min_question_words=params.min_question_words,
                max_question_words=params.max_question_words,
            ),
            partial(filters.by_language, languages=params.languages),
            partial(filters.by_housekeeping, rules=rules.rules, max_words=rules.max_words),
        ],
        checks=[
            partial(
                decontamination.drop,
                evals=_read_evals(data / "evals"),
                passages={passage.id: passage.text for passage in _read(data / "passages", Passage)},
                threshold=params.decontamination_threshold,
                semantic=params.decontamination_semantic_threshold,
            ),
            partial(
                curation.drop_duplicates,
                near=params.near_duplicate_threshold,
                semantic=params.semantic_duplicate_threshold,
                ratings=ratings,
                accepted=curation.find_accepted(corrected),
            ),
        ],
        ratings=ratings,
    )
    unmatched = row_corrections.find_unmatched(corrected, corrections)
    for entry in unmatched:
        line = f"curate: {entry.where}: there is no row {entry.correction.id} any more ({entry.correction})"
        print(one_line(line), file=sys.stderr)
    io.write_jsonl(data / "curated.jsonl", kept)
    io.write_jsonl(data / "curation_decisions.jsonl", decisions)
    summary = curation.summarise(decisions) | {
        "corrections": row_corrections.count(corrections, unmatched),
        "ratings": curation.count_ratings(rows, ratings),
        "near_duplicate_threshold": params.near_duplicate_threshold,
    }
    io.write_json(metrics, summary)
    return f"kept {len(kept)} of {len(rows)} rows"


def _read(folder: Path, record: type[R]) -> list[R]:
    return [found for path in items.read(folder).values() for found in io.read_jsonl(path, record)]


def _read_evals(folder: Path) -> dict[str, list[Question]]:
    return {path.stem: io.read_jsonl(path, Question) for path in sorted(folder.glob("*.jsonl"))}


if __name__ == "__main__":
    stage.run(
        "curate",
        lambda: main(
            params.load("curate", CurateParams),
            params.load("housekeeping", HousekeepingParams),
            Path("data"),
            Path("metrics/curation.json"),
        ),
    )
