"""Questions asked aloud, in talk that nobody stamped."""

from typing import Any

import pytest

from lectern.core.schema import Conversation, Utterance, Word
from lectern.examples import question_turns
from lectern.text.unspaced import divide_words
from tests.unit.examples.test_examples import HOST, MAIN, talk

AUDIENCE, GUEST, UNKNOWN = "audience", "guest", "unknown"
CHOICES: dict[str, Any] = {
    "min_answer_words": 5,
    "max_answer_words": 60,
    "go_on": None,
    "min_question_words": 3,
    "max_question_words": 20,
    "follow_up_words": 4,
    "interjection_words": 3,
}


def chats(conversation: Conversation, **more: Any) -> tuple[list[list[str]], dict[str, int]]:
    made = question_turns.make_examples(conversation, **(CHOICES | more))
    assert all(row.provenance.method == "question_turns" for row in made.examples)
    return [[message.content for message in row.messages] for row in made.examples], dict(made.dropped)


ASK = (HOST, "Why do people sleep at all?")
SAY = (MAIN, "They sleep to rest the brain.")


def test_a_question_and_the_answer_that_follows() -> None:
    for asker in (HOST, AUDIENCE):
        for answerer in (MAIN, GUEST):
            rows, dropped = chats(
                talk((asker, ASK[1]), (answerer, SAY[1]), (asker, "Thank you all for coming."))
            )
            assert rows == [[ASK[1], SAY[1]]]
            assert dropped == {}


@pytest.mark.parametrize("said", ["Right.", "I see, yes.", "Really?", "Mm."])
def test_an_interjection_breaks_neither_answer_nor_question(said: str) -> None:
    answer = talk(ASK, SAY, (HOST, said), (MAIN, "And they sleep to dream."))
    assert chats(answer) == ([[ASK[1], f"{SAY[1]} And they sleep to dream."]], {})
    question = talk((HOST, "I wonder about sleep."), (MAIN, said), (HOST, "Why do people need it?"), SAY)
    assert chats(question) == ([["I wonder about sleep. Why do people need it?", SAY[1]]], {})


def test_a_follow_up_goes_on_as_a_chat_and_alone_it_is_dropped() -> None:
    # Property: `And why is that?` is trained only with what it follows.
    follow_up, more = (HOST, "And why is that?"), (MAIN, "Because the day is so long.")
    assert chats(talk(ASK, SAY, follow_up, more)) == ([[ASK[1], SAY[1], follow_up[1], more[1]]], {})
    assert chats(talk(ASK, SAY, (HOST, "Why is that?"), more)) == (
        [[ASK[1], SAY[1], "Why is that?", more[1]]],
        {},
    )
    assert chats(talk(follow_up, more)) == ([], {"no_context": 1})
    assert chats(talk((HOST, "Why sleep at all?"), SAY)) == ([["Why sleep at all?", SAY[1]]], {})
    after_a_statement = talk(ASK, SAY, (HOST, "That is a very good point."), more, follow_up, SAY)
    assert chats(after_a_statement) == ([[ASK[1], SAY[1]]], {"statement": 1, "no_context": 1})


def test_a_row_never_grows_above_the_limit() -> None:
    # Property: a follow-up that has no room in its row begins one of its own, with the question that it follows.
    follow_up, more = (HOST, "And why is that?"), (MAIN, "Because the day is so long. " * 10)
    rows, _ = chats(talk(ASK, SAY, follow_up, more))
    assert [row[0] for row in rows] == [ASK[1], f"{ASK[1]} And why is that?"]
    rows, _ = chats(talk(ASK, (MAIN, "To rest the brain. " * 50)))
    assert [row[0] for row in rows] == [ASK[1]]
    assert len(rows[0][1].split()) <= 60


