"""`lectern verify`: real rebuilds of a small pipeline, in a folder of a git repository."""

import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from lectern.core.errors import LecternError
from lectern.models import devices
from lectern.tools import verify
from lectern.tools.verifying import differences, figures, rebuild, revision
from tests import warm
from tests.support.shipped import ROOT

# `last` stands first, though it comes last; no stage declares what NOISE changes, so only a true rebuild notices it.
PIPELINE = """
stages:
  last: {desc: Make the last, cmd: python work.py last, deps: [work.py, data/second], outs: [last.bin]}
  first:
    cmd: python work.py first
    deps: [work.py, source.txt, data/own]
    outs: [first.jsonl]
    metrics: [metrics/first.json: {cache: false}]
  second: {cmd: python work.py second, deps: [work.py, first.jsonl], outs: [data/second: {persist: true}]}
  aside: {cmd: python work.py aside, deps: [work.py, source.txt], outs: [aside.txt]}
  ask: {cmd: python work.py ask, deps: [work.py], outs: [data/replies/ask: {persist: true}]}
"""
WORK = """
import json, os, sys, threading
from pathlib import Path
name, noise = sys.argv[1], os.environ.get("NOISE", "").split(",")
if f"fail {name}" in noise:
    sys.exit(f"{name}: error: the data are no good")
if f"wait {name}" in noise:
    Path(os.environ["PID"]).write_text(str(os.getpid()))
    threading.Event().wait(600)
value = 4.1 if name in noise else 4.0
if name == "first":
    Path("first.jsonl").write_text('{"a": [1, 2]}\\n' + json.dumps({"a": [3, value]}) + "\\n")
    Path("metrics").mkdir(exist_ok=True)
    found = {"nll": {"value": value, "low": 3.9, "high": 4.05, "n": 3}, "rows": 3, "mean": value, "none": None}
    Path("metrics/first.json").write_text(json.dumps({**found, "by_item": {"x": value}}))
elif name == "second":
    Path("data/second").mkdir(exist_ok=True)
    for n in range(5):
        text = "one\\n" + (f"{value}" if n < 4 else "4") + Path("first.jsonl").read_text()
        Path(f"data/second/{n}.txt").write_text(text)
elif name == "ask":
    if not Path("data/replies/ask/reply.json").exists():
        if "server" not in noise:
            sys.exit("ask: error: there is no server")
        Path("data/replies/ask").mkdir(parents=True, exist_ok=True)
        Path("data/replies/ask/reply.json").write_text("{}")
elif name == "aside":
    Path("aside.txt").write_text(f"{value}")
else:
    Path("last.bin").write_bytes(bytes([255, 254, len(Path("data/second/0.txt").read_text()), int(10 * value)]))
print(f"{name}: made 1")
"""


