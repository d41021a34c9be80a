"""Documents in a folder: names, what is known of them, and files of one stem."""

import json
from pathlib import Path

import pytest

from lectern.core import io, items
from lectern.core.errors import LecternError
from lectern.core.schema import Source
from lectern.formats import extraction
from lectern.settings.corpus import Corpus
from lectern.settings.sources import DocumentsSource
from lectern.sources import documents
from stages import fetch
from tests.settings import configure


def run(folder: Path, out: Path, allow_failed: float = 0.0) -> items.SyncResult:
    sources = [{"kind": "documents", "path": str(folder)}]
    return fetch.main(configure(Corpus, name="test", sources=sources, allow_failed=allow_failed), out)


def record(out: Path, name: str) -> Source:
    return io.read_json(out / name / "item.json", Source)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shelf"
    (folder / "Über uns").mkdir(parents=True)
    return folder


def test_a_document_comes_with_what_is_known_of_it(folder: Path, tmp_path: Path) -> None:
    (folder / "guide.pdf").write_bytes(b"%PDF-1.7 bytes")
    info = {
        "title": "Größe",
        "url": "https://e.org/g",
        "license": "CC0-1.0",
        "author": "Ada",
        "language": "de",
    }
    (folder / "guide.info.json").write_text(json.dumps(info))
    assert str(run(folder, tmp_path / "raw")) == "made 1, kept 0, removed 0, failed 0"
    found = record(tmp_path / "raw", "guide-pdf")
    assert (tmp_path / "raw" / "guide-pdf" / "document.pdf").read_bytes() == b"%PDF-1.7 bytes"
    assert found == Source(
        item="guide-pdf",
        kind="documents",
        title="Größe",
        url="https://e.org/g",
        licence="CC0-1.0",
        author="Ada",
        language="de",
        document="document.pdf",
    )


def test_files_of_one_stem_are_several_items_and_may_share_what_is_known(
    folder: Path, tmp_path: Path
) -> None:
    for suffix in (".pdf", ".md", ".txt", ".HTML"):
        (folder / f"guide{suffix}").write_text("text")
    (folder / "guide.info.json").write_text('{"title": "All"}')
    (folder / "guide.md.info.json").write_text('{"title": "One"}')
    run(folder, tmp_path / "raw")
    titles = {
        path.parent.name: io.read_json(path, Source).title for path in (tmp_path / "raw").glob("*/item.json")
    }
    assert len(titles) == 4
    assert titles["guide-md"] == "One"
    assert sorted(titles.values()) == ["All", "All", "All", "One"]


def test_names_are_safe_and_a_new_file_renames_no_other(folder: Path, tmp_path: Path) -> None:
    (folder / "Über uns" / "Größe & Maß.txt").write_text("text")
    (folder / "a.txt").write_text("text")
    before = {item.id for item in documents.list_items(DocumentsSource(str(folder)))}
    (folder / "a.md").write_text("text")
    after = {item.id for item in documents.list_items(DocumentsSource(str(folder)))}
    assert before < after
    assert all(name.isascii() and "/" not in name and " " not in name for name in after)


def test_what_is_no_document_is_left_alone(folder: Path, tmp_path: Path) -> None:
    for name in (
        "a.md",
        "~$a.docx",
        ".hidden.txt",
        "talk.mp3",
        "talk.description.txt",
        "a.info.json",
        "script.yaml",
    ):
        (folder / name).write_text("{}")
    assert [item.id for item in documents.list_items(DocumentsSource(str(folder)))] == ["a-md"]


def test_an_empty_or_missing_folder_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(LecternError, match="holds no document"):
        run(folder, tmp_path / "raw")
    with pytest.raises(LecternError, match="is not a folder"):
        run(folder / "none", tmp_path / "raw")


def test_broken_information_fails_that_document_alone(folder: Path, tmp_path: Path) -> None:
    (folder / "a.md").write_text("text")
    (folder / "b.md").write_text("text")
    (folder / "b.info.json").write_text("[1]")
    assert run(folder, tmp_path / "raw", allow_failed=0.5).failed == 1
    assert record(tmp_path / "raw", "a-md").title == ""


def test_every_kind_of_file_that_is_listed_has_a_reader() -> None:
    assert set(extraction.FORMATS) == documents.EXTENSIONS
