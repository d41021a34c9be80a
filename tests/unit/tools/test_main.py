"""The command line as a whole: its help, its errors, the shell's completion, and which copy of the code it runs."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from lectern.core.errors import LecternError
from lectern.tools import main as cli
from lectern.tools import times, update
from lectern.tools.terminal import Command

ROOT = Path(__file__).parents[3]
HEAVY = {"torch", "transformers", "numpy", "pydantic", "omegaconf", "dvc", "yaml"}
COPY = "import pathlib\nprint(pathlib.Path(__file__).parents[{}].name)"
"""A program that tells in which copy of a project it stands."""


def walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Each command that does something, with what one types to call it."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from walk(inner, f"{path} {name}")


COMMANDS = dict(walk(cli.lectern, "lectern"))


def run(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m lectern` as a process, with the code of this tree."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-m", "lectern", *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)


def call(*arguments: str) -> int:
    """The exit status of a command in this process."""
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    return ended.value.code if isinstance(ended.value.code, int) else 0


def test_the_list_has_each_command_under_its_subject() -> None:
    with click.Context(cli.lectern, info_name="lectern") as context:
        help_text = cli.lectern.get_help(context)
    subjects = [line.rstrip(":") for line in help_text.splitlines() if line.endswith(":") and line[0] != " "]
    assert subjects == ["Options", *cli.SUBJECTS, "Examples"]
    files = {path.stem.replace("_", "-") for path in (ROOT / "lectern/tools").glob("*.py")}
    assert set(cli.SUMMARIES) == files - {"--init--", "main", "terminal", "install", "torch-build"}


@pytest.mark.parametrize("name", list(cli.SUMMARIES))
def test_the_list_says_what_the_command_s_own_help_says_first(name: str) -> None:
    command = cli.lectern.get_command(click.Context(cli.lectern), name)
    assert command is not None
    assert command.name == name
    assert (command.help or "").partition(".\n")[0].rstrip(".") == cli.SUMMARIES[name]


@pytest.mark.parametrize("path", list(COMMANDS))
def test_each_argument_and_option_is_explained(path: str) -> None:
    for parameter in COMMANDS[path].params:
        assert isinstance(parameter, click.Argument | click.Option)
        assert parameter.help, parameter.name
        assert parameter.help.endswith((".", "]")), parameter.help


@pytest.mark.parametrize("path", list(COMMANDS))
def test_each_example_can_be_typed(path: str) -> None:
    command = COMMANDS[path]
    assert isinstance(command, Command)
    assert command.examples
    for example in command.examples:
        words = shlex.split(example, comments=True)
        begin = words.index("lectern") if "lectern" in words else None
        if begin is None:  # within a quoted word: a line for a shell's own file
            assert "$(lectern " in example
            continue
        words = words[begin:]
        end = min((words.index(stop) for stop in ("&&", "|", ">", ">>") if stop in words), default=None)
        typed = words[len(path.split()) : end]
        assert words[: len(path.split())] == path.split()
        command.make_context(path, typed)  # raises where an option does not exist


@pytest.mark.parametrize("arguments", [["--help"], ["trace", "--help"]])
def test_the_help_needs_no_heavy_library(arguments: list[str]) -> None:
    done = run(*arguments, PYTHONPROFILEIMPORTTIME="1")
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "click" in imported
    assert imported & HEAVY == set()


def test_no_command_loads_torch_before_it_is_called() -> None:
    code = (
        "import sys, importlib; from lectern.tools.main import SUMMARIES as names\n"
        "for name in names: importlib.import_module('lectern.tools.' + name.replace('-', '_'))\n"
        "print({'torch', 'transformers', 'nicegui', 'dvc'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trase"], "lectern: error: No such command 'trase'. Did you mean 'trace'?"),
        (["trace"], "lectern trace: error: Missing argument 'ROW'."),
        (
            ["push", "--realy"],
            "lectern push: error: No such option '--realy'. (Did you mean one of: '--really'?)",
        ),
        (["serve", "--port", "x"], "lectern serve: error: Invalid value for '--port'"),
        (["voices", "remember", "a"], "lectern voices remember: error: Missing argument 'SPEAKER'."),
    ],
)
def test_wrong_usage_is_said_in_a_line_and_ends_with_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*arguments) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(message.split(" (Did")[0])
    assert second.startswith("Try `lectern")


def fail_by(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def raising(*_: object) -> str:
        raise error

    monkeypatch.setattr(times, "main", raising)


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (LecternError("no such file"), 1, "lectern times: error: no such file\n"),
        (LecternError("a\nb"), 1, "lectern times: error: a\nb\n"),
        (
            LecternError("\x1b[2J\u202ename"),
            1,
            "lectern times: error: [2Jname\n",
        ),
        (
            PermissionError(13, "Permission denied", "params.yaml"),
            1,
            "lectern times: error: params.yaml: Permission denied\n",
        ),
        (
            ModuleNotFoundError("x", name="nicegui.ui"),
            1,
            "lectern times: error: the package 'nicegui.ui' is not installed. `make setup` installs what most need, "
            "`make extras` the rest.\n",
        ),
        (KeyboardInterrupt(), 130, "lectern times: interrupted\n"),
    ],
)
def test_what_is_expected_to_go_wrong_is_said_without_a_traceback(
    error: BaseException,
    status: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fail_by(error, monkeypatch)
    assert call("times") == status
    assert capsys.readouterr().err == message


def test_an_error_of_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = [ModuleNotFoundError("x", name=name) for name in ("lectern.nowhere", "stages.nowhere")]
    for error in (ValueError("x"), OSError("x"), *ours):
        fail_by(error, monkeypatch)
        with pytest.raises(type(error)):
            cli.main(["times"])


def test_ctrl_c_says_what_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "params.yaml").write_text("corpus: {name: x, sources: [], allow_failed: 0.0}\n")
    monkeypatch.chdir(tmp_path)

    def stop(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(update, "main", stop)
    assert call("update") == 130
    said = capsys.readouterr().err
    assert said.startswith("lectern update: interrupted; what came is kept")


def test_without_a_command_it_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert call() == 2
    assert "Housekeeping:" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", ["--help", "times", "completion bash"])
def test_a_reader_that_ends_early_is_no_error(arguments: str) -> None:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        f"{sys.executable} -m lectern {arguments} | true",
        env=env,
        shell=True,
        executable="/bin/bash",
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""


def test_below_the_project_it_says_where_to_go(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "notes").mkdir()
    done = run("times", cwd=tmp_path / "notes")
    assert done.returncode == 2
    assert f"cd {tmp_path}\n" in done.stderr
    assert run("completion", "bash", cwd=tmp_path / "notes").returncode == 0
    assert run("times", cwd=tmp_path).returncode == 0


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `lectern` and a `python` that has this environment's packages, as in .venv/bin."""
    folder = tmp_path_factory.mktemp("project") / ".venv/bin"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "lectern/tools/launcher.sh", folder / "lectern")
    (folder / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder / "python").chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("typed", "proposed"),
    [
        (["lectern", "tr"], ["trace"]),
        (["lectern", "push", "--"], ["--really", "--dirty", "--help"]),
        (["lectern", "serve", "--engine", "l"], ["llama_cpp"]),
        (["lectern", "voices", "re"], ["remember"]),
    ],
)
def test_bash_completes_commands_options_and_choices(
    installed: Path, typed: list[str], proposed: list[str]
) -> None:
    words = " ".join(map(shlex.quote, typed))
    script = (
        'eval "$(lectern completion bash)"\n'
        f"COMP_WORDS=({words}); COMP_CWORD={len(typed) - 1}\n"
        f"_lectern_completion lectern {shlex.quote(typed[-1])} {shlex.quote(typed[-2])}\n"
        "printf '%s\\n' \"${COMPREPLY[@]}\"; complete -p lectern >&2"
    )
    env = {**os.environ, "PATH": f"{installed}:{os.environ['PATH']}", "PYTHONPATH": ""}
    done = subprocess.run(
        ["bash", "--norc", "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == proposed
    assert "_lectern_completion" in done.stderr, "bash knows whom to ask"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_get_a_script_of_their_own(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("completion", shell) == 0
    assert f"_LECTERN_COMPLETE={shell}_complete" in capsys.readouterr().out


def make_copies(root: Path, file: str) -> None:
    """Two projects of one program each: `root`, and a copy of it below .dvc/tmp, as DVC makes it."""
    for project in (root, root / ".dvc/tmp/copy"):
        path = project / file
        path.parent.mkdir(parents=True)
        path.write_text(COPY.format(len(Path(file).parts) - 1))
        for package in [path.parent, *path.parent.parents][: len(Path(file).parts) - 1]:
            (package / "__init__.py").touch()


def test_the_launcher_runs_the_code_of_the_folder_where_it_is_called(installed: Path, tmp_path: Path) -> None:
    root = installed.parents[1]
    make_copies(root, "lectern/__main__.py")
    (tmp_path / "lectern.py").write_text("print('a file of somebody else')")
    for folder, expected in ((root, root.name), (root / ".dvc/tmp/copy", "copy"), (tmp_path, root.name)):
        done = subprocess.run([installed / "lectern"], cwd=folder, capture_output=True, text=True, check=True)
        assert done.stdout == f"{expected}\n"


def test_the_script_that_pip_installs_runs_the_code_of_a_copy(tmp_path: Path) -> None:
    make_copies(tmp_path, "lectern/tools/main.py")
    copy = tmp_path / ".dvc/tmp/copy"
    (copy / "lectern/__main__.py").write_text("import lectern.tools.main")
    script = [sys.executable, "-P", "-c", "from lectern.tools.main import run; run()", "--help"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    here = subprocess.run(script, cwd=ROOT, env=env, capture_output=True, text=True)
    assert here.stdout.startswith("Usage: lectern")
    there = subprocess.run(script, cwd=copy, env=env, capture_output=True, text=True)
    assert there.stdout == "copy\n"
