"""Words to speakers, and consecutive words of one to utterances."""

from itertools import groupby

import pytest

from lectern.conversations.word_speakers import (
    Attribution,
    attribute,
    attribute_words,
    join_utterances,
    settle_sentences,
    settle_turns,
)
from lectern.core.schema import SpeakerTurn, Word


def word(text: str, start: float, end: float) -> Word:
    return Word(text=text, start=start, end=end)


def turn(speaker: str, start: float, end: float) -> SpeakerTurn:
    return SpeakerTurn(speaker=speaker, start=start, end=end)


def test_a_word_belongs_to_whom_it_overlaps_most_then_to_the_nearest_then_to_nobody() -> None:
    turns = [turn("a", 0, 2), turn("b", 1.8, 4), turn("a", 10, 11)]
    words = [
        word("inside", 0.5, 0.8),
        word("more-b", 1.7, 2.3),
        word("near-b", 4.2, 4.4),
        word("nobody", 6, 6.5),
        word("near-a", 9.6, 9.8),
        word("no-length", 10.5, 10.5),
    ]
    assert attribute_words(words, turns, reach=0.5) == ["a", "b", "b", "unknown", "a", "a"]


def test_many_short_turns_of_one_speaker_count_together() -> None:
    # Property: overlap is summed by speaker, not compared turn by turn.
    turns = [turn("a", 0, 0.3), turn("a", 0.7, 1.0), turn("b", 0.3, 0.7)]
    assert attribute_words([word("x", 0, 1)], turns, reach=0.5) == ["a"]


def test_a_long_turn_is_found_under_later_short_ones() -> None:
    # Property: the single pass forgets no turn that is still going on.
    turns = [turn("a", 0, 100), *(turn("b", t, t + 0.1) for t in range(1, 90, 5))]
    words = [word("x", t + 0.5, t + 0.9) for t in range(0, 95)]
    assert attribute_words(words, turns, reach=0.0) == ["a"] * 95


def test_no_turns_leave_every_word_unknown() -> None:
    words = [word("x", 0, 1)]
    utterances = join_utterances(words, attribute_words(words, [], 0.5), [True], {}, {})
    assert [(u.speaker, u.role) for u in utterances] == [("unknown", "unknown")]


def test_consecutive_words_of_a_speaker_are_one_utterance_and_none_is_lost() -> None:
    words = [word(str(i), i, i + 0.5) for i in range(5)]
    utterances = join_utterances(
        words, ["a", "a", "b", "unknown", "b"], [True] * 5, {"a": "Ada"}, {"b": "main"}
    )
    assert [(u.speaker, u.role, u.text) for u in utterances] == [
        ("Ada", "unknown", "0 1"),
        ("b", "main", "2"),
        ("unknown", "unknown", "3"),
        ("b", "main", "4"),
    ]


def test_turns_of_one_speaker_are_joined_with_their_punctuation_as_spoken() -> None:
    # The forerunner put ". " between two turns: "we have been doing it. for years.. and".
    words = [
        word("So,", 0, 1),
        word("we", 1, 2),
        word("have", 4, 5),
        word("been", 5, 6),
        word("there.", 6, 7),
    ]
    speakers = attribute_words(words, [turn("a", 0, 2), turn("a", 4, 7)], reach=0.5)
    (utterance,) = join_utterances(words, speakers, [True] * 5, {}, {})
    assert utterance.text == "So, we have been there."


def test_a_segment_that_two_people_share_is_cut_at_the_word() -> None:
    # One segment of the transcription, two speakers: the forerunner gave all of it to the first.
    said = "Why is that? Because it rains."
    words = [word(text, i, i + 0.9) for i, text in enumerate(said.split())]
    speakers = attribute_words(words, [turn("a", 0, 2.95), turn("b", 2.95, 6)], reach=0.5)
    utterances = join_utterances(words, speakers, [True] * 6, {}, {})
    assert [u.text for u in utterances] == ["Why is that?", "Because it rains."]


def test_an_utterance_ends_at_a_cut_and_a_cut_word_is_nowhere() -> None:
    words = [word(str(i), i, i + 0.5) for i in range(5)]
    utterances = join_utterances(words, ["a"] * 5, [True, True, False, True, True], {}, {"a": "main"})
    assert [u.text for u in utterances] == ["0 1", "3 4"]


def settle(said: str, unsure: str = "", language: str = "en") -> str:
    """Settle the sentences of `A: words B: words`, and write the result in the same way; `?` is nobody."""
    labels, words = [], []
    for part in said.split():
        if part.endswith(":") and len(part) == 2:
            label = part[0]
        else:
            labels.append(Attribution("unknown" if label == "?" else label, part not in unsure.split()))
            words.append(word(part, len(words), len(words) + 1))
    settled = settle_sentences(words, labels, language)
    runs = groupby(zip(settled, words, strict=True), key=lambda pair: pair[0].replace("unknown", "?"))
    return " ".join(f"{label}: " + " ".join(w.text for _, w in run) for label, run in runs)


