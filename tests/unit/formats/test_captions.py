"""Ready transcripts: no word is lost, each has its speaker and a time of its own, whatever oddity the file has."""

import contextlib
import json
import re
import tempfile
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lectern.conversations import word_speakers
from lectern.core.errors import ItemError
from lectern.core.schema import join_words
from lectern.formats import captions
from lectern.formats.caption_files import UNKNOWN
from lectern.formats.captions import Ready
from tests.support import growth


def read(text: str | bytes, suffix: str = ".vtt", language: str | None = None) -> Ready:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"talk{suffix}"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return captions.read_ready(path, "talk", language)


def said(ready: Ready) -> list[tuple[str, str]]:
    """(speaker, text) as the converse stage finds them: by attribution, which sees words and turns only."""
    words = ready.transcript.words
    speakers = word_speakers.attribute_words(words, ready.turns, 0.5)
    pairs = groupby(zip(speakers, words, strict=True), key=lambda pair: pair[0])
    return [(speaker, " ".join(word.text for _, word in group)) for speaker, group in pairs]


def times(ready: Ready) -> list[tuple[str, float, float]]:
    return [(word.text, word.start, word.end) for word in ready.transcript.words]


def check_times(ready: Ready) -> None:
    """Words and turns in order, none of no length, none overlapping another, each word inside a turn."""
    words, turns = ready.transcript.words, ready.turns
    for stretches in (words, turns):
        assert all(one.start < one.end for one in stretches)
        assert all(one.end <= two.start for one, two in pairwise(stretches))
    assert all(any(t.start <= w.start and w.end <= t.end for t in turns) for w in words)
    assert ready.transcript.duration >= words[-1].end


# Written and read again


class Line(NamedTuple):
    start: int
    end: int
    speaker: str | None
    words: list[str]


def stamp(time: int, point: str) -> str:
    seconds, thousandths = divmod(time, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{thousandths:03}"


def write_text(lines: Sequence[Line], label: Callable[[str], str], webvtt: bool) -> str:
    point = "." if webvtt else ","
    cues = [
        f"{number}\n{stamp(line.start, point)} --> {stamp(line.end, point)}\n"
        + label(line.speaker or "Unknown")
        + " ".join(line.words)
        for number, line in enumerate(lines, 1)
    ]
    return "\n\n".join((["WEBVTT"] if webvtt else []) + cues) + "\n"


def write_changes(lines: Sequence[Line]) -> str:
    """A label only where the speaker changes."""
    before = [None, *(line.speaker for line in lines)]
    labels = iter(
        "" if line.speaker == old and number else f"<v {line.speaker or 'Unknown'}>"
        for number, (old, line) in enumerate(zip(before, lines, strict=False))
    )
    return write_text(lines, lambda _: next(labels), webvtt=True)


def write_whisperx(lines: Sequence[Line]) -> str:
    segments = []
    for line in lines:
        speaker = {"speaker": line.speaker} if line.speaker else {}
        words = [{"word": word, **speaker} for word in line.words]
        words[0] |= {"start": line.start / 1000, "score": 0.5}
        times = {"start": line.start / 1000, "end": line.end / 1000}
        segments.append({**times, "text": " ".join(line.words), "words": words, **speaker})
    return json.dumps({"segments": segments, "language": "en"})


def write_podcast(lines: Sequence[Line]) -> str:
    segments = [
        {
            "speaker": line.speaker or "Unknown",
            "startTime": line.start / 1000,
            "endTime": line.end / 1000,
            "body": " ".join(line.words),
        }
        for line in lines
    ]
    return json.dumps({"version": "1.0.0", "segments": segments})


WRITERS: dict[str, tuple[str, Callable[[Sequence[Line]], str]]] = {
    "vtt [Name]:": (".vtt", lambda lines: write_text(lines, "[{}]: ".format, webvtt=True)),
    "vtt <v Name>": (".vtt", lambda lines: write_text(lines, "<v {}>".format, webvtt=True)),
    "vtt changes": (".vtt", write_changes),
    "srt [Name]:": (".srt", lambda lines: write_text(lines, "[{}]: ".format, webvtt=False)),
    "srt Name:": (".srt", lambda lines: write_text(lines, "{}: ".format, webvtt=False)),
    "whisperx": (".json", write_whisperx),
    "podcast": (".json", write_podcast),
}
WORDS = st.lists(st.text("abcçдक'.,?%😀", min_size=1, max_size=9), min_size=1, max_size=12)
NAMES = st.sampled_from(["Anna", "Ben Okri", "SPEAKER_00", "Дарья", None])


@st.composite
def lines(draw: st.DrawFn) -> list[Line]:
    made, now = [], 0
    for _ in range(draw(st.integers(1, 12))):
        start = now + draw(st.sampled_from([0, 1, 700, 60_000]))
        now = start + draw(st.integers(15, 9000))
        made.append(Line(start, now, draw(NAMES), draw(WORDS)))
    return made


@pytest.mark.parametrize("form", WRITERS)
@given(written=lines())
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read(form: str, written: list[Line]) -> None:
    suffix, write = WRITERS[form]
    if form == "srt Name:":
        end = written[-1].end
        written = [*written, *(line._replace(start=end + line.start, end=end + line.end) for line in written)]
    ready = read(write(written), suffix)
    expected = [(line.speaker or UNKNOWN, word) for line in written for word in line.words]
    speakers = word_speakers.attribute_words(ready.transcript.words, ready.turns, 0.5)
    assert list(zip(speakers, [w.text for w in ready.transcript.words], strict=True)) == expected
    check_times(ready)
    words = iter(ready.transcript.words)
    for line in written:
        of_line = [next(words) for _ in line.words]
        assert round(of_line[0].start * 1000) >= line.start
        assert round(of_line[-1].end * 1000) <= line.end
    assert {key: ready.facts[key] for key in ("cues", "words", "speakers", "unlabelled")} == {
        "cues": len(written),
        "words": len(expected),
        "speakers": len({line.speaker for line in written} - {None}),
        "unlabelled": sum(len(line.words) for line in written if line.speaker is None),
    }


@given(
    st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 9000), NAMES, WORDS), min_size=1, max_size=12),
    st.sampled_from(["vtt [Name]:", "srt [Name]:", "whisperx", "podcast"]),
)
@settings(max_examples=100, deadline=None)
def test_times_in_any_disorder_lose_no_word_and_no_speaker(drawn: list[Any], form: str) -> None:
    suffix, write = WRITERS[form]
    written = [Line(*values) for values in drawn]
    ready = read(write(written), suffix)
    expected = sorted((line.speaker or UNKNOWN, word) for line in written for word in line.words)
    speakers = word_speakers.attribute_words(ready.transcript.words, ready.turns, 0.5)
    assert sorted(zip(speakers, [w.text for w in ready.transcript.words], strict=True)) == expected
    check_times(ready)
    assert ready == read(write(written), suffix)


