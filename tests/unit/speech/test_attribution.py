"""Words to speakers and speakers to roles."""

from stages.core.schema import Diarization, SpeakerTurn, Voice, Word
from stages.speech.attribution import attribute_words, find_main_speaker, join_utterances


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
    utterances = join_utterances([word("x", 0, 1)], attribute_words([word("x", 0, 1)], [], 0.5), None)
    assert [(u.speaker, u.role) for u in utterances] == [("unknown", "unknown")]


def diarization(**seconds: float) -> Diarization:
    turns, now = [], 0.0
    for speaker, length in seconds.items():
        turns.append(turn(speaker, now, now + length))
        now += length
    voices = {
        s: Voice(seconds=length, longest=length, share=1, ghost=False, embedding=[1.0])
        for s, length in seconds.items()
    }
    return Diarization(item="i", duration=now, model="m", turns=turns, voices=voices)


def test_the_expert_is_who_speaks_most_or_first_as_chosen() -> None:
    found = diarization(a=3.0, b=9.0, c=1.0)
    assert find_main_speaker(found, "most_speech") == "b"
    assert find_main_speaker(found, "first_voice") == "a"
    assert find_main_speaker(diarization(a=5.0), "most_speech") == "a"
    assert find_main_speaker(diarization(), "most_speech") is None


def test_consecutive_words_of_a_speaker_are_one_utterance_and_none_is_lost() -> None:
    words = [word(str(i), i, i + 0.5) for i in range(5)]
    utterances = join_utterances(words, ["a", "a", "b", "unknown", "b"], "b")
    assert [(u.speaker, u.role, u.text) for u in utterances] == [
        ("a", "host", "0 1"),
        ("b", "main", "2"),
        ("unknown", "unknown", "3"),
        ("b", "main", "4"),
    ]
