"""Times of words, loops and words in silence, on made-up words."""

import math
import random
from types import SimpleNamespace

import pytest

from lectern.core.schema import Word, join_words
from lectern.speech import asr, faster_whisper_engine, hallucination
from lectern.speech.listening import Window, drop_echoes, find_unheard
from lectern.speech.word_times import RawWord, space_words, time_words

QUIET = {"no_speech_prob": 0.0, "avg_logprob": 0.0, "compression_ratio": 1.0}


def piece(text: str, start: float) -> SimpleNamespace:
    return SimpleNamespace(word=text, start=float(start), end=start + 1.0, probability=0.5)


def say(text: str, start: float = 0.0, each: float = 0.4) -> list[Word]:
    """The words of a text at an even pace."""
    return [
        Word(text=word, start=start + each * i, end=start + each * (i + 1))
        for i, word in enumerate(text.split())
    ]


def test_words_without_times_get_one_between_their_neighbours() -> None:
    # Property: "in 2014 for $5" keeps the times of what was aligned; the numbers share the room by their letters.
    raw = [
        RawWord(" in", 1.0, 1.2, 0.9),
        RawWord(" 2014", None, None),
        RawWord(" for", 2.0, 2.2),
        RawWord(" $5", None, 3.0),
        RawWord(" 7", math.nan, math.nan),
    ]
    timed = time_words(raw, 0.5, 4.0)
    assert [(w.text, w.start, w.end) for w in timed] == [
        ("in", 1.0, 1.2),
        ("2014", 1.2, 2.0),
        ("for", 2.0, 2.2),
        ("$5", 2.2, 3.4),
        ("7", 3.4, 4.0),
    ]
    assert timed[0].probability == 0.9


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        # no room between the neighbours: they give some of theirs
        (
            [RawWord("a", 0.0, 1.0), RawWord("1", None, None), RawWord("b", 1.0, 2.0)],
            [(0, 0.667), (0.667, 1.333), (1.333, 2)],
        ),
        # a word without length, as DTW gives it
        (
            [RawWord("a", 0.0, 1.0), RawWord("b", 1.0, 1.0), RawWord("c", 1.5, 2.0)],
            [(0, 1), (1, 1.5), (1.5, 2)],
        ),
        # one word far from its place does not take the others with it
        (
            [RawWord("a", 0.0, 0.5), RawWord("b", 1.9, 2.0), RawWord("c", 1.0, 1.5), RawWord("d", 1.5, 1.8)],
            [(0, 0.5), (0.5, 1), (1, 1.5), (1.5, 1.8)],
        ),
        # nothing is known
        ([RawWord("aa", None, None), RawWord("bb", None, None)], [(0, 1), (1, 2)]),
        # ends beyond the segment are brought back, overlaps end where the next word begins
        ([RawWord("a", 0.0, 1.2), RawWord("b", 1.0, 9.0)], [(0, 1), (1, 2)]),
        ([RawWord(" ", 0.0, 1.0)], []),
    ],
)
def test_times_that_cannot_be_true_are_replaced(
    raw: list[RawWord], expected: list[tuple[float, float]]
) -> None:
    assert [(w.start, w.end) for w in time_words(raw, 0.0, 2.0)] == [pytest.approx(e) for e in expected]


def test_pieces_of_a_word_are_joined_where_the_engine_writes_no_space() -> None:
    # faster-whisper writes the space before a word with the word; a segment may begin without one
    segments = [
        SimpleNamespace(words=[piece("The", 0), piece(" real", 1), piece("-world", 2)], **QUIET),
        SimpleNamespace(words=[piece("price", 3), piece(" $1", 4), piece(",250", 5)], **QUIET),
    ]
    heard = faster_whisper_engine._read_segments(Window(((0.0, 30.0),)), segments, 0.0)  # type: ignore[arg-type]
    assert join_words(heard.words) == "The real-world price $1,250"
    assert [word.text for word in heard.words] == ["The", "real-world", "price", "$1,250"]
    assert (heard.words[-1].start, heard.words[-1].end) == (4.0, 6.0)


def test_characters_of_a_script_without_spaces_stay_apart_and_get_no_spaces() -> None:
    segments = [
        SimpleNamespace(words=[piece(c, n) for n, c in enumerate("种子很")], **QUIET),
        SimpleNamespace(words=[piece(c, n + 3) for n, c in enumerate("重要。")], **QUIET),
    ]
    heard = faster_whisper_engine._read_segments(Window(((0.0, 30.0),)), segments, 0.0)  # type: ignore[arg-type]
    assert join_words(heard.words) == "种子很重要。"
    assert [word.start for word in heard.words] == [0, 1, 2, 3, 4, 5]


def test_an_aligner_without_spaces_takes_them_from_the_text_of_the_segment() -> None:
    cut = [RawWord(text, None, None) for text in ("About", "$1", ",250", "at", "30", "%")]
    assert [w.text for w in time_words(space_words(cut, " About $1,250 at 30%"), 0, 9)] == [
        "About",
        "$1,250",
        "at",
        "30%",
    ]
    chinese = [RawWord(text, None, None) for text in "种子重要"]
    assert join_words(time_words(space_words(chinese, "种子 重要"), 0, 9)) == "种子 重要"
    lost = [RawWord("not", None, None), RawWord("there", None, None)]
    assert join_words(time_words(space_words(lost, "other text"), 0, 9)) == "not there"


