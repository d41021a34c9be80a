"""The gate of pull requests: the steps of its workflow, run as GitHub runs them, on a toy repository and its remote."""

import json
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from markdown_it import MarkdownIt
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import warm
from tests.support import made_up_runs as runs

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
GATE = ROOT / ".github/workflows/compare.yml"
QUESTIONS = [f"What is number {number}?" for number in range(8)]
HOSTILE = "</td><script>alert(1)</script> | **bold** [x](http://evil.example) @octocat #17 <img src=x onerror=alert(2)>"
SHELLS = {"bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"], "python": [sys.executable]}
"""How GitHub calls the shell of a step."""


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def steps_of(job: str) -> dict[str, dict[str, Any]]:
    """The steps of a job of the gate that are not somebody else's action."""
    return {step["name"]: step for step in read(GATE)["jobs"][job]["steps"] if "run" in step}


@dataclass
class Runner:
    """A runner of GitHub's, which has both sides checked out."""

    root: Path
    known: dict[str, str]
    """expression -> its value"""
    files: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
            self.files[name] = self.root / name
            self.files[name].touch()

    def run(self, job: str, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a step, with the values of its expressions in its environment."""
        step = steps_of(job)[name]
        shell = step.get("shell") or read(GATE)["jobs"][job]["defaults"]["run"]["shell"]
        script = self.root / "step"
        script.write_text(step["run"])
        given = {key: self.fill(value) for key, value in step.get("env", {}).items()}
        everything = warm.environment(
            **{key: str(path) for key, path in self.files.items()}, **given, **environment
        )
        where = self.root / step.get("working-directory", ".")
        return subprocess.run(
            [*SHELLS[shell], str(script)], cwd=where, env=everything, capture_output=True, text=True
        )

    def fill(self, text: str) -> str:
        return re.sub(r"\$\{\{ (.+?) \}\}", lambda found: self.known[found[1]], text)

    def compare(self) -> subprocess.CompletedProcess[str]:
        """The steps after the installation, up to the one that fails."""
        brought = self.run("compare", "Bring both sides together")
        assert brought.returncode == 0, brought.stderr
        compared = self.run("compare", "Compare")
        if compared.returncode:
            return compared
        said = dict(line.split("=", 1) for line in self.files["GITHUB_OUTPUT"].read_text().splitlines())
        self.known |= {f"steps.compare.outputs.{key}": value for key, value in said.items()}
        return self.run("compare", "Fail if a condition failed")


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a repository of two branches, and the remote that has all outputs; the cache has none."""
    folder = tmp_path_factory.mktemp("forge")
    root = folder / "repository"
    runs.start(root)
    runs.call(root, "dvc", "remote", "add", "-q", "--default", "store", str(folder / "remote"))
    runs.write_run(root, questions=QUESTIONS, nll=4.0)
    runs.commit(root, "The first run")
    runs.call(root, "git", "checkout", "-q", "-b", "proposed")
    worse = {question: 4.3 + 0.02 * number for number, question in enumerate(QUESTIONS)}
    runs.write_run(root, questions=QUESTIONS, nll=worse, rouge=0.3, words=f"Somebody said {HOSTILE}")
    runs.commit(root, f"Propose {HOSTILE}")
    runs.call(root, "dvc", "push", "-q", "--all-branches")
    shutil.rmtree(root / ".dvc/cache")
    return folder


@pytest.fixture
def runner(forge: Path, tmp_path: Path) -> Runner:
    for folder, branch in (("base", "main"), ("head", "proposed")):
        runs.call(forge, "git", "clone", "-q", "--branch", branch, "repository", str(tmp_path / folder))
    tools = tmp_path / "tools/bin"
    tools.mkdir(parents=True)
    for name, module in (("lectern", "lectern"), ("dvc", "dvc")):
        (tools / name).write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {warm.python()} -m {module} "$@"\n')
        (tools / name).chmod(0o755)
    empty = {name: "" for name in re.findall(r"\$\{\{ (secrets\.\w+) \}\}", GATE.read_text())}
    return Runner(
        tmp_path,
        {**empty, "inputs.remote": "", "inputs.fail-if": "likelihood worse\n\nROUGE-L worse\n"},
    )


def test_a_regression_fails_the_job_with_its_sentence_and_the_comparison_as_summary(runner: Runner) -> None:
    ended = runner.compare()
    assert ended.returncode == 3
    # property: the condition that failed is told, and no other; blank lines are none
    assert re.fullmatch(
        r"likelihood worse: failed; pull-request is worse than base-branch: .*\n", ended.stdout
    )
    summary = runner.files["GITHUB_STEP_SUMMARY"].read_text()
    assert summary == (runner.root / "base/metrics/comparison/comparison.md").read_text()
    assert "rouge-l worse: passed" in summary


def test_what_is_not_forbidden_passes_and_a_wrong_condition_is_an_error(runner: Runner) -> None:
    runner.known["inputs.fail-if"] = "finished worse"
    assert runner.compare().returncode == 0
    runner.known["inputs.fail-if"] = "everything worse"
    ended = runner.compare()
    assert ended.returncode == 1
    assert "nothing is called 'everything'" in ended.stderr


def test_outputs_come_from_the_named_remote(runner: Runner, forge: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(forge / "remote", moved)
    base = runner.root / "base"
    runs.call(base, "dvc", "remote", "modify", "-q", "store", "url", str(tmp_path / "nowhere"))
    ended = runner.compare()
    assert "neither in DVC's cache nor in a remote" in ended.stderr
    runner.known["inputs.remote"] = str(moved)
    assert runner.compare().returncode == 3


def test_no_text_of_strangers_is_markup_in_what_is_shown(runner: Runner) -> None:
    runner.compare()
    shown = MarkdownIt("commonmark").enable("table").render(runner.files["GITHUB_STEP_SUMMARY"].read_text())
    # property: the answer and the subject of the commit are there as text, and notify nobody
    assert shown.count("alert(1)") >= 2
    assert not re.findall(r"<(script|img|iframe|a)\b", shown)
    assert "<strong>bold" not in shown
    assert not re.search(r"@octocat|#17", shown)


def test_the_code_of_the_head_never_runs(runner: Runner) -> None:
    head = runner.root / "head"
    (head / "lectern").mkdir()
    (head / "lectern/__init__.py").write_text(
        "import pathlib\npathlib.Path('/dev/stderr').write_text('ran')\n"
    )
    (head / "lectern/__main__.py").write_text("")
    (head / ".dvc/config").write_text("[core]\n    remote = evil\n['remote \"evil\"']\n    url = /nowhere\n")
    runs.call(head, "git", "add", "--all")
    runs.call(head, "git", "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "Try")
    ended = runner.compare()
    # property: neither its code nor its remotes count
    assert ended.returncode == 3
    assert "ran" not in ended.stderr


ALONE = """
import sys
from pathlib import Path


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1:]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Absent())
from lectern.tools import compare

compare.check("main", "proposed", Path("out"), ["likelihood worse", "forgetting worse"])
"""
"""Compares without the packages that are named."""


def close(wanted: set[str]) -> set[str]:
    """The names of packages with all that they need, which is what pip would install."""
    names, left = set[str](), set(wanted)
    while left:
        name = left.pop()
        names.add(name)
        for text in requires(name) or []:
            one = Requirement(text)
            if one.marker is None or one.marker.evaluate({"extra": ""}):
                left |= {canonicalize_name(one.name)} - names
    return names


def test_a_comparison_needs_the_extra_compare_alone(forge: Path, tmp_path: Path) -> None:
    root = tmp_path / "repository"
    runs.call(forge, "git", "clone", "-q", "repository", str(root))
    runs.call(root, "git", "branch", "-q", "main", "origin/main")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    stated = [*project["dependencies"], *project["optional-dependencies"]["compare"]]
    installed = close({canonicalize_name(Requirement(text).name) for text in stated})
    absent = [
        module
        for module, packages in packages_distributions().items()
        if not {canonicalize_name(name) for name in packages} & installed
    ]
    # property: the workflow installs these alone, and neither torch nor a model
    assert {"torch", "transformers"} <= set(absent)
    command = [sys.executable, "-c", ALONE, *(name for name in absent if name != "lectern")]
    environment = warm.environment(PYTHONPATH=str(ROOT))
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (root / "out/comparison.md").is_file()


class Issues(BaseHTTPRequestHandler):
    """The part of GitHub's API that has the comments of a pull request."""

    comments: ClassVar[list[dict[str, Any]]]
    asked: ClassVar[list[tuple[str, str]]]

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        given = json.loads(body) if body else {}
        assert self.headers["Authorization"] == "Bearer secret"
        self.asked.append((self.command, self.path))
        if self.command == "GET":
            found: Any = self.comments if self.path.endswith("page=1") else []
        elif self.command == "POST":
            found = {"id": 100 + len(self.comments), "user": {"type": "Bot"}, **given}
            self.comments.append(found)
        else:
            found = next(one for one in self.comments if self.path.endswith(f"/comments/{one['id']}"))
            found.update(given)
        content = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = answer  # noqa: N815

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def issues() -> Iterator[tuple[type[Issues], str]]:
    class Own(Issues):
        comments: ClassVar[list[dict[str, Any]]] = []
        asked: ClassVar[list[tuple[str, str]]] = []

    with ThreadingHTTPServer(("127.0.0.1", 0), Own) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Own, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_comment_is_written_once_and_then_anew(tmp_path: Path, issues: tuple[type[Issues], str]) -> None:
    api, address = issues
    api.comments.append({"id": 1, "user": {"type": "User"}, "body": "<!-- lectern compare -->\nNot mine"})
    runner = Runner(tmp_path, {"github.token": "secret", "github.event.pull_request.number": "7"})
    (tmp_path / "comparison").mkdir()
    for text in ("# First", "# Second"):
        (tmp_path / "comparison/comparison.md").write_text(text)
        done = runner.run(
            "comment",
            "Write the comment, or write it anew",
            GITHUB_API_URL=address,
            GITHUB_REPOSITORY="you/lectern",
        )
        assert done.returncode == 0, done.stderr
    # property: one comment of the gate's own, with the last comparison; a person's is left alone
    assert [one["body"] for one in api.comments] == [
        "<!-- lectern compare -->\nNot mine",
        "<!-- lectern compare -->\n# Second",
    ]
    assert ("POST", "/repos/you/lectern/issues/7/comments") in api.asked


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_expression_stands_in_a_script(path: Path) -> None:
    # property: a title, a branch name or an input is a variable's value, and never code of a shell
    scripts = [step["run"] for job in read(path)["jobs"].values() for step in job["steps"] if "run" in step]
    assert scripts
    assert not [script for script in scripts if "${{" in script]


def test_the_gate_has_the_least_permissions() -> None:
    workflow = read(GATE)
    assert workflow["permissions"] == {}
    granted = {name: job["permissions"] for name, job in workflow["jobs"].items()}
    assert granted == {"compare": {"contents": "read"}, "comment": {"pull-requests": "write"}}

    def mentions(what: Mapping[str, Any], word: str) -> list[str]:
        return [step.get("name", "") for step in what["steps"] if word in json.dumps(step)]

    # property: the remote's keys are seen by the one step that reads it, the token by the one that comments
    assert mentions(workflow["jobs"]["compare"], "secrets.") == ["Compare"]
    assert mentions(workflow["jobs"]["comment"], "secrets.") == []
    assert all(
        step["with"]["persist-credentials"] is False
        for step in workflow["jobs"]["compare"]["steps"]
        if step.get("uses", "").startswith("actions/checkout")
    )