@pytest.mark.parametrize(
    ("said", "settled"),
    [
        # the end of a question in the mouth of the one who answers, and the other way round
        (
            "A: Is this what you keep in mind and B: think about? Yeah, it matters.",
            "A: Is this what you keep in mind and think about? B: Yeah, it matters.",
        ),
        (
            "A: Why do you? And B: then we moved the store again. A: I see.",
            "A: Why do you? B: And then we moved the store again. A: I see.",
        ),
        # words of nobody inside a sentence, at its end and at its beginning
        ("A: As if it had been ?: there for A: ever. B: So.", "A: As if it had been there for ever. B: So."),
        (
            "A: As if it had been ?: there forever. A: But it was.",
            "A: As if it had been there forever. But it was.",
        ),
        ("A: He flew to ?: Delhi A: with me.", "A: He flew to Delhi with me."),
        # also where the next word has a capital, and in a sentence that is too long for a vote
        ("A: He flew to ?: New A: York with me.", "A: He flew to New York with me."),
        (
            "A: What " + "is " * 50 + "?: it A: " + "so " * 50 + "now.",
            "A: What " + "is " * 50 + "it " + "so " * 50 + "now.",
        ),
        # a whole sentence of nobody, and one after a speaker who did not end, stay nobody's
        ("A: It was there. ?: Who knows. A: But not now.", "A: It was there. ?: Who knows. A: But not now."),
        ("A: And so ?: Right. B: Then what?", "A: And so ?: Right. B: Then what?"),
        # interruptions stay: after a dash, and where a capital begins something new
        (
            "A: So what I think is— B: wait, is that so? A: Yes.",
            "A: So what I think is— B: wait, is that so? A: Yes.",
        ),
        (
            "A: So what I think is B: Wait, is that so? A: Yes.",
            "A: So what I think is B: Wait, is that so? A: Yes.",
        ),
        ("A: And there B: I went home to sleep.", "B: And there I went home to sleep."),
        # a tie belongs to the one who begins
        ("A: We do B: this here.", "A: We do this here."),
        # without punctuation nothing is a sentence, even if a mark comes at last
        ("A: why is that so B: well it is because of seeds you know?", None),
        ("A: Why is that so B: well it is because of seeds", None),
        # a sentence longer than any: marks are missing
        ("A: What " + "is " * 20 + "B: it " + "so " * 70 + "now.", None),
    ],
)
def test_a_sentence_belongs_to_the_one_who_says_most_of_it(said: str, settled: str | None) -> None:
    assert settle(said) == (settled or said)


@pytest.mark.parametrize(
    ("said", "settled"),
    [
        (
            "A: Ist das etwas, das man immer im B: Kopf behalten muss? Ja, immer.",
            "A: Ist das etwas, das man immer im Kopf behalten muss? B: Ja, immer.",
        ),
        (
            "A: Warum ist das so? Weil die B: Zahlen sonst nicht stimmen.",
            "A: Warum ist das so? B: Weil die Zahlen sonst nicht stimmen.",
        ),
        ("A: Also ich meine B: Ja, genau so ist es. A: Gut.", None),  # an interruption
    ],
)
def test_a_german_noun_begins_no_sentence(said: str, settled: str | None) -> None:
    assert settle(said, language="de") == (settled or said)


@pytest.mark.parametrize(
    ("said", "settled"),
    [
        # Where questions alone have marks, no sentence reaches over a change of the speaker.
        ("A: ทำไม? B: เพราะ เมล็ด สำคัญ A: เริ่ม เมื่อไร? B: นาน แล้ว", None),
        ("A: 为什么? B: 因为 种子 很 重要 A: 难 吗? B: 很难", None),
        ("A: למה? B: כי הם חשובים מאוד A: וזה קשה? B: כן", None),
        # Where other sentences have marks too, it does.
        (
            "A: 为什么? B: 因为 种子 很 A: 重要。 B: 是的。 A: 好。",
            "A: 为什么? B: 因为 种子 很 重要。 是的。 A: 好。",
        ),
    ],
)
def test_in_a_script_without_capitals_missing_full_stops_join_nobody(said: str, settled: str | None) -> None:
    assert settle(said, language="zh") == (settled or said)


def test_settled_turns_give_each_word_the_speaker_of_its_sentence() -> None:
    # Property: the turns say what the vote said, to whoever reads only turns and words; nobody's time counts twice.
    text = "Is this what you keep in mind and think about? Yeah, it has always been there."
    words = [word(part, n, n + 0.8) for n, part in enumerate(text.split())]
    turns = [turn("a", 0, 8), turn("b", 7.5, 12.9), turn("b", 14, 16)]
    assert attribute_words(words, turns, 0.0)[8:14] == ["b", "b", "b", "b", "b", "unknown"]
    settled = settle_turns(words, turns, "en", 0.0)
    assert attribute_words(words, settled, 0.0) == ["a"] * 10 + ["b"] * 6
    assert sum(t.end - t.start for t in settled if t.speaker == "b") == pytest.approx(0.5 + 3.1 + 0.8 + 2)
    assert settle_turns(words[10:], settled, "en", 0.0) == settled


def test_words_on_which_two_overlap_have_no_vote() -> None:
    said = "A: Well I mean so B: the store moved."
    assert settle(said) == "A: Well I mean so the store moved."
    assert settle(said, unsure="I mean") == "B: Well I mean so the store moved."


def test_a_word_of_two_belongs_to_the_one_who_was_speaking_and_is_not_sure() -> None:
    # Property: neither the first label nor the one that is first heard takes what two say at once.
    turns = [turn("b", 0, 5), turn("a", 4, 9)]
    words = [word("before", 2, 3), word("both", 4.2, 4.8), word("after", 6, 7)]
    assert attribute(words, turns, 0.5) == [("b", True), ("b", False), ("a", True)]
    long = [word("so", 1, 2), word("loooong", 4, 6), word("yes", 7, 8)]
    assert attribute(long, [turn("b", 0, 5), turn("a", 5, 9)], 0.5) == [
        ("b", True),
        ("b", False),
        ("a", True),
    ]
