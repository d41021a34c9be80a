import os
from pathlib import Path
from typing import Any

import pytest

from lectern.models import batching, chat_format
from lectern.training import checkpoints


def checkpoint(run: Path, step: int, sealed: bool = True) -> Path:
    folder = run / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "adapter.bin").write_bytes(bytes(1000))
    (folder / "state.json").write_text("{}")
    if sealed:
        checkpoints.seal(folder)
    return folder


def truncate(folder: Path) -> None:
    (folder / "adapter.bin").write_bytes(bytes(999))


def flip(folder: Path) -> None:
    (folder / "adapter.bin").write_bytes(b"\1" + bytes(999))


def lose(folder: Path) -> None:
    (folder / "state.json").unlink()


def break_seal(folder: Path) -> None:
    (folder / checkpoints.SEAL).write_text('{"adapter.bin": "12')


@pytest.mark.parametrize("damage", [truncate, flip, lose, break_seal])
def test_a_damaged_checkpoint_is_passed_over_and_removed(tmp_path: Path, damage: Any) -> None:
    good, bad = checkpoint(tmp_path, 9), checkpoint(tmp_path, 10)
    damage(bad)
    assert checkpoints.latest(tmp_path) == good
    assert not bad.exists()


def test_an_unsealed_checkpoint_does_not_count(tmp_path: Path) -> None:
    # a kill while it was written
    checkpoint(tmp_path, 5, sealed=False)
    assert checkpoints.latest(tmp_path) is None
    assert checkpoints.latest(tmp_path / "absent") is None


def test_newest_is_by_step_not_by_name(tmp_path: Path) -> None:
    checkpoint(tmp_path, 9)
    assert checkpoints.latest(tmp_path).name == "checkpoint-9"  # type: ignore[union-attr]
    checkpoint(tmp_path, 10)
    assert checkpoints.latest(tmp_path).name == "checkpoint-10"  # type: ignore[union-attr]


def test_a_result_counts_only_when_it_was_finished(tmp_path: Path) -> None:
    checkpoint(tmp_path, 5)
    with pytest.raises(KeyboardInterrupt), checkpoints.finishing(tmp_path) as folder:  # noqa: PT012
        (folder / "adapter").write_text("half")
        raise KeyboardInterrupt
    assert checkpoints.finished(tmp_path) is None
    assert checkpoints.latest(tmp_path) is not None
    with checkpoints.finishing(tmp_path) as folder:
        assert not list(folder.iterdir())
        (folder / "adapter").write_text("whole")
    assert checkpoints.finished(tmp_path) == tmp_path / "finished"
    assert checkpoints.latest(tmp_path) is None  # the optimizer's state is of no more use


def fingerprint(folder: Path, content: str = "rows", rate: float = 1e-4, module: Any = batching) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "train.jsonl").write_text(content)
    return checkpoints.fingerprint(
        {"train": {"learning_rate": rate}}, [folder / "train.jsonl"], [module], ["torch"]
    )


def test_fingerprint_follows_all_that_decides_and_no_place(tmp_path: Path) -> None:
    first = fingerprint(tmp_path / "here")
    assert fingerprint(tmp_path / "there") == first
    assert fingerprint(tmp_path / "here", content="other") != first
    assert fingerprint(tmp_path / "here", rate=2e-4) != first
    assert fingerprint(tmp_path / "here", module=chat_format) != first


def test_old_runs_are_removed(tmp_path: Path) -> None:
    # a sweep must not fill the disk; the runs opened last stay
    for age, name in enumerate(["d", "c", "b", "a"]):
        os.utime(checkpoints.open_run(tmp_path, name, keep=9), (age, age))
    checkpoints.open_run(tmp_path, "e", keep=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "e"]
    checkpoints.open_run(tmp_path, "b", keep=1)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
