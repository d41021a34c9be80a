"""The folders of lectern/ are layers: each imports itself and what stands before it, and no step of the pipeline."""

import ast
import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

ROOT = Path(__file__).parents[2]
# From the ground up; docs/how-it-works.md says what each is for.
LAYERS = (
    "core",
    "text",
    "settings",
    "models",
    "llm",
    "formats",
    "sources",
    "speech",
    "conversations",
    "passages",
    "examples",
    "teaching",
    "curation",
    "retrieval",
    "training",
    "answering",
    "evaluation",
    "report",
    "publishing",
    "apps",
    "tools",
)


def imported(path: Path) -> set[str]:
    """What a file imports, at the top or inside a function; `from a import b` counts as a.b."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative imports hide the layer"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def find_forbidden(root: Path) -> list[str]:
    """Each import of the library below `root` that goes up to a later layer, to a step or out of the library's map."""
    found = []
    for path in sorted((root / "lectern").rglob("*.py")):
        inside = path.relative_to(root / "lectern").parts
        rank = LAYERS.index(inside[0]) if len(inside) > 1 else len(LAYERS)
        for name in sorted(imported(path)):
            top, *rest = name.split(".")
            if top == "stages" or (top == "lectern" and rest and rest[0] not in LAYERS[: rank + 1]):
                found.append(f"{path.relative_to(root)} imports {name}")
    return found


def test_no_folder_imports_a_later_layer_or_a_step() -> None:
    assert find_forbidden(ROOT) == []


@pytest.mark.parametrize(
    "line",
    [
        "from lectern.tools import trace",  # a tool
        "from lectern.text.words import words",  # a later layer
        "import lectern.apps.web.server",
        "def load():\n    from stages import fetch",  # a step, inside a function
        "from lectern.elsewhere import thing",  # a folder that the table does not name
    ],
)
def test_a_forbidden_import_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "lectern/core").mkdir(parents=True)
    (tmp_path / "lectern/core/io.py").write_text(
        "import json\nfrom lectern.core.errors import LecternError\n"
    )
    assert find_forbidden(tmp_path) == []
    (tmp_path / "lectern/core/new.py").write_text(line + "\n")
    assert len(find_forbidden(tmp_path)) == 1


def test_every_folder_is_a_layer_and_says_what_it_is_for() -> None:
    folders = {path.parent.name for path in (ROOT / "lectern").glob("*/__init__.py")}
    assert folders == set(LAYERS)
    for layer in LAYERS:
        tree = ast.parse((ROOT / "lectern" / layer / "__init__.py").read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), f"lectern/{layer}/__init__.py says nothing"


def test_the_table_of_the_layers_for_people_is_this_one() -> None:
    table = re.findall(
        r"^\| `(\w+)` \|", (ROOT / "docs/how-it-works.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert tuple(table) == LAYERS


def test_stages_holds_the_steps_of_the_pipeline_and_nothing_else() -> None:
    steps = set(OmegaConf.load(ROOT / "dvc.yaml").stages)
    files = {path.name for path in (ROOT / "stages").iterdir() if path.name != "__pycache__"}
    assert files == {f"{step}.py" for step in steps} | {"__init__.py"}
    for step in sorted(steps):
        names = imported(ROOT / f"stages/{step}.py")
        assert not any(name.startswith("stages.") for name in names), f"{step} imports another step"


def test_a_step_is_short() -> None:
    # What is longer than a screen belongs to the library, where it can be tested and found.
    long = {
        path.name: count
        for path in (ROOT / "stages").glob("*.py")
        if (count := len(path.read_text().splitlines())) > 90
    }
    assert long == {}
