"""The stage `retrieve` in a folder: what it writes, what it keeps, and what happens without sources."""

import json
from pathlib import Path
from typing import Any

import pytest

from lectern.core import io, items
from lectern.core.errors import LecternError
from lectern.core.schema import Conversation, Example, Provenance, Question, Retrieved, Unit
from lectern.settings.retrieval import Retrieval
from stages import retrieve
from tests.settings import configure
from tests.support.review_repo import write_manifest
from tests.support.searched import conversation
from tests.support.tiny import chat

USUAL: dict[str, Any] = {
    "contestants": ["base"], "methods": ["bm25", "embeddings"], "train_share": 0.0, "passages": 3, "max_words": 250,
    "resamples": 100,
}  # fmt: skip


def choose(**values: Any) -> Retrieval:
    """The section `retrieval`, whatever the demo chooses."""
    return configure(Retrieval, **USUAL | values)


WORDS = choose(methods=["bm25"])
CHEESE = conversation(
    ("host", "How is the cheese made?"),
    ("guest", "We warm the milk and add rennet to it."),
    ("host", "How long does it ripen?"),
    ("guest", "A hard wheel ripens in the cellar for ten months."),
    item="cheese",
)
BRIDGES = conversation(
    ("host", "Do salt and milk eat the steel of a bridge?"),
    ("guest", "Salt on the road eats the steel from within."),
    item="bridges",
)


def row(talk: Conversation, question: int) -> Example:
    asked, answer = talk.utterances[question], talk.utterances[question + 1]
    where = Provenance(item=talk.item, start=asked.start, end=answer.end, method="question_turns")
    return Example.of(chat(asked.text, answer.text), where)


TRAINED, HELD_OUT = [row(CHEESE, 0), row(CHEESE, 2)], [row(BRIDGES, 0)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write(tmp_path / "data", [CHEESE, BRIDGES])


def write(data: Path, talks: list[Conversation], people: list[Question] | None = None) -> Path:
    """What the stages before leave."""
    for talk in talks:
        io.write_text(data / f"passages/{talk.item}.jsonl", "")
        io.write_json(data / f"conversations/{talk.item}.json", talk)
    for name, suffix in (("passages", ".jsonl"), ("conversations", ".json")):
        write_manifest(data / name, [talk.item for talk in talks], suffix)
    for split, rows in (("train", TRAINED), ("validation", []), ("test", HELD_OUT)):
        io.write_jsonl(data / f"splits/{split}.jsonl", rows)
    io.write_jsonl(data / "evals/people.jsonl", people or [])
    io.write_jsonl(data / "reworded/questions.jsonl", [])
    return data


def run(data: Path, settings: Retrieval = WORDS, evals: tuple[str, ...] = ("people",)) -> dict[str, Any]:
    retrieve.main(settings, evals, data, data / "retrieval.json")
    return json.loads((data / "retrieval.json").read_text())


def found(data: Path, name: str = "questions") -> list[Retrieved]:
    return io.read_jsonl(data / f"retrieved/{name}.jsonl", Retrieved)


def test_a_held_out_question_searches_what_was_trained(data: Path) -> None:
    figures = run(data)
    assert (figures["units"], figures["items"], figures["searched"]) == (2, 1, "train")
    (one,) = found(data)
    assert {passage.provenance.item for passage in one.found} == {"cheese"}
    assert figures["recall"]["held_out"]["bm25"]["1"]["value"] == 1.0, (
        "its own recording counts for this alone"
    )


def test_everything_may_be_searched_but_for_the_own_place(data: Path) -> None:
    run(data, choose(methods=["bm25"], searched="all"))
    (one,) = found(data)
    assert "bridges" not in {passage.provenance.item for passage in one.found}
    run(data, choose(methods=["bm25"], searched="all", include_own=True))
    (one,) = found(data)
    assert one.found[0].text == BRIDGES.utterances[1].text
    assert one.found[0].provenance.start == BRIDGES.utterances[1].start


def test_people_name_the_items_and_rows_that_hold_the_answer(tmp_path: Path) -> None:
    people = [
        Question(question="How long does a wheel ripen?", items=["cheese"]),
        Question(question="What is added to milk?", rows=[TRAINED[0].id]),
        Question(question="zzz", rows=[TRAINED[1].id]),
        Question(question="Who are you?"),
    ]
    data = write(tmp_path / "data", [CHEESE, BRIDGES], people)
    recall = run(data)["recall"]["people"]["bm25"]
    assert (recall["3"]["n"], recall["3"]["value"]) == (3, pytest.approx(2 / 3, abs=1e-6))


def test_a_row_that_is_named_is_more_exact_than_its_item(tmp_path: Path) -> None:
    asked = Question(question="How long does a wheel ripen?", items=["cheese"], rows=[TRAINED[0].id])
    data = write(tmp_path / "data", [CHEESE, BRIDGES], [asked])
    recall = run(data)["recall"]["people"]["bm25"]
    assert recall["1"]["value"] == 0.0, "another row of the same item is found first"


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"items": ["chese"]}, r"people.jsonl:2: items names 'chese'.*It has bridges, cheese\."),
        ({"rows": ["0123"]}, r"people.jsonl:2: rows names '0123'"),
    ],
)
def test_a_name_that_does_not_exist_is_refused(
    tmp_path: Path, question: dict[str, Any], message: str
) -> None:
    people = [Question(question="How?", items=["cheese"]), Question(question="Why?", **question)]
    data = write(tmp_path / "data", [CHEESE, BRIDGES], people)
    with pytest.raises(LecternError, match=message):
        run(data)


