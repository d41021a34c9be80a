"""A made-up repository for the pages of the review and the chat: recordings, documents, rows, answers."""

import functools
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from lectern.core import io, params
from lectern.core.manifest import MANIFEST
from lectern.core.schema import (
    Decision,
    Diarization,
    Example,
    Message,
    Passage,
    Prediction,
    Provenance,
    Source,
    SpeakerTurn,
    Transcript,
    Voice,
    Word,
    passage_id,
)
from lectern.settings.converse import Converse
from lectern.tools import params as compose
from stages import converse

ROOT = Path(__file__).parents[2]
SOUND = ROOT / "data/sources/smoke/smoke-01-logs.mp3"
HOSTILE = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">../../etc/passwd {0} %s"
SENTENCE = "this is word number {} of a talk about seeds and chance ."


def make(
    root: Path, *, recordings: int = 2, documents: int = 1, rows: int = 4, hostile: bool = False
) -> None:
    """Write data, params.yaml and the corrections' folders below `root`.

    Args:
        root: an empty folder.
        recordings: items that are heard.
        documents: items that are read.
        rows: of each item.
        hostile: titles, words and rows hold markup, scripts and a line of a megabyte.
    """
    root.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(default_params())
    shutil.copy(ROOT / "dvc.yaml", root)
    for folder in ("data/corrections", "data/labels", "metrics"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    talks = [f"talk-{number:04}" for number in range(recordings)]
    papers = [f"paper-{number:04}" for number in range(documents)]
    extra = HOSTILE if hostile else ""
    for item in talks:
        write_recording(root, item, extra)
    write_manifest(root / "data/transcripts", talks, ".json")
    write_manifest(root / "data/diarization", talks, ".json")
    converse_again(root)
    made, decisions = [], []
    for number, item in enumerate(talks):
        written = [talk_row(item, n, extra) for n in range(rows)]
        if hostile and number == 0:
            written[0] = row(item, "Is it long?", "a" * 1_000_000, start=0.0, end=3.0)
        io.write_jsonl(root / f"data/examples/{item}.jsonl", written)
        made += written
    for item in papers:
        text = f"The seeds of {item} are kept dry in a drawer. {extra} They live for five years."
        write_paper(root, item, text, extra)
        written = [paper_row(item, n, text, extra) for n in range(rows)]
        io.write_jsonl(root / f"data/taught/{item}.jsonl", written)
        made += written
    write_manifest(root / "data/examples", talks, ".jsonl")
    write_manifest(root / "data/taught", papers, ".jsonl")
    write_manifest(root / "data/passages", papers, ".jsonl")
    write_manifest(root / "data/raw", [*talks, *papers], "")
    for number, each in enumerate(made):
        repeat = number % 5 == 4
        decisions.append(
            Decision(
                id=each.id,
                item=each.provenance.item,
                start=each.provenance.start,
                page=each.provenance.page,
                method=each.provenance.method,
                outcome="dropped" if repeat else "kept",
                reason="near_duplicate" if repeat else "kept",
                kept_id=made[number - 1].id if repeat else None,
                similarity=0.91 if repeat else None,
                overall=1 + number % 5,
            )
        )
    io.write_jsonl(root / "data/curation_decisions.jsonl", decisions)
    kept = [each for each, decision in zip(made, decisions, strict=True) if decision.outcome == "kept"]
    io.write_jsonl(root / "data/curated.jsonl", kept)
    parts = {"train": kept[2:], "validation": kept[:1], "test": kept[1:2]}
    for split, part in parts.items():
        io.write_jsonl(root / f"data/splits/{split}.jsonl", part)
    write_answers(root, made[:30], extra)


@functools.cache
def default_params() -> str:
    """What conf/ composes without the demo's people, whatever the checkout's own params.yaml was made with."""
    with tempfile.TemporaryDirectory() as folder:
        compose.main(["converse.metadata=null"], ROOT / "conf", Path(folder) / "params.yaml")
        return (Path(folder) / "params.yaml").read_text()


def row(item: str, question: str, answer: str, **where: Any) -> Example:
    messages = [Message(role="user", content=question), Message(role="assistant", content=answer)]
    return Example.of(messages, Provenance(item=item, **{"method": "description_questions", **where}))


def talk_row(item: str, number: int, extra: str = "") -> Example:
    url = f"https://example.org/{item}&t={number}"
    question, answer = (
        f"What is word {number} of {item}? {extra}",
        f"It is word {number}. " * (number % 4 + 1),
    )
    return row(item, question, answer, start=4.0 * number, end=4.0 * number + 3, url=url)


def paper_row(item: str, number: int, text: str, extra: str = "") -> Example:
    where = {"passage": passage_id(item, text), "evidence": "kept dry in a drawer", "page": 3, "method": "qa"}
    where |= {"url": "javascript:document.title='taken'"} if extra else {}
    return row(
        item, f"How are the seeds of {item} kept, {number}? {extra}", f"Dry, in drawer {number}.", **where
    )


def write_recording(root: Path, item: str, extra: str = "") -> None:
    folder = root / "data/raw" / item
    folder.mkdir(parents=True)
    shutil.copy(SOUND, folder / "recording.mp3")
    source = Source(
        item=item, kind="media", title=f"Title of {item} {extra}", media="recording.mp3", licence="CC0-1.0"
    )
    io.write_json(folder / "item.json", source)
    said = [word for n in range(6) for word in SENTENCE.format(n).split()]
    said[3] = (said[3] + extra).replace(" ", "\u00a0")
    words = [Word(text=text, start=0.3 * n, end=0.3 * n + 0.25) for n, text in enumerate(said)]
    duration = 0.3 * len(words) + 1
    transcript = Transcript(item=item, duration=duration, language="en", words=words)
    io.write_json(root / f"data/transcripts/{item}.json", transcript)
    length = 0.3 * len(SENTENCE.split())
    turns = [
        SpeakerTurn(speaker=f"speaker_{1 + n % 2}", start=n * length, end=(n + 1) * length - 0.01)
        for n in range(6)
    ]
    voices = {
        f"speaker_{n}": Voice(
            seconds=10, longest=4, share=0.5, ghost=False, embedding=[1.0, 0.0] if n == 1 else [0.0, 1.0]
        )
        for n in (1, 2)
    }
    found = Diarization(item=item, duration=duration, model="made-up", turns=turns, voices=voices)
    io.write_json(root / f"data/diarization/{item}.json", found)


def write_paper(root: Path, item: str, text: str, extra: str = "") -> None:
    source = Source(
        item=item, kind="documents", title=f"Title of {item} {extra}", document="a.txt", licence="CC0-1.0"
    )
    io.write_json(root / f"data/raw/{item}/item.json", source)
    passage = Passage(id=passage_id(item, text), item=item, text=text, tokens=20, page=3)
    io.write_jsonl(root / f"data/passages/{item}.jsonl", [passage])


def write_manifest(folder: Path, names: list[str], suffix: str) -> None:
    """As `core.items` writes it; hashes are what nobody here looks at."""
    entries = {name: {"file": name + suffix, "facts": {}, "key": "0", "sha256": "0"} for name in names}
    folder.mkdir(parents=True, exist_ok=True)
    io.write_json(folder / MANIFEST, {"items": entries})


def converse_again(root: Path) -> None:
    """Run the real stage, with the corrections that there are."""
    data = root / "data"
    converse.main(
        params.load("converse", Converse, root / "params.yaml"),
        data / "raw",
        data / "transcripts",
        data / "diarization",
        data / "corrections",
        data / "conversations",
        root / "metrics/conversations.json",
    )


def write_answers(root: Path, asked: list[Example], extra: str = "") -> None:
    """What base and tuned say to the questions of these rows."""
    for name in ("base", "tuned"):
        rows = [
            Prediction(
                id=each.id,
                set="held_out",
                messages=each.messages[:-1],
                reference=each.messages[-1].content[:500],
                prediction=f"{name} says {number} {extra}",
                finished=True,
                nll=1.0,
                tokens=3,
                provenance=each.provenance,
            )
            for number, each in enumerate(asked)
        ]
        io.write_jsonl(root / f"data/predictions/{name}.jsonl", sorted(rows, key=lambda one: one.id))


def list_files(root: Path) -> dict[str, bytes]:
    """Relative path -> bytes of everything below `root` but what the pages may write, and the app's own log."""
    allowed = ("data/corrections", "data/labels", "app.err")
    found = {str(path.relative_to(root)): path for path in sorted(root.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(allowed)}


def read_decisions(root: Path) -> dict[str, Any]:
    folder = root / "data/corrections/examples"
    return {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
