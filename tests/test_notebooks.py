"""Notebooks are clean in git and only read; tests/pipeline/test_notebooks.py runs them."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WRITING = (
    "write",
    "to_",
    "save",
    "unlink",
    "rename",
    "replace",
    "rmtree",
    "mkdir",
    "remove",
    "touch",
    "copy",
    "system",
)
"""How the names of functions begin that would leave something behind."""
HARMLESS = {"to_numpy", "to_list", "to_dict", "to_string", "to_datetime"}


def code_of(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def list_calls(source: str) -> set[str]:
    """The names of what a cell calls, without what stands before the last dot."""
    calls = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return {getattr(call, "attr", getattr(call, "id", "")) for call in calls}


def test_there_are_notebooks() -> None:
    assert [path.name for path in NOTEBOOKS] == ["compare_runs.ipynb", "transcripts.ipynb"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_no_outputs_and_only_reads(notebook: Path) -> None:
    content: dict[str, Any] = json.loads(notebook.read_text(encoding="utf-8"))
    remedy = f"clear them: jupyter nbconvert --clear-output --inplace {notebook.relative_to(ROOT)}"
    for cell in content["cells"]:
        assert not cell.get("outputs"), f"{notebook.name} carries outputs; {remedy}"
        assert cell.get("execution_count") is None, f"{notebook.name} carries execution counts; {remedy}"
        assert cell["metadata"] == {}, f"{notebook.name}: a cell carries metadata of an editor"
    assert content["metadata"]["kernelspec"]["name"] == "python3"
    # property: nothing is written and no shell is called; `ast` would not parse a line of `!` or `%`
    for source in code_of(notebook):
        suspects = {name for name in list_calls(source) if name.startswith(WRITING)} - HARMLESS
        assert not suspects, f"{notebook.name} calls {', '.join(sorted(suspects))}, and notebooks only read"


def test_a_call_that_writes_would_be_seen() -> None:
    assert {"write_text", "to_csv"} <= list_calls("Path('x').write_text('y')\nframe.to_csv('z')")
    with pytest.raises(SyntaxError):
        list_calls("!rm x")
