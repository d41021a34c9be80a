"""What is cut from a recording, and for which reason."""

import pytest

from lectern.conversations import cuts
from lectern.conversations.cuts import Span
from lectern.core.schema import Chapter, SpeakerTurn, Word


def words(*starts: float) -> list[Word]:
    return [Word(text=str(start), start=start, end=start + 0.5) for start in starts]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("83.5", 83.5),
        ("0", 0),
        ("1:23", 83),
        ("00:01:23.5", 83.5),
        ("1:02:03", 3723),
        ("75:00", 4500),
        (95, 95),
    ],
)
def test_a_time_is_seconds_or_a_clock(text: str, seconds: float) -> None:
    assert cuts.parse_time(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "1:60",
        "1:75:00",
        "1:2:3:4",
        "1m20s",
        "nan",
        "inf",
        "1e3",
        "12:",
        "9" * 400,
        "9" * 400 + ":00:00",
        "1:" + "9" * 400 + ":00",
    ],
)
def test_what_is_no_time_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match=r"h:mm:ss \(1:02:03\)"):
        cuts.parse_time(text)


def test_a_chapter_is_cut_by_its_title_and_a_topic_that_only_sounds_so_is_not() -> None:
    titles = ["Welcome", "SPONSOR", "How ads work", "Ads"]
    chapters = [Chapter(start=10 * i, end=10 * i + 10, title=title) for i, title in enumerate(titles)]
    assert cuts.find_chapters(chapters, ["^(ads?|sponsors?)$"]) == [
        Span(10, 20, "chapter"),
        Span(30, 40, "chapter"),
    ]
    assert cuts.find_chapters(chapters, []) == []


@pytest.mark.parametrize(
    ("starts", "cut_until"),
    [
        ([0, 1, 2, 10, 11], 2.5),  # a trailer, music, the conversation
        ([0, 1, 2, 3], None),  # no gap
        ([8, 9, 10, 20], None),  # silence first: nothing is before it
        ([*range(0, 70), 80], None),  # the gap comes too late
        ([], None),
    ],
)
def test_the_first_long_gap_ends_an_intro(starts: list[float], cut_until: float | None) -> None:
    found = cuts.find_first_gap(words(*starts), gap=5, within=60)
    assert found == ([] if cut_until is None else [Span(0, cut_until, "first_gap")])


def test_a_word_is_cut_by_its_middle_and_counted_once_under_the_first_reason() -> None:
    spans = [Span(1.0, 2.25, "corrections"), Span(0.0, 5.0, "chapter")]
    kept, counted = cuts.cut_words(words(1.8, 2.0, 4.6, 4.9), spans)
    assert kept == [False, False, False, True]  # 2.05, 2.25, 4.85, 5.15
    assert counted == {"corrections": 1, "chapter": 2}


def test_turns_lose_what_is_cut_and_nothing_else() -> None:
    turn = SpeakerTurn(speaker="a", start=0, end=10)
    left = cuts.cut_turns([turn], [Span(2, 4, "x"), Span(3, 5, "y"), Span(9, 12, "z")])
    assert [(t.start, t.end) for t in left] == [(0, 2), (5, 9)]


def test_metadata_give_the_ends_of_a_conversation() -> None:
    assert cuts.find_ends({"intro_end": 5.0, "outro_start": 50.0}, 60.0) == [
        Span(0, 5, "metadata"),
        Span(50, 60, "metadata"),
    ]
    assert cuts.find_ends({}, 60.0) == []
