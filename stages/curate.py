"""Gather the examples of all items and leave out those that repeat another.

Run: python -m stages.curate        (dvc stage: curate)
Reads data/examples, writes data/curated.jsonl, data/curation_decisions.jsonl (one line for each row left out, with
the row kept in its place) and metrics/curation.json.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from stages.core import io, items, params, stage
from stages.core.schema import Example
from stages.text import dedupe


@dataclass(frozen=True)
class CurateParams:
    """Section `curate`."""

    near_duplicate_threshold: float = 0.8
    """Jaccard similarity of word triples from which two rows count as the same; 1 drops exact repeats only."""

    def __post_init__(self) -> None:
        if not 0.3 <= self.near_duplicate_threshold <= 1:
            raise ValueError(
                f"near_duplicate_threshold is {self.near_duplicate_threshold}; choose 0.3 to 1 (0.8 is usual): "
                "below 0.3 unrelated rows count as the same"
            )


def main(params: CurateParams, examples: Path, out: Path, decisions: Path, metrics: Path) -> str:
    """Write the distinct rows of `examples`, the decisions on the others, and the counts."""
    rows = [row for path in items.read(examples).values() for row in io.read_jsonl(path, Example)]
    kept, dropped = dedupe.drop_duplicates(rows, params.near_duplicate_threshold)
    io.write_jsonl(out, kept)
    io.write_jsonl(decisions, dropped)

    found = Counter(row.provenance.method for row in rows)
    left = Counter(row.provenance.method for row in kept)
    reasons = Counter(decision.reason for decision in dropped)
    io.write_json(
        metrics,
        {
            "rows_in": len(rows),
            "rows_out": len(kept),
            "items_in": len({row.provenance.item for row in rows}),
            "items_out": len({row.provenance.item for row in kept}),
            "dropped": {reason: reasons[reason] for reason in ("exact_duplicate", "near_duplicate")},
            "by_method": {method: {"in": found[method], "out": left[method]} for method in sorted(found)},
            "near_duplicate_threshold": params.near_duplicate_threshold,
        },
    )
    return f"kept {len(kept)} of {len(rows)} rows"


if __name__ == "__main__":
    stage.run(
        "curate",
        lambda: main(
            params.load("curate", CurateParams),
            Path("data/examples"),
            Path("data/curated.jsonl"),
            Path("data/curation_decisions.jsonl"),
            Path("metrics/curation.json"),
        ),
    )
