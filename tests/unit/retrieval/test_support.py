"""Which sentences the sources support, and where."""

import random

import pytest

from lectern.core.schema import Provenance, Sentence, Unit, passage_id
from lectern.retrieval import units as making
from lectern.retrieval.support import LONGEST, Sources, counts, cut
from tests.support.searched import SPEECH, unit, units

WORDS = Sources(units(), meanings=False)
LONG = (
    "We open the dairy to visitors in May. The cellar holds two hundred wheels of cheese. "
    "My sister Marta turns them twice a week with a cloth."
)


@pytest.fixture(scope="module")
def both() -> Sources:
    """Sources that are searched and compared by embeddings too."""
    return Sources(making.embed([*units(), unit("dairy", 0, LONG)]), meanings=True)


def ask(text: str, sources: Sources = WORDS) -> list[Sentence]:
    (found,) = sources.support([text])
    return found


def one(text: str, sources: Sources = WORDS) -> Sentence:
    (found,) = ask(text, sources)
    return found


@pytest.mark.parametrize(("item", "number"), [(item, at) for item in SPEECH for at in range(3)])
@pytest.mark.parametrize("way", ["words", "both"])
def test_a_quotation_is_found_at_its_place(item: str, number: int, way: str, both: Sources) -> None:
    found = one(SPEECH[item][number], WORDS if way == "words" else both)
    assert found.source is not None
    assert found.source.text == SPEECH[item][number]
    where = found.source.provenance
    assert (where.item, where.start) == (item, 10.0 * number)
    assert found.source.score > 0.99


@pytest.mark.parametrize(
    "swapped",
    [
        "A wheel of hard cheese ripens in the cellar for eleven months.",
        "A wheel of hard cheese ripens in the cellar for ten months in Oslo.",
        "A wheel of hard cheese never ripens in the cellar for ten months.",
        "Salt on the road is not what eats the steel from within.",
    ],
)
@pytest.mark.parametrize("way", ["words", "both"])
def test_another_number_name_or_negation_has_no_source(swapped: str, way: str, both: Sources) -> None:
    found = one(swapped, WORDS if way == "words" else both)
    assert found.counts
    assert found.source is None


def test_the_same_number_in_digits_has_a_source(both: Sources) -> None:
    assert one("A wheel of hard cheese ripens in the cellar for 10 months.").source is not None
    assert one("Two hundred wheels of cheese are in the cellar.", both).source is not None
    assert one("300 wheels of cheese are in the cellar.", both).source is None


def test_a_negation_counts_even_where_it_denies_no_word_of_content() -> None:
    """`all` and `them` are function words, so that only the frame shows the difference."""
    sources = Sources([unit("dairy", 0, "The wheels in the cellar are all of them.")], meanings=False)
    assert one("The wheels in the cellar are all of them.", sources).source is not None
    assert one("The wheels in the cellar are not all of them.", sources).source is None


def test_a_denied_word_counts_where_the_order_is_another() -> None:
    assert one("For ten months, in the cellar, ripens the hard cheese.").source is not None
    assert one("For ten months, in the cellar, never ripens the hard cheese.").source is None


def test_other_words_for_it_are_found(both: Sources) -> None:
    found = one("The goats get milked at five, before it gets hot.", both)
    assert found.source is not None
    assert found.source.provenance.item == "cheese"
    assert one("Trains between the two cities leave at noon from the second platform.", both).source is None


def test_a_name_may_stand_anywhere_in_the_passage(both: Sources) -> None:
    assert one("Marta turns them twice a week with a cloth.", both).source is not None
    assert one("The cellar of Marta holds two hundred wheels of cheese.", both).source is not None
    assert one("The cellar of Tolstoy holds two hundred wheels of cheese.", both).source is None


