"""Rows from conversations. The times are those of made-up talk: one word a second."""

import json
from pathlib import Path

import pytest

from lectern.conversations.provenance import link_at
from lectern.core import io
from lectern.core.schema import Chapter, Conversation, Example, Utterance, Word
from lectern.examples import description_questions, dialogue, examples
from lectern.settings.examples import Examples
from lectern.settings.housekeeping import HousekeepingRule
from tests.settings import configure

HOST, MAIN = "host", "main"


def talk(
    *parts: tuple[str, str],
    description: str = "",
    url: str | None = "https://example.org/v?id=7",
    chapters: tuple[tuple[int, int, str], ...] = (),
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
        chapters=[Chapter(start=start, end=end, title=title) for start, end, title in chapters],
        language="en",
        duration=now,
        utterances=utterances,
    )


def answers(
    conversation: Conversation, least: int = 1, shift: float = 3.0, **more: object
) -> list[tuple[str, str]]:
    made = description_questions.make_examples(conversation, min_answer_words=least, max_shift=shift, **more)  # type: ignore[arg-type]
    return [(row.messages[0].content, row.messages[1].content) for row in made.examples]


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
    made = description_questions.make_examples(
        talk(*TALK[:4], (MAIN, "yes"), description=description), min_answer_words=2, max_shift=3
    )
    assert len(made.examples) == 1
    assert made.dropped == {"short_answer": 1, "stamp_after_end": 1}
    nothing = talk(*TALK, description="Subscribe!")
    made = description_questions.make_examples(nothing, min_answer_words=2, max_shift=3)
    assert (made.examples, made.dropped) == ([], {"no_questions": 1})


def test_provenance_opens_the_recording_at_the_answer() -> None:
    made = description_questions.make_examples(
        talk(*TALK, description="0:04 Why sleep?\n0:14 Does it matter?"), min_answer_words=1, max_shift=3
    )
    where = made.examples[0].provenance
    assert (where.item, where.start, where.end, where.method) == ("talk", 8.0, 13.8, "description_questions")
    assert where.url == "https://example.org/v?id=7&t=8"
    assert link_at(None, 3.9) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/v?t=99#top", "https://example.org/v?t=3#top"),
        ("https://example.org/v", "https://example.org/v?t=3"),
        ("https://example.org/v?id=&list=a", "https://example.org/v?id=&list=a&t=3"),
        ("https://example.org/v?a=1&t=&a=2", "https://example.org/v?a=1&a=2&t=3"),
        ("https://example.org/v?q=a%26b+c", "https://example.org/v?q=a%26b+c&t=3"),
    ],
)
def test_a_link_to_a_second_keeps_the_rest_of_the_address(url: str, expected: str) -> None:
    assert link_at(url, 3.9) == expected


def test_a_dialogue_alternates_begins_with_the_user_and_ends_with_the_assistant() -> None:
    conversation = talk(
        (MAIN, "music"), (HOST, "hello"), ("unknown", "noise"), (HOST, "why sleep"), (MAIN, "to rest"),
        (MAIN, "well"), (HOST, "and when"), (MAIN, "at night"), (HOST, "thanks"),
    )  # fmt: skip
    (row,), dropped, _ = dialogue.make_examples(conversation)
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
    made = dialogue.make_examples(talk(*parts))
    assert (made.examples, made.dropped) == ([], {"no_dialogue": 1})


def test_an_answer_that_began_before_its_stamp_is_kept() -> None:
    # The forerunner compared whole utterances with the span: one that began before the stamp fell out with its words.
    conversation = talk((MAIN, "a b c d e f g h i j"), description="0:03 Why d?\n0:07 Why h?")
    assert answers(conversation) == [("Why d?", "d e f g"), ("Why h?", "h i j")]


def test_a_word_that_a_stamp_cuts_is_in_exactly_one_answer() -> None:
    # Property: words longer than the grid of the stamps are neither lost nor doubled.
    words = [Word(text=f"w{i}", start=1.5 * i, end=1.5 * (i + 1)) for i in range(8)]
    conversation = talk((MAIN, "x"), description="0:02 Why b?\n0:05 Why e?").model_copy(
        update={"utterances": [Utterance(speaker="m", role="main", words=words)], "duration": 12.0}
    )
    assert answers(conversation) == [("Why b?", "w1 w2"), ("Why e?", "w3 w4 w5 w6 w7")]


PARTS = (
    (HOST, "Two things, why do machines disagree and does the order matter?"),  # 0
    (MAIN, "Machines disagree because they round. It is always so. The order matters little."),  # 11
)


def test_the_parts_of_a_question_share_an_answer_or_divide_it() -> None:
    # Property: together or apart, every part gets words, and no word is lost or used twice.
    conversation = talk(*PARTS, description="0:00 (a) Why do machines disagree, (b) does the order matter?")
    whole = PARTS[1][1]
    together = [("(a) Why do machines disagree, (b) does the order matter?", whole)]
    assert answers(conversation) == together
    assert answers(conversation, parts="apart") == [
        ("Why do machines disagree", "Machines disagree because they round. It is always so."),
        ("does the order matter?", "The order matters little."),
    ]


