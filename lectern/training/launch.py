"""Train in this process, or start several that train together (accelerate).

Each process runs `lectern.training.worker` on the job that is written here. With several machines, `dvc repro` runs on
the first. On each of the others, with the same commit and data (`dvc pull`), `LECTERN_MACHINE=1 python -m stages.train`
(then 2, and so on) joins in; the result is written on the first.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import TokenRow
from lectern.models import devices
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.compute import Compute
from lectern.settings.train import Train
from lectern.training import checkpoints, sft

CONFIGS = Path("conf/accelerate")
JOB = "job.json"
MACHINE = "LECTERN_MACHINE"
PATIENCE = 30
"""seconds in which processes that are asked to stop may do so"""


def count(compute: Compute) -> int:
    """Processes that train together."""
    return compute.processes * compute.machines


def get_config(compute: Compute) -> list[Path]:
    """The file of conf/accelerate that is used, if any: it may change the last digits of a result.

    Raises:
        LecternError: there is no such file.
    """
    if count(compute) == 1:
        return []
    config = CONFIGS / f"{compute.accelerate}.yaml"
    if not config.is_file():
        known = ", ".join(sorted(path.stem for path in CONFIGS.glob("*.yaml")))
        raise LecternError(f"compute.accelerate: there is no {config}; choose one of {known}")
    return [config]


def tune(
    compute: Compute,
    base: BaseModelSettings,
    files: tuple[Path, Path],
    run: Path,
    chosen: Train,
    *,
    to_continue: Path,
    drawn: Path,
) -> Path:
    """As `sft.tune`, where `compute` says.

    Args:
        compute: how many processes, on how many machines.
        base: the model that is tuned.
        files: the rows, and those for validation.
        run: the folder of this run and no other.
        chosen: section `train`.
        to_continue: folder of the adapters that `from_adapter` names.
        drawn: where the curves grow while it runs.
    """
    if count(compute) == 1:
        rows, validation = (io.read_jsonl(file, TokenRow) for file in files)
        return sft.tune(base, rows, validation, run, chosen, to_continue=to_continue, drawn=drawn)
    if checkpoints.finished(run) is None:
        job = {
            "base_model": asdict(base),
            "train": asdict(chosen),
            "files": [str(file) for file in files],
            "run": str(run),
            "to_continue": str(to_continue),
            "drawn": str(drawn),
        }
        io.write_json(run / JOB, job)
        _launch(compute, run)
    return run / checkpoints.FINISHED


def is_helper() -> bool:
    """Whether this is not the first of several machines, which writes the result."""
    return os.environ.get(MACHINE, "0") != "0"


def get_command(compute: Compute, job: Path) -> list[str]:
    """What starts the processes of this machine."""
    [config] = get_config(compute)
    host, _, port = compute.main_address.rpartition(":")
    return [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        f"--config_file={config}",
        f"--num_processes={count(compute)}",
        f"--num_machines={compute.machines}",
        f"--machine_rank={os.environ.get(MACHINE, '0')}",
        f"--main_process_ip={host or '127.0.0.1'}",
        f"--main_process_port={port or 0}",  # 0: any that is free
        "-m",
        "lectern.training.worker",
        str(job),
    ]


def _launch(compute: Compute, run: Path) -> None:
    failures = run / "failures"
    for old in failures.glob("*.txt"):
        old.unlink()
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false"}
    if devices.device().type == "cpu":
        environment |= {"ACCELERATE_USE_CPU": "true"}
        environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // compute.processes)))
    with _started(get_command(compute, run / JOB), environment) as process:
        code = process.wait()
    if code:
        told = [path.read_text(encoding="utf-8") for path in sorted(failures.glob("*.txt"))]
        raise LecternError(told[0] if told else f"the training processes ended with status {code}; see above")


@contextmanager
def _started(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A running command, which ends with the block and, through its standard input, with this process."""

    def leave(number: int, _: Any) -> None:
        raise SystemExit(128 + number)

    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE)
    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield process
    finally:
        signal.signal(signal.SIGTERM, before)
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
        if process.stdin:
            process.stdin.close()


def read_speed(run: Path, compute: Compute) -> dict[str, float]:
    """How fast the training went and, with a price, what it cost; nothing when it was completed before."""
    file = run / sft.SPEED
    if not file.is_file():
        return {}
    speed: dict[str, float] = io.read_plain(file)
    file.unlink()
    if compute.price_per_hour is not None:
        hours = speed["trained_seconds"] / 3600 * compute.machines
        speed["cost"] = round(hours * compute.price_per_hour, 4)
    return speed
