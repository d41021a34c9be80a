"""Words to speakers, and consecutive words of one to utterances."""

from lectern.conversations.word_speakers import attribute_words, join_utterances
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