def test_whatever_an_engine_says_the_times_are_in_order_and_inside() -> None:
    # Property: for any times, missing, wrong or reversed: no word is lost, the order is that of the text, starts and
    # ends never fall, and all lie in the segment.
    draw = random.Random(0)
    for _ in range(500):
        raw = [
            RawWord(
                f"w{i}",
                draw.choice([None, math.nan, draw.uniform(-1, 12)]),
                draw.choice([None, draw.uniform(-1, 12)]),
            )
            for i in range(draw.randrange(0, 12))
        ]
        timed = time_words(raw, 2.0, 10.0)
        assert [w.text for w in timed] == [w.text for w in raw]
        assert all(2.0 <= w.start <= w.end <= 10.0 for w in timed)
        for times in ([w.start for w in timed], [w.end for w in timed]):
            assert times == sorted(times)


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        ("no, no, no. I don't know. I don't know. I don't know. Very, very, very good", 0),
        ("and the " + "the " * 7 + "end", 1),
        ("well " + "thank you very much. " * 5 + "goodbye now", 1),
        ("so " + "the next question that we asked was this one " * 3 + "or not", 1),
        ("one two three four five six seven eight nine ten eleven twelve thirteen fourteen " * 6, 1),
        ("", 0),
    ],
)
def test_loops_are_found_and_speech_is_not(text: str, loops: int) -> None:
    words = say(text)
    found = hallucination.examine(words, [(0.0, 0.4 * len(words))], 0.4 * len(words))
    assert found["loops"] == loops
    if loops:
        ((start, end),) = found["loop_spans"]
        assert 0 < end - start <= 0.4 * len(words) + 1e-6


def test_words_where_nobody_speaks_are_counted_with_their_place() -> None:
    # Property: "Thank you for watching" over two silent seconds is reported, the speech before it is not.
    words = say("this was said aloud") + say("Thank you for watching!", 20.0)
    found = hallucination.examine(words, [(0.0, 1.6)], 30.0)
    assert (found["silent_words"], found["stock_phrases"], found["loops"]) == (4, 1, 0)
    assert found["silent_spans"] == [[20.0, 21.6]]
    assert found["silent_seconds"] == 1.6
    assert hallucination.examine(words, [(0.0, 1.6), (19.0, 22.0)], 30.0)["silent_words"] == 0


def test_speech_without_words_is_found_between_before_and_after_them() -> None:
    # Property: more than a second of speech in one place without a word is a place to listen again; a word that was
    # stretched over minutes hides none of it, and the ends of words hide nothing.
    window = Window(((0.0, 10.0), (20.0, 30.0)))
    speech = [(0.5, 9.5), (20.5, 29.5)]
    places = [(w.start, w.pieces[-1][1]) for w in find_unheard(window, say("a b c", 4.0), speech)]
    assert places == [pytest.approx((0.1, 4.0)), pytest.approx((5.2, 29.9))]
    stretched = [Word(text="so", start=0.5, end=29.5)]
    ((start, end),) = [(w.start, w.pieces[-1][1]) for w in find_unheard(window, stretched, speech)]
    assert (start, end) == pytest.approx((1.25, 28.75))
    assert find_unheard(window, say("x " * 22, 0.5) + say("y " * 22, 20.5), speech) == []


def test_what_is_heard_twice_at_the_border_is_kept_once() -> None:
    # Property: only words at the very border are taken for echoes; a true repetition farther off stays.
    heard = say("we said so") + say("and then we left", 8.0)
    again = say("so. It rained a lot and", 1.1)
    again[-1] = Word(text="and", start=7.9, end=8.1)
    assert [w.text for w in drop_echoes(heard, again)] == ["It", "rained", "a", "lot"]
    assert [w.text for w in drop_echoes(heard, say("so it is", 4.0))] == ["so", "it", "is"]


def test_the_summary_adds_up_and_names_the_worst() -> None:
    facts = {
        f"item{i:02}": {"seconds": 60.0, "words": 100, "language": "en", "loop_seconds": float(i), "loops": 1}
        for i in range(30)
    }
    total = hallucination.summarise(facts)
    assert (total["items"], total["seconds"], total["words"], total["loops"]) == (30, 1800.0, 3000, 30)
    assert total["languages"] == {"en": 30}
    assert list(total["most_suspicious"]) == [f"item{i:02}" for i in range(29, 9, -1)]
    assert "windows" not in total  # this engine does not count them
    assert hallucination.summarise({})["items"] == 0


def test_recordings_without_a_word_are_named() -> None:
    facts = {f"item-{n}": {"words": n % 2} for n in range(13)}
    (line,) = asr.list_wordless(facts)
    assert line.startswith(
        "no word was heard in 7 of 13 recordings (item-0, item-2, item-4, item-6, item-8, ...). Check"
    )
    assert asr.list_wordless({"item-1": facts["item-1"]}) == asr.list_wordless({}) == []
    (line,) = asr.list_wordless({f"item-{n}": {"words": 0} for n in range(5)})
    assert line.startswith(
        "no word was heard in 5 of 5 recordings (item-0, item-1, item-2, item-3, item-4). Check"
    )
