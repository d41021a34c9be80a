"""Rows from conversations. The times are those of made-up talk: one word a second."""

from pathlib import Path

import pytest

from stages.core import io
from stages.core.schema import Conversation, Example, Utterance, Word
from stages.speech import description_questions, dialogue, examples
from stages.speech.provenance import link_at

HOST, MAIN = "host", "main"


def talk(
    *parts: tuple[str, str], description: str = "", url: str | None = "https://example.org/v?id=7"
) -> Conversation:
    """Each part is (role, text); words follow each other, one a second."""
    utterances, now = [], 0
    for role, text in parts:
        words = []
        for token in text.split():
            words.append(Word(text=token, start=now, end=now + 0.8))
            now += 1
        utterances.append(Utterance(speaker=role, role=role, words=words))  # type: ignore[arg-type]
    return Conversation(
        item="talk",
        title="T",
        url=url,
        description=description,
        language="en",
        duration=now,
        utterances=utterances,
    )


def answers(conversation: Conversation, least: int = 1, shift: float = 3.0) -> list[tuple[str, str]]:
    rows, _ = description_questions.make_examples(conversation, min_answer_words=least, max_shift=shift)
    return [(row.messages[0].content, row.messages[1].content) for row in rows]


TALK = (
    (HOST, "welcome to the show"),  # 0
    (HOST, "why do we sleep"),  # 4
    (MAIN, "to rest the brain and body"),  # 8
    (HOST, "and does it matter"),  # 14
    (MAIN, "yes it matters a great deal"),  # 18
    (HOST, "thanks and goodbye to all"),  # 24
)


def test_each_stamped_question_gets_the_whole_answer_the_last_one_too() -> None:
    conversation = talk(*TALK, description="0:00 Intro\n0:04 Why sleep?\n0:14 Does it matter?\n0:24 Outro")
    assert answers(conversation) == [
        ("Why sleep?", "to rest the brain and body"),
        ("Does it matter?", "yes it matters a great deal"),
    ]


@pytest.mark.parametrize("off", [-2, -1, 0, 1, 2, 3, 5, 6])
def test_a_stamp_that_is_seconds_off_cuts_no_answer(off: int) -> None:
    # Property: with a stamp early, late, or in the middle of the answer, the answer is the same, and no word of
    # another answer comes in.
    description = f"0:{4 + off:02d} Why do we sleep?\n0:{14 + off:02d} Does it matter?"
    assert answers(talk(*TALK, description=description)) == [
        ("Why do we sleep?", "to rest the brain and body"),
        ("Does it matter?", "yes it matters a great deal"),
    ]


def test_without_a_host_the_stamps_cut_at_the_word() -> None:
    # Property: where one voice says everything, each word lies in exactly one span.
    conversation = talk((MAIN, "a b c d e f g h"), description="0:02 Why b?\n0:05 Why e?")
    assert answers(conversation) == [("Why b?", "c d e"), ("Why e?", "f g h")]


def test_questions_asked_in_one_breath_share_the_answer() -> None:
    # Property: of several stamps in one turn of the host none is left without an answer.
    conversation = talk(
        (HOST, "why do we sleep and how long should we sleep"), (MAIN, "to rest and eight hours long"),
        description="0:00 Why do we sleep?\n0:05 How long?",
    )  # fmt: skip
    assert answers(conversation) == [("Why do we sleep? How long?", "to rest and eight hours long")]


def test_a_short_interjection_does_not_end_the_answer() -> None:
    conversation = talk(
        (HOST, "why do we sleep"), (MAIN, "to rest"), (HOST, "right"), (MAIN, "and to dream"),
        description="0:00 Why?",
    )  # fmt: skip
    assert answers(conversation) == [("Why?", "to rest and to dream")]


def test_what_is_dropped_is_counted_by_reason() -> None:
    description = "0:04 Why sleep?\n0:14 Does it matter?\n9:00 Anything else?"
    rows, dropped = description_questions.make_examples(
        talk(*TALK[:4], (MAIN, "yes"), description=description), min_answer_words=2, max_shift=3
    )
    assert len(rows) == 1
    assert dropped == {"short_answer": 1, "stamp_after_end": 1}
    nothing = talk(*TALK, description="Subscribe!")
    assert description_questions.make_examples(nothing, min_answer_words=2, max_shift=3) == (
        [],
        {"no_questions": 1},
    )


def test_provenance_opens_the_recording_at_the_answer() -> None:
    (row, _), _ = description_questions.make_examples(
        talk(*TALK, description="0:04 Why sleep?\n0:14 Does it matter?"), min_answer_words=1, max_shift=3
    )
    where = row.provenance
    assert (where.item, where.start, where.end, where.method) == ("talk", 8.0, 13.8, "description_questions")
    assert where.url == "https://example.org/v?id=7&t=8"
    assert link_at("https://example.org/v?t=99#top", 3.9) == "https://example.org/v?t=3#top"
    assert link_at(None, 3.9) is None


def test_a_dialogue_alternates_begins_with_the_user_and_ends_with_the_assistant() -> None:
    conversation = talk(
        (MAIN, "music"), (HOST, "hello"), ("unknown", "noise"), (HOST, "why sleep"), (MAIN, "to rest"),
        (MAIN, "well"), (HOST, "and when"), (MAIN, "at night"), (HOST, "thanks"),
    )  # fmt: skip
    (row,), dropped = dialogue.make_examples(conversation)
    assert [(m.role, m.content) for m in row.messages] == [
        ("user", "hello why sleep"),
        ("assistant", "to rest well"),
        ("user", "and when"),
        ("assistant", "at night"),
    ]
    assert not dropped
    assert (row.provenance.start, row.provenance.end) == (1.0, 11.8)


@pytest.mark.parametrize(
    "parts", [(), ((MAIN, "only me"),), ((MAIN, "first"), (HOST, "then")), ((HOST, "hm"),)]
)
def test_what_is_no_dialogue_is_counted_and_no_row(parts: tuple[tuple[str, str], ...]) -> None:
    assert dialogue.make_examples(talk(*parts)) == ([], {"no_dialogue": 1})


def test_facts_add_up_over_items(tmp_path: Path) -> None:
    # Property: every row and every drop of every item is in the summary, once.
    facts = {}
    for name, description in (("a", "0:04 Why sleep?\n0:14 Does it matter?"), ("b", "nothing")):
        io.write_json(tmp_path / "c.json", talk(*TALK, description=description))
        options = {"description_questions": {"min_answer_words": 1, "max_shift": 3.0}}
        rows, facts[name] = examples.build(tmp_path / "c.json", list(examples.METHODS), options)
        io.write_jsonl(tmp_path / f"{name}.jsonl", rows)
        assert io.read_jsonl(tmp_path / f"{name}.jsonl", Example) == rows
    assert examples.summarise(facts) == {
        "items": 2,
        "items_without_rows": 0,
        "rows": 4,
        "by_method": {
            "description_questions": {"rows": 2, "dropped": {"no_questions": 1}},
            "dialogue": {"rows": 2, "dropped": {}},
        },
        "dropped": {"no_questions": 1},
    }