# Labels


def vtt(*cues: str) -> str:
    """Cues of two seconds each."""
    blocks = [
        f"{stamp(2000 * number, '.')} --> {stamp(2000 * number + 2000, '.')}\n{text}"
        for number, text in enumerate(cues)
    ]
    return "\n\n".join(["WEBVTT", *blocks])


@pytest.mark.parametrize(
    ("cues", "expected"),
    [
        (["[Anna Lee]: Why?", "[SPEAKER_01]: So."], [("Anna Lee", "Why?"), ("SPEAKER_01", "So.")]),
        (["<v Anna>Why?</v>", "<v.loud.x Ben O'Dea>So."], [("Anna", "Why?"), ("Ben O'Dea", "So.")]),
        (["Anna: Why?", "Ben: So.", "Ben:", "Anna: Hm."], [("Anna", "Why?"), ("Ben", "So."), ("Anna", "Hm.")]),
        (["[SPEAKER_00] Why?"], [("SPEAKER_00", "Why?")]),
        # two in one cue
        (["[Anna]: Why?\n[Ben]: So."], [("Anna", "Why?"), ("Ben", "So.")]),
        (["- [Anna]: Why?\n- [Ben]: So."], [("Anna", "Why?"), ("Ben", "So.")]),
        (["<v Anna>Why?</v> <v Ben>So.</v>"], [("Anna", "Why?"), ("Ben", "So.")]),
        (["[Anna]: Why? [Ben]: So."], [("Anna", "Why?"), ("Ben", "So.")]),
        (["[Anna]: One.", "- And?\n- Two."], [("Anna", "One."), (UNKNOWN, "And? Two.")]),
        (["Anna: One.", "- Anna: And?\n- Ben: Two.", "Ben: Three."], [("Anna", "One. And?"), ("Ben", "Two. Three.")]),
        ([">> ANNA: Why?", ">> BEN: So.", ">> ANNA: Hm.", "&gt;&gt; BEN: Yes.", ">> No."],
         [("ANNA", "Why?"), ("BEN", "So."), ("ANNA", "Hm."), ("BEN", "Yes."), (UNKNOWN, "No.")]),
        # a dash that is punctuation
        (["[Anna]: The man\n- who was old - went."], [("Anna", "The man - who was old - went.")]),
        (["[Anna]: Minus\n-5 degrees."], [("Anna", "Minus -5 degrees.")]),
        # a label at a change of speaker only
        (["<v Anna>One", "two", "<v Ben>three", "four"], [("Anna", "One two"), ("Ben", "three four")]),
        (["[Anna]: One", "two [Ben]: three", "four"], [("Anna", "One two"), ("Ben", "three four")]),
        # every cue has one: where none is, nobody is known
        (["[A]: 1", "[A]: 2", "[B]: 3", "[B]: 4", "5"], [("A", "1 2"), ("B", "3 4"), (UNKNOWN, "5")]),
        (["[Anna]: One.", "[Unknown]: Two.", "[Anna]: 3."], [("Anna", "One."), (UNKNOWN, "Two."), ("Anna", "3.")]),
        (["One", "two."], [(UNKNOWN, "One two.")]),
        (["Hm.", "<v Anna>One", "two."], [(UNKNOWN, "Hm."), ("Anna", "One two.")]),
        # lines
        (["[Anna]: One,\ntwo\n\nthree."], [("Anna", "One, two three.")]),
        (["[Anna]:\nOne."], [("Anna", "One.")]),
        (["[Anna]:One."], [("Anna", "One.")]),
        (["[ Anna   Lee ]: One."], [("Anna Lee", "One.")]),
        (["[Anna]: (laughs)", "[Anna]: [Music]", "[Anna]: One (or two)."], [("Anna", "One (or two).")]),
        (["[Anna]: Note: see [1]: it says 12:30."], [("Anna", "Note: see [1]: it says 12:30.")]),
        # other scripts
        (["मोहन: क्यों?", "सीता: हाँ।", "मोहन: अच्छा।", "सीता: ठीक।"],
         [("मोहन", "क्यों?"), ("सीता", "हाँ।"), ("मोहन", "अच्छा।"), ("सीता", "ठीक।")]),
        (["安娜：为什么？", "本：因为。", "安娜：嗯。", "本：是。"],
         [("安娜", "为什么？"), ("本", "因为。"), ("安娜", "嗯。"), ("本", "是。")]),
    ],
)  # fmt: skip
def test_each_way_to_name_a_speaker(cues: list[str], expected: list[tuple[str, str]]) -> None:
    ready = read(vtt(*cues))
    assert said(ready) == expected
    check_times(ready)