def test_a_set_that_was_written_for_another_corpus_names_nothing(tmp_path: Path) -> None:
    people = [Question(question="Why?", items=["talk-01"]), Question(question="How?", rows=["0123"])]
    data = write(tmp_path / "data", [CHEESE, BRIDGES], people)
    assert "people" not in run(data)["recall"]
    assert {one.evidence is None for one in found(data) if one.set == "people"} == {True}


def test_training_rows_are_looked_up_where_they_carry_passages(data: Path) -> None:
    run(data)
    assert found(data, "train") == []
    run(data, choose(methods=["bm25"], train_share=0.5))
    assert [one.id for one in found(data, "train")] == [one.id for one in TRAINED]
    assert all(sum(passage.own for passage in one.found) == 1 for one in found(data, "train"))


def test_nothing_is_indexed_where_nothing_is_looked_up(data: Path) -> None:
    run(data)
    figures = run(data, choose(contestants=[]))
    assert (figures["units"], figures["recall"]) == (0, {})
    assert items.read(data / "index") == {}
    assert found(data) == []


def test_without_sources_every_question_finds_nothing(tmp_path: Path) -> None:
    data = write(tmp_path / "data", [])
    figures = run(data, choose())
    assert (figures["units"], figures["items"]) == (0, 0)
    assert [one.found for one in found(data)] == [[]]
    assert figures["recall"]["held_out"]["both"]["10"]["value"] == 0.0


def test_an_unchanged_item_is_kept_and_a_changed_one_made_again(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = choose()
    said = retrieve.main(settings, ["people"], data, data / "retrieval.json")
    assert said.startswith("made 2, kept 0")
    answered = found(data)
    nothing = sum(not one.found for one in answered)
    assert said.endswith(f"; {len(answered)} questions, {nothing} of which found nothing")
    assert retrieve.main(settings, ["people"], data, data / "retrieval.json").startswith("made 0, kept 2")
    changed = BRIDGES.model_copy(update={"utterances": BRIDGES.utterances[:-1] + CHEESE.utterances[-1:]})
    write(data, [CHEESE, changed])
    assert retrieve.main(settings, ["people"], data, data / "retrieval.json").startswith("made 1, kept 1")
    clean = write(tmp_path / "clean", [CHEESE, changed])
    retrieve.main(settings, ["people"], clean, clean / "retrieval.json")
    for name in ("index/bridges.jsonl", "index/cheese.jsonl", "retrieved/questions.jsonl", "retrieval.json"):
        assert (data / name).read_bytes() == (clean / name).read_bytes()
    assert all(unit.vector for unit in items.read_records(data / "index", Unit))


def test_speech_without_spaces_is_looked_up(tmp_path: Path) -> None:
    talk = conversation(
        ("host", "牛乳はいつ搾りますか？"),
        ("guest", "朝五時に搾ります。"),
        ("host", "橋は何で造られましたか？"),
        ("guest", "花崗岩で造られました。"),
        item="cheese",
        language="ja",
    )
    data = write(tmp_path / "data", [talk], [Question(question="何時に搾るのですか", items=["cheese"])])
    run(data, choose())
    asked = next(one for one in found(data) if one.set == "people")
    assert asked.found[0].text.replace(" ", "") == "朝五時に搾ります。"
