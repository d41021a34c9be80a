"""The shipped texts go through every stage that needs neither sound nor a model, and come out as they are committed.

The talks come as ready transcripts, beside the shipped documents and the table of pairs. What a stage changes shows in
the committed outputs of that stage first.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lectern.core import io, items
from lectern.core.manifest import MANIFEST
from lectern.core.schema import Question
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.converse import Converse
from lectern.settings.corpus import Corpus
from lectern.settings.curate import Curate
from lectern.settings.examples import Examples
from lectern.settings.extract import Extract
from lectern.settings.housekeeping import Housekeeping
from lectern.settings.parse import Parse
from lectern.settings.render import Render
from lectern.settings.retrieval import Retrieval
from lectern.settings.split import Split
from stages import converse, curate, examples, extract, fetch, parse, render, retrieve, split
from tests.settings import configure, defaults
from tests.support import expected
from tests.support.shipped import ROOT

SOURCES = ROOT / "data/sources"
CORRECTED = """
rename: {Ada: Grace}
cut: [{start: 0, end: 5.5}]
swap: [{speakers: [Ada, Joe], start: 30, end: 34}]
"""


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02}:{seconds % 60:06.3f}"


def write_talks(folder: Path) -> None:
    """The talks of the demo as they were written, as WebVTT with names, with what lies beside them."""
    folder.mkdir()
    for path in sorted((SOURCES / "demo").glob("*.truth.json")):
        name = path.name.removesuffix(".truth.json")
        turns = json.loads(path.read_text(encoding="utf-8"))["turns"]
        cues = [
            f"{clock(turn['start'])} --> {clock(turn['end'])}\n"
            f"<v {'Ada' if turn['speaker'] == 'host' else 'Joe'}>{turn['text']}\n"
            for turn in turns
        ]
        (folder / f"{name}.vtt").write_text("\n".join(["WEBVTT\n", *cues]), encoding="utf-8")
        for beside in ("description.txt", "info.json"):
            shutil.copy(path.with_name(f"{name}.{beside}"), folder)


class Pipeline:
    """The folders of a run."""

    def __init__(self, root: Path) -> None:
        self.root, self.data = root, root / "data"

    def figures(self, name: str) -> Path:
        return self.root / f"metrics/{name}.json"

    def check(self, stage: str, outputs: str, figures: str | None = None) -> None:
        """Compare the files that match a pattern, by their hashes, and what was counted with what is committed."""
        files = {
            path.relative_to(self.data).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:16]
            for path in sorted(self.data.glob(outputs))
            if path.name != MANIFEST  # which holds keys of the code
        }
        assert files
        expected.check(
            f"texts/{stage}.json",
            {"files": files, "figures": figures and io.read_plain(self.figures(figures))},
        )


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    write_talks(tmp_path / "talks")
    return Pipeline(tmp_path)


def test_every_stage_makes_of_the_shipped_texts_what_is_committed(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, root = pipeline.data, pipeline.root
    monkeypatch.chdir(root)
    for name in ("documents", "tables"):
        shutil.copytree(SOURCES / name, root / name)
    sources = [
        {"kind": "transcripts", "path": "talks"},
        {"kind": "documents", "path": "documents"},
        {"kind": "table", "path": "tables", "parts": 6},
    ]
    fetch.main(configure(Corpus, name="texts", sources=sources, allow_failed=0.0), data / "raw")
    pipeline.check("fetch", "raw/*/*.json*")

    extract.main(configure(Extract), data / "raw", data / "documents", pipeline.figures("documents"))
    pipeline.check("extract", "documents/*", "documents")

    io.write_text(data / "corrections/speakers/talk-02-data-versions.yaml", CORRECTED)
    folders = [data / name for name in ("raw", "transcripts", "diarization", "corrections", "conversations")]
    for empty in folders[1:3]:
        items.sync([], empty, dict, suffix=".json", params={}, code=())
    converse.main(configure(Converse), *folders, pipeline.figures("conversations"))
    pipeline.check("converse", "conversations/*", "conversations")

    rules = defaults(Housekeeping)
    texts = (data / "documents", data / "conversations", data / "passages")
    parse.main(
        configure(Parse, min_share=0.6, min_tokens=40, max_tokens=120),
        rules,
        *texts,
        pipeline.figures("parse"),
    )
    pipeline.check("parse", "passages/*", "parse")

    chosen = configure(Examples, max_answer_words=40)
    folders = [data / name for name in ("raw", "conversations", "examples")]
    examples.main(chosen, rules, *folders, pipeline.figures("examples"))
    pipeline.check("examples", "examples/*", "examples")

    for empty in ("taught", "ratings"):
        items.sync([], data / empty, dict, suffix=".jsonl", params={}, code=())
    asked = Question(
        question="How many seeds should I try before I believe a result?", items=["talk-03-splits"]
    )
    io.write_jsonl(data / "evals/people.jsonl", [asked])
    limits: dict[str, Any] = {"min_answer_words": 3, "max_question_words": 40, "languages": ["en"]}
    without: dict[str, Any] = dict.fromkeys(
        ("decontamination_semantic_threshold", "semantic_duplicate_threshold")
    )
    curate.main(configure(Curate, **limits, **without), rules, data, pipeline.figures("curation"))
    pipeline.check("curate", "cura*.jsonl", "curation")

    split.main(
        configure(Split, on_leak="drop"), data / "curated.jsonl", data / "splits", pipeline.figures("leakage")
    )
    pipeline.check("split", "splits/*", "leakage")

    chosen_search = configure(Retrieval, methods=["bm25"], train_share=0.5, resamples=200)
    io.write_jsonl(data / "reworded/questions.jsonl", [])
    retrieve.main(chosen_search, ["people"], data, pipeline.figures("retrieval"))
    pipeline.check("retrieve", "retrieved/*", "retrieval")

    render.main(
        configure(Render, max_length=200, persona="You answer questions on {{ item }}."),
        defaults(BaseModelSettings),
        data / "splits",
        data / "sft",
        pipeline.figures("preflight"),
        chosen_search,
        data / "retrieved/train.jsonl",
    )
    pipeline.check("render", "sft/*", "preflight")
