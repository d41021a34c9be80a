"""What is searched of an item, and where it is."""

from pathlib import Path

import pytest

from lectern.core import io
from lectern.core.item import Item
from lectern.core.schema import Passage, Provenance, Unit, passage_id
from lectern.retrieval import units, vectors
from tests.support.searched import conversation

LONG = " ".join(f"Sentence number {n} says a little more about the goats." for n in range(30))
TALK = conversation(
    ("host", "Welcome to the show. How do you make cheese?"),
    ("guest", "We warm the milk and add rennet to it."),
    ("host", "Right."),
    ("guest", "Then we wait for forty minutes and cut the curd."),
    ("host", "Thanks for that. And how long does it ripen?"),
    ("guest", LONG),
)


def passage(text: str, **where: object) -> Passage:
    return Passage.model_validate(
        {"id": passage_id("guide", text), "item": "guide", "text": text, "tokens": 9, **where}
    )


def made(folder: Path, passages: list[Passage], turns: str = "answers") -> list[Unit]:
    io.write_jsonl(folder / "passages.jsonl", passages)
    io.write_json(folder / "talk.json", TALK)
    (item,) = units.list_items({"talk": folder / "passages.jsonl"}, {"talk": folder / "talk.json"})
    units.load(turns=turns, max_turn_words=60, embeddings=False)(item, folder / "out.jsonl")
    return io.read_jsonl(folder / "out.jsonl", Unit)


def test_a_conversation_is_searched_by_what_the_guest_says(tmp_path: Path) -> None:
    found = made(tmp_path, [])
    # The host's `Right.` does not part the first answer.
    assert (
        found[0].text
        == "We warm the milk and add rennet to it. Then we wait for forty minutes and cut the curd."
    )
    assert not any("Welcome" in unit.text or "ripen?" in unit.text for unit in found)
    assert all(unit.question is None for unit in found)


def test_a_long_turn_is_divided_and_each_piece_has_its_seconds(tmp_path: Path) -> None:
    pieces = made(tmp_path, [])[1:]
    assert len(pieces) >= 5
    assert all(len(piece.text.split()) <= 60 for piece in pieces)
    assert " ".join(piece.text for piece in pieces) == LONG
    ends = [piece.provenance.end for piece in pieces]
    assert all(
        before < piece.provenance.start
        for before, piece in zip(ends[:-1], pieces[1:], strict=True)  # type: ignore[operator]
    )
    assert f"t={int(pieces[1].provenance.start)}" in str(pieces[1].provenance.url)  # type: ignore[arg-type]


def test_exchanges_are_searched_by_the_question_too(tmp_path: Path) -> None:
    found = made(tmp_path, [], "exchanges")
    assert found[0].question == "Welcome to the show. How do you make cheese?"
    assert found[-1].question == "Thanks for that. And how long does it ripen?"
    assert "cheese" in units.searched_text(found[0])


def test_passages_are_preferred_to_turns(tmp_path: Path) -> None:
    only = passage("Goats are milked early.", page=3, span=(10, 33), headings=["Farm", "Morning"])
    (found,) = made(tmp_path, [only])
    assert (found.id, found.text) == (only.id, only.text)
    where = found.provenance
    assert (where.page, where.span, where.heading, where.passage) == (3, (10, 33), "Farm > Morning", only.id)


def test_all_turns_are_searched_where_nobody_has_a_role() -> None:
    silent = conversation(
        ("unknown", "The bridge was built of granite then."), ("unknown", "Salt eats its steel now.")
    )
    (found,) = units.of_conversation(silent, "answers", 120)
    assert found.text.startswith("The bridge")
    assert found.text.endswith("now.")


def test_a_repeated_turn_counts_once_and_a_few_words_not_at_all() -> None:
    twice = conversation(
        ("host", "Is it true that the goats sleep?"),
        ("guest", "Yes, that is what they do."),
        ("host", "Do they really sleep at night?"),
        ("guest", "Yes, that is what they do."),
        ("host", "And do you sleep at night?"),
        ("guest", "Hardly ever."),
    )
    assert [unit.text for unit in units.of_conversation(twice, "answers", 120)] == [
        "Yes, that is what they do."
    ]


def test_speech_without_spaces_has_units() -> None:
    talk = conversation(
        ("host", "牛乳はいつ搾りますか？"), ("guest", "朝五時に搾ります。暑くなる前です。"), language="ja"
    )
    (found,) = units.of_conversation(talk, "answers", 120)
    assert found.text.replace(" ", "") == "朝五時に搾ります。暑くなる前です。"


def test_an_item_without_passages_and_turns_gives_nothing(tmp_path: Path) -> None:
    io.write_jsonl(tmp_path / "passages.jsonl", list[Passage]())
    units.load(turns="answers", max_turn_words=60, embeddings=True)(
        Item("guide", {"passages": tmp_path / "passages.jsonl"}), tmp_path / "out.jsonl"
    )
    assert (tmp_path / "out.jsonl").read_text() == ""


@pytest.mark.parametrize(
    ("one", "other", "common", "half"),
    [
        ({"start": 0.0, "end": 10.0}, {"start": 5.0, "end": 30.0}, True, True),
        ({"start": 0.0, "end": 10.0}, {"start": 9.0, "end": 30.0}, True, False),
        ({"start": 0.0, "end": 10.0}, {"start": 10.0, "end": 30.0}, False, False),
        ({"span": (0, 10)}, {"span": (2, 4)}, True, True),
        ({"span": (0, 10)}, {"span": (10, 12)}, False, False),
        ({"span": (0, 10), "page": 1}, {"span": (10, 20), "page": 1}, False, False),
        ({"page": 1}, {"page": 1}, True, True),
        ({"page": 1}, {"page": 2}, False, False),
        ({"passage": "a"}, {"passage": "a"}, True, True),
        ({"row": 1}, {"row": 1}, False, False),
    ],
)
def test_places_are_compared_as_exactly_as_they_are_known(
    one: dict[str, object], other: dict[str, object], common: bool, half: bool
) -> None:
    a, b = (Provenance.model_validate({"item": "talk", "method": "turn", **where}) for where in (one, other))
    assert (units.overlaps(a, b), units.holds(a, b)) == (common, half)
    assert (units.overlaps(b, a), units.holds(b, a)) == (common, half)
    elsewhere = b.model_copy(update={"item": "other", "passage": None})
    assert not units.overlaps(a, elsewhere)


def test_an_embedding_survives_its_text_and_hardly_loses_anything() -> None:
    from lectern.models.embeddings import embed

    texts = [LONG, "Salt eats steel.", "Salt eats iron."]
    exact = embed(texts)
    read = []
    for vector in vectors.make(texts):
        assert vector is not None
        whole, scale = vectors.read(*vectors.write(vector))
        assert (whole == vector[0]).all()
        read.append(whole.astype(float) * scale)
    for i in range(3):
        for j in range(3):
            assert read[i] @ read[j] == pytest.approx(float(exact[i] @ exact[j]), abs=0.003)


def test_what_the_model_cannot_read_has_no_embedding() -> None:
    assert vectors.make(["牛乳は朝五時に搾ります。", "123", ""]) == [None, None, None]