@pytest.mark.parametrize(
    "line",
    [
        "Note: this is a remark.",
        "He said: come in.",
        "12:30: the train leaves.",
        "12:30 the train leaves.",
        "Remember: nothing is free.",
        "The Most Important Thing Of All: love.",
        "https://example.org is the place.",
        "http: is a scheme.",
        "so: we begin.",
        "What follows: a list.",
        "And so - Therefore: a dash is no label.",
    ],
)
@pytest.mark.parametrize("around", ["Anna", None])
def test_what_only_looks_like_a_name_stays_text(line: str, around: str | None) -> None:
    label = f"{around}: " if around else ""
    other = "Ben: " if around else ""
    cues = [
        label + "Hello.",
        other + "Hi.",
        label + "Well.",
        other + "Yes.",
        line,
        "Remember it.",
        line,
        "I remember.",
    ]
    ready = read(vtt(*cues))
    assert line.split() == [word.text for word in ready.transcript.words[4 : 4 + len(line.split())]]
    assert {turn.speaker for turn in ready.turns} == ({"Anna", "Ben"} if around else {UNKNOWN})


def test_what_stands_before_a_colon_once_or_is_an_ordinary_word_is_no_speaker() -> None:
    cues = [
        "Anna: Hi.",
        "Ben: Hi.",
        "Sources: two.",
        "Look: this.",
        "Look: that.",
        "We look and look.",
        "Anna: Yes.",
    ]
    assert said(read(vtt(*cues, "Ben: No."))) == [
        ("Anna", "Hi."),
        ("Ben", "Hi. Sources: two. Look: this. Look: that. We look and look."),
        ("Anna", "Yes."),
        ("Ben", "No."),
    ]


def test_a_file_with_labels_in_brackets_has_no_others() -> None:
    cues = ["[Anna]: Hi.", "Carl: so he is called.", "Carl: and so on.", "[Ben]: Hi."]
    assert {turn.speaker for turn in read(vtt(*cues)).turns} == {"Anna", "Ben"}


def test_one_colon_at_the_start_makes_no_speaker() -> None:
    ready = read(vtt("Chapter One: how it began.", *["And it went on."] * 9))
    assert {turn.speaker for turn in ready.turns} == {UNKNOWN}
    assert ready.facts["doubtful_labels"] == 1


def test_who_opens_the_file_need_not_recur() -> None:
    assert said(read(vtt("Host: Why?", "Anna: So.", "and so.", "Anna: Yes."))) == [
        ("Host", "Why?"),
        ("Anna", "So. and so. Yes."),
    ]


def test_a_long_line_of_brackets_costs_no_time() -> None:
    assert len(read(vtt("[" * 200_000 + "a")).transcript.words) == 1


