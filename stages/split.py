"""Split the rows by item into train, validation and test, and prove that nothing leaks.

Run: python -m stages.split        (dvc stage: split)
Reads data/curated.jsonl, writes data/splits/{train,validation,test}.jsonl and metrics/leakage.json. Fails when a row
of one split says what a row of another says; the metric is written all the same.
"""

from dataclasses import dataclass
from pathlib import Path

from lectern.core import io, params, stage
from lectern.core.errors import LecternError
from lectern.core.schema import SPLITS, Example
from lectern.curation import leakage
from lectern.curation.partition import UNITS, assign


@dataclass(frozen=True)
class SplitParams:
    """Section `split`."""

    by: str = "item"
    """What is never on two sides: `item`, a recording, page, document or part of a table; or `section`, what stands
    under one heading, for fewer than three documents: scores then speak of other sections of the same documents."""
    seed: int = 0
    """Another seed draws other items."""
    validation: float = 0.15
    """Share of the items that the validation loss is measured on."""
    test: float = 0.2
    """Share of the items held out for the scores."""
    near_duplicate_threshold: float = 0.8
    """Jaccard similarity of word triples from which two rows on two sides count as a leak."""
    on_leak: str = "fail"
    """`fail`, or `drop`: leave out the row that is trained on (of validation and test, that of validation)."""

    def __post_init__(self) -> None:
        if min(self.validation, self.test) <= 0 or self.validation + self.test >= 1:
            raise ValueError(
                f"validation {self.validation} and test {self.test} must be above 0 and below 1 together"
            )
        if not 0.3 <= self.near_duplicate_threshold <= 1:
            raise ValueError(f"near_duplicate_threshold is {self.near_duplicate_threshold}; choose 0.3 to 1")
        if self.by not in UNITS:
            raise ValueError(f"by is {self.by!r}; choose {' or '.join(UNITS)}")
        if self.on_leak not in ("fail", "drop"):
            raise ValueError(f"on_leak is {self.on_leak!r}; choose fail or drop")


def main(params: SplitParams, curated: Path, out: Path, metrics: Path) -> str:
    """Write one file a split; each row stays with its item, or its section, and in its order."""
    rows = io.read_jsonl(curated, Example)
    unit = UNITS[params.by]
    chosen = assign({unit(row) for row in rows}, params.seed, params.validation, params.test)
    splits = {name: [row for row in rows if chosen[unit(row)] == name] for name in SPLITS}
    leaks = leakage.find_leaks(splits, params.near_duplicate_threshold, unit)
    written = leakage.drop_leaks(splits, leaks) if params.on_leak == "drop" else splits
    io.write_json(metrics, leakage.summarise(splits, written, leaks, params.near_duplicate_threshold))
    if leaks and params.on_leak == "fail":
        raise LecternError(
            f"{len(leaks)} leaks between the splits:\n  "
            + "\n  ".join(str(leak) for leak in leaks[:5])
            + f"\nMore of them: {metrics}. Take one of each two out of the corpus, or set split.on_leak to drop, which "
            "leaves out the first of each two, or split.seed to another draw."
        )
    if gone := [name for name in SPLITS if not written[name]]:
        raise LecternError(
            f"{' and '.join(gone)} has no row left once the leaks are dropped ({metrics}). Add sources."
        )
    for name in SPLITS:
        io.write_jsonl(out / f"{name}.jsonl", written[name])
    return ", ".join(f"{name} {len(written[name])}" for name in SPLITS)


if __name__ == "__main__":
    stage.run(
        "split",
        lambda: main(
            params.load("split", SplitParams),
            Path("data/curated.jsonl"),
            Path("data/splits"),
            Path("metrics/leakage.json"),
        ),
    )
