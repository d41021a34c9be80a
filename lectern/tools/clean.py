"""Remove every output and cache of the pipeline, so that the next `dvc repro` builds all from nothing."""

import shutil
from pathlib import Path

import click

from lectern.apps.repro import read_pipeline
from lectern.tools.terminal import Command, tell

CACHES = ("models/checkpoints", "data/.replies", ".dvc/cache", ".dvc/tmp", "metrics/runtime")


def outputs(root: Path) -> list[str]:
    """The paths of every `outs:` entry of dvc.yaml, in the order of the stages."""
    entries = [out for stage in read_pipeline(root).values() for out in stage.get("outs", [])]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def main(root: Path) -> str:
    """Remove the outputs that DVC caches, the cache itself, and the state of unfinished training runs."""
    found = [path for name in [*outputs(root), *CACHES] if (path := root / name).exists()]
    for path in found:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return f"removed {len(found)} outputs and caches"


@click.command("clean", cls=Command, examples=("lectern clean && make run",))
def command() -> None:
    """Remove every output and cache of the pipeline.

    The next run builds all from nothing. What dvc.yaml names is removed, DVC's cache, and the state of unfinished
    trainings; the environment stays, and so do metrics and plots, which git keeps.
    """
    tell(main(Path()))