def test_a_name_that_may_be_one_is_counted_where_it_is_not_believed() -> None:
    ready = read(vtt("We begin.", "Sources: two books.", "We go on.", "We end."))
    assert said(ready) == [(UNKNOWN, "We begin. Sources: two books. We go on. We end.")]
    assert ready.facts["doubtful_labels"] == 1


# Text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<i>One</i> <b>two</b>", "One two"),
        ("<c.yellow.bg_blue>One</c> <lang en-GB>two</lang>", "One two"),
        ('<font color="#ff0000">One</font> {\\an8}two', "One two"),
        ("One<br>two<br/>three", "One two three"),
        ("One <00:99:99.000>two", "One two"),
        ("R&amp;D &lt;now&gt; caf&eacute;&nbsp;bar", "R&D <now> café bar"),
        ("&lt;i&gt;One&lt;/i&gt;", "<i>One</i>"),
        ("1 < 2 and 3 > 2, <sighs> a<b", "1 < 2 and 3 > 2, <sighs> a<b"),
        ("\u200eOne\u200b two\ufeff", "One two"),
        ("नमस्ते می\u200cخواهم", "नमस्ते می\u200cخواهم"),
        ("{One} and {x}", "{One} and {x}"),
        ("One\u2028two\x0bthree", "One two three"),
    ],
)
def test_tags_go_and_text_stays(text: str, expected: str) -> None:
    assert said(read(vtt(f"[Anna]: {text}"))) == [("Anna", expected)]


HEADED = """WEBVTT Kind: captions; it is a test
Kind: captions
Language: pt-BR

STYLE
::cue(.x) { color: red; }

REGION
id:left
width:40%

NOTE one line --> with an arrow

NOTE
Two lines,
[Nobody]: not spoken.

intro
01:02.500 --> 01:04.500 align:start position:10%,line-left size:35%
[Anna]: One two.

NOTE in the middle

1:00:05.250-->1:00:07.250
[Anna]: Three four.
NOTE it is part of what is said

7
100:00:00,5 --> 100:00:01,5000
[Anna]: Five.
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_what_is_around_the_cues_is_not_said(newline: str, mark: str) -> None:
    ready = read((mark + HEADED).replace("\n", newline))
    assert said(ready) == [("Anna", "One two. Three four. NOTE it is part of what is said Five.")]
    starts = {word.text: word.start for word in ready.transcript.words}
    assert (starts["One"], starts["Three"], starts["Five."]) == (62.5, 3605.25, 360000.5)
    assert ready.transcript.duration == 360001.5
    assert ready.transcript.language == "pt"


@pytest.mark.parametrize("blank", [" ", "\t", " \t "])
def test_spaces_in_a_blank_line_and_around_a_number_change_nothing(blank: str) -> None:
    numbered = "\n\n1\n00:01 --> 00:02\nOne\n\n2\n00:02 --> 00:03\ntwo\n3\n00:03 --> 00:04\nthree\n\n\n"
    commented = "WEBVTT\n\n00:01.0 --> 00:02.0\nOne\n\nNOTE a remark\n\ntwo\n"
    for text, suffix in ((HEADED, ".vtt"), (commented, ".vtt"), (numbered, ".srt")):
        spaced = re.sub(r"^(\d?)$", rf"{blank}\1{blank}", text, flags=re.MULTILINE)
        assert spaced != text
        assert read(spaced, suffix) == read(text, suffix)


@pytest.mark.parametrize(
    "text",
    [
        "1\n00:00:01,000 --> 00:00:02,000\nOne\n\n2\n00:00:02,000 --> 00:00:03,000\ntwo 3\n",
        "00:01.0 --> 00:02.0\nOne\n00:02.0 --> 00:03.0\ntwo 3",  # no numbers, no blank lines
        "1\n00:01 --> 00:02\nOne\n2\n00:02 --> 00:03\ntwo\n3\n",  # no fractions, no blank lines
        "\n\n1\n00:00:1,000 --> 00:00:2,000 X1:10 Y2:2\nOne\n\n\n\n2\n00:00:2,000 --> 00:00:3,000\n\ntwo\n\n3\n\n",
    ],
)
def test_any_srt(text: str) -> None:
    ready = read(text, ".srt")
    assert said(ready) == [(UNKNOWN, "One two 3")]
    assert [word.start for word in ready.transcript.words][:2] == [1.0, 2.0]


def test_no_blank_line_before_a_cue_hides_none() -> None:
    text = "WEBVTT\n00:00.000 --> 00:01.000\nOne\n\nNOTE\n00:01.000 --> 00:02.000\ntwo\n"
    assert said(read(text)) == [(UNKNOWN, "One two")]


def test_a_blank_line_inside_a_cue_loses_nothing() -> None:
    text = "1\n00:01,000 --> 00:02,000\nOne\n\nmore\n\n2\n00:02,000 --> 00:03,000\ntwo"
    assert said(read(text, ".srt")) == [(UNKNOWN, "One more two")]


# Rolling captions

ROLLING = """WEBVTT
Kind: captions
Language: en

