"""A training in a process of its own: one that kills itself, or one on the CPU of a machine with a GPU.

Run: python -m lectern.tools.checking.gpu.child JOB [STEP]    (JOB as for lectern.training.worker)
"""

import os
import signal
import subprocess
import sys
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Any

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.printing import last_lines
from lectern.core.schema import TokenRow
from lectern.core.stage import quieten_libraries
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.train import Train

MODULE = "lectern.tools.checking.gpu.child"


def run(
    base: BaseModelSettings,
    chosen: Train,
    files: tuple[list[TokenRow], list[TokenRow]],
    run: Path,
    *,
    seconds: float,
    on_cpu: bool = False,
    kill_after: int | None = None,
) -> None:
    """Train in a process of its own, in the folder of a run.

    Args:
        base: the model.
        chosen: section `train`.
        files: rows to train and to validate.
        run: the folder.
        seconds: after which it is stopped.
        on_cpu: whether it sees no GPU.
        kill_after: the process sends itself SIGKILL after this step; None lets it end.

    Raises:
        LecternError: it did not end as it should.
    """
    names = [run / f"{name}.jsonl" for name in ("train", "validation")]
    for name, rows in zip(names, files, strict=True):
        io.write_jsonl(name, rows)
    job: dict[str, Any] = {
        "base_model": asdict(base),
        "train": asdict(chosen),
        "files": list(map(str, names)),
    }
    job |= {"run": str(run), "to_continue": str(run), "drawn": str(run / "drawn")}
    io.write_json(run / "job.json", job)
    command = [sys.executable, "-m", MODULE, str(run / "job.json")]
    environment = os.environ | ({"CUDA_VISIBLE_DEVICES": ""} if on_cpu else {})
    with (run / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [*command, *([] if kill_after is None else [str(kill_after)])],
            env=environment,
            stdin=subprocess.PIPE,  # its end tells the process that this one has ended
            stdout=log,
            stderr=log,
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise LecternError(f"the process did not end within {seconds:.0f} seconds") from error
        finally:
            process.kill()
            process.wait()
            if process.stdin:
                process.stdin.close()
    if code != (0 if kill_after is None else -signal.SIGKILL):
        said = " ".join(last_lines((run / "log.txt").read_text(errors="replace"), 3))
        raise LecternError(f"the process ended with status {code}: {said}")


def main(job: Path, kill_after: int | None) -> None:
    """Train by the job, and die after a step."""
    from torch.optim import optimizer

    from lectern.training import worker

    worker.leave_with_the_stage()
    steps = count(1)

    def die(*_: object) -> None:
        if next(steps) == kill_after:
            os.kill(os.getpid(), signal.SIGKILL)

    optimizer.register_optimizer_step_post_hook(die)
    worker.main(job)


if __name__ == "__main__":
    quieten_libraries()
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
