"""How `lectern check --gpu` runs its checks: what fails stops nothing, time ends, and the JSON says all of it."""

import json
import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.tools import main as cli
from lectern.tools.checking.gpu import running, whole
from lectern.tools.checking.gpu.bench import Bench
from lectern.tools.checking.gpu.catalog import Check, list_checks
from lectern.tools.checking.gpu.found import Found, NotRunError, claim, furthest
from lectern.tools.checking.gpu.report import Outcome, Report, Training

LONG = 3600.0
TRAINING = Training(
    model="tiny",
    trainer="trl",
    method="lora",
    precision="bf16",
    packing=False,
    activation_checkpointing=True,
    batch_size=8,
    rows=2,
    tokens=20,
    trained_tokens=10,
    steps=1,
    timed_seconds=None,
    tokens_a_second=None,
    flops_a_token=1.0,
    mfu=None,
    peak_memory=None,
    estimated_memory=100,
    peak_of_estimate=None,
    first_loss=float("nan"),
    last_loss=2.0,
)


def check(name: str, run: Callable[[Bench], Found], **options: Any) -> Check:
    return Check(name, run, "that it works", **({"needs": ()} | options))


def fine(_: Bench) -> Found:
    return Found({"answer": 42}, [TRAINING])


def broken(_: Bench) -> Found:
    raise ValueError("the first line\nand the second")


def untrue(_: Bench) -> Found:
    return claim(False, "the losses differ", Found({"difference": float("inf")}))


def unready(_: Bench) -> Found:
    raise NotRunError("nothing was trained")


def short_of_memory(_: Bench) -> Found:
    import torch

    try:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    except torch.OutOfMemoryError as error:
        raise LecternError("there is not enough memory: 2 GiB\nThe training takes 3 GB.") from error


def stuck(_: Bench) -> Found:
    while True:
        pass


def run(*checks: Check, folder: Path, seconds: float = LONG) -> list[Outcome]:
    return list(running.run(checks, Bench(folder, time.monotonic() + seconds)))


def test_a_check_that_fails_is_reported_with_its_message_and_the_others_go_on(tmp_path: Path) -> None:
    found = run(
        check("broken", broken),
        check("untrue", untrue),
        check("short", short_of_memory),
        check("unready", unready),
        check("absent", fine, needs=("json", "no_such_package")),
        check("fine", fine),
        folder=tmp_path,
    )
    assert [(one.name, one.state, one.message) for one in found] == [
        ("broken", "failed", "ValueError: the first line and the second"),
        ("untrue", "failed", "the losses differ"),
        ("short", "out_of_memory", "there is not enough memory: 2 GiB The training takes 3 GB."),
        ("unready", "not_run", "nothing was trained"),
        ("absent", "not_run", "no_such_package is not installed"),
        ("fine", "passed", None),
    ]
    assert found[1].figures == {"difference": float("inf")}, "what was measured is told, also of a failure"
    assert found[-1].figures == {"answer": 42}


def test_a_budget_ends_what_runs_and_names_what_does_not(tmp_path: Path) -> None:
    called = []

    def later(_: Bench) -> Found:
        called.append("later")
        return Found()

    found = run(check("stuck", stuck), check("later", later), folder=tmp_path, seconds=0.2)
    assert [(one.name, one.state) for one in found] == [("stuck", "not_run"), ("later", "not_run")]
    assert found[0].message == "the budget was used up while it ran"
    assert called == []
    # one that would not be done in time is not begun, and a shorter one is
    found = run(check("long", later, least=LONG + 1), check("fine", fine), folder=tmp_path)
    assert [one.state for one in found] == ["not_run", "passed"]
    assert called == []


def test_the_json_fits_its_schema_and_has_only_numbers_that_json_knows() -> None:
    import jsonschema

    kept: list[Report] = []
    report = whole.main(True, LONG, [check("fine", fine), check("untrue", untrue)], kept.append)
    assert [(len(one.checks), one.complete) for one in kept] == [(1, False), (2, True)], (
        "a crash loses nothing"
    )
    plain = json.loads(io.to_json(report.to_plain()))
    jsonschema.validate(plain, Report.model_json_schema())
    assert plain["passed"] is False
    assert plain["counts"] == {"passed": 1, "failed": 1, "out_of_memory": 0, "not_run": 0}
    one, other = plain["checks"]
    assert one["trainings"][0]["first_loss"] is None
    assert one["trainings"][0]["last_loss"] == 2.0
    assert other["figures"] == {"difference": None}
    assert {"torch", "trl", "peft", "bitsandbytes"} <= plain["machine"]["packages"].keys()
    assert Report.model_validate(plain).to_plain() == plain


def test_what_a_check_prints_is_not_in_the_json(capsys: pytest.CaptureFixture[str]) -> None:
    def talk(_: Bench) -> Found:
        print("{'loss': 1.0}")
        return Found()

    whole.main(True, LONG, [check("talk", talk)])
    told = capsys.readouterr()
    assert told.out == ""
    assert "{'loss': 1.0}" in told.err
    assert "passed        talk" in told.err


def test_losses_that_are_no_numbers_or_are_missing_are_infinitely_far() -> None:
    assert furthest([1.0, 2.2], [1.0, 2.0]) == pytest.approx(0.1)
    for other in ([], [1.0], [float("nan"), 2.0], [1.0, float("nan")]):
        assert furthest([1.0, 2.0], other) == float("inf")
    assert furthest([], []) == float("inf")


def test_the_catalog_has_each_way_once_and_the_quick_one_only_tiny_models() -> None:
    names = [one.name for one in list_checks(quick=False)]
    assert len(set(names)) == len(names)
    quick = [one.name for one in list_checks(quick=True)]
    assert names[: len(quick)] == quick, (
        "the tiny ones come first, so that the budget does not end before them"
    )
    assert all(name.startswith("tiny_") for name in quick)
    assert {name.partition(".")[0] for name in names[len(quick) :]} == {"phi_1_5", "llama3_8b", "mistral_7b"}


def test_without_a_gpu_only_the_quick_checks_can_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(LecternError, match="--quick"):
        whole.main(False, LONG)
    for arguments in (["--quick"], ["--out", "x.json"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(["check", *arguments])
        assert ended.value.code == 2


def test_a_process_that_is_told_to_end_leaves_no_folder_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def told_to_end(bench: Bench) -> Found:
        (bench.folder / "weights").write_text("gigabytes")
        assert list(tmp_path.iterdir())
        os.kill(os.getpid(), signal.SIGTERM)
        return Found()

    before = signal.getsignal(signal.SIGTERM)
    try:
        # without a handler of its own, the process would end here
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with pytest.raises(SystemExit) as ended:
            whole.main(True, LONG, [check("told to end", told_to_end), check("fine", fine)])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 128 + signal.SIGTERM
    assert not list(tmp_path.iterdir())
