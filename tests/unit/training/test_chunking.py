"""Properties of the chunks of random dialogues, by the exact token counts of the templates."""

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lectern.core.schema import Message
from lectern.models import chat_format
from lectern.training import chunking, rendering
from tests.support import growth
from tests.support.tiny import FAMILIES, Family, chat, dialogue, family, text

DIALOGUES = 2_000


@pytest.fixture(scope="module", params=FAMILIES)
def chosen(request: pytest.FixtureRequest, tokenizer: Any) -> Family:
    return family(request.param, tokenizer)


@pytest.fixture(scope="module")
def smollm2(tokenizer: Any) -> rendering.Writer:
    return family("smollm2", tokenizer).writer()


def cut(writer: rendering.Writer, messages: Sequence[Message], limit: int) -> chunking.Chunking:
    return chunking.cut(messages, limit, writer.encode, writer.shorten, writer.offsets)


def length(writer: rendering.Writer, messages: Sequence[Message]) -> int:
    """As transformers itself counts it, with no code of ours but for the shape."""
    [ids] = chat_format.serve(writer.tokenizer, [writer.shape.place(messages)], answering=False)
    return len(ids)


def squeeze(*texts: str) -> str:
    return "".join("".join(texts).split())


def systems_of(messages: Sequence[Message]) -> list[Message]:
    return [message for message in messages if message.role == "system"]


def check(writer: rendering.Writer, messages: Sequence[Message], limit: int) -> chunking.Chunking:
    """Every invariant of the chunks of a dialogue."""
    done = cut(writer, messages, limit)
    whole = chunking.split_exchanges(messages)
    if not done.chunks:
        # given up only where the system messages and the template take nearly all
        assert (
            length(writer, [*systems_of(messages), *chat("漢", "漢漢")]) > limit - limit // chunking.ROOM - 8
        )
        return done
    if length(writer, messages) <= limit:
        assert [chunk.messages for chunk in done.chunks] == [list(messages)]
    at, said = 0, ""  # the exchange that is being answered, and what was answered of it
    for chunk in done.chunks:
        assert length(writer, chunk.messages) == len(chunk.tokens.input_ids) <= limit
        opening = next(m for m in chunk.messages if m.role != "system")
        assert (opening.role, chunk.messages[-1].role) == ("user", "assistant")
        before = systems_of([m for exchange in whole[:at] for m in exchange.messages])
        assert systems_of(chunk.messages)[: len(before)] == before
        for exchange in chunking.split_exchanges(chunk.messages):
            asked = squeeze(*(m.content for m in whole[at].asked))
            question = squeeze(*(m.content for m in exchange.asked))
            assert question == asked or (done.questions_shortened and question and asked.endswith(question))
            said += squeeze(*(m.content for m in exchange.answers))
            answer = squeeze(*(m.content for m in whole[at].answers))
            assert answer.startswith(said)  # nothing is lost, nothing doubled
            divided = (
                exchange.asked != whole[at].asked or said != answer or exchange.answers != whole[at].answers
            )
            alone = [*before, *systems_of(whole[at].messages), *whole[at].asked, *whole[at].answers]
            assert not divided or length(writer, alone) > limit  # divided only where it must be
            if said == answer:
                at, said = at + 1, ""
        if at < len(whole) and not said:
            # as long as the limit allows: with the next exchange it were longer
            assert length(writer, [*chunk.messages, *whole[at].messages]) > limit
    assert (at, said) == (len(whole), "")  # all of it is there
    return done


@pytest.mark.parametrize("all_together", [100, pytest.param(DIALOGUES, marks=pytest.mark.slow)])
def test_every_chunk_of_random_dialogues_is_as_it_should_be(chosen: Family, all_together: int) -> None:
    writer, chance = chosen.writer(), random.Random(all_together)
    share = all_together // len(FAMILIES)
    divided = shortened = cut_up = 0
    for _ in range(share):
        messages, _ = chunking.begin_with_user(dialogue(chance))
        done = check(writer, messages, chance.choice([48, 64, 100, 160, 256]))
        divided, shortened = divided + done.answers_divided, shortened + done.questions_shortened
        cut_up += len(done.chunks) > 1
    assert min(divided, shortened, cut_up) > share // 20  # the dialogues were hard enough


