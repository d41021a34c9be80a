from collections.abc import Sequence
from typing import Any

import pytest

from lectern.core.schema import Example, Message, Prediction, Provenance, example_id
from lectern.evaluation import likeness_figures
from lectern.evaluation.rows import LikenessRank
from tests.support.hands import TOPICS, write

ITEMS = [f"talk-{number}" for number in range(8)]
UNSEEN = [f"unseen-{number}" for number in range(12)]
DRAWN: dict[str, Any] = {"seed": 0, "resamples": 300, "confidence": 0.95}
QUESTION = Message(role="user", content="Why is that so?")


def example(item: str, *answers: str) -> Example:
    messages = [said for answer in answers for said in (QUESTION, Message(role="assistant", content=answer))]
    return Example.of(messages, Provenance(item=item, method="dialogue"))


def answer(item: str, number: int, text: str, reference: str | None = None) -> Prediction:
    return Prediction(
        id=example_id([QUESTION, Message(role="assistant", content=f"{item} {number}")]),
        set="held_out",
        messages=[QUESTION],
        reference=reference,
        prediction=text,
        finished=True,
        nll=None,
        tokens=None,
        provenance=Provenance(item=item, method="dialogue"),
    )


def said(hand: str, items: Sequence[str], seed: str, count: int = 12) -> list[tuple[str, str]]:
    topics = list(TOPICS)
    return [
        (item, text)
        for number, item in enumerate(items)
        for text in write(hand, topics[number % 2], count, f"{item} {seed}")
    ]


def answers(
    hand: str, seed: str, *, references: bool = True, items: Sequence[str] = UNSEEN
) -> list[Prediction]:
    true = [text for _, text in said("hers", items, "true")]
    return [
        answer(item, number, text, true[number] if references else None)
        for number, (item, text) in enumerate(said(hand, items, seed))
    ]


TRAINED = [example(item, text) for item, text in said("hers", ITEMS, "trained")]
BACKGROUND = [answer(item, number, text) for number, (item, text) in enumerate(said("theirs", ITEMS, "base"))]


def measure(
    sides: dict[str, list[Prediction]],
    trained: Sequence[Example] = TRAINED,
    background: Sequence[Prediction] = BACKGROUND,
) -> tuple[dict[str, Any], list[LikenessRank]]:
    return likeness_figures.measure(trained, background, sides, **DRAWN)


@pytest.fixture(scope="module")
def like_her() -> tuple[dict[str, Any], list[LikenessRank]]:
    """A base of another hand, and a tuned model that writes like her in half of the items."""
    half = answers("hers", "tuned")[: 12 * 6] + answers("theirs", "tuned")[12 * 6 :]
    return measure({"base": answers("theirs", "unseen"), "tuned": half})


def test_the_tuned_model_stands_between_floor_and_ceiling(like_her: tuple[dict[str, Any], Any]) -> None:
    found, _ = like_her
    base, tuned, own = (found["contestants"][side] for side in ("base", "tuned", "reference"))
    assert base["high"] < tuned["value"] < own["low"]
    assert base["value"] < 0.2
    assert own["value"] > 0.8
    # property: what is known of the method stands beside it
    assert found["told_apart"]["low"] > 0.9
    assert found["difference"]["tuned"]["low"] > 0
    # property: a difference is the difference of the two figures
    assert found["difference"]["tuned"]["value"] == pytest.approx(tuned["value"] - base["value"], abs=2e-6)
    assert not found["enough"], "so few words are told"


def test_answers_in_her_hand_rank_above_the_others(like_her: tuple[Any, list[LikenessRank]]) -> None:
    _, ranks = like_her
    hers, theirs = [one.rank for one in ranks[:72]], [one.rank for one in ranks[72:]]
    assert len(ranks) == 144
    assert sorted(hers)[len(hers) // 10] > sorted(theirs)[len(theirs) * 9 // 10]


def test_a_model_that_writes_like_the_base_gains_nothing() -> None:
    found, _ = measure({"base": answers("theirs", "unseen"), "tuned": answers("theirs", "other")})
    gain = found["difference"]["tuned"]
    assert gain["low"] < 0 < gain["high"]
    assert abs(gain["value"]) < 0.1


def test_what_a_dialogue_repeats_counts_once() -> None:
    by_item = [
        example(item, *(text for whose, text in said("hers", ITEMS, "trained") if whose == item))
        for item in ITEMS
    ]
    sides = {"base": answers("theirs", "unseen"), "tuned": answers("hers", "tuned")}
    once, twice = measure(sides), measure(sides, [*by_item, *TRAINED, *by_item])
    assert once == twice


def test_long_answers_of_the_base_do_not_count_in_full() -> None:
    long = [
        row.model_copy(update={"prediction": " ".join([row.prediction, *write("theirs", "sea", 20, row.id)])})
        for row in BACKGROUND
    ]
    sides = {"base": answers("theirs", "unseen"), "tuned": answers("hers", "tuned")}
    found, _ = measure(sides, background=long)
    # property: no side has more words of an answer than three of four of the speaker's answers have
    lengths = sorted(len(row.messages[-1].content.split()) for row in TRAINED)
    assert found["answer_words"] <= lengths[len(lengths) * 3 // 4]


def test_without_true_answers_there_is_no_ceiling() -> None:
    sides = {
        side: answers(hand, side, references=False) for side, hand in (("base", "theirs"), ("tuned", "hers"))
    }
    found, _ = measure(sides)
    assert "reference" not in found["contestants"]
    assert found["told_apart"] is None


@pytest.mark.parametrize(
    ("trained", "background", "sides", "why"),
    [
        (TRAINED, [], ("theirs", "hers"), "no other text was given"),
        (TRAINED[:1], BACKGROUND[:1], ("theirs", "hers"), "words in 1 items of the speaker"),
        (TRAINED, BACKGROUND, ("theirs", ""), "The answers of tuned have fewer than 20 words"),
    ],
)
def test_too_little_text_is_said(
    trained: list[Example], background: list[Prediction], sides: tuple[str, str], why: str
) -> None:
    base, tuned = (answers(hand, "x") if hand else [answer("unseen-0", 0, "")] for hand in sides)
    found, ranks = measure({"base": base, "tuned": tuned}, trained, background)
    assert why in found["why"]
    assert found["words"]["speaker"] > 0
    assert ranks == []


def test_what_other_people_say_in_the_rows_counts_as_others_unless_an_llm_wrote_it() -> None:
    told = Message(role="user", content=" ".join(text for _, text in said("theirs", ITEMS[:1], "host")))
    own = Message(role="assistant", content="I see.")
    rows = [
        Example.of([told, own], Provenance(item="talk-0", method="dialogue", model=model))
        for model in (None, "llm")
    ]
    sides = {"base": answers("theirs", "unseen"), "tuned": answers("hers", "tuned")}
    counted = [measure(sides, [*TRAINED, row])[0]["words"]["others"] for row in rows]
    assert counted[0] - counted[1] == len(told.content.split())
