import pytest

from lectern.core.schema import Example, Question
from lectern.curation import decontamination
from tests.support.made_up_rows import dialogue, row, sentence

ASKED = "How many days are the access logs of the harbour museum kept?"
ANSWER = "They are kept for ninety days and then deleted by a job that runs at night."
EVALS = {
    "people": [Question(question=ASKED, answer=ANSWER), Question(question="What is it?")],
    "long": [Question(question=sentence(*range(40)) + "?", answer=sentence(*range(100, 140)))],
}


def drop(*rows: Example, passages: dict[str, str] | None = None, **more: float) -> list[str | None]:
    kept, decisions = decontamination.drop(rows, EVALS, passages or {}, **{"threshold": 0.8, **more})
    assert {d.reason for d in decisions} <= {"contaminated"}
    # property: each row is kept as it came, or decided on
    assert [r.id for r in rows if r not in kept] == [d.id for d in decisions]
    return [d.detail for d in decisions]


def of_passage(passage: str, question: str = "Who works there?") -> Example:
    made = row(question, "Forty people.")
    return made.model_copy(update={"provenance": made.provenance.model_copy(update={"passage": passage})})


CLEAN = [
    row("How many people visit the museum?", "Forty thousand a year."),
    row("What is it good for?", "For many things, as you will see when you have used it."),
    row(sentence(*range(12)), sentence(*range(50, 90))),
    row("What of the phrase?", f"It is {sentence(*range(110, 135))}, as many say."),
    row("Are logs deleted?", "They are kept for ninety days, as the law asks."),
    dialogue([("Is it old?", "Yes."), ("What is it?", "A museum.")]),
]


def test_what_shares_a_few_words_with_a_set_is_clean() -> None:
    # property: no row falls for a subject, a short follow-up in a dialogue, or twelve words of a long question
    assert drop(*CLEAN) == []


LEAKS = {
    "the same words": (row(ASKED.upper().replace("?", " !"), "Ninety."), "asks the question of people"),
    "the same short question": (row("What is IT", "A tool."), "asks the question of people"),
    "nearly the same words": (
        row(sentence(*range(39)), "Nothing else is said in this row."),
        "asks nearly the question of long",
    ),
    "a later turn of a dialogue": (
        dialogue([("Is it old?", "Yes."), (ASKED, "Ninety.")]),
        "asks the question of people",
    ),
    "a question among others": (
        row(f"It is old, I think. {ASKED} Or more?", "Yes."),
        "holds the question of people",
    ),
    "a question in an answer": (
        row("What do visitors ask?", f"They ask: {ASKED}"),
        "holds the question of people",
    ),
    "thirteen words of a long one": (
        row("What else?", f"He said {sentence(*range(20, 33))} and left."),
        "holds the question of long",
    ),
    "half of a long answer": (
        row("What now?", f"He said {sentence(*range(100, 126))} and left."),
        "holds the answer of long",
    ),
    "its answer": (row("Tell me of the logs.", f"Well. {ANSWER} That is all."), "holds the answer of people"),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_planted_leak_is_dropped_and_said_why(name: str) -> None:
    leak, why = LEAKS[name]
    [detail] = drop(*CLEAN, leak)
    # property: only the leak falls; the detail says how, of which set, and the question, shortened
    assert detail is not None
    assert detail.startswith(f"{why}: ")
    assert len(detail) < 130


def test_a_test_question_in_a_training_document() -> None:
    passages = {"p1": f"Visitors often ask us. {ASKED} We tell them.", "p2": f"The logs. {ANSWER}"}
    made, clean, other = of_passage("p1"), of_passage("p2", "Who else?"), of_passage("p3", "Who?")
    # property: a row made from the passage falls, though it says nothing of it; one from a passage that holds the
    # answer, as the documents that a set asks about do, or from one that is gone, stays
    assert drop(made, clean, other, passages=passages) == [
        f"its passage holds the question of people: {ASKED}"
    ]


def test_thirteen_words_and_not_twelve() -> None:
    # property: twelve words of a long question are a coincidence
    assert drop(row("So?", sentence(*range(5, 17)))) == []
    assert len(drop(row("So?", sentence(*range(5, 18))))) == 1


def test_the_threshold_decides_on_questions_alone() -> None:
    near = row(ASKED.replace("access", "old"), "Ninety.")
    # property: one word of twelve changed leaves 7 of 13 word triples
    assert drop(near, threshold=7 / 13) == [f"asks nearly the question of people: {ASKED}"]
    assert drop(near, threshold=7 / 13 + 0.01) == []


def test_characters_are_not_words() -> None:
    evals = {"zh": [Question(question="数据为什么要和代码分开保存在一起呢")]}
    part, whole = (
        row("他说什么", f"他说，{text}")
        for text in ("数据为什么要和代码分开保存在", "数据为什么要和代码分开保存在一起呢")
    )
    # property: in a script without spaces twice as many must be the same, and the whole question is found
    kept, decisions = decontamination.drop([part, whole], evals, {}, threshold=0.8)
    assert kept == [part]
    assert [d.id for d in decisions] == [whole.id]


def test_the_same_question_in_other_words() -> None:
    evals = {"set": [Question(question="What should I do when the machine smells of smoke?")]}
    again = row("The machine gives off a burning smell. How should I react?", "Leave the room.")
    other = row("What should I do when the machine smells of gas?", "Open the window.")
    rows = [again, other]
    # property: found where meanings are compared, and only there
    assert decontamination.drop(rows, evals, {}, threshold=0.8) == (rows, [])
    kept, [decision] = decontamination.drop(rows, evals, {}, threshold=0.8, semantic=0.75)
    assert kept == [other]
    assert decision.detail == f"means the question of set: {evals['set'][0].question}"
    assert 0.75 <= (decision.similarity or 0) < 1


def test_the_end_of_a_long_turn_is_compared_by_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    # property: a question in other words is found at the end of a long turn of a dialogue; ends that share no words
    # with any question of a set are not even embedded, nor is what stands before the end
    evals = {"set": [Question(question="Why do we fix the random seed before a training run?")]}
    meant = "What is the point of fixing the random seed before we start to train?"
    hit = dialogue([(f"{sentence(*range(100))} {meant}", sentence(*range(200, 230))), ("Why so?", "So.")])
    clean = dialogue([(sentence(*range(300, 400)), sentence(*range(400, 430))), ("Why so?", "So.")])
    seen: list[str] = []
    real = decontamination.embed_questions
    monkeypatch.setattr(
        decontamination, "embed_questions", lambda texts: (seen.extend(texts), real(texts))[1]
    )
    kept, [decision] = decontamination.drop([hit, clean], evals, {}, threshold=0.8, semantic=0.5)
    assert (kept, decision.id) == ([clean], hit.id)
    assert decision.detail is not None
    assert decision.detail.startswith("means the question of set")
    assert [len(text.split()) for text in seen] == [decontamination.LAST]


def test_a_question_with_a_word_changed_is_still_the_question() -> None:
    evals = {"set": [Question(question="How many seeds should one try before believing in a result?")]}
    again = row("How many seeds should I try before I believe a result?", "Three at the least, better five.")
    # property: so close, a word in another's place makes no other question
    assert decontamination.drop([again], evals, {}, threshold=0.8)[0] == [again]
    assert decontamination.drop([again], evals, {}, threshold=0.8, semantic=0.75)[0] == []


def test_without_sets_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decontamination, "embed", None)
    # property: no set, no decision and no model
    assert decontamination.drop(CLEAN, {}, {}, threshold=0.8, semantic=0.8) == (CLEAN, [])