@given(
    st.lists(
        st.tuples(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=200)), min_size=1, max_size=4
    ),
    st.integers(40, 120),
)
@settings(deadline=None, max_examples=150)
def test_any_text_can_be_cut(smollm2: rendering.Writer, pairs: list[tuple[str, str]], limit: int) -> None:
    """Also what no person writes: control characters, half emoji, white space alone."""
    usable = [(a, b) for a, b in pairs if squeeze(a) and squeeze(b)]
    clean = [c.encode(errors="replace").decode().replace("<|", "<") for pair in usable for c in pair]
    if clean:
        check(smollm2, chat(*clean), limit)


def test_an_answer_is_divided_at_sentence_ends(smollm2: rendering.Writer) -> None:
    sentences = [f"Seed number {n} was tried by Dr. Lee, and it gave {n}.5 points." for n in range(40)]
    done = cut(smollm2, chat("Which seeds?", " ".join(sentences)), 128)
    pieces = [chunk.messages[-1].content for chunk in done.chunks]
    assert len(pieces) > 5
    assert done.answers_divided == 1
    assert all(piece.startswith("Seed") and piece.endswith("points.") for piece in pieces)
    assert {chunk.messages[0].content for chunk in done.chunks} == {"Which seeds?"}
    # each piece is as long as the limit allows: with the next sentence it were longer
    for piece, following in pairwise(pieces):
        longer = f"{piece} {following.split('points.')[0]}points."
        assert length(smollm2, chat("Which seeds?", longer)) > 128


@pytest.mark.parametrize(
    ("answer", "joint"),
    [
        ("internationalisation " * 80, " "),
        ("漢字データ" * 80, ""),
        ("e\u0301" * 300, ""),
        ("👩\u200d🔬" * 60, ""),
    ],
    ids=["words", "no spaces", "accents", "joined emoji"],
)
def test_a_sentence_without_end_is_cut_at_words_or_else_at_characters(
    smollm2: rendering.Writer, answer: str, joint: str
) -> None:
    pieces = [chunk.messages[-1].content for chunk in cut(smollm2, chat("Well?", answer), 80).chunks]
    assert len(pieces) > 3
    assert joint.join(pieces) == answer.strip()
    # no letter loses its accent, no emoji its joiner, and no word is cut
    assert not any(piece[0] in "\u0301\u200d" or piece[-1] == "\u200d" for piece in pieces)
    assert not joint or {word for piece in pieces for word in piece.split()} == {"internationalisation"}


@pytest.mark.parametrize("limit", range(60, 90, 3))
def test_no_word_is_cut_where_that_can_be(smollm2: rendering.Writer, limit: int) -> None:
    word = "internationalisation"  # of several tokens, so that the limit falls within it now and then
    pieces = [c.messages[-1].content for c in cut(smollm2, chat("Well?", f"{word} " * 40), limit).chunks]
    assert {said for piece in pieces for said in piece.split()} == {word}
    for piece, _ in pairwise(pieces):
        assert length(smollm2, chat("Well?", f"{piece} {word}")) > limit


def test_the_last_place_that_fits_is_found_from_either_side() -> None:
    places = [0, 3, 4, 6, 8, 9, 20]

    def find(aim: int, most: int = 100, begin: int = 2) -> int | None:
        return chunking._furthest(places, begin, aim, most, lambda place: place <= 8)

    assert [find(aim) for aim in (2, 3, 5, 8, 12, 50)] == [8] * 6  # a wrong estimate decides nothing
    assert find(3, most=6) == 6  # but what is surely too long is not tried
    assert find(9, begin=8) is None


def test_marks_that_tell_nothing_change_nothing(smollm2: rendering.Writer) -> None:
    """Where the answers end is known from the template's marks; if it marks something else, the chunks are the same."""

    def unmarked(messages: Sequence[Message]) -> chat_format.Encoded:
        return replace(smollm2.encode(messages), answers=[])

    chance = random.Random(5)
    for _ in range(20):
        messages, _ = chunking.begin_with_user(dialogue(chance))
        without = chunking.cut(messages, 160, unmarked, smollm2.shorten, smollm2.offsets)
        assert [c.messages for c in without.chunks] == [
            c.messages for c in cut(smollm2, messages, 160).chunks
        ]


