"""Divide the rows by item into train, validation and test, and check that nothing leaks.

Run: python -m stages.split        (dvc stage: split)
Reads data/curated.jsonl, writes data/splits/{train,validation,test}.jsonl and metrics/leakage.json. Fails if a row of
one split says the same as a row of another; the metric is written in any case.
"""

from pathlib import Path

from lectern.core import io, params, paths, stage
from lectern.core.errors import LecternError
from lectern.core.schema import SPLITS, Example
from lectern.curation import leakage
from lectern.curation.partition import UNITS, assign, draw_training
from lectern.settings.split import Split


def main(
    settings: Split,
    curated: Path = paths.CURATED,
    out: Path = paths.SPLITS,
    metrics: Path = paths.METRICS / "leakage.json",
) -> str:
    """Write one file per split. Rows keep their order, and those of an item, or a section, stay together."""
    rows = io.read_jsonl(curated, Example)
    unit = UNITS[settings.by]
    chosen = assign({unit(row) for row in rows}, settings.seed, settings.validation, settings.test)
    splits = {name: [row for row in rows if chosen[unit(row)] == name] for name in SPLITS}
    trained = draw_training(
        map(unit, splits["train"]), settings.train_items, settings.seed, settings.train_draw
    )
    splits["train"] = [row for row in splits["train"] if unit(row) in trained]
    leaks = leakage.find_leaks(splits, settings.near_duplicate_threshold, unit)
    written = leakage.drop_leaks(splits, leaks) if settings.on_leak == "drop" else splits
    io.write_json(metrics, leakage.summarise(splits, written, leaks, settings.near_duplicate_threshold))
    if leaks and settings.on_leak == "fail":
        raise LecternError(
            f"{len(leaks)} leaks between the splits:\n  "
            + "\n  ".join(str(leak) for leak in leaks[:5])
            + f"\nMore of them: {metrics}. Remove one row of each pair from the corpus, set split.on_leak to drop (the "
            "first row of each pair is then left out), or set split.seed to another number."
        )
    if gone := [name for name in SPLITS if not written[name]]:
        raise LecternError(
            f"{' and '.join(gone)} has no row left after the leaks were dropped ({metrics}). Add sources."
        )
    for name in SPLITS:
        io.write_jsonl(out / f"{name}.jsonl", written[name])
    return ", ".join(f"{name} {len(written[name])}" for name in SPLITS)


if __name__ == "__main__":
    stage.run("split", lambda: main(params.load("split", Split)))