def call(root: Path, *command: str, **more: str) -> str:
    done = subprocess.run(
        command, cwd=root, env=warm.environment(DVC_NO_ANALYTICS="1", **more), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository after a run; each test takes a copy."""
    top = tmp_path_factory.mktemp("committed") / "top"
    root = top / "project"
    (root / "data/own").mkdir(parents=True)
    for name, text in {
        "dvc.yaml": PIPELINE,
        "work.py": WORK,
        "source.txt": "one",
        "data/own/recording.txt": "a recording",
        "params.yaml": "judge: {engine: openai}\n",
        "requirements.lock": "click==0.0.1\nnot-installed-at-all==1.0\n",
    }.items():
        (root / name).write_text(text)
    call(top, "git", "init", "-q", "-b", "main")
    for key, value in (("user.name", "Test"), ("user.email", "test@example.org")):
        call(top, "git", "config", key, value)
    call(root, "dvc", "init", "-q", "--subdir")
    call(root, "dvc", "add", "-q", "data/own")
    call(root, "dvc", "repro", "-q", NOISE="server")
    commit(root)
    return top


def commit(root: Path) -> None:
    call(root, "git", "add", "-A")
    call(root, "git", "commit", "-qm", "run")


@pytest.fixture
def root(committed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of dvc.yaml, and a temporary folder of its own for the rebuild."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return shutil.copytree(committed, tmp_path / "top") / "project"


@pytest.fixture
def rebuilt(
    root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Verify by warm processes, with some noise. Returns the status and what was printed."""
    monkeypatch.setattr(sys, "executable", warm.python())
    monkeypatch.setattr(devices, "device", lambda: "cpu")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")

    def run(name: str | None = None, noise: str = "", **options: object) -> tuple[int, str]:
        monkeypatch.setenv("NOISE", noise)
        status = verify.main(name, root, **options)  # type: ignore[arg-type]
        return status, capfd.readouterr().out

    return run


def left(root: Path) -> list[str]:
    """What is left in the temporary folder."""
    return sorted(path.name for path in (root.parents[1] / "tmp").iterdir())


def test_a_rebuild_with_the_committed_bytes(root: Path, rebuilt: Callable[..., tuple[int, str]]) -> None:
    before = call(root, "git", "rev-parse", "HEAD")
    status, told = rebuilt()
    assert status == 0
    assert re.match(r"Rebuilding HEAD \(\w{10}\) from nothing in \S+: 6 outputs of 5 stages\.\n", told)
    assert "[1/5] first: python work.py first\n      first: made 1\n[2/5]" in told
    assert told.endswith("\n\n6 of 6 outputs have the committed bytes.\n")
    assert left(root) == []
    assert call(root, "git", "status", "--porcelain") == ""
    assert call(root, "git", "rev-parse", "HEAD") == before


def test_what_differs_is_told_from_the_first_stage_on(
    root: Path, rebuilt: Callable[..., tuple[int, str]]
) -> None:
    cached = sorted((root / ".dvc/cache").rglob("*"))
    status, told = rebuilt("main", "first,aside")
    assert status == 1
    assert sorted((root / ".dvc/cache").rglob("*")) == cached, "the rebuild has a cache of its own"
    assert told.partition("\n\n")[2].splitlines()[:11] == [
        "2 of 6 outputs have the committed bytes.",
        "The stage first differs first: 2 of 2 of its outputs.",
        "  first.jsonl: 30 bytes; row 2: a[1] is 4.1, committed 4.0",
        "  metrics/first.json: 118 bytes; nll.value is 4.1, committed 4.0",
        "The stage aside differs too, although it read the same: 1 of 1 of its outputs.",
        '  aside.txt: 3 bytes; line 1 is "4.1", committed "4.0"',
        "Stages that differ after it, since they read what differs: second.",
        "Figures: 0 of the 1 that have an interval agree: the rebuilt value lies in the committed interval.",
        "  outside: metrics/first.json nll is 4.1 (3.9 to 4.05), committed 4 (3.9 to 4.05)",
        "Of 2 figures without an interval, 1 differ, such as metrics/first.json mean: 4.1, committed 4.",
        "Note: this environment has click " + metadata.version("click") + " instead of 0.0.1, which the revision's "
        "requirements.lock does not name. Verify it in an environment made by its own `make setup`.",
    ]  # fmt: skip
    assert left(root) == []


def test_a_machine_that_rounds_differently_says_so(
    rebuilt: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "device", lambda: "cuda")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    status, told = rebuilt("main", "aside", until="aside")
    assert status == 1
    assert "This is a machine of the kind aarch64. Only on x86_64 are the same bytes to be expected" in told
    assert "This machine has a GPU (cuda), which rounds differently." in told


def test_up_to_a_stage_only_what_it_needs_is_rebuilt_and_the_folder_can_be_kept(
    root: Path, rebuilt: Callable[..., tuple[int, str]]
) -> None:
    status, told = rebuilt("main", "second", until="second", keep=True)
    assert status == 1
    assert "2 of 3 outputs have the committed bytes, up to the stage second.\n" in told
    assert (
        "  data/second: 4 of 5 files differ\n"
        '    0.txt: 37 bytes; line 2 is "4.1{\\"a\\": [1, 2]}", committed "4.0{\\"a\\": [1, 2]}"\n'
    ) in told
    assert "    and 1 more\n" in told
    [kept] = left(root)
    assert told.endswith(
        f"The rebuild is in {root.parents[1] / 'tmp' / kept / 'repository'}, and what it printed in "
        f"{root.parents[1] / 'tmp' / kept / rebuild.LOG}\n"
    )
    project = root.parents[1] / "tmp" / kept / "repository/project"
    assert (project / "data/second/0.txt").is_file()
    assert not (project / "last.bin").exists()
    assert (project.parents[1] / "site").is_dir(), "DVC's state does not stay elsewhere on the machine"
    assert "Running stage 'second'" in (project.parents[1] / rebuild.LOG).read_text()


def test_a_lock_that_was_made_with_other_code_is_told(
    root: Path, rebuilt: Callable[..., tuple[int, str]]
) -> None:
    (root / "work.py").write_text(f"{WORK}# a remark\n")
    commit(root)
    status, told = rebuilt()
    assert status == 0
    assert "Note: dvc.lock was not made with what this revision has (work.py), so other outputs" in told


def test_an_llm_in_this_process_is_asked_again(root: Path, rebuilt: Callable[..., tuple[int, str]]) -> None:
    # the replies of a server are taken along, as every other test shows
    (root / "params.yaml").write_text("judge: {engine: embedded}\n")
    commit(root)
    with pytest.raises(LecternError) as caught:
        rebuilt()
    assert str(caught.value) == (
        "the rebuild of HEAD failed at ask: ask: error: there is no server. `lectern verify --keep` leaves the folder "
        "to look into."
    )
    assert left(root) == []


def spoil(root: Path, what: str) -> str | None:
    """Make the repository one that cannot be verified. Returns the revision to ask for."""
    lock = yaml.safe_load((root / "dvc.lock").read_text())
    if what == "no such revision":
        return "nowhere"
    if what == "an uncommitted lock":
        (root / "dvc.lock").write_text((root / "dvc.lock").read_text() + "\n# later\n")
        return None
    if what == "no lock":
        (root / "dvc.lock").unlink()
    elif what == "both sides of a merge":
        (root / "dvc.lock").write_text("<<<<<<< HEAD\nstages: {}\n=======\nstages: {}\n>>>>>>> other\n")
    elif what == "a stage that never ran":
        del lock["stages"]["second"]
        (root / "dvc.lock").write_text(yaml.safe_dump(lock))
    elif what == "no source":
        (root / "source.txt").unlink()
    elif what == "no recording":
        shutil.rmtree(root / ".dvc/cache")
        return None
    commit(root)
    return None


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("no such revision", "git knows no revision 'nowhere' here"),
        ("an uncommitted lock", "dvc.lock differs from the committed one, and only what is committed can be verified"),
        ("no lock", "HEAD has no dvc.lock. Choose a commit after a run of the pipeline"),
        ("both sides of a merge", "dvc.lock of HEAD has no stages of DVC (ScannerError: "),
        ("a stage that never ran", "dvc.lock of HEAD has no outputs of second: its run was not finished"),
        ("no source", "HEAD does not have source.txt, which its stages read, in git or under DVC"),
        ("no recording", "data/own of revision "),
    ],
)  # fmt: skip
def test_what_cannot_be_verified_is_named(
    root: Path, rebuilt: Callable[..., tuple[int, str]], what: str, expected: str
) -> None:
    with pytest.raises(LecternError) as caught:
        rebuilt(spoil(root, what))
    assert str(caught.value).startswith(expected) or expected in str(caught.value)
    assert left(root) == []