def test_a_long_question_keeps_its_last_sentences(smollm2: rendering.Writer) -> None:
    asked = " ".join(f"There is a thing numbered {n}." for n in range(60)) + " Why is that?"
    done = cut(smollm2, chat(asked, "Because."), 128)
    [chunk] = done.chunks
    kept = chunk.messages[0].content
    assert done.questions_shortened == 1
    assert asked.endswith(kept)
    assert kept.startswith("There is a thing")
    # no more is left out than must be
    [before] = [asked[: -len(kept)].strip().split(". ")[-1]]
    assert length(smollm2, chat(f"{before} {kept}", "Because.")) > 128


def test_two_long_questions_keep_the_last(smollm2: rendering.Writer) -> None:
    asked = [Message(role="user", content=f"{name} " * 60) for name in ("first", "second")]
    done = cut(smollm2, [*asked, Message(role="assistant", content="So.")], 110)
    assert [m.content.split()[0] for m in done.chunks[0].messages] == ["second", "So."]


def test_system_messages_open_every_chunk_after_them(chosen: Family) -> None:
    """Also where the template has no system role, and they stand in front of the first question."""
    writer = chosen.writer()
    later = Message(role="system", content="Now in verse.")
    messages = chat(*["word " * 12] * 12, system="Be terse.")
    messages = [*messages[:7], later, *messages[7:]]
    done = cut(writer, messages, 80)
    assert len(done.chunks) > 2
    for chunk in done.chunks:
        assert "Be terse." in chunk.tokens.text
    assert "Now in verse." in done.chunks[-1].tokens.text
    assert done.chunks[0].messages[0].content == "Be terse."


def test_nothing_fits_where_the_system_message_takes_all(smollm2: rendering.Writer) -> None:
    assert cut(smollm2, chat("Why?", "Because.", system="word " * 100), 64).chunks == []


def test_a_greeting_without_a_question_is_left_out() -> None:
    greeting = Message(role="assistant", content="Welcome!")
    rest = chat("Why?", "Because.")
    system = Message(role="system", content="Be terse.")
    assert chunking.begin_with_user([system, greeting, greeting, *rest]) == ([system, *rest], 2)
    assert chunking.begin_with_user(rest) == (rest, 0)
    assert chunking.begin_with_user([greeting]) == ([], 1)


def test_an_exchange_holds_all_that_answers_a_question() -> None:
    one, two = chat("Why?", "Because.")
    system = Message(role="system", content="Be terse.")
    messages = [system, one, one, two, system, two, system, one, two]
    assert [list(e.messages) for e in chunking.split_exchanges(messages)] == [messages[:6], messages[6:]]


@pytest.mark.parametrize(
    "kind",
    [
        "turns",
        pytest.param("one answer", marks=pytest.mark.slow),
        pytest.param("one answer without sentences", marks=pytest.mark.slow),
    ],
)
def test_the_time_grows_with_the_length_of_a_talk_and_not_with_its_square(
    smollm2: rendering.Writer, kind: str
) -> None:
    """Up to 160,000 tokens, some hours of talk."""
    chance = random.Random(1)
    words = [w for w in text(chance, 3_000).split() if w.isascii()]
    many = [" ".join(chance.choices(words, k=60)) for _ in range(200 * growth.TIMES)]

    def cut_many(turns: int) -> None:
        if kind == "turns":
            messages = chat(*many[:turns])
        else:
            said = " ".join(many[:turns])
            unbroken = "".join(c for c in said if c not in ".?!")
            messages = chat("What happened?", said if kind == "one answer" else unbroken)
        done = cut(smollm2, messages, 2_048)
        assert sum(len(chunk.tokens.input_ids) for chunk in done.chunks) > 90 * turns

    assert growth.measure(cut_many, 200, tries=2) < growth.SQUARE


def test_all_system_messages_before_a_question_are_of_its_exchange() -> None:
    one, two = chat("Why?", "Because.")
    brief, verse = (Message(role="system", content=content) for content in ("Be brief.", "Now in verse."))
    messages = [brief, verse, one, two, brief, verse, brief, one, two]
    # property: however many there are, none is left behind at the end of the exchange before
    assert [list(e.messages) for e in chunking.split_exchanges(messages)] == [messages[:4], messages[4:]]