def test_the_second_within_a_turn_is_estimated() -> None:
    turn = unit("dairy", 1, LONG).model_copy(
        update={
            "provenance": Provenance(
                item="dairy", start=10.0, end=20.0, method="turn", url="https://example.org/v?id=1&t=10"
            )
        }
    )
    found = one("The cellar holds two hundred wheels of cheese.", Sources([turn], meanings=False)).source
    assert found is not None
    assert found.provenance.start == pytest.approx(10 + 10 * LONG.index("The cellar") / len(LONG), abs=0.001)
    assert found.provenance.start < (found.provenance.end or 0) < 20
    assert found.provenance.url == f"https://example.org/v?id=1&t={int(found.provenance.start)}"


def test_a_page_is_kept_as_it_is() -> None:
    where = Provenance(item="guide", page=4, url="https://example.org/guide.pdf#page=4", method="passage")
    page = Unit(id=passage_id("guide", LONG), text=LONG, provenance=where)
    found = one("The cellar holds two hundred wheels of cheese.", Sources([page], meanings=False)).source
    assert found is not None
    assert found.provenance == where


def test_the_order_of_the_sources_changes_nothing(both: Sources) -> None:
    texts = [" ".join(said) for said in SPEECH.values()] + [
        LONG,
        "The bridge holds ten wheels of hard cheese.",
    ]
    expected = both.support(texts)
    shuffled = list(both.index.units)
    for seed in range(3):
        random.Random(seed).shuffle(shuffled)
        assert Sources(shuffled, meanings=True).support(texts) == expected


def test_what_cannot_reach_the_threshold_is_left_out_and_changes_nothing(both: Sources) -> None:
    sentences = [text for said in SPEECH.values() for text in said] + [
        "The old road of steel ripens in ten months."
    ]
    everything = both.find(sentences, every=True)
    assert both.find(sentences) == {text: window for text, window in everything.items() if window.may_support}


@pytest.mark.parametrize(
    "text", ["Is the cheese in the cellar?", "Yes, exactly.", "Great!", "！？", "So it is the one."]
)
def test_questions_and_phrases_do_not_count(text: str) -> None:
    assert not counts(text)
    assert [sentence.counts for sentence in ask(text)] == [False]


def test_an_answer_of_a_script_without_spaces() -> None:
    said = "我们在早上五点挤奶。硬奶酪在地窖里放十个月。"
    sources = Sources([unit("奶酪", 0, said), *units()], meanings=True)
    milk, cheese, false, other = ask(
        "我们在早上五点挤奶。硬奶酪在地窖里放十个月。硬奶酪在地窖里放三个月。桥是用石头造的。", sources
    )
    assert [one.source is not None for one in (milk, cheese, false, other)] == [True, True, False, False]
    assert all(one.counts for one in (milk, cheese, false, other))
    assert cheese.source is not None
    assert cheese.source.text == "硬奶酪在地窖里放十个月。"


@pytest.mark.parametrize("meanings", [False, True])
def test_without_sources_no_sentence_has_one(meanings: bool) -> None:
    sources = Sources([], meanings=meanings)
    assert [one.source for one in ask("The cellar holds two hundred wheels. It is cold.", sources)] == [
        None,
        None,
    ]
    assert sources.support(["", "  \n"]) == [[], []]
    assert sources.support([]) == []


def test_a_transcript_without_punctuation_is_cut_into_pieces() -> None:
    text = " ".join(f"word{at}" for at in range(5 * LONGEST))
    windows = cut(text)
    said = [text[begin:end] for begin, end in windows]
    assert max(len(one.split()) for one in said) == 2 * LONGEST
    # property: no word is lost, whatever the pieces are
    assert " ".join(one for one in said if len(one.split()) <= LONGEST) == text


def test_what_runs_on_without_punctuation_is_found() -> None:
    """The piece that a sentence begins with must not make a negation in the other piece a contradiction."""
    said = (
        "no it is a mixture of two experiments and nobody can repeat it name the folder by a hash of the settings the "
        "data and the code then a changed setting finds an empty folder and it has to start from zero"
    )
    sources = Sources([unit("checkpoints", 0, said)], meanings=False)
    assert one(said, sources).source is not None
    assert one(said.replace("nobody can", "he can"), sources).source is None
    assert one(said.replace("has to start", "has not to start"), sources).source is None
    assert (
        one("A changed setting finds an empty folder and it has to start from zero.", sources).source
        is not None
    )
