"""Draw the general rows that are trained beside the corpus, so that the model forgets less.

Run: python -m stages.mix        (dvc stage: mix)
Reads data/mix, data/splits, data/evals and data/general; writes data/mixed/rows.jsonl, which is empty if mix.share is
0. A row that holds a question of the held-out rows, of data/evals or of data/general, or the answer, is left out.
"""

from pathlib import Path

from lectern.answering import general
from lectern.core import io, params, paths, stage
from lectern.core.printing import warn
from lectern.core.schema import SPLITS, Example
from lectern.curation import decontamination, general_rows
from lectern.settings.curate import Curate
from lectern.settings.mix import Mix


def main(
    settings: Mix,
    threshold: float,
    folder: Path = paths.MIX,
    splits: Path = paths.SPLITS,
    evals: Path = paths.EVALS,
    shown: Path = paths.GENERAL,
    out: Path = paths.MIXED,
) -> str:
    """Write the general rows; fewer than `settings.share` asks for if there are no more, which is said."""
    if settings.share == 0:
        io.write_jsonl(out, [])
        return "no general rows are asked for"
    rows = general_rows.read(folder, settings.files, settings.words)
    train, *held_out = (io.read_jsonl(splits / f"{name}.jsonl", Example) for name in SPLITS)
    asked = {
        "the held-out rows": general_rows.list_asked([row for part in held_out for row in part]),
        **decontamination.read_evals(evals),
        "data/general": general.list_asked(shown),
    }
    wanted = general_rows.count(settings.share, len(train))
    chosen, dropped = general_rows.draw(rows, wanted, settings.seed, asked, threshold)
    for reason, number in dropped.most_common():
        warn(f"mix: {number} left out, because each {reason}")
    if len(chosen) < wanted:
        warn(
            f"mix: mix.share of {settings.share:g} asks for {wanted} general rows, but there are only {len(chosen)}. "
            "Add files to data/mix, or lower it."
        )
    io.write_jsonl(out, chosen)
    return f"{len(chosen)} general rows of {len(rows)}, beside {len(train)} of the corpus"


if __name__ == "__main__":
    stage.run(
        "mix",
        lambda: main(params.load("mix", Mix), params.load("curate", Curate).decontamination_threshold),
    )
