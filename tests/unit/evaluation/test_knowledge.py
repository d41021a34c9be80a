from typing import Any

from lectern.core.schema import Example, Message, Provenance
from lectern.evaluation import knowledge
from lectern.evaluation.rows import AnswerScore, RowScore

DRAWN: dict[str, Any] = {"seed": 0, "resamples": 300, "confidence": 0.95}


def example(item: str, text: str = "So.") -> Example:
    messages = [Message(role="user", content=f"How, {item}?"), Message(role="assistant", content=text)]
    return Example.of(messages, Provenance(item=item, method="qa"))


SPLITS = {
    "train": [example("taught"), example("both", "Thus.")],
    "validation": [example("checked")],
    "test": [example("kept"), example("both", "Hence.")],
}


def ask(number: int, *places: str) -> tuple[tuple[str, str], tuple[str, ...]]:
    return ("people", f"{number:016x}"), places


def row(number: int, gain: float, set: str = "people") -> RowScore:
    plain: dict[str, Any] = {
        "words": 1, "distinct1": 1.0, "distinct2": None, "fourgrams": 0, "repeated_fourgrams": 0, "copied_words": 0,
        "longest_copy": 0, "finished": True, "tokens": 10,
    }  # fmt: skip
    answers = {"base": AnswerScore(nll=30.0, **plain), "tuned": AnswerScore(nll=30.0 - 10 * gain, **plain)}
    return RowScore(
        id=f"{number:016x}", set=set, item="people", reference_words=1, reference_bytes=1, answers=answers
    )


def test_what_was_trained_and_what_was_held_out_are_two_figures() -> None:
    asked = dict(ask(number, "taught" if number < 8 else "kept") for number in range(15))
    rows = [row(number, 1.0 if number < 8 else 0.25) for number in range(15)]
    found = knowledge.measure(rows, asked, SPLITS, **DRAWN)
    assert found["trained"]["difference"]["nll"]["value"] == -1.0
    assert found["unseen"]["difference"]["nll"]["value"] == -0.25
    assert (found["trained"]["rows"], found["unseen"]["rows"]) == (8, 7)
    assert found["trained"]["questions"][0] == ["people", f"{0:016x}"]
    # property: a question of another set with the same id does not count
    again = knowledge.measure([*rows, row(0, 9.0, "held_out")], asked, SPLITS, **DRAWN)
    assert again == found


def test_a_question_counts_only_if_all_of_its_places_are_on_one_side() -> None:
    trained, other = SPLITS["train"][0].id, SPLITS["test"][0].id
    cases = {
        ("taught",): "trained", ("kept",): "unseen", ("checked",): "unseen", ("taught", "kept"): None,
        ("both",): "trained",  # its training rows may hold the answer
        (trained,): "trained", (other,): "unseen", (trained, other): None, ("taught", "nowhere"): None,
    }  # fmt: skip
    for number, (places, group) in enumerate(cases.items()):
        found = knowledge.measure([row(number, 1.0)], dict([ask(number, *places)]), SPLITS, **DRAWN)
        assert {name for name in ("trained", "unseen") if name in found} == ({group} if group else set()), (
            places
        )
        assert found["unknown"] == [place for place in places if place == "nowhere"]


def test_where_no_question_names_a_place_that_is_said() -> None:
    assert knowledge.measure([row(0, 1.0)], dict([ask(0)]), SPLITS, **DRAWN) == {"why": knowledge.UNNAMED}
    assert knowledge.measure([row(0, 1.0)], {}, SPLITS, **DRAWN) == {"why": knowledge.UNNAMED}


def test_reworded_questions_stand_apart() -> None:
    key = ("reworded", f"{1:016x}")
    found = knowledge.measure([row(1, 1.0, "reworded")], {key: ["taught"]}, SPLITS, **DRAWN)
    assert found["reworded"]["rows"] == 1
    assert "trained" not in found
