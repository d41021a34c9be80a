"""Small commands and parts of large ones, each with what it prints or refuses, word by word."""

import json
import os
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lectern.core.errors import LecternError
from lectern.tools import plots, times
from lectern.tools.searching import experiments
from lectern.tools.searching.space import Dimension


def test_what_the_stages_took_is_a_line_each_in_the_order_of_their_end(tmp_path: Path) -> None:
    folder = tmp_path / "runtime"
    folder.mkdir()
    took = {"train": (100.04, 90.0, 2000), "fetch": (1.0, 0.5, 300), "converse": (2.26, 3.0, 400)}
    for at, (name, (seconds, cpu, peak)) in enumerate(took.items()):
        values = {"seconds": seconds, "cpu_seconds": cpu, "peak_memory_mb": peak}
        (folder / f"{name}.json").write_text(json.dumps(values))
        os.utime(folder / f"{name}.json", (9, 5 if name == "converse" else 9 - at))
    lines = [
        "stage           seconds    CPU s  peak MB",
        "converse            2.3      3.0      400",
        "fetch               1.0      0.5      300",
        "train             100.0     90.0     2000",
        "in all            103.3     93.5     2000",
    ]
    assert times.main(folder, tmp_path / "report.html").splitlines() == lines
    (tmp_path / "report.html").write_text("x")
    shown = times.main(folder, tmp_path / "report.html").splitlines()
    assert shown == [*lines, "", f"The report: {tmp_path / 'report.html'}"]
    assert times.main(tmp_path / "nothing", tmp_path / "nothing.html").splitlines()[1:] == [
        "in all              0.0      0.0        0"
    ]


def test_the_names_of_plots_are_those_of_the_pipeline(tmp_path: Path) -> None:
    path = tmp_path / "dvc.yaml"
    with pytest.raises(LecternError) as caught:
        plots.list_plots(path)
    assert str(caught.value) == f"{path} does not exist. Run this in the folder of the pipeline."
    path.write_text("plots:\n- loss:\n    x: step\n- metrics/a.json\n- one: {}\n  two: {}\n")
    assert plots.list_plots(path) == ["loss", "metrics/a.json", "one", "two"]
    path.write_text("stages: {}\n")
    with pytest.raises(LecternError) as caught:
        plots.list_plots(path)
    assert str(caught.value) == f"{path} defines no plots. Add some in a list `plots:` at its end."


@pytest.mark.parametrize(
    ("names", "command"),
    [
        ([], ["show", "a", "b", "--json"]),
        (["main"], ["diff", "main", "workspace", "--targets", "a", "b", "--json"]),
    ],
)
def test_dvc_is_asked_for_the_named_plots_alone(
    monkeypatch: pytest.MonkeyPatch, names: list[str], command: list[str]
) -> None:
    asked: list[list[str]] = []

    def run(given: list[str], **more: Any) -> Any:
        asked.append(given)
        return SimpleNamespace(
            returncode=len(asked) - 1, stdout="" if len(asked) == 1 else "x", stderr="no\n\nDVC"
        )

    monkeypatch.setattr(subprocess, "run", run)
    assert plots.ask_dvc(names, ["a", "b"]) == {}
    assert asked[0][1:] == ["-m", "dvc", "plots", *command]
    with pytest.raises(LecternError, match=r"^dvc plots ended with status 1: no DVC$"):
        plots.ask_dvc(names, ["a", "b"])