def test_later_pieces_of_an_answer_are_turns_of_its_chat_or_left_out() -> None:
    # Property: one question is asked once; what follows a piece that is left out is no follow-up of the first piece.
    long = (MAIN, "To rest the brain. " * 50)
    (row,), _ = chats(talk(ASK, long), go_on="Go on.")
    assert row[::2] == [ASK[1], *["Go on."] * (len(row) // 2 - 1)]
    assert len(row) >= 8
    assert " ".join(row[1::2]) == long[1].strip()
    follow_up, more = (HOST, "And why is that?"), (MAIN, "Because the day is so long.")
    rows, dropped = chats(talk(ASK, long, follow_up, more))
    assert ([row[0] for row in rows], dropped) == ([ASK[1]], {"no_context": 1})
    rows, dropped = chats(talk(ASK, long, follow_up, more), go_on="Go on.")
    assert (sum(len(row) // 2 for row in rows), dropped) == (len(row) // 2 + 1, {})


def test_what_leads_to_the_question_is_kept_up_to_a_length() -> None:
    lead = "You have slept badly for years."
    assert chats(talk((HOST, f"{lead} {ASK[1]}"), SAY))[0] == [[f"{lead} {ASK[1]}", SAY[1]]]
    assert chats(talk((HOST, f"{lead} " * 9 + ASK[1]), SAY))[0] == [[f"{lead} {lead} {ASK[1]}", SAY[1]]]


@pytest.mark.parametrize(
    "request_",
    ["Tell us about your sleep.", "So, please explain how you sleep.", "I'd like to know more about sleep."],
)
def test_a_request_is_a_question(request_: str) -> None:
    assert chats(talk((HOST, request_), SAY, ASK, SAY))[0][0] == [request_, SAY[1]]


def test_where_marks_are_missing_the_words_tell() -> None:
    # Property: a transcript without punctuation gives its questions, and so does a stretch without it; where sentences
    # end with marks, only a question mark makes a question.
    ask, say = "so why do people sleep at all", "they sleep to rest the brain"
    assert chats(talk((HOST, ask), (MAIN, say))) == ([[ask, say]], {})
    assert chats(talk((HOST, ask), (MAIN, f"{say} you know?")))[0] == [[ask, f"{say} you know?"]]
    marked = (
        (HOST, "Is it so?"),
        (MAIN, "Oh yes it is so."),
        (HOST, "Are you sure?"),
        (MAIN, "Oh yes I am now."),
    )
    assert chats(talk((HOST, ask), (MAIN, say), *marked))[0][0][:2] == [ask, say]
    assert all(ask not in row[0] for row in chats(talk((HOST, f"{ask}."), (MAIN, say), *marked))[0])


def test_few_question_marks_among_many_questions_are_not_trusted() -> None:
    # Property: a recogniser that writes full stops for most questions loses none; one that marks most keeps its rule.
    turns = [((HOST, f"Why do {n} people sleep at all{mark}"), SAY) for n, mark in enumerate("......?")]
    assert len(chats(talk(*(part for turn in turns for part in turn)))[0]) == 7
    turns = [((HOST, f"Why do {n} people sleep at all{mark}"), SAY) for n, mark in enumerate("..???")]
    assert len(chats(talk(*(part for turn in turns for part in turn)))[0]) == 3


@pytest.mark.parametrize(
    ("begins", "is_asked"),
    [
        ("How do you deal with this?", True),
        ("I mean, how would you put it? Or is there a way?", True),
        ("So it is a choice, right?", False),  # asks for assent
        ("Is it so, right?", False),
        ("Really?", False),
        ("The choice is what?", False),
        ("So tell me a bit about that.", True),
        ("Take me through the story.", True),
        ("Give me a moment, I have to think, " + "and think, " * 8 + "for it is long ago.", False),  # runs on
        ("I wanted to know it too.", False),
    ],
)
def test_a_question_with_which_an_answer_begins_is_the_one_who_asks(begins: str, is_asked: bool) -> None:
    rows, _ = chats(talk(ASK, (MAIN, f"{begins} {SAY[1]}")))
    assert rows == [[f"{ASK[1]} {begins}", SAY[1]] if is_asked else [ASK[1], f"{begins} {SAY[1]}"]]
    # Property: it makes a question of a turn that asked nothing, and a turn of questions alone stays whose it is.
    rows, _ = chats(talk((HOST, "That is what I wondered."), (MAIN, f"How do you deal with this? {SAY[1]}")))
    assert rows == [["That is what I wondered. How do you deal with this?", SAY[1]]]
    assert (
        chats(talk(ASK, (MAIN, "How do you think that people sleep?")))[0][0][1]
        == "How do you think that people sleep?"
    )


def tell(language: str, *turns: tuple[str, str]) -> Conversation:
    """A conversation in a script without spaces: the role and the text of each turn."""
    utterances = [
        Utterance(
            speaker=role,
            role=role,
            words=divide_words([Word(text=text, start=9 * n, end=9 * n + 9, spaced=False)]),
        )
        for n, (role, text) in enumerate(turns)
    ]
    return talk(ASK, SAY).model_copy(update={"language": language, "utterances": utterances})


def test_a_language_without_spaces_gives_rows() -> None:
    said = "因为没有它结果就不能重复，所以我们总是把它写下来。"
    told = tell("zh", ("host", "为什么随机种子很重要？"), ("guest", said))
    assert chats(told)[0] == [["为什么随机种子很重要？", said]]


def test_japanese_asks_with_a_particle_and_a_full_stop() -> None:
    first, second = (
        "それがなければ結果を再現できないからです。",
        "だから、毎回の実験で必ずそれを記録しています。",
    )
    asked = "なぜ乱数の種が大切なのですか。"
    told = tell("ja", ("host", asked), ("guest", first), ("host", "そうですか。"), ("guest", second))
    assert chats(told)[0] == [[asked, f"{first}{second}"]]


SPOKEN = {
    "th": (["ทำไมเมล็ดพันธุ์ถึงสำคัญครับ", "มันยากไหมครับ", "คุณชอบผลไม้อะไรบ้างคะ", "ยังสบายดีอยู่หรือเปล่า"],
           "วันนี้อากาศดีมากครับ", "เพราะว่าเมล็ดพันธุ์เป็นจุดเริ่มต้นของอาหารทุกอย่าง"),
    "lo": (["ເປັນຫຍັງເມັດພັນຈຶ່ງສຳຄັນ", "ເຈົ້າເລີ່ມເຮັດວຽກນີ້ເມື່ອໃດ", "ມັນຍາກບໍ່"],
           "ມື້ນີ້ອາກາດດີຫຼາຍ", "ເພາະວ່າເມັດພັນແມ່ນຈຸດເລີ່ມຕົ້ນຂອງອາຫານທັງໝົດ"),
    "km": (["ហេតុអ្វីបានជាគ្រាប់ពូជសំខាន់", "តើអ្នកចាប់ផ្តើមធ្វើការនេះនៅពេលណា", "តើវាពិបាកទេ"],
           "ថ្ងៃនេះអាកាសធាតុល្អណាស់", "ពីព្រោះគ្រាប់ពូជគឺជាចំណុចចាប់ផ្តើមនៃអាហារទាំងអស់"),
    "my": (["မျိုးစေ့တွေက ဘာကြောင့် အရေးကြီးသလဲ။", "ဒီအလုပ်က ခက်ခဲသလား"],
           "ဒီနေ့ ရာသီဥတု ကောင်းပါတယ်။", "မျိုးစေ့တွေဟာ အစားအစာအားလုံးရဲ့ အစဖြစ်လို့ပါ။"),
    "zh": (["种子为什么重要", "你觉得这个难吗", "你什么时候开始的"],
           "今天我们在海边休息", "因为种子是我们每天吃的所有食物的起点"),
    "ja": (["なぜ種は大切なのですか", "いつからこの仕事を始めたんですか"],
           "今日は海の近くで休みました", "種は私たちが毎日食べるすべての食べ物の始まりだからです"),
}  # fmt: skip


@pytest.mark.parametrize("language", SPOKEN)
def test_without_marks_a_question_is_told_by_its_words(language: str) -> None:
    # Property: each question gives a row or goes on with it, and a statement of the one who asks gives none.
    asked, statement, answer = SPOKEN[language]
    for question in asked:
        told = tell(language, ("host", question), ("guest", answer))
        assert chats(told, min_question_words=2) == ([[question, answer]], {}), question
    assert chats(tell(language, ("host", statement), ("guest", answer))) == ([], {"statement": 1})


def test_what_is_dropped_is_counted_by_reason() -> None:
    conversation = talk(
        (MAIN, "Before anything was asked at all."),
        (HOST, "I have often thought about sleep myself."),
        SAY,
        ASK,
        (MAIN, "I do not know."),
        (HOST, "Would anybody else like to say something?"),
    )
    assert chats(conversation) == ([], {"statement": 1, "short_answer": 1, "no_answer": 1})
    assert chats(talk()) == chats(talk((MAIN, "only me"))) == ([], {"no_questions": 1})


def test_unknown_voices_belong_to_no_side() -> None:
    conversation = talk(ASK, (UNKNOWN, "adverts adverts adverts adverts"), SAY)
    assert chats(conversation) == ([[ASK[1], SAY[1]]], {})


def test_a_long_speech_after_the_question_is_what_gets_answered() -> None:
    speech = "I for one have slept well for years and years. " * 6
    assert chats(talk((HOST, f"{ASK[1]} {speech}"), SAY), max_question_words=100) == ([], {"statement": 1})


def test_provenance_begins_with_the_answer_and_ends_with_the_last_one() -> None:
    conversation = talk(ASK, SAY, (HOST, "And why is that?"), (MAIN, "Because the day is long."))
    (row,) = question_turns.make_examples(conversation, **CHOICES).examples
    assert (row.provenance.start, row.provenance.end) == (6.0, 20.8)
    assert row.provenance.url == "https://example.org/v?id=7&t=6"
