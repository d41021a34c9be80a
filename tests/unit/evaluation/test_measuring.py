"""Which answers are measured against what: order, repeats, and which texts are embedded."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from lectern.core.errors import LecternError
from lectern.core.schema import Message, Prediction, Provenance
from lectern.evaluation import measuring, similarity
from lectern.evaluation.rows import RowScore


def answer(id: str, text: str = "So it is.", reference: str | None = "It is so.", **more: Any) -> Prediction:
    where = {name: more.pop(name) for name in ("item", "start", "row") if name in more}
    values = {"set": "held_out", "nll": 2.0, "tokens": 5, "finished": True, **more}
    asked = [Message(role="user", content="Why?")]
    provenance = Provenance(**{"item": "talk", "method": "test", **where})
    return Prediction(
        id=id, messages=asked, prediction=text, reference=reference, provenance=provenance, **values
    )


def scored(*rows: Prediction, tuned: Sequence[Prediction] | None = None, **options: Any) -> list[RowScore]:
    answers = {"base": rows, "tuned": rows if tuned is None else tuned}
    chosen: dict[str, Any] = {"with_similarity": False, **options}
    return measuring.score_rows(answers, {}, copied=lambda text: (len(text.split()), 0, 0), **chosen)


def test_rows_stand_in_order_of_set_item_second_line_and_id() -> None:
    rows = [
        answer("a", set="talks"), answer("b", item="z"), answer("c", start=9.0), answer("d", start=10.0),
        answer("f", row=3), answer("e", row=12), answer("h"), answer("g"),
    ]  # fmt: skip
    assert [row.id for row in scored(*rows)] == ["g", "h", "f", "e", "c", "d", "b", "a"]


def test_a_question_without_a_true_answer_is_measured_against_nothing() -> None:
    for reference in (None, "", " \n"):
        [row] = scored(answer("a", reference=reference))
        assert (row.reference, row.reference_words, row.reference_bytes) == (None, None, None)
        found = row.answers["tuned"]
        assert (found.nll, found.tokens, found.rougeL, found.chrf, found.words) == (None, None, None, None, 3)
    [row] = scored(answer("a", reference="Größe."))
    assert (row.reference_words, row.reference_bytes) == (1, 8)
    assert (row.answers["tuned"].nll, row.answers["tuned"].tokens) == (2.0, 5)


def test_a_text_repeats_another_of_its_set_and_contestant_by_its_words() -> None:
    rows = [
        answer("a", "So it is."), answer("b", "so, it IS"), answer("c", "Not so."), answer("d", ""), answer("e", " "),
        answer("f", "So it is.", set="talks"),
    ]  # fmt: skip
    tuned = [answer(row.id, f"Other {row.id}.", set=row.set) for row in rows]
    found = {row.id: row for row in scored(*rows, tuned=tuned)}
    assert {id: row.answers["base"].repeated for id, row in found.items()} == {
        "a": True, "b": True, "c": False, "d": False, "e": False, "f": False,
    }  # fmt: skip
    assert not any(row.answers["tuned"].repeated for row in found.values())
    # property: the true answers are the same for all five of a set
    assert [found[id].reference.repeated for id in "af" if found[id].reference] == [True, False]


def test_only_what_was_drawn_and_can_be_read_is_embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    embedded: list[tuple[str, str]] = []

    @contextmanager
    def measuring_of(pairs: Sequence[tuple[str, str]]) -> Iterator[Callable[[], list[float]]]:
        embedded.extend(pairs)
        yield lambda: [0.25] * len(pairs)

    monkeypatch.setattr(similarity, "measuring", measuring_of)
    monkeypatch.setattr(
        similarity, "draw_questions", lambda keys: {key for key in keys if key[1] != "left out"}
    )
    monkeypatch.setattr(similarity, "is_comparable", lambda answer, reference: "不" not in answer + reference)
    rows = [
        answer("drawn", "One."), answer("left out", "Two."), answer("unreadable", "不"), answer("untrue", "x", None),
        answer("again", "One."),
    ]  # fmt: skip
    found = {row.id: row.answers["base"].similarity for row in scored(*rows, with_similarity=True)}
    assert embedded == [("One.", "It is so.")]
    assert found == {"drawn": 0.25, "again": 0.25, "left out": None, "unreadable": None, "untrue": None}
    embedded.clear()
    scored(*rows)
    assert embedded == []


@pytest.mark.parametrize(
    ("base", "tuned", "message"),
    [
        ([answer("a")], [], "tuned has no predictions"),
        ([answer("a"), answer("a")], [answer("a")], "base answers a twice"),
        ([answer("a"), answer("a", set="talks")], [answer("a"), answer("a", set="talks")], None),
        (
            [answer("a", tokens=5)],
            [answer("a", tokens=6)],
            "measured on 5 tokens of the reference, tuned on 6",
        ),
        ([answer("a")], [answer("b")], r"1 only base \(a\); 1 only tuned \(b\)"),
        ([answer("a"), answer("b")], [answer("a")], r"different questions: 1 only base \(b\)\. "),
        ([answer(id) for id in "abcde"], [answer("e")], r"4 only base \(a, b, c\)"),
        ([answer("a")], [answer("a", reference="Other.")], "tuned, row a: the reference is not"),
        ([answer("a", nll=None)], [answer("a")], "nll is None over 5 tokens"),
        ([answer("a", tokens=None)], [answer("a", tokens=None)], "nll is 2.0 over None tokens"),
        ([answer("a", nll=None, tokens=None)], [answer("a", nll=None, tokens=None)], None),
    ],
)
def test_answers_that_cannot_be_compared_are_named(
    base: list[Prediction], tuned: list[Prediction], message: str | None
) -> None:
    if message is None:
        assert len(scored(*base, tuned=tuned)) == len(base)
        return
    with pytest.raises(LecternError, match=message):
        scored(*base, tuned=tuned)


def test_cleaned_answers_are_those_of_a_contestant_to_its_questions() -> None:
    rows = {"base": [answer("a"), answer("b")], "tuned": [answer("a"), answer("b")]}

    def score(**cleaned: list[Prediction]) -> list[RowScore]:
        return measuring.score_rows(rows, cleaned, copied=lambda text: (1, 0, 0), with_similarity=False)

    one, two = score(tuned=[answer("b", "Cleaned.")])
    assert (one.cleaned, list(two.cleaned)) == ({}, ["tuned"])
    with pytest.raises(
        LecternError, match=r"cleaned/tuned.jsonl has 1 rows that tuned did not answer, such as c"
    ):
        score(tuned=[answer("c")])
    with pytest.raises(LecternError, match="cleaned tuned answers b twice"):
        score(tuned=[answer("b"), answer("b")])
