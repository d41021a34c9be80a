"""What the project itself has in data/. The rest there is its user's, and no test may depend on it."""

import shutil
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    "checklist.docx", "glossary.txt", "handbook.epub", "notes.md", "protocol.pdf", "questions.html",
    "seminar.pptx", "zhurnal.txt", "zufallszahlen.txt",
)  # fmt: skip
"""The files of data/sources/documents that are read; each has an info.json beside it."""
_PATTERNS = (
    "data/sources/demo/talk-*",
    "data/sources/smoke/smoke-*",
    "data/sources/tables/glossary.csv",
    "data/corrections/talks.csv",
    "data/sources/*/script.yaml",
    *(f"data/sources/documents/{name.partition('.')[0]}.*" for name in DOCUMENTS),
    "data/sources/*.py",
    *(f"data/{name}/talks*.jsonl" for name in ("evals", "labels", "openings")),
    *(f"data/general/{name}.jsonl" for name in ("passages", "questions", "refusals")),
)


def is_shipped(name: str) -> bool:
    """Whether a file, by its path below the repository, is the project's."""
    path = PurePosixPath(name)
    if path.parts[0] != "data" or path.name in ("README.md", ".gitignore"):
        return True
    return any(path.match(pattern) for pattern in _PATTERNS)


def copy_documents(folder: Path) -> None:
    """Copy the documents, and what is known of them, into a new folder."""
    folder.mkdir(parents=True)
    for name in DOCUMENTS:
        for path in (ROOT / "data/sources/documents").glob(f"{name.partition('.')[0]}.*"):
            shutil.copy(path, folder)
