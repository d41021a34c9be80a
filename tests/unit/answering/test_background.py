from collections import Counter

from lectern.answering.background import SET, draw_training
from lectern.core.schema import Example, Message, Provenance


def row(item: str, number: int, answers: int = 1) -> Example:
    messages = [
        Message(role=role, content=f"{item} {number} {turn} {role}")
        for turn in range(answers)
        for role in ("user", "assistant")
    ]
    return Example.of(messages, Provenance(item=item, method="dialogue"))


ROWS = [row(item, number) for item, count in (("a", 20), ("b", 3), ("c", 9)) for number in range(count)]


def test_questions_are_drawn_evenly_over_the_items_and_without_answers() -> None:
    drawn = draw_training(ROWS, 9, seed=0)
    assert Counter(ask.provenance.item for ask in drawn) == {"a": 3, "b": 3, "c": 3}
    assert all(ask.reference is None and ask.set == SET and ask.messages[-1].role == "user" for ask in drawn)
    # property: an item without any more questions leaves its places to the others
    assert Counter(ask.provenance.item for ask in draw_training(ROWS, 15, seed=0)) == {"a": 6, "b": 3, "c": 6}
    assert len(draw_training(ROWS, 100, seed=0)) == len(ROWS)


def test_the_draw_depends_on_the_seed_and_not_on_the_order_of_the_rows() -> None:
    assert draw_training(ROWS, 9, seed=0) == draw_training(ROWS[::-1], 9, seed=0)
    assert draw_training(ROWS, 9, seed=0) != draw_training(ROWS, 9, seed=1)
    # property: more questions are the same ones and others
    few, more = ({ask.id for ask in draw_training(ROWS, count, seed=0)} for count in (6, 9))
    assert few < more


def test_dialogues_are_asked_only_where_there_is_nothing_else() -> None:
    dialogues = [row("d", number, answers=3) for number in range(4)]
    assert {ask.provenance.item for ask in draw_training([*ROWS, *dialogues], 100, seed=0)} == {"a", "b", "c"}
    assert [len(ask.messages) for ask in draw_training(dialogues, 2, seed=0)] == [5, 5]
    assert draw_training([], 5, seed=0) == draw_training(ROWS, 0, seed=0) == []
