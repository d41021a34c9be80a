"""Notebooks run from beginning to end over a finished run, and change nothing in it."""

from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.conftest import ROOT, Checkout

pytestmark = pytest.mark.slow
NAMES = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))


def run_notebook(notebook: Path, folder: Path) -> list[dict[str, Any]]:
    """Run all cells as a notebook server would that was started in `folder`; return the cells with their outputs."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    book = nbformat.read(notebook, as_version=4)
    client = NotebookClient(
        book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    try:
        client.execute()
    except CellExecutionError as error:
        failed = next(
            number
            for number, cell in enumerate(book.cells)
            if any(output.output_type == "error" for output in cell.get("outputs", []))
        )
        pytest.fail(
            f"{notebook.name}, cell {failed}: {error.ename}: {error.evalue}\n{book.cells[failed].source}"
        )
    return [dict(cell) for cell in book.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_over_a_finished_run_and_changes_nothing(
    fork: Checkout, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    before = fork.outputs()
    cells = run_notebook(fork.root / "notebooks" / name, fork.root / "notebooks")
    # property: it draws, and it leaves no byte behind
    assert any("image/png" in output.get("data", {}) for cell in cells for output in cell["outputs"])
    assert fork.outputs() == before
    assert fork.run("git", "status", "--porcelain").stdout == ""
