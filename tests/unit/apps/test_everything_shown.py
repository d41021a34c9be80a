"""All that the review knows of a made-up repository, before and after corrections, is committed."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lectern.apps.chat.corpus import Corpus
from lectern.apps.review import (
    changes,
    decisions,
    labelling,
    names,
    origin,
    recordings,
    row_index,
    speaker_edits,
)
from lectern.apps.web import desk, widgets
from lectern.conversations import voices_file
from lectern.core import io
from lectern.core.schema import Example
from tests.support import expected, review_repo
from tests.support.tiny import chat


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("repo")
    review_repo.make(made, recordings=2, documents=1, rows=6)
    return made


def columns(rows: row_index.Rows) -> dict[str, Any]:
    return {
        field.name: getattr(rows, field.name).tolist()
        if isinstance(getattr(rows, field.name), np.ndarray)
        else getattr(rows, field.name)
        for field in dataclasses.fields(rows)
        if field.name not in ("root", "files", "stamp", "texts")
    }


def test_all_of_a_repository(root: Path) -> None:
    for label, name in (("speaker_1", "Ben"), ("speaker_2", "Eve")):
        voices_file.remember("talk-0000", label, name, root / "data")
    before = changes.take(root)
    rows = row_index.build(root)
    edits = [
        speaker_edits.put("rename", "speaker_1", "Ada", None),
        speaker_edits.add("cut", {"start": 1.0, "end": 2.5, "reason": "advert"}),
        speaker_edits.add("split", {"speaker": "speaker_2", "start": 4.0, "end": 6.0, "to": "speaker_1"}),
        speaker_edits.put("roles", "Ada", "host", None),
        speaker_edits.put("merge", "speaker_2", "speaker_1", None),
    ]
    plain = recordings.load(root, "talk-0000")
    told = []
    for edit in edits:
        recordings.apply(root, "talk-0000", edit)
        told.append(recordings.load(root, "talk-0000"))
    shown = told[-1]
    listed = [
        recordings.list_edits(one.edits, {"speaker_1": "Ada", "speaker_2": "speaker_2"}) for one in told
    ]
    decision = decisions.make(rows.ids[2], "reject", "it says nothing")
    decisions.write_over(root, rows.ids[2], decision, decisions.digest(None))
    review_repo.converse_again(root)
    found = [rows.read(number) for number in range(len(rows))]
    cases = [labelling.list_rows(root, rows, ["qa"]), labelling.list_pairs(root, "tuned", "base", "ann")]
    case = cases[1][0]
    labelling.write(root, case, "a", "ann", "clear", None)
    left = labelling.list_pairs(root, "tuned", "base", "ann")
    asked = Example.of(
        chat("Is it told?", "It is.", system="Be brief."),
        found[0].provenance.model_copy(update={"item": "talk-0009"}),
    )
    io.write_jsonl(
        root / "data/splits/test.jsonl", [*io.read_jsonl(root / "data/splits/test.jsonl", Example), asked]
    )
    corpus = Corpus(root)
    expected.check_many(
        "review.json",
        {
            "entries": recordings.list_entries(root),
            "plain": plain,
            "shown": {
                **{field.name: getattr(shown, field.name) for field in dataclasses.fields(shown)},
                "version": "",
            },
            "edits": listed,
            "file": recordings.corrections_file(root, "talk-0000").read_text(),
            "times": [recordings.show_time(seconds) for seconds in (0, 59.96, 61.5, 3723.04)],
            "rows": columns(rows),
            "reasons": row_index.list_reasons(rows),
            "origins": [origin.find(root, row.provenance) for row in found[::5]],
            "places": [origin.describe(row.provenance) for row in found],
            "answering": [names.find_answering(root, row.provenance) for row in found],
            "speaking": names.list_answering(root, "talk-0000"),
            "decided": {id: one.correction for id, one in decisions.read(root).entries.items()},
            "cases": [[len(one) for one in (*cases, left)], cases[0][:2], cases[1][:2]],
            "labels": labelling.read_own(root, "ann"),
            "summary": [labelling.summarise(root, "pair", "ann"), labelling.summarise(root, "row", "ann")],
            "nothing": labelling.explain_nothing(root, "tuned", "base"),
            "contestants": labelling.list_contestants(root),
            "changed": changes.compare(before, changes.take(root)),
            "chat": [
                corpus.describe_tuned(),
                corpus.title("talk-0000"),
                corpus.list_held_out(),
                corpus.list_of_people(),
            ],
            "desk": [desk.told("x" * n, "user") for n in (3, widgets.LONGEST + 1)],
        },
    )


@pytest.mark.parametrize("wanted", row_index.ORDERS)
def test_an_address_keeps_a_whole_filter(root: Path, wanted: str) -> None:
    rows = row_index.build(root)
    chosen = row_index.Filter(
        text="word",
        item="talk-0001",
        method="description_questions",
        reason="kept",
        reviewed=False,
        least_score=1.5,
        most_score=4.5,
        least_words=3,
        most_words=80,
        order=wanted,
    )
    assert row_index.parse(row_index.to_query(chosen)) == chosen
    repeats = row_index.Filter(repeats=True, reviewed=True, order=wanted)
    assert row_index.parse(row_index.to_query(repeats)) == repeats
    seen = set(rows.ids[::2])
    found = [
        row_index.select(rows, one, seen).tolist()
        for one in (chosen, repeats, row_index.Filter(order=wanted))
    ]
    expected.check(f"filters/{wanted}.json", [*found, row_index.count_reviewed(rows, found[2], seen)])
    assert io.read_jsonl(root / "data/curated.jsonl", Example)
