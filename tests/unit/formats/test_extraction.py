"""The stage extract: from data/raw to records, item by item."""

import json
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lectern.core import io, items
from lectern.core.compute import IN_PROCESS, Workers
from lectern.core.errors import LecternError
from lectern.core.limits import Limits
from lectern.core.schema import Document, Source
from lectern.formats import extraction
from lectern.settings.corpus import Corpus
from lectern.settings.extract import Extract
from stages import extract, fetch
from tests.settings import configure
from tests.support import shipped
from tests.warm import workers

SHIPPED = Path("data/sources/documents")


def put(
    raw: Path, name: str, text: str | bytes, suffix: str = ".md", kind: str = "documents", **known: str
) -> None:
    (raw / name).mkdir(parents=True, exist_ok=True)
    (raw / name / f"document{suffix}").write_bytes(text.encode() if isinstance(text, str) else text)
    values = {"item": name, "kind": kind, "title": "", "document": f"document{suffix}", **known}
    (raw / name / "item.json").write_text(json.dumps(values))


def run(tmp_path: Path, compute: Workers | None = None, **options: float) -> items.SyncResult:
    out, metrics = tmp_path / "documents", tmp_path / "metrics.json"
    params = configure(Extract, **options)
    return extract.main(params, tmp_path / "raw", out, metrics, compute or IN_PROCESS)


def result(tmp_path: Path, name: str) -> Document:
    return io.read_json(tmp_path / "documents" / f"{name}.json", Document)


def everything(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


def test_the_shipped_documents_become_records_and_figures(tmp_path: Path) -> None:
    shipped.copy_documents(tmp_path / "sources")
    sources = [{"kind": "documents", "path": str(tmp_path / "sources")}]
    fetch.main(configure(Corpus, name="test", sources=sources), tmp_path / "raw")
    made = run(tmp_path).made
    assert made == len(shipped.DOCUMENTS)
    documents = [io.read_json(path, Document) for path in items.read(tmp_path / "documents").values()]
    assert {document.language for document in documents} == {"en", "de", "ru"}
    assert all(document.title and document.url and document.site is None for document in documents)
    figures = json.loads((tmp_path / "metrics.json").read_text())
    assert figures["documents"] == len(shipped.DOCUMENTS) == sum(figures["formats"].values())
    assert figures["blocks"] == sum(len(document.blocks) for document in documents)
    assert figures["headers_removed"] == 8, "the PDF has four pages, each with a header and a footer"


def test_pages_run_upwards_and_only_where_there_are_pages(tmp_path: Path) -> None:
    for name, suffix in (("protocol", ".pdf"), ("seminar", ".pptx"), ("notes", ".md")):
        put(tmp_path / "raw", name, (SHIPPED / f"{name}{suffix}").read_bytes(), suffix)
    run(tmp_path)
    for name, pages in (("protocol", [1, 2, 3, 4]), ("seminar", [1, 2, 3, 4, 5]), ("notes", [None])):
        found = [block.page for block in result(tmp_path, name).blocks]
        assert list(dict.fromkeys(found)) == pages


def test_titles_languages_and_sites(tmp_path: Path) -> None:
    page = "<html lang=de-AT><title>Own | Site</title><body><h1>Own</h1><p>" + "Ein Satz über Läufe. " * 20
    raw = tmp_path / "raw"
    put(
        raw,
        "web",
        page,
        ".html",
        "website",
        title="crawled",
        url="https://Example.org:8080/x?y",
        language="fr",
    )
    put(raw, "named", "# Own", title="Given")
    put(raw, "own", "Text first\n\n## Lower\n\n# Own")
    put(raw, "opening", "Just a line of text\n\nand another", ".txt")
    put(raw, "page", page, ".html")
    run(tmp_path)
    found = {name: result(tmp_path, name) for name in ("web", "named", "own", "opening", "page")}
    assert {name: document.title for name, document in found.items()} == {
        "web": "Own",
        "named": "Given",
        "own": "Own",
        "opening": "Just a line of text",
        "page": "Own",
    }
    assert (found["web"].site, found["web"].language) == ("example.org", "fr")
    assert (found["page"].site, found["page"].language) == (None, "de")
    assert found["named"].language is None


def test_a_bad_document_is_named_with_its_reason_and_the_others_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "raw", "good", "# Title")
    put(tmp_path / "raw", "bad", b"%PDF-1.4 cut", ".pdf")
    with pytest.raises(LecternError, match=r"bad/document\.pdf: incomplete.*Fetch it again"):
        run(tmp_path)
    assert run(tmp_path, allow_failed=0.5).failed == 1
    assert result(tmp_path, "good").blocks[0].text == "Title"
    assert json.loads((tmp_path / "metrics.json").read_text())["documents"] == 1