00:00:00.160 --> 00:00:02.470 align:start position:0%
 
well<00:00:00.480><c> hello</c><00:00:01.000><c> there</c>

00:00:02.470 --> 00:00:02.480 align:start position:0%
well hello there
 

00:00:02.480 --> 00:00:04.550 align:start position:0%
well hello there
yes<00:00:02.719><c> yes</c>

00:00:04.550 --> 00:00:04.560 align:start position:0%
yes yes
 

00:00:04.560 --> 00:00:06.000 align:start position:0%
yes yes
yes<00:00:05.000><c> yes</c>

00:00:06.000 --> 00:00:06.010 align:start position:0%
yes yes
 

00:00:06.010 --> 00:00:08.000 align:start position:0%
yes yes
&gt;&gt; the<00:00:07.000><c> end</c>
"""


def test_rolling_captions_are_said_once() -> None:
    ready = read(ROLLING)
    assert " ".join(
        w.text for w in ready.transcript.words
    ) == "well hello there yes yes yes yes >> the end".replace(">> ", "")
    assert ready.facts["repeated_lines"] == 6
    assert times(ready)[:4] == [
        ("well", 0.16, 0.48),
        ("hello", 0.48, 1.0),
        ("there", 1.0, 2.47),
        ("yes", 2.48, 2.719),
    ]


def test_the_lines_that_repeat_are_counted_for_every_reason() -> None:
    # Two cues that highlight one word after the other repeat a line, and so does each of the rolling ones behind them.
    shown = [
        "a <u>b</u> c",
        "a b <u>c</u>",
        *("\n".join(pair) for pair in pairwise(f"line {n}" for n in range(9))),
    ]
    assert read(vtt(*shown)).facts["repeated_lines"] == 1 + 7


def test_rolling_captions_without_tags_too() -> None:
    said_lines = [f"line {number} is new" for number in range(9)]
    shown = ["\n".join(pair) for pair in pairwise(said_lines)]
    assert said(read(vtt(said_lines[0], *shown))) == [(UNKNOWN, " ".join(said_lines))]


def test_people_who_repeat_each_other_are_left_alone() -> None:
    for cues in (["[Anna]: Yes.", "[Ben]: Yes."] * 4, ["Yes."] * 8, ["One\nYes.", "Yes.\nTwo", *"abcdefgh"]):
        ready = read(vtt(*cues))
        spoken = " ".join(cues).replace("[Anna]: ", "").replace("[Ben]: ", "").split()
        assert [word.text for word in ready.transcript.words] == spoken


# Times


def test_words_share_their_cue_by_characters() -> None:
    ready = read("WEBVTT\n\n00:00.000 --> 00:01.000\n[Anna]: aa bbbb\n[Ben]: cccc")
    assert times(ready) == [("aa", 0.0, 0.2), ("bbbb", 0.2, 0.6), ("cccc", 0.6, 1.0)]
    assert [(t.speaker, t.start, t.end) for t in ready.turns] == [("Anna", 0.0, 0.6), ("Ben", 0.6, 1.0)]


def cue(start: float, end: float, text: str) -> str:
    return f"{stamp(round(start * 1000), '.')} --> {stamp(round(end * 1000), '.')}\n{text}\n\n"


TOKENS = [" The", " real", "-world", " price", " is", " $", "1", ",", "250", " ", "or", " 3", ".5", "%"]


@pytest.mark.parametrize("form", ["vtt", "srt", "body", "text"])
def test_the_tokens_of_a_recogniser_become_words(form: str) -> None:
    # Property: with a token in each cue, only a space before it says that a word begins.
    if form in ("vtt", "srt"):
        text, suffix = vtt(*TOKENS).replace("\n\n", "\n\n1\n" if form == "srt" else "\n\n"), f".{form}"
    else:
        begin, end = ("startTime", "endTime") if form == "body" else ("start", "end")
        parts = [{begin: 2 * n, end: 2 * n + 2, form: t, "speaker": "A"} for n, t in enumerate(TOKENS)]
        text, suffix = json.dumps({"segments": parts}), ".json"
    ready = read(text, suffix)
    assert join_words(ready.transcript.words) == "The real-world price is $1,250 or 3.5%"
    assert times(ready)[1] == ("real-world", 2.0, 6.0)
    check_times(ready)


def test_words_in_cues_of_their_own_stay_words() -> None:
    assert [word.text for word in read(vtt("The", "real", "world")).transcript.words] == [
        "The",
        "real",
        "world",
    ]
    phrases = vtt(" The real", "world is", " here, and", " that is", "it")
    assert "realworld" not in join_words(read(phrases).transcript.words)


@pytest.mark.parametrize(
    ("cues", "expected", "repairs"),
    [
        # the first ends where the second begins
        ([(0, 3, "a"), (2, 4, "b")], [("a", 0, 2), ("b", 2, 4)], {"overlapping": 1}),
        # inside another
        (
            [(0, 9, "a"), (2, 4, "b"), (9, 10, "c")],
            [("a", 0, 2), ("b", 2, 4), ("c", 9, 10)],
            {"overlapping": 1},
        ),
        # together
        ([(0, 2, "a"), (0, 4, "b")], [("a", 0, 2), ("b", 2, 4)], {"overlapping": 1}),
        # out of order
        ([(4, 5, "b"), (0, 1, "a")], [("a", 0, 1), ("b", 4, 5)], {"reordered": 1}),
        # ends before it begins, or at once
        ([(3, 1, "a"), (5, 6, "b")], [("a", 3, 5), ("b", 5, 6)], {"without_end": 1}),
        ([(3, 3, "a")], [("a", 3, 3.4)], {"without_end": 1}),
    ],
)
def test_wrong_times_are_mended_and_counted(
    cues: list[Any], expected: list[Any], repairs: dict[str, int]
) -> None:
    ready = read("WEBVTT\n\n" + "".join(cue(*values) for values in cues))
    assert times(ready) == [(word, float(start), float(end)) for word, start, end in expected]
    assert {
        k: ready.facts[k] for k in ("overlapping", "reordered", "without_end") if k in ready.facts
    } == repairs


def test_labels_carry_on_in_the_order_of_the_file() -> None:
    ready = read(
        "WEBVTT\n\n" + cue(4, 5, "<v Anna>b") + cue(6, 7, "c") + cue(0, 1, "<v Ben>a") + cue(8, 9, "d")
    )
    assert said(ready) == [("Ben", "a"), ("Anna", "b c"), ("Ben", "d")]


# JSON

WHISPERX = {
    "segments": [
        {"start": 0.0, "end": 2.0, "text": " It cost $5.", "speaker": "SPEAKER_00",
         "words": [{"word": "It", "start": 0.1, "end": 0.3, "score": 0.9, "speaker": "SPEAKER_00"},
                   {"word": "cost", "start": 0.5, "end": 0.9, "score": 0.8},
                   {"word": "$5."}]},
        {"start": 2.0, "end": 3.0, "text": "Yes. No.",
         "words": [{"word": "Yes.", "start": 2.0, "end": 2.4, "speaker": "SPEAKER_01"},
                   {"word": "No.", "start": 2.5, "end": 3.0}]},
        {"start": 3.0, "end": 4.0, "text": " without words ", "speaker": "SPEAKER_01"},
        {"start": 4.0, "end": 5.0, "text": "and without speaker"},
    ],
    "language": "de",
}  # fmt: skip


def test_whisperx() -> None:
    ready = read(json.dumps(WHISPERX), ".json")
    assert times(ready)[:3] == [("It", 0.1, 0.3), ("cost", 0.5, 0.9), ("$5.", 0.9, 2.0)]
    assert said(ready) == [
        ("SPEAKER_00", "It cost $5."),
        ("SPEAKER_01", "Yes."),
        (UNKNOWN, "No."),
        ("SPEAKER_01", "without words"),
        (UNKNOWN, "and without speaker"),
    ]
    assert [word.probability for word in ready.transcript.words[:3]] == [0.9, 0.8, None]
    assert ready.transcript.language == "de"


def aligned(*words: str, text: str = "", segment: str = "A") -> str:
    """A segment of whisperX; `A:word` is a word with times and the speaker A, `word` one with neither."""
    entries: list[dict[str, object]] = []
    for number, word in enumerate(words):
        speaker, _, said_ = word.rpartition(":")
        known = {"start": number * 0.5, "end": number * 0.5 + 0.4, "speaker": speaker} if speaker else {}
        entries.append({"word": said_, **known})
    spoken = text or " ".join(str(entry["word"]) for entry in entries)
    return json.dumps(
        {"segments": [{"start": 0, "end": 9, "text": spoken, "speaker": segment, "words": entries}]}
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        # between two speakers: the first one's, unless that one's sentence has ended
        (["A:Is", "A:it", "5?", "B:Yes.", "10", "B:percent"], [("A", "Is it 5?"), ("B", "Yes. 10 percent")]),
        (["A:Really?", "10", "B:percent."], [("A", "Really?"), ("B", "10 percent.")]),
        (["1999", "B:was", "B:good", "7"], [("B", "1999 was good 7")]),
        (["1", "2"], [("A", "1 2")]),
    ],
)
def test_a_word_without_a_speaker_belongs_to_those_around_it(
    words: list[str], expected: list[tuple[str, str]]
) -> None:
    assert said(read(aligned(*words), ".json")) == expected


def test_words_of_json_have_the_spaces_of_the_text_or_those_that_they_are_written_with() -> None:
    assert join_words(
        read(aligned("A:was", "A:$1", ",250", "3", ".5", text="was $1,250 3.5"), ".json").transcript.words
    ) == ("was $1,250 3.5")
    leading = aligned("A: was", "A: real", "A:-world", text="unlike")
    assert [word.text for word in read(leading, ".json").transcript.words] == ["was", "real-world"]
    chinese = aligned(*(f"A:{c}" for c in "种子重要"), text="种子重要")
    assert join_words(read(chinese, ".json").transcript.words) == "种子重要"


def test_a_score_that_is_not_a_number_costs_only_the_score() -> None:
    file = aligned("A:so", "A:what").replace('"speaker": "A"}]', '"speaker": "A", "score": NaN}]')
    assert "NaN" in file
    assert [word.probability for word in read(file, ".json").transcript.words] == [None, None]


def test_lines_and_cues_of_a_script_without_spaces_are_joined_without() -> None:
    ready = read("WEBVTT\n\n00:00.000 --> 00:02.000\n随机\n种子\n\n00:02.000 --> 00:03.000\n重要 吗？\n")
    assert join_words(ready.transcript.words) == "随机种子重要 吗？"
    assert ready.transcript.language == "zh"
    assert read("WEBVTT\n\n00:00.000 --> 00:02.000\nso\nwhat\n").transcript.language == "en"


def test_podcasting_2() -> None:
    segments = [
        {"speaker": "Anna", "startTime": 0.5, "endTime": 0.75, "body": "I"},
        {"speaker": "Anna", "startTime": "1", "body": "am\n"},
        {"speaker": "Ben", "startTime": 2.5, "endTime": 4, "body": "Never mind."},
    ]
    ready = read(json.dumps({"version": "1.0.0", "segments": segments}), ".json")
    assert said(ready) == [("Anna", "I am"), ("Ben", "Never mind.")]
    assert times(ready)[1] == ("am", 1.0, 2.5)


# What is no transcript


@pytest.mark.parametrize(
    ("text", "suffix", "message"),
    [
        ("", ".vtt", r"talk\.vtt:1: the file has no line of times"),
        ("WEBVTT\n\nNOTE nothing\n", ".vtt", r"talk\.vtt:1: the file has no line of times"),
        ("Just a text.\nOf two lines.\n", ".srt", r"talk\.srt:1: the file has no line of times"),
        (vtt("", "<i></i>", "[Music]"), ".vtt", "not one of its [0-9] cues holds a word"),
        (vtt("a") + "\n\n00:00:07.000 --> 00:00:aa.000\nb", ".vtt", r"talk\.vtt:6: the times .*'00:00:07.*aa"),
        (vtt("a") + "\n\n00:00:07.000 -> 00:00:08.000\nb", ".vtt", r"talk\.vtt:6: the times"),
        (vtt("a") + "\n\n00:00:07.000 --> \nb", ".vtt", r"talk\.vtt:6: the times"),
        (vtt("a") + "\n\n00:61:07.000 --> 00:62:08.000\nb", ".vtt", r"talk\.vtt:6: a time has more than 59"),
        (vtt("a") + "\n\n00:07.000 --> 00:75.000\nb", ".vtt", r"talk\.vtt:6: a time has more than 59"),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\nGr\xf6\xdfe", ".vtt", r"talk\.vtt:4: not UTF-8 .*Save the file as UTF-8"),
        (vtt("a").encode("utf-16"), ".vtt", r"talk\.vtt:1: not UTF-8"),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\na\n\0\1\2", ".vtt", r"talk\.vtt:5: the file holds a NUL byte"),
        (b"ID3\x04\x00\x00\xff\xfb\x90", ".vtt", r"talk\.vtt:1: not UTF-8"),
        ('{\n"segments": [\n}', ".json", r"talk\.json:3: not JSON"),
        ("[]", ".json", "no list `segments`"),
        ('{"segments": [1]}', ".json", "no list `segments`"),
        ('{"segments": []}', ".json", "not one of its 0 cues holds a word"),
        ('{"segments": [{"start": 0, "end": 1, "text": "a"}, {"text": "b"}]}', ".json", r"segments\[1\]\.start is m"),
        ('{"segments": [{"start": NaN, "text": "a"}]}', ".json", r"segments\[0\]\.start is 'nan'"),
        ('{"segments": [{"start": 1e999, "text": "a"}]}', ".json", r"segments\[0\]\.start is 'inf', which is not a"),
        ('{"segments": [{"start": -1, "text": "a"}]}', ".json", r"segments\[0\]\.start is '-1', which is not a number"),
        ('{"segments": [{"start": true, "text": "a"}]}', ".json", r"segments\[0\]\.start is 'True', which is not a"),
        ('{"segments": [{"start": 0, "text": 5}]}', ".json", r"segments\[0\]\.text is '5', not text"),
        ('{"segments": [{"start": 0, "words": [{"word": null}]}]}', ".json", r"segments\[0\]\.words\[0\]\.word"),
        ('{"segments": [{"start": 0, "words": "ab"}]}', ".json", r"segments\[0\]\.words is not a list"),
        ('{"segments": [{"startTime": "soon", "body": "a"}]}', ".json", r"segments\[0\]\.startTime is 'soon'"),
        ('{"segments": [{"startTime": 0, "body": "a", "speaker": 1}]}', ".json", r"segments\[0\]\.speaker is '1'"),
    ],
)  # fmt: skip
def test_a_broken_file_is_named_with_its_line(text: str | bytes, suffix: str, message: str) -> None:
    with pytest.raises(ItemError, match=message):
        read(text, suffix)


@pytest.mark.parametrize("time", ["1" + "0" * 400, "1e306", '"1e400"'])
def test_a_number_that_no_float_holds_is_refused_by_its_place(time: str) -> None:
    with pytest.raises(ItemError, match=r"segments\[0\]\.end is .* not a number of seconds"):
        read(f'{{"segments": [{{"start": 0, "end": {time}, "text": "a"}}]}}', ".json")
    word = f'{{"word": "a", "start": 0, "end": 1, "score": {time}}}'
    assert read(f'{{"segments": [{{"start": 0, "end": 1, "words": [{word}]}}]}}', ".json").transcript.words


def read_or_refuse(data: str | bytes, suffix: str) -> None:
    try:
        ready = read(data, suffix)
    except ItemError:
        return
    check_times(ready)


@given(
    st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)),
    st.sampled_from([".vtt", ".json"]),
)
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes, suffix: str) -> None:
    read_or_refuse(data, suffix)


PARTS = [
    "WEBVTT",
    "NOTE",
    "STYLE",
    "1",
    "",
    "00:01.000 --> 00:02.000",
    "00:00:01,5 --> 00:00:09,5",
    "Anna: hi",
]
PARTS += [
    "[Ben]: <i>so</i>",
    "- yes",
    "<v Anna>a",
    ">> b",
    "(laughs)",
    "a b c",
    "{\\an8}",
    "<00:01.500>d",
    "\0",
]


@given(st.lists(st.sampled_from(PARTS), max_size=25))
@settings(max_examples=200, deadline=None)
def test_any_arrangement_of_lines_is_read_or_refused(parts: list[str]) -> None:
    read_or_refuse("\n".join(parts), ".vtt")


def test_the_language_is_the_given_one_then_the_files_then_english() -> None:
    assert read(HEADED, language="hi").transcript.language == "hi"
    assert read(HEADED).transcript.language == "pt"
    assert read(vtt("a")).transcript.language == "en"


@pytest.mark.parametrize("end", ["", "  ", "\t"])
def test_the_language_stands_in_the_header(end: str) -> None:
    head, comment = "WEBVTT\nLanguage: pt\n", "NOTE\nLanguage: de\n\n"
    cue = f"{TIMING}Language: fr"
    assert read(f"{head}{end}\n{comment}{cue}").transcript.language == "pt"
    assert read(f"WEBVTT\n{end}\n{comment}{cue}").transcript.language == "en"
    assert read(f"WEBVTT\n{cue}").transcript.language == "en"


TIMING = "00:00:01.000 --> 00:00:02.000\n"


@pytest.mark.parametrize(
    ("head", "unit", "size"),
    [
        (TIMING, "<00:00:01.500>a ", 4_000),
        ("", TIMING + "a b\n", 1_500),
        ("", TIMING + "a <b>b</b>\n", 1_500),
        ("", TIMING + "<v Ann>a b\n", 1_500),
        ("", TIMING + "#\n\n", 1_500),
        (TIMING, "a b\n", 3_000),
        (TIMING, ">> a\n", 3_000),
        (TIMING, "<c>", 5_000),
        ("", "NOTE a\n\n", 5_000),
    ],
    ids=[
        "time tags",
        "cues",
        "highlights",
        "voices",
        "empty cues",
        "lines of a cue",
        "speakers of a cue",
        "open tags",
        "notes",
    ],
)
def test_the_time_grows_with_the_length_of_a_file_and_not_with_its_square(
    tmp_path: Path, head: str, unit: str, size: int
) -> None:
    def read_many(units: int) -> None:
        (tmp_path / "a.vtt").write_text("WEBVTT\n\n" + head + unit * units)
        with contextlib.suppress(ItemError):
            captions.read_ready(tmp_path / "a.vtt", "a")

    assert growth.measure(read_many, size) < growth.SQUARE