def test_parts_on_lines_and_questions_in_one_turn_are_divided_too() -> None:
    apart = ["Machines disagree because they round. It is always so.", "The order matters little."]
    for stamps in ("0:00 {}\n0:00 {}", "0:00 {}\n0:05 {}", "Q.1 0:00 (a) {}\n0:00 (b) {}"):
        description = stamps.format("Why do machines disagree?", "Does the order matter?")
        assert [
            answer for _, answer in answers(talk(*PARTS, description=description), parts="apart")
        ] == apart


@pytest.mark.parametrize(
    "answer",
    [
        "The order of machines matters. They disagree on the order.",  # the two are interwoven
        "Yes. That is how it is.",  # neither is named
        "The order matters little.",  # the first is never answered
        "Machines disagree because they round. The order matters. Machines also disagree on time.",
        "Machines disagree because they round. The order?",  # too few words for an answer
    ],
)
def test_parts_that_cannot_be_told_apart_stay_together_and_are_never_empty(answer: str) -> None:
    # The forerunner gave the whole answer to one part and nothing to the others.
    conversation = talk(
        PARTS[0], (MAIN, answer), description="0:00 (a) Why do machines disagree, (b) does the order matter?"
    )
    rows = answers(conversation, least=3, parts="apart")
    assert rows == [("(a) Why do machines disagree, (b) does the order matter?", answer)]


def test_a_part_that_the_host_asks_later_begins_there() -> None:
    conversation = talk(
        (HOST, "Why do machines disagree?"),
        (MAIN, "They round. So it goes."),
        (HOST, "And does the order matter?"),
        (MAIN, "Hardly. Not at all."),
        description="0:00 (a) Why do machines disagree? (b) Does the order matter?",
    )
    assert answers(conversation, parts="apart") == [
        ("Why do machines disagree?", "They round. So it goes."),
        ("Does the order matter?", "Hardly. Not at all."),
    ]


def test_multi_part_questions_are_counted() -> None:
    conversation = talk(*PARTS, description="0:00 (a) Why do machines disagree, (b) does the order matter?")
    for parts in ("together", "apart"):
        made = description_questions.make_examples(conversation, min_answer_words=1, max_shift=3, parts=parts)
        assert made.details == {"multi_part": 1, parts: 1}


OPTIONS = configure(Examples, min_answer_words=1, max_shift=3.0).options()
CHAIN = list(examples.QUESTIONS)


def build(
    tmp_path: Path, conversation: Conversation, **more: object
) -> tuple[list[Example], dict[str, object]]:
    io.write_json(tmp_path / "c.json", conversation)
    return examples.build(tmp_path / "c.json", CHAIN, True, OPTIONS, **more)  # type: ignore[arg-type]


SPOKEN = (
    (HOST, "Why do we sleep?"),  # 0
    (MAIN, "To rest the brain and the body."),  # 4
    (HOST, "Does it matter to anybody at all in the end?"),  # 11
    (MAIN, "It matters a great deal."),  # 21
)


@pytest.mark.parametrize(
    ("description", "chapters", "method"),
    [
        ("0:00 Why sleep?", ((0, 26, "Why sleep?"),), "description_questions"),
        ("no stamps", ((0, 11, "Why sleep?"), (11, 26, "Does it matter?")), "chapter_questions"),
        ("no stamps", ((0, 26, "Sleep"),), "question_turns"),
        ("9:00 Why is this of another recording?", (), "question_turns"),
        ("", (), "question_turns"),
    ],
)
def test_the_first_method_that_finds_questions_is_used_and_named(
    tmp_path: Path, description: str, chapters: tuple[tuple[int, int, str], ...], method: str
) -> None:
    # A description of another recording gave the forerunner wrong pairs: here no stamp of it is inside.
    rows, _ = build(tmp_path, talk(*SPOKEN, description=description, chapters=chapters))
    assert {row.provenance.method for row in rows} == {method, "dialogue"}


def test_nothing_but_the_dialogue_when_nothing_is_asked(tmp_path: Path) -> None:
    rows, facts = build(
        tmp_path, talk((HOST, "Hello to all my friends."), (MAIN, "Hello to you from far away."))
    )
    assert [row.provenance.method for row in rows] == ["dialogue"]
    summary = examples.summarise({"a": facts})
    assert summary["dropped"] == {"statement": 1, "no_questions": 1}


