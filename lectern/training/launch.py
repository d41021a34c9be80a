"""Train in this process, or start several that train together (accelerate).

Each process runs `lectern.training.worker` on the job file that this module writes. With several machines, run `dvc
repro` on the first. On the others, check out the same commit and data (`dvc pull`) and run `LECTERN_MACHINE=1 python
-m stages.train` (then 2, and so on) to join. The result is written on the first machine.
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
"""Seconds that processes get to stop before they are killed."""


def count(compute: Compute) -> int:
    """Return the number of processes that train together."""
    return compute.processes * compute.machines


def get_config(compute: Compute) -> list[Path]:
    """Return the used file of conf/accelerate, if any. It belongs to the fingerprint, as it may change last digits.

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
    """Run `sft.tune` in this process, or in as many processes as `compute` says.

    Args:
        compute: number of processes and machines.
        base: the model that is tuned.
        files: files of the training rows and of the validation rows.
        run: the folder of this run only.
        chosen: section `train`.
        to_continue: folder that holds the adapter which `from_adapter` names.
        drawn: folder to which curves are written during the training.

    Returns: the folder with the result.
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
    """Tell whether this machine only helps: the first of several machines writes the result."""
    return os.environ.get(MACHINE, "0") != "0"


def get_command(compute: Compute, job: Path) -> list[str]:
    """Return the command that starts the processes of this machine."""
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
        f"--main_process_port={port or 0}",  # 0: any free port
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
    """Start a command that is stopped when the block ends. It also ends with this process, as its stdin is closed."""

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
    """Return the speed of the training and, if a price is set, its cost; empty if an earlier call completed it."""
    file = run / sft.SPEED
    if not file.is_file():
        return {}
    speed: dict[str, float] = io.read_plain(file)
    file.unlink()
    if compute.price_per_hour is not None:
        hours = speed["trained_seconds"] / 3600 * compute.machines
        speed["cost"] = round(hours * compute.price_per_hour, 4)
    return speed
