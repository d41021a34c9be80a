"""Gather the examples of all items and decide on each: by people's corrections, ratings, rules and duplicates.

Run: python -m stages.curate        (dvc stage: curate)
Reads data/examples, data/taught, data/ratings, data/passages, data/corrections and data/evals; writes
data/curated.jsonl, data/curation_decisions.jsonl (one line for each row, kept or dropped) and metrics/curation.json.
"""

from functools import partial
from pathlib import Path

from lectern.core import io, items, params, paths, stage
from lectern.core.printing import one_line, warn
from lectern.core.schema import Example, Passage, Rating
from lectern.curation import curation, decontamination, filters, row_corrections
from lectern.settings.curate import Curate
from lectern.settings.housekeeping import Housekeeping


def main(
    settings: Curate,
    rules: Housekeeping,
    data: Path = paths.DATA,
    metrics: Path = paths.METRICS / "curation.json",
) -> str:
    """Write the kept rows and a decision on each row below `data`, and the counts to `metrics`."""
    rows = [row for name in ("examples", "taught") for row in items.read_records(data / name, Example)]
    ratings = curation.merge_ratings(items.read_records(data / "ratings", Rating))
    corrections = row_corrections.read(data / "corrections")
    corrected = row_corrections.apply(rows, corrections)
    kept, decisions = curation.run(
        corrected,
        filters=[
            partial(
                curation.by_rating,
                ratings=ratings,
                minimum=settings.min_rating,
                by_criterion=settings.min_scores,
                unrated=settings.unrated,
            ),
            partial(
                filters.by_length,
                min_answer_words=settings.min_answer_words,
                max_answer_words=settings.max_answer_words,
                min_question_words=settings.min_question_words,
                max_question_words=settings.max_question_words,
            ),
            partial(filters.by_language, languages=settings.languages),
            partial(filters.by_housekeeping, rules=rules.rules, max_words=rules.max_words),
        ],
        checks=[
            partial(
                decontamination.drop,
                evals=decontamination.read_evals(data / "evals"),
                passages={
                    passage.id: passage.text for passage in items.read_records(data / "passages", Passage)
                },
                threshold=settings.decontamination_threshold,
                semantic=settings.decontamination_semantic_threshold,
            ),
            partial(
                curation.drop_duplicates,
                near=settings.near_duplicate_threshold,
                semantic=settings.semantic_duplicate_threshold,
                ratings=ratings,
                accepted=curation.find_accepted(corrected),
            ),
        ],
        ratings=ratings,
    )
    unmatched = row_corrections.find_unmatched(corrected, corrections)
    for entry in unmatched:
        line = f"curate: {entry.where}: there is no row {entry.correction.id} any more ({entry.correction})"
        warn(one_line(line))
    io.write_jsonl(data / "curated.jsonl", kept)
    io.write_jsonl(data / "curation_decisions.jsonl", decisions)
    summary = curation.summarise(decisions) | {
        "corrections": row_corrections.count(corrections, unmatched),
        "ratings": curation.count_ratings(rows, ratings),
        "near_duplicate_threshold": settings.near_duplicate_threshold,
    }
    io.write_json(metrics, summary)
    return f"kept {len(kept)} of {len(rows)} rows"


if __name__ == "__main__":
    stage.run(
        "curate", lambda: main(params.load("curate", Curate), params.load("housekeeping", Housekeeping))
    )
