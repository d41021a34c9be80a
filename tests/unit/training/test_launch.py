"""Several real processes that train together, on the CPU (gloo)."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import TokenRow
from lectern.models import likelihood, loading
from lectern.settings.compute import Compute
from lectern.training import checkpoints, launch, worker
from tests import warm
from tests.pipeline.conftest import KILLER
from tests.settings import configure
from tests.support.tiny import TINY
from tests.support.training import curve, figures, outputs, run, with_params, write

Rows = Callable[[int], list[TokenRow]]
PARAMS = {"keep": "best", "evaluations": 2, "epochs": 2}
STAGE = """
import sys
from pathlib import Path
from lectern.core import stage
from lectern.settings.compute import Compute
from tests.settings import configure
from tests.support.training import run, with_params
compute = configure(Compute, processes=2, accelerate=sys.argv[2])
stage.RUNTIME = Path(sys.argv[1]) / "runtime"
stage.run("train", lambda: run(Path(sys.argv[1]), with_params({params}), compute=compute))
"""


def two(strategy: str) -> Compute:
    return configure(Compute, processes=2, accelerate=strategy)


def start(folder: Path, strategy: str, **environment: str) -> "subprocess.Popen[str]":
    (folder / "killer").mkdir(exist_ok=True)
    # each worker leads a process group of its own, so that it alone is killed
    (folder / "killer/sitecustomize.py").write_text(KILLER)
    given = ", ".join(f"{name}={value!r}" for name, value in PARAMS.items())
    return subprocess.Popen(
        [sys.executable, "-c", STAGE.format(params=given), str(folder), strategy],
        env={**os.environ, "PYTHONPATH": f".:{folder / 'killer'}", "OMP_NUM_THREADS": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def processes_of(folder: Path) -> list[int]:
    """Those whose command line names the folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def wait_until_gone(folder: Path) -> None:
    """A killed process is seen for as long as the kernel takes to clear it away."""
    late = time.monotonic() + 60
    while processes_of(folder):
        assert time.monotonic() < late, "a process is left"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, rows: Rows) -> Path:
    """One process. 21 rows in steps of two micro-batches: the last step of an epoch has only one."""
    folder = tmp_path_factory.mktemp("alone")
    write(folder, rows(26)[:21], rows(26)[21:])
    run(folder, with_params(**PARAMS, dropout=0.0))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_processes_learn_what_one_does(alone: Path, tmp_path: Path, rows: Rows, strategy: str) -> None:
    from peft import PeftModel
    from safetensors.torch import load_file

    write(tmp_path, rows(26)[:21], rows(26)[21:])
    run(tmp_path, with_params(**PARAMS, dropout=0.0), compute=two(strategy))
    for name in ("train_loss", "validation_loss", "gradient_norm"):
        assert curve(tmp_path, name) == pytest.approx(curve(alone, name), rel=1e-4)
    assert figures(tmp_path)["kept_step"] == figures(alone)["kept_step"]
    # every weight of the adapter is there, gathered from all shards, as plain PEFT loads it
    own, theirs = (load_file(folder / "adapter/adapter_model.safetensors") for folder in (tmp_path, alone))
    assert own.keys() == theirs.keys()
    assert all(weight.shape == theirs[name].shape for name, weight in own.items())
    assert max(float((weight - theirs[name]).abs().max()) for name, weight in own.items()) < 1e-4
    tuned = PeftModel.from_pretrained(loading.get_model(TINY), tmp_path / "adapter").eval()
    pairs = [(row.input_ids, row.assistant_masks) for row in rows(26)[21:]]
    scored = likelihood.negative_log_likelihoods(tuned, pairs, pad=2, batch_size=4)
    loss = sum(nll for nll, _ in scored) / sum(tokens for _, tokens in scored)
    assert loss == pytest.approx(figures(tmp_path)["validation_loss"], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_killed_processes_resume_with_the_same_bytes(tmp_path: Path, rows: Rows, strategy: str) -> None:
    for name in ("undisturbed", "killed"):
        write(tmp_path / name, rows(26)[:21], rows(26)[21:])
    done = start(tmp_path / "undisturbed", strategy)
    assert done.wait() == 0, done.communicate()[1][-3000:]
    # the fifth checkpoint is half written when the first process is killed; each is opened once more to be sealed
    killed = start(tmp_path / "killed", strategy, KILL_AT_OPEN="trainer_state.json:9")
    told = killed.communicate()[1]
    assert killed.returncode == 1
    assert "train: error: the training processes ended with status" in told
    wait_until_gone(tmp_path / "killed")  # the other process does not wait for ever
    (folder,) = (tmp_path / "killed/checkpoints").iterdir()
    assert (folder / "checkpoint-5").is_dir(), told[-3000:]
    assert not (folder / "checkpoint-5/complete.json").exists()
    again = start(tmp_path / "killed", strategy)
    told = again.communicate()[1]
    assert again.returncode == 0, told[-3000:]
    assert "resuming from checkpoint-4" in told
    assert outputs(tmp_path / "killed") == outputs(tmp_path / "undisturbed")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_stage(tmp_path: Path, rows: Rows, number: signal.Signals) -> None:
    write(tmp_path, rows(26)[:21], rows(26)[21:])
    stage = start(tmp_path, "ddp")
    # begins to train: then there are checkpoints
    while not list(tmp_path.glob("checkpoints/*/checkpoint-1/complete.json")):
        assert stage.poll() is None, stage.communicate()[1][-3000:]
    stage.send_signal(number)
    stage.wait(60)
    wait_until_gone(tmp_path)


@pytest.mark.slow
def test_an_error_of_a_process_is_the_stage_s(tmp_path: Path, rows: Rows) -> None:
    write(tmp_path, rows(26)[:21], [])
    with pytest.raises(
        LecternError, match=r"gradient_accumulation is 3, which cannot be divided among 2 processes"
    ):
        run(tmp_path, with_params(gradient_accumulation=3), compute=two("ddp"))


@pytest.mark.slow
def test_two_machines_find_each_other(alone: Path, tmp_path: Path, rows: Rows) -> None:
    """As on two machines with one process each: two stages that meet at an address."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    script = STAGE.format(params=", ".join(f"{n}={v!r}" for n, v in {**PARAMS, "dropout": 0.0}.items()))
    script = script.replace("processes=2", f"machines=2, main_address={address!r}")
    stages = []
    for machine in ("0", "1"):
        write(tmp_path / machine, rows(26)[:21], rows(26)[21:])
        stages.append(
            subprocess.Popen(
                [sys.executable, "-c", script, str(tmp_path / machine), "ddp"],
                env={**os.environ, "PYTHONPATH": ".", "OMP_NUM_THREADS": "1", launch.MACHINE: machine},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    try:
        told = [stage.communicate(timeout=300) for stage in stages]
    finally:
        for stage in stages:
            stage.kill()  # where they wait for each other for ever
    assert [stage.returncode for stage in stages] == [0, 0], told
    assert curve(tmp_path / "0", "train_loss") == pytest.approx(curve(alone, "train_loss"), rel=1e-4)
    assert "the first machine writes the result" in told[1][0]
    assert not (tmp_path / "1/adapter").exists()


def test_a_process_leaves_with_the_stage_that_started_it() -> None:
    code = (
        "import threading; from lectern.training import worker; worker.leave_with_the_stage()\n"
        "print('trains', flush=True); threading.Event().wait(30)"
    )
    with subprocess.Popen(
        [warm.python(), "-c", code],
        env=warm.environment(PYTHONPATH=str(Path.cwd())),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"trains\n"
        assert process.poll() is None
        process.stdin.close()  # as the kernel does it when the stage is killed
        assert process.wait() == 1, "it trained to its end"


def test_a_process_trains_what_the_stage_wrote_down_and_draws_where_it_says(
    tmp_path: Path, rows: Rows
) -> None:
    chosen = with_params(epochs=2, batch_size=2, gradient_accumulation=1)
    write(tmp_path, rows(6)[:4], rows(6)[4:])
    job = {
        "base_model": asdict(TINY),
        "train": asdict(chosen),
        "files": [str(tmp_path / f"sft/{name}.jsonl") for name in ("train", "validation")],
        "run": str(tmp_path / "run"),
        "to_continue": str(tmp_path / "adapters"),
        "drawn": str(tmp_path / "drawn"),
    }
    io.write_json(tmp_path / launch.JOB, job)
    worker.main(tmp_path / launch.JOB)
    assert (tmp_path / "run" / checkpoints.FINISHED / "adapter_model.safetensors").is_file()
    for name, steps in {"train_loss": [1, 2, 3, 4], "validation_loss": [0, 2, 4]}.items():
        drawn = (tmp_path / f"drawn/plots/metrics/{name}.tsv").read_text().splitlines()
        assert [int(line.partition("\t")[0]) for line in drawn[1:]] == steps
    other = {"run": str(tmp_path / "other"), "train": asdict(replace(chosen, from_adapter="first"))}
    io.write_json(tmp_path / launch.JOB, job | other)
    with pytest.raises(LecternError, match=re.escape(f"{tmp_path}/adapters/first holds no adapter")):
        worker.main(tmp_path / launch.JOB)


@pytest.mark.parametrize("file", sorted(launch.CONFIGS.glob("*.yaml")), ids=lambda file: file.stem)
def test_each_shipped_way_is_one_that_accelerate_takes(file: Path, tmp_path: Path) -> None:
    """Accelerate's own parser reads it; how many processes there are is left to `compute`."""
    from accelerate.commands.config.config_args import ClusterConfig

    content = yaml.safe_load(file.read_text())
    assert not {"num_processes", "num_machines", "machine_rank"} & set(content)
    read = ClusterConfig.from_yaml_file(str(file))
    assert str(read.distributed_type).rpartition(".")[2] == content["distributed_type"]
    command = launch.get_command(
        configure(Compute, processes=2, machines=2, main_address="10.0.0.1:29500", accelerate=file.stem),
        tmp_path,
    )
    assert f"--config_file={file}" in command
    assert {
        "--num_processes=4",
        "--num_machines=2",
        "--main_process_ip=10.0.0.1",
        "--main_process_port=29500",
    } <= set(command)


def test_an_unknown_way_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(
        LecternError, match=re.escape("there is no conf/accelerate/horovod.yaml; choose one of ddp, ")
    ):
        launch.get_command(configure(Compute, processes=2, accelerate="horovod"), tmp_path)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [({"processes": 0}, "processes is 0"), ({"machines": 2}, "main_address must be host:port")],
)
def test_senseless_numbers_are_refused(change: dict[str, int], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        replace(configure(Compute), **change)


def test_the_cost_is_told_where_a_price_is(tmp_path: Path) -> None:
    from lectern.core import io

    io.write_json(tmp_path / "speed.json", {"trained_seconds": 1800.0, "tokens_a_second": 50.0})
    told = launch.read_speed(tmp_path, configure(Compute, price_per_hour=3.0, machines=2, main_address="a:1"))
    assert told == {"trained_seconds": 1800.0, "tokens_a_second": 50.0, "cost": 3.0}
    assert launch.read_speed(tmp_path, configure(Compute)) == {}, (
        "a run that was completed before took no time"
    )
