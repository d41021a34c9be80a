"""The search: what is found first, how rankings are joined, and what must not matter."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.core.schema import Provenance, Unit
from lectern.retrieval import index as searching
from lectern.retrieval import units as searched
from lectern.retrieval.index import Index, fuse
from tests.support.searched import unit, units

BOTH = ["bm25", "embeddings"]


@pytest.fixture(scope="module")
def embedded() -> list[Unit]:
    return searched.embed(units())


def texts(index: Index, query: str) -> list[str]:
    (hits,) = index.search([query])
    return [hit.unit.text for hit in hits]


@pytest.mark.parametrize("methods", [["bm25"], ["embeddings"], BOTH], ids="+".join)
def test_a_passage_is_found_first_by_its_own_words(embedded: Sequence[Unit], methods: list[str]) -> None:
    index = Index(embedded, methods)
    for one in embedded:
        assert texts(index, one.text)[0] == one.text


def test_meaning_finds_what_shares_no_word_with_the_question(embedded: Sequence[Unit]) -> None:
    query = "How long must it mature underground?"
    assert texts(Index(embedded, ["bm25"]), query) == []
    assert "ripens in the cellar" in texts(Index(embedded, BOTH), query)[0]


@given(st.lists(st.lists(st.integers(0, 9), unique=True, max_size=10), min_size=1, max_size=3))
def test_the_joined_score_is_that_of_cormack_et_al(orders: list[list[int]]) -> None:
    rankings = [{at: rank for rank, at in enumerate(order, 1)} for order in orders]
    joined = fuse(rankings)
    for at, score in joined.items():
        assert score == pytest.approx(sum(1 / (60 + ranking[at]) for ranking in rankings if at in ranking))
    scores = list(joined.values())
    assert scores == sorted(scores, reverse=True)


@given(st.lists(st.integers(0, 99), unique=True, max_size=20))
def test_a_ranking_joined_with_itself_is_itself(order: list[int]) -> None:
    ranking = {at: rank for rank, at in enumerate(order, 1)}
    assert list(fuse([ranking, ranking])) == order


def test_the_order_of_the_units_does_not_matter(embedded: Sequence[Unit]) -> None:
    queries = ["milk", "What eats steel?", "the", "How old is it, and who built it?"]
    expected = Index(embedded, BOTH).search(queries)
    for seed in range(5):
        mixed = random.Random(seed).sample(list(embedded), len(embedded))
        assert Index(mixed, BOTH).search(queries) == expected


def test_other_questions_do_not_matter(embedded: Sequence[Unit]) -> None:
    index = Index(embedded, BOTH)
    (alone,) = index.search(["What eats steel?"])
    together = index.search(["milk and cheese", "What eats steel?", "?"])
    assert together[1] == alone


def test_equal_scores_keep_the_order_of_the_places() -> None:
    same = [unit("talk", at, f"Only {word} counts.") for at, word in enumerate(("zinc", "iron", "tin"))]
    (hits,) = Index(same[::-1], ["bm25"]).search(["what counts"])
    assert [hit.unit.provenance.start for hit in hits] == [0.0, 10.0, 20.0]
    assert [hit.ranks for hit in hits] == [{"bm25": 1}] * 3


def test_a_repeated_word_of_a_question_counts_once(embedded: Sequence[Unit]) -> None:
    index = Index(embedded, ["bm25"])
    assert index.search(["steel steel steel milk"]) == index.search(["steel milk"])


def test_no_more_than_the_best_are_ranked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "DEPTH", 2)
    many = [unit("talk", at, "salt " * (at + 1) + "water " * 9) for at in range(6)]
    assert texts(Index(many, ["bm25"]), "salt") == [many[5].text, many[4].text]


@pytest.mark.parametrize("methods", [["bm25"], ["embeddings"], BOTH], ids="+".join)
def test_an_empty_index_finds_nothing(methods: list[str]) -> None:
    index = Index([], methods)
    assert index.search(["anything", ""]) == [[], []]
    assert index.search([]) == []
    assert index.count() == {"units": 0, "items": 0}


@pytest.mark.parametrize("query", ["", " ", "?!", "\N{GRINNING FACE}"])
def test_a_question_without_words_finds_nothing(embedded: Sequence[Unit], query: str) -> None:
    assert texts(Index(embedded, BOTH), query) == []


def test_scripts_without_spaces_are_found_by_their_characters() -> None:
    said = ["牛乳は朝五時に搾ります。", "橋は花崗岩で造られました。", "ชีสบ่มในห้องใต้ดินสิบเดือน"]
    index = Index(searched.embed([unit("talk", at, text) for at, text in enumerate(said)]), BOTH)
    assert texts(index, "橋は何で造られましたか")[0] == said[1]
    assert texts(index, "乳")[0] == said[0], "one character is enough"
    assert texts(index, "ชีสบ่มนานเท่าไร")[0] == said[2]


def test_the_heading_of_a_passage_is_searched_too() -> None:
    def passage(text: str, heading: str) -> Unit:
        return Unit(
            id=text, text=text, provenance=Provenance(item="guide", method="passage", heading=heading, page=1)
        )

    index = Index(
        [passage("It takes a week.", "Delivery"), passage("It takes a month.", "Refunds")], ["bm25"]
    )
    assert texts(index, "refunds") == ["It takes a month."]
