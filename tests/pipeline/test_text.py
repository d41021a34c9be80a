"""Pages, documents, tables and talks in one corpus: from the crawl to the report, by both recipes for texts."""

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from lectern.core import io, items
from lectern.core.schema import Decision, Document, Example, Passage, Source
from tests.pipeline import teacher
from tests.pipeline.conftest import Checkout, check_out
from tests.support import site

pytestmark = pytest.mark.slow

OFFLINE = (
    "train=smoke",
    "generate.max_new_tokens=16",
    "generate.background=4",
    "reword.count=2",
    "forget.words=300",
    "forget.questions=4",
    "forget.refusals=2",
    "judging.labels=[]",
    "rate.calibrate=false",
)
EMBEDDED = (
    "teacher=embedded",
    "judge=embedded",
    "teacher.max_tokens=192",
    "judge.max_tokens=192",
    "curate.min_rating=null",  # the small judge gives all rows the lowest
    "rate.reasons=false",
    "judge@cleaner=embedded",
    "cleaner.max_tokens=48",
    "judge@comparators.gpt.endpoint=embedded",
    "judging.reasons=false",
    "judging.most=2",
)
NOTES = "data/sources/documents/greenhouse.md"
FIRST = """# Notes on the greenhouse

## Heating

The greenhouse is heated by a wood stove that burns through the night from November to March. It is lit at four in the
afternoon and holds twelve degrees until the morning, if the glass is covered with straw mats. The ash goes on the beds.

## Watering

Rain from the roof is led into two barrels of two hundred litres each. The tomatoes are watered every second day, in the
morning, at the root and never on the leaves. In a dry summer the barrels are empty after nine days.
"""


def add_corpus(checkout: Checkout, *sources: dict[str, object]) -> None:
    """Write conf/corpus/everything.yaml: these sources beside two talks, the documents and the table of the project."""
    talks = checkout.root / "data/sources/talks"
    talks.mkdir(parents=True, exist_ok=True)
    for path in (checkout.root / "data/sources/smoke").glob("smoke-0[12]*"):
        shutil.copy(path, talks)
    (checkout.root / NOTES).write_text(FIRST)
    everything = [
        {"kind": "media", "path": "data/sources/talks"},
        {"kind": "documents", "path": "data/sources/documents"},
        {"kind": "table", "path": "data/sources/tables", "parts": 6},
        *sources,
    ]
    conf = OmegaConf.create({"name": "everything", "sources": everything, "allow_failed": 0.0})
    (checkout.root / "conf/corpus/everything.yaml").write_text(f"# Everything.\n{OmegaConf.to_yaml(conf)}")


def shorten(table: Path, rows: int) -> None:
    """Leave the head of a table and its first rows."""
    with table.open(newline="", encoding="utf-8") as file:
        kept = list(csv.reader(file))[: rows + 1]
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(kept)


def read_all(checkout: Checkout, name: str, record: type) -> list:
    return [
        row
        for path in items.read(checkout.root / "data" / name).values()
        for row in io.read_jsonl(path, record)
    ]


def test_a_site_documents_a_table_and_talks_in_one_corpus(tmp_path: Path) -> None:
    checkout = check_out(tmp_path, "smoke")
    with site.serve() as running:
        pages = {
            "kind": "website",
            "name": "garden",
            "start": [f"{running.address}/"],
            "allow_private": True,
            "delay": 0.0,
            "timeout": 5.0,
            "max_megabytes": 1.0,
            "retries": 0,
            "max_pages": 2,
        }
        add_corpus(checkout, pages)
        # the small LLM takes seconds for each passage and row: one document of a format, eight rows of the table
        for path in (checkout.root / "data/sources/documents").glob("[nz]*"):
            path.unlink()
        shorten(checkout.root / "data/sources/tables/glossary.csv", 8)
        overrides = ("recipe=website", "corpus=everything", "base_model=tiny_phi", *EMBEDDED, *OFFLINE)
        few = ("teach.max_questions=1", "split.validation=0.25", "split.test=0.25")
        checkout.run("python", "-m", "lectern", "params", *overrides, *few)
        crawled = checkout.run("python", "-m", "lectern", "update", check=False)
    assert "garden" in crawled.stdout
    ran = checkout.repro()  # the site is gone: nothing asks it any more
    assert sorted(ran) == sorted(checkout.stages())

    data = checkout.root / "data"
    sources = [io.read_json(path / "item.json", Source) for path in items.read(data / "raw").values()]
    kinds = {source.kind for source in sources}
    assert kinds == {"media", "documents", "table", "website"}
    told = {name: io.read_json(path, Document) for name, path in items.read(data / "documents").items()}
    of_site = [document for document in told.values() if document.site]
    assert len(of_site) == 2
    suffixes = {Path(source.document).suffix for source in sources if source.document}
    assert suffixes >= {".pdf", ".docx", ".pptx", ".epub", ".html", ".md", ".txt"}
    metrics = json.loads((checkout.root / "metrics/curation.json").read_text())
    assert metrics["by_method"]["table"]["in"] == 8
    decisions = io.read_jsonl(data / "curation_decisions.jsonl", Decision)
    assert len(decisions) == metrics["rows_in"]
    taught = read_all(checkout, "taught", Example)
    texts = {passage.id: passage.text for passage in read_all(checkout, "passages", Passage)}
    for row in taught:
        assert row.provenance.passage in texts
        assert row.provenance.evidence
    assert json.loads((checkout.root / "metrics/teach.json").read_text())["passages"] == len(texts)
    for row in decisions[:: len(decisions) // 5]:
        assert row.reason in checkout.run("python", "-m", "lectern", "trace", row.id).stdout
    assert (checkout.root / "metrics/report.html").is_file()
    assert checkout.repro() == {}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Checkout, teacher.Teacher]]:
    """The recipe for documents, run with a teacher on a server; each test leaves it as it was."""
    checkout = check_out(tmp_path_factory.mktemp("asked"), "smoke")
    add_corpus(checkout)
    with teacher.serve() as running:
        served = [f"{section}.base_url={running.base_url}" for section in ("teacher", "judge")]
        calm = ("judging.pairs=false", "judging.rubric=false")  # another answer is another call
        overrides = (
            "recipe=documents",
            "corpus=everything",
            "base_model=tiny_llama",
            *served,
            *calm,
            *OFFLINE,
        )
        checkout.run("python", "-m", "lectern", "params", *overrides)
        ran = checkout.repro()
        assert sorted(ran) == sorted(checkout.stages())
        checkout.commit("run")
        yield checkout, running