def test_a_stage_that_does_not_exist_is_named_with_those_that_do(
    rebuilt: Callable[..., tuple[int, str]],
) -> None:
    with pytest.raises(
        LecternError, match="main has no stage 'thrid'; its stages are last, first, second, aside, ask"
    ):
        rebuilt("main", until="thrid")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_rebuild_leaves_nothing_behind(
    root: Path, tmp_path: Path, number: signal.Signals
) -> None:
    environment = {"TMPDIR": str(tmp_path / "tmp"), "NOISE": "wait second", "PID": str(tmp_path / "pid")}
    process = subprocess.Popen(
        [sys.executable, "-m", "lectern", "verify"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": warm.environment()["PATH"], **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "second:" in line:
            break
    beat = threading.Event()
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert process.poll() is None
        beat.wait(0.01)
    process.send_signal(number)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert said == "lectern verify: interrupted; nothing is left of the rebuild\n"
    assert left(root) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert call(root, "git", "status", "--porcelain") == ""


def test_the_order_is_that_of_the_graph() -> None:
    assert revision.sort(yaml.safe_load(PIPELINE)["stages"]) == ["first", "second", "last", "aside", "ask"]


@pytest.mark.parametrize(
    ("name", "before", "after", "told"),
    [
        ("a.json", '{"a": {"b": [1, {"c": 2}]}}', '{"a": {"b": [1, {"c": 3}]}}',
         "27 bytes; a.b[1].c is 3, committed 2"),
        ("a.json", '{"a": 1}', '{"b": 1}', "8 bytes; a is missing, committed 1"),
        ("a.json", '{"a": 1}', '{"a": 1, "b": "x"}', '18 bytes, committed 8; b is "x", committed missing'),
        ("a.json", "[1]", "[1, 2]", "6 bytes, committed 3; [1] is 2, committed missing"),
        ("a.json", '{"a": true}', '{"a": 1}', "8 bytes, committed 11; a is 1, committed true"),
        ("a.json", '{"a": 1}', '{"a":1}', "7 bytes, committed 8; only the layout of the JSON differs"),
        ("a.json", "{", "[", '1 bytes; line 1 is "[", committed "{"'),
        ("a.jsonl", "1\n2\n", "1\n", '2 bytes, committed 4; line 2 is "", committed "2"'),
        ("a.jsonl", "1\n2\n", "1\n3\n", "4 bytes; row 2: the value is 3, committed 2"),
        ("a.txt", "a\nb", "a\nb\nc", '5 bytes, committed 3; line 3 is "c", committed ""'),
        ("a.txt", "\x1b[2J", "x" * 90, '90 bytes, committed 4; line 1 is "' + "x" * 58 + '…, committed "\\u001b[2J"'),
        ("a.bin", b"\xff\x00\x01", b"\xff\x00\x02", "3 bytes; they differ from byte 2 on"),
        ("a.bin", b"\xff", b"\xff\xff", "2 bytes, committed 1; they differ from byte 1 on"),
    ],
)  # fmt: skip
def test_the_first_difference_of_a_file(
    tmp_path: Path, name: str, before: str | bytes, after: str | bytes, told: str
) -> None:
    for side, content in (("before", before), ("after", after)):
        (tmp_path / side).mkdir()
        (tmp_path / side / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert differences.describe_file(tmp_path / "before" / name, tmp_path / "after" / name) == told


def test_a_file_on_one_side_only(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    assert differences.describe_file(tmp_path / "x", tmp_path / "y") == "the rebuild did not write it"
    assert differences.describe_file(tmp_path / "y", tmp_path / "x") == "only the rebuild wrote it"


def test_a_figure_agrees_inside_the_committed_interval() -> None:
    def figure(
        value: float | None, low: float | None = 1.0, high: float | None = 2.0
    ) -> dict[str, float | None]:
        return {"value": value, "low": low, "high": high}

    before = {
        "inside": figure(1.5), "edge": figure(1.5), "outside": figure(1.5), "gone": figure(1.5),
        "few": figure(1.5, None), "rows": 3, "whether": True, "name": "x", "by_item": {"x": figure(1.5)},
    }  # fmt: skip
    after = {
        "inside": figure(1.9), "edge": figure(2.0), "outside": figure(2.1), "few": figure(9.0, None), "rows": 4,
        "whether": False, "name": "y", "by_item": {"x": figure(9.0)},
    }  # fmt: skip
    found = figures.compare({"m.json": json.dumps(before)}, {"m.json": json.dumps(after)})
    assert (found.measured, [one.name for one in found.outside]) == (4, ["m.json outside", "m.json gone"])
    assert found.outside[1].after == "missing"
    # without both bounds a figure is a number as others are
    assert (found.others, [one.name for one in found.changed]) == (3, ["m.json few.value", "m.json rows"])
    assert figures.compare({"m.json": None}, {"m.json": "{"}) == figures.Agreement(0, [], 0, [])
