"""Tune the base model on the rendered rows, with an adapter or in full.

Run: python -m stages.train        (dvc stage: train)
Reads data/sft, section `compute`, and models/adapters if train.from_adapter names one; writes models/adapter,
metrics/train.json and the curves in metrics/train. A killed run continues from its last complete checkpoint in
models/checkpoints and ends with the same bytes.
"""

from dataclasses import asdict
from pathlib import Path

from lectern.core import instructions, io, params, paths, stage
from lectern.core.schema import TokenRow
from lectern.models import devices
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.compute import Compute
from lectern.settings.train import Train
from lectern.training import adapters, checkpoints, curves, launch, sft

RUNS_KEPT = 4


def main(
    settings: Train,
    base: BaseModelSettings,
    rendered: Path = paths.SFT,
    root: Path = paths.CHECKPOINTS,
    out: Path = paths.ADAPTER,
    metrics: Path = paths.METRICS / "train",
    *,
    compute: Compute,
    to_continue: Path = paths.EARLIER_ADAPTERS,
) -> str:
    """Start or resume the run of these parameters and rows, and export its weights and figures."""
    files = (rendered / "train.jsonl", rendered / "validation.jsonl")
    before = adapters.files(to_continue / settings.from_adapter) if settings.from_adapter is not None else []
    name = checkpoints.fingerprint(
        {
            "base_model": asdict(base),
            "train": asdict(settings),
            "precision": devices.choose_precision(settings.precision),
            "processes": launch.count(compute),
            "instructions": instructions.chosen(),
        },
        [*files, *before, *launch.get_config(compute)],
        [sft],
        sft.LIBRARIES,
    )
    run = checkpoints.open_run(root, name, keep=RUNS_KEPT)
    finished = launch.tune(compute, base, files, run, settings, to_continue=to_continue, drawn=metrics)
    if launch.is_helper():
        return "done; the first machine writes the result"
    rows, validation = (io.read_jsonl(file, TokenRow) for file in files)
    history = sft.read_history(finished)
    figures = curves.summarise(history, rows, validation, settings.epochs)
    sft.export(finished, out)
    curves.draw(history.records, metrics)
    io.write_json(metrics.with_suffix(".json"), figures)
    stage.record(launch.read_speed(run, compute))
    return (
        f"{figures['steps']} steps on {len(rows)} rows, validation loss {figures['validation_loss']}"
        f"{' (stopped early)' if figures['stopped_early'] else ''}"
    )


if __name__ == "__main__":
    stage.run(
        "train",
        lambda: main(
            params.load("train", Train),
            params.load("base_model", BaseModelSettings),
            compute=params.load("compute", Compute),
        ),
    )