def test_an_edited_paragraph_asks_about_its_passages_alone(asked: tuple[Checkout, teacher.Teacher]) -> None:
    checkout, running = asked
    before, calls = checkout.outputs(), len(running.calls)
    notes = checkout.root / NOTES
    notes.write_text(FIRST.replace("nine days", "eleven days"))
    ran = checkout.repro()
    assert ran["teach"].startswith("made 1, ")
    new = running.calls[calls:]
    assert new
    assert all("eleven days" in said for said in new), "nothing is asked again that the edit does not touch"
    notes.write_text(FIRST)
    calls = len(running.calls)
    checkout.repro()
    assert len(running.calls) == calls, "what was paid for once is kept on this machine"
    assert checkout.outputs() == before


def test_a_removed_document_leaves_no_row(asked: tuple[Checkout, teacher.Teacher]) -> None:
    checkout, _ = asked
    before = checkout.outputs()
    notes = checkout.root / NOTES
    assert any(b"wood stove" in content for content in before.values())
    notes.unlink()
    assert checkout.repro()["teach"].split("; ")[0].endswith("removed 1, failed 0")
    assert not any(b"wood stove" in content for content in checkout.outputs().values())
    notes.write_text(FIRST)
    checkout.repro()
    assert checkout.outputs() == before


def test_a_colleague_rebuilds_without_server_and_key(
    asked: tuple[Checkout, teacher.Teacher], tmp_path: Path
) -> None:
    checkout, running = asked
    calls, before = len(running.calls), checkout.outputs()
    checkout.run("dvc", "remote", "add", "-f", "-d", "team", str(tmp_path / "remote"))
    checkout.run("dvc", "push")
    checkout.run("git", "clone", "-q", str(checkout.root), str(tmp_path / "repo"))
    shutil.copytree(checkout.root.parent / "killer", tmp_path / "killer")
    colleague = Checkout(tmp_path / "repo")
    colleague.run("dvc", "remote", "add", "-f", "-d", "team", str(tmp_path / "remote"))
    colleague.run("dvc", "pull")
    for name in ("taught", "ratings"):  # which nobody can make without the replies
        shutil.rmtree(colleague.root / "data" / name)
    ran = colleague.repro()
    assert {"teach", "rate"} <= set(ran)
    assert len(running.calls) == calls
    after = colleague.outputs()
    changed = [name for name in before if before[name] != after.get(name)]
    assert changed == []


def test_a_question_of_an_eval_set_in_a_document_is_caught(asked: tuple[Checkout, teacher.Teacher]) -> None:
    checkout, _ = asked
    before = checkout.outputs()
    question = (
        "How many litres of rain do the two barrels beside the greenhouse hold in all when they are full?"
    )
    planted = checkout.root / "data/sources/documents/planted.md"
    planted.write_text(
        f"# Questions for the gardener\n\n{question} They hold four hundred litres, as everybody here knows.\n"
    )
    evals = checkout.root / "data/evals/garden.jsonl"
    evals.write_text(json.dumps({"question": question, "answer": "Four hundred litres."}) + "\n")
    checkout.repro()
    decisions = io.read_jsonl(checkout.root / "data/curation_decisions.jsonl", Decision)
    caught = [d for d in decisions if d.reason == "contaminated"]
    assert caught
    assert {d.item for d in caught} == {d.item for d in decisions if d.item.startswith("planted")}
    assert b"as everybody here knows" not in (checkout.root / "data/curated.jsonl").read_bytes()
    planted.unlink()
    evals.unlink()
    checkout.repro()
    assert checkout.outputs() == before