def test_other_items_are_not_looked_at(tmp_path: Path) -> None:
    talk = tmp_path / "raw" / "talk"
    talk.mkdir(parents=True)
    io.write_json(talk / "item.json", Source(item="talk", kind="media", title="Talk", media="talk.mp3"))
    assert str(run(tmp_path)) == "made 0, kept 0, removed 0, failed 0"
    assert json.loads((tmp_path / "metrics.json").read_text())["documents"] == 0
    put(tmp_path / "raw", "lost", "text")
    (tmp_path / "raw" / "lost" / "document.md").unlink()
    with pytest.raises(LecternError, match="not beside it"):
        run(tmp_path)


def test_an_incremental_run_leaves_the_bytes_of_a_clean_one(tmp_path: Path) -> None:
    chance = random.Random(3)
    raw = tmp_path / "raw"
    for step in range(6):
        for _ in range(3):
            name = f"doc{chance.randint(1, 6)}"
            if chance.random() < 0.3:
                shutil.rmtree(raw / name, ignore_errors=True)
            else:
                put(
                    raw, name, f"# Title {step}\n\nText {chance.random()}", title=chance.choice(["", "Given"])
                )
        run(tmp_path)
        incremental = everything(tmp_path / "documents")
        shutil.rmtree(tmp_path / "documents")
        run(tmp_path)
        assert everything(tmp_path / "documents") == incremental


def test_worker_processes_write_the_same_bytes(tmp_path: Path) -> None:
    for name, suffix in (
        ("protocol", ".pdf"),
        ("checklist", ".docx"),
        ("questions", ".html"),
        ("zhurnal", ".txt"),
    ):
        put(tmp_path / "raw", name, (SHIPPED / f"{name}{suffix}").read_bytes(), suffix)
    run(tmp_path)
    alone = everything(tmp_path / "documents")
    shutil.rmtree(tmp_path / "documents")
    run(tmp_path, replace(IN_PROCESS, workers=2))
    assert everything(tmp_path / "documents") == alone


@pytest.mark.parametrize("options", [{"allow_failed": 1.5}, {"allow_failed": -0.1}, {"max_megabytes": 0}])
def test_parameters_out_of_bounds_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        configure(Extract, **options)


def test_a_document_that_harms_its_reader_is_one_named_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.benchmarks import fuzz

    monkeypatch.setattr(extraction, "LIMITS", Limits(seconds=1, megabytes=100, written=20))
    raw = tmp_path / "raw"
    put(raw, "a-good", "# One\n\nSome text.\n")
    # a part of Word's whose name hides that it is text
    put(raw, "b-part", fuzz.word(b" " * 150_000_000, "word__main_dat"), ".docx")
    put(raw, "c-chapter", fuzz.book(b"<p>word</p>" * 10_000_000, name="a_dat"), ".epub")
    put(raw, "d-spine", fuzz.book(b"<p>word</p>" * 20_000, b'<itemref idref="a"/>' * 2_000), ".epub")
    put(raw, "e-picture", fuzz._slides(bytes(150_000_000)), ".pptx")
    put(raw, "f-content", fuzz.pdf(fuzz.zeros(300)), ".pdf")
    put(raw, "g-forms", dict(fuzz.forms())["nested forms.pdf"], ".pdf")
    put(raw, "h-good", "# Two\n\nSome text.\n")
    began = workers.seconds()
    assert run(tmp_path, allow_failed=1.0).made >= 2
    assert workers.seconds() - began < 20
    assert {"a-good", "h-good"} <= set(items.read(tmp_path / "documents"))
    entries = json.loads((tmp_path / "documents/_manifest.json").read_text())["items"]
    errors = {name: entry["error"] for name, entry in entries.items() if "error" in entry}
    for name, error in errors.items():
        known = (
            "it took more than 1 s",
            "reading it takes more memory",
            "its reader crashed",
            f"{name}/document",
        )
        assert error.startswith(known)
    assert {"b-part", "c-chapter", "d-spine", "e-picture", "g-forms"} <= set(errors)
