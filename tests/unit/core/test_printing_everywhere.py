"""No text of a stranger acts on the terminal: whatever is printed goes through `lectern.core.printing`."""

import ast
from pathlib import Path

import pytest

from lectern.core import io, items, printing, stage
from lectern.core.errors import LecternError

OWN = {
    "lectern/core/printing.py": "it is the way",
    "lectern/tools/terminal.py": "its `tell` makes the text safe",
    "lectern/tools/main.py": "it makes the text safe",
    "lectern/tools/show_row.py": "it shows every invisible character as a code, and colours the rest",
    "lectern/tools/completion.py": "a script for the shell, without a value of anybody's",
    "lectern/tools/torch_build.py": "read by the Makefile",
    "lectern/tools/install.py": "before anything is installed",
    "lectern/models/bundled.py": "names of packaged models",
    "lectern/sources/crawl/process.py": "JSON for the process that started it",
}
"""Modules that may print by themselves, and why."""
ESCAPES = "\x1b]0;taken\x07\x1b[2J\x9b31m\u202e\rcurate: all is well\ncurate: all is well"


def prints(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return any(
        (isinstance(call, ast.Name) and call.id == "print")
        or (isinstance(call, ast.Attribute) and ast.unparse(call) in PRINTERS)
        for call in calls
    )


PRINTERS = {
    "sys.stdout.write",
    "sys.stderr.write",
    "traceback.print_exception",
    "traceback.print_exc",
    "click.echo",
}


def test_nothing_is_printed_in_another_way() -> None:
    modules = [*Path("lectern").rglob("*.py"), *Path("stages").glob("*.py")]
    assert len(modules) > 200
    assert {str(path) for path in modules if prints(path)} == set(OWN)


def assert_harmless(shown: str, own: str) -> None:
    assert "taken" in shown
    assert not any(char in shown for char in "\x1b\x07\x9b\u202e\r")
    assert all(line.startswith((own, "  ")) for line in shown.splitlines() if line), shown


@pytest.mark.parametrize("out", ["say", "warn"])
def test_a_text_cannot_act_or_pose_as_another_message(out: str, capfd: pytest.CaptureFixture[str]) -> None:
    getattr(printing, out)(f"fetch: {ESCAPES}")
    assert_harmless("".join(capfd.readouterr()), "fetch: ")


def test_an_error_of_a_stage_is_harmless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    def fail() -> None:
        raise LecternError(f"the column {ESCAPES} is missing")

    with pytest.raises(SystemExit):
        stage.run("fetch", fail)
    assert_harmless(capfd.readouterr().err, "fetch: error: ")


def test_an_item_that_fails_is_told_harmlessly(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def make(item: items.Item, path: Path) -> None:
        raise ValueError(ESCAPES)

    source = tmp_path / "a.txt"
    io.write_text(source, "a")
    with pytest.raises(LecternError):
        items.sync(
            [items.Item("a", {"text": source})],
            tmp_path / "extract",
            lambda: make,
            suffix=".txt",
            params={},
            code=(),
        )
    shown = capfd.readouterr().err
    assert "failed" in shown
    assert not any(char in shown for char in "\x1b\x07\x9b\u202e\r")
