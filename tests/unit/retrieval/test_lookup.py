"""Whole sets of questions: what they may find, and at which rank the answer is."""

import pytest

from lectern.core.schema import Example, Message, Provenance
from lectern.retrieval.index import Index
from lectern.retrieval.lookup import (
    Query,
    look_up,
    look_up_trained,
    name_rankings,
    select_trained,
    write_query,
)
from tests.support.searched import SPEECH, unit, units
from tests.support.tiny import chat

STEEL = Provenance(item="bridges", start=8.0, end=20.0, method="question_turns")
"""The question is asked in the last two seconds of the turn before."""
EVERYTHING = Index(units(), ["bm25"])
ASKED = Query(
    "held_out",
    "1",
    "Does salt on the road harm milk, or only a bridge?",
    STEEL,
    SPEECH["bridges"][1],
    (STEEL,),
)


def found(query: Query, *, include_own: bool = False, most: int = 3) -> list[str]:
    (one,) = look_up([query], EVERYTHING, EVERYTHING, include_own=include_own, most=most)
    return [passage.text for passage in one.found]


def test_a_row_does_not_find_its_own_place_unless_asked_for() -> None:
    assert SPEECH["bridges"][1] not in found(ASKED)
    assert found(ASKED, include_own=True)[0] == SPEECH["bridges"][1]


def test_a_row_does_not_find_its_answer_in_another_place() -> None:
    copy = unit("third", 5, f"As I said: {SPEECH['bridges'][1]} So wash it.")
    index = Index([*units(), copy], ["bm25"])
    for include_own, expected in ((False, False), (True, True)):
        (one,) = look_up([ASKED], index, index, include_own=include_own, most=9)
        assert (copy.id in [passage.id for passage in one.found]) == expected


def test_the_rank_of_the_answer_counts_the_own_place() -> None:
    (one,) = look_up([ASKED], EVERYTHING, EVERYTHING, include_own=False, most=3)
    assert one.evidence == {"bm25": 1, "both": 1}


def test_the_rank_of_the_answer_comes_from_everything_and_the_passages_from_what_is_searched() -> None:
    cheese = Index([one for one in units() if one.provenance.item == "cheese"], ["bm25"])
    (one,) = look_up([ASKED], cheese, EVERYTHING, include_own=True, most=3)
    assert one.evidence == {"bm25": 1, "both": 1}
    assert {passage.provenance.item for passage in one.found} == {"cheese"}


def test_an_item_that_a_person_names_holds_the_answer() -> None:
    query = Query("people", "2", "When are goats milked?", items=("cheese",))
    (one,) = look_up([query], EVERYTHING, EVERYTHING, include_own=False, most=3)
    assert one.evidence is not None
    assert one.evidence["both"] == 1
    assert one.found[0].text == SPEECH["cheese"][0], "a person's question may find anything"


def test_nobody_knows_where_the_answer_is() -> None:
    nowhere = Query("people", "2", "When are goats milked?")
    unfound = Query("people", "3", "zzz", items=("cheese",))
    one, other = look_up([nowhere, unfound], EVERYTHING, EVERYTHING, include_own=False, most=3)
    assert one.evidence is None
    assert other.evidence == {}
    assert other.found == []


def test_without_sources_nothing_is_found() -> None:
    empty = Index([], ["bm25", "embeddings"])
    (one,) = look_up([ASKED], empty, empty, include_own=False, most=3)
    assert one.found == []
    assert one.evidence == {}
    (one,) = look_up_trained([ASKED], empty, most=3)
    assert one.found == []


@pytest.mark.parametrize(
    ("text", "own"),
    [(ASKED.text, SPEECH["bridges"][1]), ("zzz", SPEECH["bridges"][0])],
    ids=["found", "not found"],
)
def test_a_training_row_gets_its_own_place_once_and_what_distracts(text: str, own: str) -> None:
    query = Query("train", "1", text, STEEL, SPEECH["bridges"][1])
    (one,) = look_up_trained([query], EVERYTHING, most=2)
    assert [passage.text for passage in one.found if passage.own] == [own]
    assert sum(not passage.own for passage in one.found) == (2 if text == ASKED.text else 0)
    assert one.evidence is None


def row(item: str, start: float, end: float) -> Example:
    return Example.of(chat("Why?", "So."), Provenance(item=item, start=start, end=end, method="turn"))


def test_only_trained_items_are_searched_and_no_held_out_section_of_them() -> None:
    chosen = select_trained(
        units(), [row("bridges", 0.0, 5.0)], [row("bridges", 21.0, 29.0), row("cheese", 0, 9)]
    )
    assert [one.text for one in chosen] == SPEECH["bridges"][:2]


def test_a_short_question_is_searched_with_the_one_before() -> None:
    messages = chat("What does the salt on the road do to it?", "It eats steel.", "And why?")
    short = [*messages[:2], Message(role="user", content="And why?")]
    assert write_query(short) == "What does the salt on the road do to it?\nAnd why?"
    assert write_query(messages[:1]) == "What does the salt on the road do to it?"
    long = [*messages[:2], Message(role="user", content="How often do you have to wash the steel then?")]
    assert write_query(long) == "How often do you have to wash the steel then?"


def test_the_joined_ranking_has_a_name_where_there_are_several() -> None:
    assert name_rankings(["bm25"]) == ["bm25"]
    assert name_rankings(["bm25", "embeddings"]) == ["bm25", "embeddings", "both"]