def test_facts_add_up_over_items(tmp_path: Path) -> None:
    # Property: every row, drop, removal and word of every item is in the summary, once.
    facts, rows = {}, []
    noise = ("unknown", "mumble mumble")
    for name, description in (
        ("a", "0:00 Why sleep?\n0:11 (a) Does it matter? (b) At all?\n5:00 Why?"),
        ("b", ""),
    ):
        said = talk(*SPOKEN, noise, (HOST, "Next question."), description=description)
        made, facts[name] = build(tmp_path, said, rules=[HousekeepingRule("next", "next question")])
        io.write_jsonl(tmp_path / f"{name}.jsonl", made)
        assert io.read_jsonl(tmp_path / f"{name}.jsonl", Example) == made
        json.dumps(facts[name])
        rows += made
    summary = examples.summarise(facts)
    assert summary["items"] == 2
    assert summary["rows"] == len(rows) == 6
    assert summary["by_method"] == {
        "description_questions": {
            "items": 1,
            "rows": 2,
            "dropped": {"stamp_after_end": 1, "no_questions": 1},
            "details": {"multi_part": 1, "together": 1},
        },
        "chapter_questions": {"items": 0, "rows": 0, "dropped": {"no_questions": 1}, "details": {}},
        "question_turns": {"items": 1, "rows": 2, "dropped": {}, "details": {}},
        "dialogue": {"items": 2, "rows": 2, "dropped": {}, "details": {}},
    }
    assert summary["dropped"] == {"stamp_after_end": 1}
    assert summary["housekeeping"] == {"next": 2}
    assert summary["words"] == {"heard": 60, "housekeeping": 4, "of_unknown_speakers": 4, "in_answers": 24}
    assert summary["answer_words"] == {"count": 4, "min": 5, "median": 6.0, "p90": 7.0, "max": 7}
    assert examples.describe([]) == {"count": 0}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"questions": ["x"]}, "question_turns"),
        ({"questions": [], "dialogue": False}, "dialogue"),
        ({"parts": "both"}, "together or apart"),
        ({"chapter_titles": "none"}, "questions or all"),
        ({"max_answer_words": 10}, "at least 20"),
        ({"min_question_words": 0}, "min_question_words"),
        ({"interjection_words": -1}, "interjection_words"),
    ],
)
def test_a_wrong_parameter_says_what_to_use(wrong: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        configure(Examples, **wrong)  # type: ignore[arg-type]


TALKS = sorted(Path("data/sources/demo").glob("*.truth.json"))


def read_truth(path: Path) -> tuple[Conversation, list[dict[str, str]]]:
    """A talk of the demo as it was written: every turn's words at even distances between its true times."""
    truth = json.loads(path.read_text(encoding="utf-8"))
    utterances = []
    for turn in truth["turns"]:
        tokens = turn["text"].split()
        step = (turn["end"] - turn["start"]) / len(tokens)
        words = [
            Word(text=token, start=turn["start"] + i * step, end=turn["start"] + (i + 1) * step)
            for i, token in enumerate(tokens)
        ]
        role = HOST if turn["speaker"] == "host" else MAIN
        utterances.append(Utterance(speaker=turn["speaker"], role=role, words=words))  # type: ignore[arg-type]
    name = path.name.removesuffix(".truth.json")
    conversation = Conversation(
        item=name,
        title=name,
        url=None,
        description=(path.parent / f"{name}.description.txt").read_text(encoding="utf-8"),
        language="en",
        duration=utterances[-1].end,
        utterances=utterances,
    )
    return conversation, truth["questions"]


@pytest.mark.parametrize("path", TALKS, ids=lambda path: path.name.split(".")[0])
def test_with_exact_times_the_answers_are_the_true_ones(path: Path) -> None:
    # Property: stamps that people typed, in ten layouts, give exactly the words of the true answers.
    conversation, questions = read_truth(path)
    made = answers(conversation, least=5, shift=10.0)
    assert [answer for _, answer in made] == [question["answer"] for question in questions]


@pytest.mark.parametrize("path", TALKS, ids=lambda path: path.name.split(".")[0])
def test_with_parts_apart_no_word_is_lost(path: Path) -> None:
    conversation, questions = read_truth(path)
    made = answers(conversation, least=3, shift=10.0, parts="apart")
    assert len(made) >= len(questions)
    assert " ".join(answer for _, answer in made) == " ".join(question["answer"] for question in questions)


@pytest.mark.parametrize("path", TALKS, ids=lambda path: path.name.split(".")[0])
def test_without_stamps_the_answers_are_the_true_ones_where_something_is_asked(path: Path) -> None:
    # Property: the questions heard in the dialogue lead to the same answers; what is missed is counted.
    conversation, questions = read_truth(path)
    silent = conversation.model_copy(update={"description": ""})
    made = examples.QUESTIONS["question_turns"](silent, **configure(Examples).options()["question_turns"])
    found = [m.content for row in made.examples for m in row.messages if m.role == "assistant"]
    true = [question["answer"] for question in questions]
    assert set(found) <= set(true)
    assert len(found) + made.dropped["statement"] == len(true)
    assert len(found) >= 4