def test_a_page_of_plots_holds_data_as_data(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    bundle = SimpleNamespace(javascript_bundle=lambda code, vl_version: f"/* {code} {vl_version} */")
    monkeypatch.setitem(sys.modules, "vl_convert", bundle)
    page = plots.make_page([{"title": "</script><b>"}, {"b": 1, "a": 2}], ["main has no <x>"])
    assert (
        '<div class="plot" id="plot0"></div>\n<div class="plot" id="plot1"></div>\n<p>main has no &lt;x&gt;</p>'
        in page
    )
    assert "/* window.vegaEmbed = vegaEmbed; 5.21 */" in page
    data = '{"plot0": {"title": "\\u003c/script>\\u003cb>"}, "plot1": {"a": 2, "b": 1}}'
    assert f"Object.entries({data})" in page
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(
        LecternError, match=r"^drawing needs the package vl-convert-python: `make extras` installs it\.$"
    ):
        plots.make_page([], [])


def test_the_page_is_of_all_plots_that_dvc_can_draw(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text("plots: [loss]\n")
    drawn: dict[str, Any] = {
        "data": {
            "loss": [{"type": "vega", "content": {"n": 1}}, {"type": "image", "content": 9}],
            "b": [{"type": "vega", "content": {"n": 2}}],
        },
        "errors": [
            {"rev": "z", "source": "b"},
            {"rev": "a", "source": "b"},
            {"rev": "z", "source": "b"},
            {"rev": "x"},
        ],
    }
    asked: list[Any] = []
    monkeypatch.setattr(plots, "ask_dvc", lambda names, targets: asked.append((names, targets)) or drawn)
    monkeypatch.setattr(plots.revisions, "find", lambda name: asked.append(name))
    monkeypatch.setattr(plots, "make_page", lambda made, missing: f"{made} {missing}")
    told = plots.main(["main"], Path("out/index.html"))
    assert told.splitlines() == ["out/index.html", "a has no b", "z has no b"]
    assert Path("out/index.html").read_text() == "[{'n': 1}, {'n': 2}] ['a has no b', 'z has no b']"
    assert asked == ["main", (["main"], ["loss"])]
    drawn["data"] = {"loss": [{"type": "image", "content": 9}]}
    with pytest.raises(LecternError, match=r"^no plot has any data yet\. `dvc repro` writes the files"):
        plots.main([], Path("out/index.html"))


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ({"kind": "float", "low": 1.0, "high": 2.5}, [1.0, 2.5]),
        ({"kind": "int", "low": 1.0, "high": 4.0}, [1, 4]),
        ({"kind": "int", "low": 3.0, "high": 3.0}, [3, 3]),
        ({"kind": "choice", "choices": [None, "a", 1]}, [None, "a", 1]),
        ({"kind": "float", "low": 0.1, "high": 0.2, "log": True}, [0.1, 0.2]),
    ],
)
def test_the_ends_of_a_dimension(values: dict[str, Any], ends: list[Any]) -> None:
    found = Dimension(**values).ends()
    assert (found, [type(end) for end in found]) == (ends, [type(end) for end in ends])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"kind": "choice", "choices": [1], "log": True},
            "kind is choice: give `choices`, and leave out low, high and log",
        ),
        (
            {"kind": "choice", "choices": [1], "high": 2.0},
            "kind is choice: give `choices`, and leave out low, high and log",
        ),
        ({"kind": "int", "low": 1.5, "high": 2.0}, "low is 1.5 and high is 2.0; an int needs whole numbers"),
        (
            {"kind": "float", "low": 1.0, "high": 2.0, "choices": [1]},
            "low is 1.0 and high is 2.0; a float or int needs low <= high, and no choices",
        ),
        (
            {"kind": "float", "high": 2.0},
            "low is None and high is 2.0; a float or int needs low <= high, and no choices",
        ),
        (
            {"kind": "float", "low": -1.0, "high": 2.0, "log": True},
            "low is -1.0; on a log scale it must be above 0",
        ),
    ],
)
def test_a_dimension_that_cannot_be_says_why(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Dimension(**values)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A commit with figures and parameters; returns its name."""
    monkeypatch.chdir(tmp_path)
    Path("metrics").mkdir()
    Path("metrics/a.json").write_text(json.dumps({"b": {"c": 2, "on": True, "text": "x"}, "n": 1.5}))
    Path("params.yaml").write_text("train: {rate: 1e-4}\n")
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@y"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], check=True)
    commit = experiments.git("rev-parse", "HEAD")
    subprocess.run(["git", "update-ref", f"refs/exps/{commit[:2]}/{commit[2:]}/search-1", commit], check=True)
    return commit


def test_experiments_are_found_and_read_by_git(repository: str) -> None:
    assert experiments.find("search-1", repository) == repository
    assert experiments.find("search-2", repository) is None
    assert experiments.find("search-1", "0" * 40) is None
    assert experiments.params(repository) == {"train": {"rate": 1e-4}}
    assert (experiments.has_file("HEAD", "params.yaml"), experiments.has_file("HEAD", "none")) == (
        True,
        False,
    )
    assert experiments.read_metric("HEAD", "metrics/a.json:b.c") == 2.0
    assert experiments.read_metric("HEAD", "metrics/a.json:n") == 1.5
    for key in ("b.on", "b.text", "b", "b.d", "n.c", ""):
        with pytest.raises(LecternError) as caught:
            experiments.read_metric("HEAD", f"metrics/a.json:{key}")
        assert str(caught.value) == f"metrics/a.json:{key}: metrics/a.json has no number at {key}"
    with pytest.raises(LecternError) as caught:
        experiments.read_metric("HEAD", "none.json:a")
    assert str(caught.value) == (
        "none.json:a: git has no none.json in the experiment; dvc.yaml must list it under metrics with cache: false"
    )
    with pytest.raises(LecternError, match=r"^git show HEAD:none: fatal: .*'none'"):
        experiments.git("show", "HEAD:none")


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        (
            "Task     Name      Created       Status\n"
            "1a2b3c4  search-1  10:12 AM      Success\n"
            "5d6e7f8  search-2  Nov 28, 2026  Running\n"
            "9a0b1c2  search-3  10:14 AM      Queued\n"
            "3d4e5f6  search-4  10:15 AM      Failed\n",
            {"search-1": "Success", "search-2": "Running", "search-3": "Queued", "search-4": "Failed"},
        ),
        ("No experiment tasks in the queue.\n", {}),
    ],
)
def test_the_queue_is_read_by_the_names_of_its_experiments(
    monkeypatch: pytest.MonkeyPatch, printed: str, found: dict[str, str]
) -> None:
    """As `dvc queue status` prints it, which ends with a line on its workers."""
    told = SimpleNamespace(returncode=0, stdout=printed + "\nWorker status: 1 active, 0 idle\n", stderr="")
    monkeypatch.setattr(subprocess, "run", lambda *_, **more: told)
    assert experiments.list_queue() == found


def test_the_copies_of_experiments_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert experiments.find_copies() == []
    for name in ("tmpb", "tmpa", "other"):
        (experiments.COPIES / name).mkdir(parents=True)
    assert experiments.find_copies() == [experiments.COPIES / "tmpa", experiments.COPIES / "tmpb"]


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        ("a\ntrain: error: no\nERROR: failed\nlast\n", "train: error: no"),
        ("ERROR: one\nERROR: two\nlast", "ERROR: two"),
        ("first\n  last  \n\n", "last"),
        ("train: error: a\nscore: error: b\n", "score: error: b"),
        (" \n", "the experiment printed nothing"),
    ],
)
def test_why_an_experiment_failed(tmp_path: Path, printed: str, reason: str) -> None:
    log = tmp_path / "log"
    log.write_text(printed)
    assert experiments.explain(log) == f"{reason} ({log})"


def test_an_experiment_is_run_in_a_copy_with_its_overrides(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran: list[Any] = []

    class Process:
        def __init__(self, command: list[str], **more: Any) -> None:
            ran.append(command[1:])

        def __enter__(self) -> "Process":
            return self

        def __exit__(self, *_: Any) -> None: ...

        def wait(self) -> None:
            ran.append("waited")
            if len(ran) == 4:
                raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", Process)
    experiments.run("search-1", ["a=1", "b=2"], "train", tmp_path / "log")
    begin = ["-m", "dvc", "exp", "run", "--temp", "--name", "search-1"]
    assert ran == [[*begin, "-S", "a=1", "-S", "b=2", "train"], "waited"]
    with pytest.raises(KeyboardInterrupt):
        experiments.run("search-1", [], None, tmp_path / "log")
    assert ran[2:] == [begin, "waited", "waited"], "DVC has time to remove its copy"
