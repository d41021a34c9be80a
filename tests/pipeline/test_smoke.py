"""One real run of the whole pipeline, and what must hold of its outputs."""

import html
import json
import re
import socket
from pathlib import Path

import pytest
import yaml

from lectern.core import io, items, runtime
from lectern.core.schema import Conversation, Example, Prediction, TokenRow
from tests.pipeline.conftest import Checkout

pytestmark = pytest.mark.slow

PER_ITEM = ("fetch", "transcribe", "diarize", "converse", "examples")


def test_a_second_run_does_nothing(finished: Checkout) -> None:
    assert finished.repro() == {}
    assert finished.run("git", "status", "--porcelain").stdout == ""


def test_no_output_names_a_machine_a_place_or_a_time(finished: Checkout) -> None:
    forbidden = {str(finished.root), str(Path.home()), "/tmp/", f'"{socket.gethostname()}"', "seconds_taken"}
    for name, content in finished.outputs().items():
        if name.endswith((".json", ".jsonl", ".md", ".html", ".tsv", ".lock")):
            found = [word for word in forbidden if word.encode() in content]
            assert not found, f"{name} holds {found}"


def test_every_row_can_be_heard_where_it_says(finished: Checkout) -> None:
    # The words of an answer are the words of the conversation between the seconds that its provenance names.
    data = finished.root / "data"
    conversations = {n: io.read_json(p, Conversation) for n, p in items.read(data / "conversations").items()}
    rows = [
        row
        for split in ("train", "validation", "test")
        for row in io.read_jsonl(data / f"splits/{split}.jsonl", Example)
    ]
    assert len(rows) >= 8
    for row in rows:
        origin = row.provenance
        assert origin.start is not None
        assert origin.end is not None
        spoken = [w for u in conversations[origin.item].utterances for w in u.words]
        heard = " ".join(
            w.text for w in spoken if w.start >= origin.start - 0.001 and w.end <= origin.end + 0.001
        )
        assert row.messages[-1].content.split()[-1] in heard
        assert origin.url == f"https://example.org/talks/{origin.item}?t={int(origin.start)}"


def test_provenance_reaches_the_tokens_and_the_predictions(finished: Checkout) -> None:
    data = finished.root / "data"
    for split in ("train", "validation", "test"):
        examples = {row.id: row for row in io.read_jsonl(data / f"splits/{split}.jsonl", Example)}
        tokens = io.read_jsonl(data / f"sft/{split}.jsonl", TokenRow)
        assert tokens
        assert all(row.provenance == examples[row.example].provenance for row in tokens)
    for row in io.read_jsonl(data / "predictions/tuned.jsonl", Prediction):
        assert row.provenance == examples[row.id].provenance


def test_no_recording_is_on_two_sides(finished: Checkout) -> None:
    splits = {
        split: {
            row.provenance.item
            for row in io.read_jsonl(finished.root / f"data/splits/{split}.jsonl", Example)
        }
        for split in ("train", "validation", "test")
    }
    assert all(splits.values())
    assert sum(map(len, splits.values())) == len(set.union(*splits.values())) == 4


def test_the_report_says_what_the_scores_say(finished: Checkout) -> None:
    scores = json.loads((finished.root / "metrics/scores.json").read_text())
    page = html.unescape((finished.root / "metrics/report.html").read_text())
    text = re.sub(r"<[^>]+>", " ", page)
    for side in ("base", "tuned"):
        assert f"{scores[side]['nll']['value']:.2f}" in text
    assert not re.search(r"""(src|href)=["'](https?:)?//(?!example\.org)""", page)


def test_dvc_shows_metrics_and_plots(finished: Checkout) -> None:
    shown = json.loads(finished.run("dvc", "metrics", "show", "--json").stdout)
    assert shown[""]["data"]["metrics/scores.json"]["data"]["tuned"]["nll"]["n"] >= 2
    finished.run("dvc", "plots", "show", "--out", str(finished.root.parent / "plots"))
    page = (finished.root.parent / "plots/index.html").read_text()
    assert "validation_loss" in page


def test_a_run_ends_with_what_came_out_in_five_lines(finished: Checkout) -> None:
    first, empty, *told = finished.run("python", "-m", "lectern", "run").stdout.splitlines()
    assert (first, empty) == ("Everything is up to date.", "")
    made, answers, more, report, following = told
    assert re.fullmatch(
        r"Made: a tuned \w+ from \d+ rows of 2 sources, asked about 1 more source that .*", made
    )
    assert [part.count(":") for part in (answers, more)] == [3, 3]
    assert report == f"The report: {finished.root.resolve()}/metrics/report.html"
    assert following.startswith("Next: lectern chat")


def test_runtime_is_recorded_for_each_stage(finished: Checkout) -> None:
    found = {
        path.stem: json.loads(path.read_text()) for path in (finished.root / "metrics/runtime").glob("*.json")
    }
    assert set(found) == set(finished.stages())
    # and found again by what each stage wrote, as dvc.lock has it; git has none of it
    lock = runtime.list_outputs(yaml.safe_load((finished.root / "dvc.lock").read_text()))
    assert runtime.read(finished.root / runtime.FOLDER, lock) == found
    assert finished.run("git", "ls-files", "metrics/runtime").stdout == ""
    assert all(entry["cpu_seconds"] > 0 and entry["peak_memory_mb"] > 10 for entry in found.values())
