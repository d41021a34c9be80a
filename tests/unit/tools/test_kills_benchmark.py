"""The benchmark of kills: what it draws, how it compares endings, and how it reads what a run printed."""

from collections import Counter
from pathlib import Path

import pytest

from lectern.apps import torn
from tests.benchmarks import kills


def test_kills_are_the_same_for_a_seed_and_spread_evenly_over_the_time() -> None:
    drawn = [kills.draw(0, number, 100.0) for number in range(2000)]
    assert drawn[7] == kills.draw(0, 7, 100.0)
    assert drawn[7] != kills.draw(1, 7, 100.0)
    latest = 100.0 * kills.SHARE
    quarters = Counter(int(4 * one.after / latest) for one in drawn)
    assert sorted(quarters) == [0, 1, 2, 3]
    assert all(count == pytest.approx(500, rel=0.15) for count in quarters.values())
    shares = Counter(one.how for one in drawn)
    assert all(shares[how] == pytest.approx(2000 * share, rel=0.15) for how, share in kills.SHARES.items())


def test_an_ending_differs_by_what_is_missing_new_or_other() -> None:
    wanted = {"file": {"a": "1", "b": "2"}, "git status": {}}
    assert list(kills.compare(wanted, {"file": {"b": "2", "a": "1"}, "git status": {}})) == []
    found = {"file": {"b": "3", "c": "4"}, "git status": {"dvc.lock": " M"}}
    assert list(kills.compare(wanted, found)) == [
        "file: a missing",
        "file: b differs",
        "file: c new",
        "git status: dvc.lock new",
    ]


def test_the_stage_and_the_torn_files_are_read_from_what_the_run_says(tmp_path: Path) -> None:
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / torn.RUNNING).write_text('{"a": {"re')
    said = torn.mend(tmp_path)
    assert len(said) == 1
    assert kills.read_torn("\n".join(said)) == [torn.RUNNING]
    assert kills.read_torn("dvc.lock was cut off, because DVC was killed while it wrote it.") == ["dvc.lock"]
    assert kills.read_torn("[1/9] fetch: dvc.lock is read") == []
    assert kills.read_stage("") == "start"
    assert kills.read_stage(
        "[1/9] fetch: Bring\n      fetch: made 4\n[2/9] transcribe: Hear (about 5 s)\n"
    ) == ("transcribe")


def test_a_journal_whose_last_row_was_cut_off_goes_on_with_the_rows_before(tmp_path: Path) -> None:
    path = tmp_path / "kills.jsonl"
    kills.Journal(path).add(kind="kill", number=0)
    with path.open("a") as file:
        file.write('{"kind": "ki')
    journal = kills.Journal(path)
    assert journal.rows == [{"kind": "kill", "number": 0}]
    journal.add(kind="kill", number=1)
    assert [row["number"] for row in kills.Journal(path).of("kill")] == [0, 1]


def test_the_table_counts_kills_endings_and_names_what_differs() -> None:
    rows = [
        {"kind": "kill", "how": kills.GROUP, "stage": "train", "late": False, "torn": []},
        {"kind": "kill", "how": kills.INTERRUPT, "stage": "train", "late": True, "torn": ["dvc.lock"]},
        {"kind": "ending", "number": 0, "unequal": [], "torn": ["dvc.lock"]},
        {"kind": "ending", "number": 1, "unequal": ["file: a differs"], "torn": []},
        {"kind": "round", "number": 0, "unequal": [], "torn": []},
    ]
    told = "\n".join(kills.summarise(rows))
    for line in (
        "| kills | 2 |",
        "| endings after one kill each; equal | 2; 1 |",
        "| endings after all the kills of a run; equal | 1; 1 |",
        "| train | 2 |",
    ):
        assert line in told
    assert "| times that dvc.lock was torn and brought back | 1 |" in told
    assert told.endswith("Ending 2 differs:\n  file: a differs")


def test_what_a_kill_left_comes_back_whole_after_the_run_went_on(tmp_path: Path) -> None:
    root, left = tmp_path / "clone", tmp_path / "left"
    root.mkdir()
    (root / "torn").write_text("as the kill left it")
    kills.keep(root, left)
    (root / "torn").write_text("mended")
    (root / "new").write_text("made by the run")
    kills.put_back(left, root)
    assert {path.name: path.read_text() for path in root.iterdir()} == {"torn": "as the kill left it"}
    kills.put_back(left, root)  # nothing is kept: nothing changes
    assert (root / "torn").exists()
