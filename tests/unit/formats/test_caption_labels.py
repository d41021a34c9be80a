"""Labels of speakers in captions: each way to write them is read, and words are never given to another speaker."""

import json

import pytest

from lectern.formats import caption_labels
from lectern.formats.caption_files import UNKNOWN
from tests.unit.formats.test_captions import read, said, times, vtt

DISPLAY_NAMES = [
    "ann@acme.com",
    "Ann 🎙️",
    "🎙️ Ann",
    "iPhone",
    "Ann's iPad",
    "john smith",
    "ann.lee",
    "user_17",
    "spk_0",
    "speaker 1",
    "Smith, John",
    "Dr. Ann Lee, PhD",
    "Bob | Acme",
    "Ann Lee (she/her)",
    "Maria del Carmen Lopez Ruiz",
    "+1 415-555-1234",
    "+49 (0)170 123-4567",
    "Ann – Acme",
    "🐱",
    "~ann~",
    "Prof. Dr. Ann Lee",
    "李雷",
]


@pytest.mark.parametrize("name", DISPLAY_NAMES)
def test_a_display_name_is_a_label(name: str) -> None:
    cues = [f"{name}: Hello Bob.", "Bob Ray: Hi.", f"{name}: Why do seeds matter?", "Bob Ray: They do."]
    assert said(read(vtt(*cues))) == [
        (name, "Hello Bob."),
        ("Bob Ray", "Hi."),
        (name, "Why do seeds matter?"),
        ("Bob Ray", "They do."),
    ]


@pytest.mark.parametrize(
    ("cues", "expected"),
    [
        # who speaks once: a role, several words, somebody who is called, in a file that labels every cue anybody
        (["Ann: Hi.", "A question.", "Audience Member: Why?", "Bob: So.", "Ann: Thanks.", "Bob: Bye."],
         [("Ann", "Hi. A question."), ("Audience Member", "Why?"), ("Bob", "So."), ("Ann", "Thanks."),
          ("Bob", "Bye.")]),
        (["Ann: Hi.", "A question.", "And one.", "Li Wei: Why?", "Bob: So.", "well", "Ann: Thanks.", "Bob: Bye."],
         [("Ann", "Hi. A question. And one."), ("Li Wei", "Why?"), ("Bob", "So. well"), ("Ann", "Thanks."),
          ("Bob", "Bye.")]),
        (["Ann: Hi, Carlos.", "Well.", "Carlos: Why?", "Bob: So.", "and", "Ann: Thanks.", "Bob: Bye."],
         [("Ann", "Hi, Carlos. Well."), ("Carlos", "Why?"), ("Bob", "So. and"), ("Ann", "Thanks."), ("Bob", "Bye.")]),
        (["Ann: Hi.", "Carlos: Why?", "Bob: So.", "Ann: Thanks.", "Bob: Bye."],
         [("Ann", "Hi."), ("Carlos", "Why?"), ("Bob", "So."), ("Ann", "Thanks."), ("Bob", "Bye.")]),
        # brackets, before the words or in a line of their own
        (["- [Brian] Hey!", "It is\nso.", "- [Woman] Why?", "- [Brian] So."],
         [("Brian", "Hey! It is so."), ("Woman", "Why?"), ("Brian", "So.")]),
        (["[Ann] Hi.", "[Bob] Hi.", "[Music] and so on", "[Ann] Why?", "[Laughs] Yes.", "[Bob] So [Ann] Ah."],
         [("Ann", "Hi."), ("Bob", "Hi. [Music] and so on"), ("Ann", "Why? [Laughs] Yes."), ("Bob", "So"),
          ("Ann", "Ah.")]),
        (["[Ann]\nHi.", "well", "[Bob]\nWhy?", "[Ann]\nSo.", "[Bob]\nHm."],
         [("Ann", "Hi. well"), ("Bob", "Why?"), ("Ann", "So."), ("Bob", "Hm.")]),
        (["(speaker 0) Hi.", "(speaker 1) Why?", "(speaker ?) Hm.", "(speaker 0) So."],
         [("speaker 0", "Hi."), ("speaker 1", "Why?"), (UNKNOWN, "Hm."), ("speaker 0", "So.")]),
        (["【主持人】为什么？", "【嘉宾】因为。", "【音乐】", "【主持人】嗯。", "【嘉宾】是。"],
         [("主持人", "为什么？"), ("嘉宾", "因为。"), ("主持人", "嗯。"), ("嘉宾", "是。")]),
        (["（田中）なぜ？", "（鈴木）だから。（笑）", "（田中）はい。", "（鈴木）そうです。"],
         [("田中", "なぜ？"), ("鈴木", "だから。（笑）"), ("田中", "はい。"), ("鈴木", "そうです。")]),
        (["[Ann:] Hi.", "[Bob:] Why?", "(Ann): So [Note: well]."],
         [("Ann", "Hi."), ("Bob", "Why?"), ("Ann", "So [Note: well].")]),
        # emphasis, times, no space
        (["**Ann:** Hi.", "__Bob__: *Why* now?", "*Ann:* So."],
         [("Ann", "Hi."), ("Bob", "*Why* now?"), ("Ann", "So.")]),
        (["Speaker 1 (00:00): Hi.", "Speaker 2 (00:02): Why?", "Speaker 1 (1:00:04): So."],
         [("Speaker 1", "Hi."), ("Speaker 2", "Why?"), ("Speaker 1", "So.")]),
        (["Speaker 1 (00:00)\nHi.", "Speaker 2 (00:02)\nWhy?"], [("Speaker 1", "Hi."), ("Speaker 2", "Why?")]),
        (["[00:00:01] Ann: Hi.", "Bob [00:02]: Why?", "(00:05) Ann: So."],
         [("Ann", "Hi."), ("Bob", "Why?"), ("Ann", "So.")]),
        (["JOHN:Hi.", "MARY:Why?", "JOHN:So."], [("JOHN", "Hi."), ("MARY", "Why?"), ("JOHN", "So.")]),
        (["JOHN:Hi.", "MARY:20 of them?", "JOHN:So.", "MARY:Ah.", "MARY:So."],
         [("JOHN", "Hi."), ("MARY", "20 of them?"), ("JOHN", "So."), ("MARY", "Ah. So.")]),
        (["john: Hi.", "Well.", "mary: Why?", "And?", "john: So.", "mary: Ah.", "Hm.", "john: Oh.", "mary: Um."],
         [("john", "Hi. Well."), ("mary", "Why? And?"), ("john", "So."), ("mary", "Ah. Hm."), ("john", "Oh."),
          ("mary", "Um.")]),
        # inside a line
        (["Ann: Why? Bob: So. Ann: Ah.", "Bob: Yes."],
         [("Ann", "Why?"), ("Bob", "So."), ("Ann", "Ah."), ("Bob", "Yes.")]),
        (["Ann: Why? Bob: So.", "Ann: Ah! Bob: Yes."],
         [("Ann", "Why?"), ("Bob", "So."), ("Ann", "Ah!"), ("Bob", "Yes.")]),
        (["Ann: I told Bob: no.", "Bob: So."] * 2, [("Ann", "I told Bob: no."), ("Bob", "So.")] * 2),
        ([">> BOB: Hi. >> ANN: What?", ">> BOB: So.", ">> ANN: Why? &gt;&gt; BOB: Ah."],
         [("BOB", "Hi."), ("ANN", "What?"), ("BOB", "So."), ("ANN", "Why?"), ("BOB", "Ah.")]),
        ([">>> Ann: Hi.>> Bob: Why?", ">> Ann: So. >> Well."],
         [("Ann", "Hi."), ("Bob", "Why?"), ("Ann", "So."), (UNKNOWN, "Well.")]),
        (["Ann: Hi >> you.", "Bob: It is 3 >> 2."] * 2,
         [("Ann", "Hi"), (UNKNOWN, "you."), ("Bob", "It is 3 >> 2.")] * 2),
        (["- [Ann]: Hi. - So?"], [("Ann", "Hi."), (UNKNOWN, "So?")]),
        (["＞＞ ANN: What?≫ BOB: So.", "≫ANN: Why?"], [("ANN", "What?"), ("BOB", "So."), ("ANN", "Why?")]),
    ],
)  # fmt: skip
def test_each_way_to_write_a_label(cues: list[str], expected: list[tuple[str, str]]) -> None:
    assert said(read(vtt(*cues))) == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("seeds grow", "odd"),
        ("seeds so", ""),
        ("seeds so.", ""),
        ("seeds it’s", ""),
        ("Note", ""),
        ("NOTE 🙂", ""),
        ("Subtitles  by", ""),
        ("🙂", "odd"),
        (" ", ""),
    ],
)
def test_punctuation_around_an_ordinary_word_makes_no_name(text: str, kind: str) -> None:
    assert caption_labels.judge_name(text) == kind


@pytest.mark.parametrize(
    ("text", "is_sound"),
    [
        ("laughter", True),
        ("Laughter.", True),
        ("(Music)", True),
        ("Cheers, applause", True),
        ("Ann Lee", False),
    ],
)
def test_punctuation_around_a_sound_makes_no_name(text: str, is_sound: bool) -> None:
    assert caption_labels.is_sound(text) == is_sound


def test_what_may_be_a_label_is_nobodys_and_counted() -> None:
    cues = ["Ann: Hi.", "Well.", "Carlos: Why?", "And?", "Bob: So.", "and so", "Ann: Thanks.", "Bob: Bye."]
    ready = read(vtt(*cues))
    assert said(ready) == [
        ("Ann", "Hi. Well."),
        (UNKNOWN, "Carlos: Why? And?"),
        ("Bob", "So. and so"),
        ("Ann", "Thanks."),
        ("Bob", "Bye."),
    ]
    assert ready.facts["doubtful_labels"] == 1


@pytest.mark.parametrize(
    "line",
    [
        "and then he said: come in.",
        "he said: well.",
        "Step Two: the seeds.",
        "Answer: nobody knows.",
        "the point: it works.",
        "[Music] and so on",
        "(Laughs) So it is.",
        "(in Spanish) Hola.",
        "www.example.org: the place.",
    ],
)
def test_words_of_a_sentence_stay_with_their_speaker(line: str) -> None:
    ready = read(vtt("Ann: Hi.", "Bob: Look.", line, "and so on", "Ann: Ah.", "Bob: Bye."))
    assert said(ready)[1] == ("Bob", f"Look. {line} and so on")


def test_a_title_in_the_middle_of_a_sentence_is_no_speaker() -> None:
    ready = read(
        vtt("Ann: We saw the film", "Star Wars: A New Hope", "again.", "Bob: Ah.", "Ann: So.", "Bob: Hm.")
    )
    assert said(ready)[0] == ("Ann", "We saw the film Star Wars: A New Hope again.")


def test_a_label_and_the_times_of_its_words_go_together() -> None:
    ready = read(
        vtt(
            "&gt;&gt;<00:00:00.200><c> ANN:</c><00:00:00.500><c> Why</c><00:00:01.500><c> so?</c>",
            ">> ANN: Hm.",
        )
    )
    assert said(ready) == [("ANN", "Why so? Hm.")]
    assert times(ready)[:2] == [("Why", 0.5, 1.5), ("so?", 1.5, 2.0)]


HEADER = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:{},LOCAL:00:00:00.000\n\n"


def stream(first: int, second: int, *cues: str) -> str:
    return HEADER.format(first) + f"{cues[0]}\n\n" + HEADER.format(second) + "\n\n".join(cues[1:]) + "\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # times of the whole stream
        (stream(900000, 900000, "00:00.000 --> 00:03.000\nHi.", "00:03.000 --> 00:06.000\nWhy?"),
         [("Hi.", 0.0, 3.0), ("Why?", 3.0, 6.0)]),
        # a cue that both segments hold
        (stream(9, 9, "00:00.000 --> 00:04.000\nHi.", "00:00.000 --> 00:04.000\nHi.", "00:04.000 --> 00:05.000\nWhy?"),
         [("Hi.", 0.0, 4.0), ("Why?", 4.0, 5.0)]),
        # times of each segment, and a clock that starts again
        (stream(900000, 1440000, "00:00.000 --> 00:03.000\nHi.", "00:01.000 --> 00:02.000\nHi."),
         [("Hi.", 0.0, 3.0), ("Hi.", 7.0, 8.0)]),
        (stream(2**33 - 540000, 0, "00:00.000 --> 00:03.000\nHi.", "00:00.000 --> 00:02.000\nWhy?"),
         [("Hi.", 0.0, 3.0), ("Why?", 6.0, 8.0)]),
    ],
)  # fmt: skip
def test_the_segments_of_a_stream_are_one_transcript(
    text: str, expected: list[tuple[str, float, float]]
) -> None:
    ready = read(text)
    assert times(ready) == expected
    assert "lines_before_cues" not in ready.facts


def test_each_segment_may_begin_with_a_byte_order_mark() -> None:
    text = stream(9, 9, "00:00.000 --> 00:01.000\nHi.", "00:01.000 --> 00:02.000\nWhy?")
    assert said(read(text.replace("WEBVTT", "\ufeffWEBVTT"))) == [(UNKNOWN, "Hi. Why?")]


KARAOKE = """1
00:00:00,850 --> 00:00:01,310
{}

2
00:00:01,310 --> 00:00:01,470
{}

3
00:00:01,470 --> 00:00:01,690
{}
"""


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (["<u>Thank</u> you all", "Thank<u> you</u> all", "Thank you<u> all</u>"],
         [("Thank", 0.85, 1.31), ("you", 1.31, 1.47), ("all", 1.47, 1.69)]),
        # a pause without a highlight, two lines, a colour
        (['<font color="#0f0">Thank</font>\nyou', "Thank\nyou", 'Thank\n<font color="#0f0">you</font>'],
         [("Thank", 0.85, 1.47), ("you", 1.47, 1.69)]),
        # said again: the highlight begins anew
        (["<u>Ah</u> so", "Ah <u>so</u>", "<u>Ah</u> so"],
         [("Ah", 0.85, 1.31), ("so", 1.31, 1.47), ("Ah", 1.47, 1.58), ("so", 1.58, 1.69)]),
        (["{\\c&H0F&}Thank{\\c} you", "Thank {\\c&H0F&}you{\\c}", "Thank you"],
         [("Thank", 0.85, 1.31), ("you", 1.31, 1.69)]),
        (["<mark>Thank</mark> you", 'Thank <mark class="x">you</mark>', "Thank you"],
         [("Thank", 0.85, 1.31), ("you", 1.31, 1.69)]),
        # shown word after word
        (["Thank", "Thank you", "Thank you\nall"], [("Thank", 0.85, 1.31), ("you", 1.31, 1.47), ("all", 1.47, 1.69)]),
        (["<i>Ah</i>", "<i>Ah so</i>", "<i>Ah so well</i>"],
         [("Ah", 0.85, 1.06), ("so", 1.06, 1.27), ("well", 1.27, 1.69)]),
        # said again
        (["Ah", "Ah so", "No"], [("Ah", 0.85, 1.31), ("Ah", 1.31, 1.39), ("so", 1.39, 1.47), ("No", 1.47, 1.69)]),
        # emphasis is no karaoke
        (["<i>Ah</i> so", "Ah so", "Ah so"],
         [("Ah", 0.85, 1.08), ("so", 1.08, 1.31), ("Ah", 1.31, 1.39), ("so", 1.39, 1.47), ("Ah", 1.47, 1.58),
          ("so", 1.58, 1.69)]),
    ],
)  # fmt: skip
def test_karaoke_is_said_once_and_times_its_words(
    shown: list[str], expected: list[tuple[str, float, float]]
) -> None:
    assert times(read(KARAOKE.format(*shown), ".srt")) == expected


def segments(*texts: str, key: str = "text") -> str:
    """Segments of two seconds, without speakers."""
    begin, end = ("startTime", "endTime") if key == "body" else ("start", "end")
    return json.dumps(
        {"segments": [{begin: 2 * n, end: 2 * n + 2, key: text} for n, text in enumerate(texts)]}
    )


@pytest.mark.parametrize("key", ["text", "body"])
def test_labels_among_the_words_of_json_are_labels(key: str) -> None:
    text = segments(
        "Ann: Why so?",
        "Bob: Because. Ann: Ah.",
        "and",
        "ann@acme.com: Well.",
        "Ann: So.",
        "Bob: Yes.",
        key=key,
    )
    assert said(read(text, ".json")) == [
        ("Ann", "Why so?"),
        ("Bob", "Because."),
        ("Ann", "Ah. and"),
        ("ann@acme.com", "Well."),
        ("Ann", "So."),
        ("Bob", "Yes."),
    ]
    assert said(read(segments(">> Why so? >> Because.", "Well.", key=key), ".json")) == [
        (UNKNOWN, "Why so? Because. Well.")
    ]
    assert said(read(segments(">> Why so?", ">> Because.", key=key), ".json")) == [
        (UNKNOWN, "Why so? Because.")
    ]
    assert said(read(segments("Note: it is.", "So.", key=key), ".json")) == [(UNKNOWN, "Note: it is. So.")]


def test_words_of_json_keep_their_times_behind_a_label() -> None:
    words = [
        {"word": w, "start": n / 2, "end": n / 2 + 0.4} for n, w in enumerate(["Ann:", "Why", "why", "so?"])
    ]
    made = [
        {
            "start": 2 * n,
            "end": 2 * n + 2,
            "text": "",
            "words": [{**w, "start": w["start"] + 2 * n, "end": w["end"] + 2 * n} for w in words],
        }
        for n in range(2)
    ]
    ready = read(json.dumps({"segments": made}), ".json")
    assert times(ready)[:3] == [("Why", 0.5, 0.9), ("why", 1.0, 1.4), ("so?", 1.5, 1.9)]
    assert said(ready) == [("Ann", "Why why so? Why why so?")]


def test_json_that_names_its_speakers_keeps_them() -> None:
    content = json.loads(segments("Ann: Why so?", "Bob: Because.", "Ann: Ah."))
    for segment in content["segments"]:
        segment["speaker"] = "SPEAKER_00"
    assert {turn.speaker for turn in read(json.dumps(content), ".json").turns} == {"SPEAKER_00"}


TALK = [
    ("Ann", "Why do seeds matter?"),
    ("Bob", "They do — a lot."),
    ("Ann", "So, why?"),
    ("Bob", "Rain | sun."),
]
FORMS = (
    "{%s} ", "{%s}: ", "<%s> ", "&lt;%s&gt;: ", "<<%s>> ", "《%s》", "**%s** ", "%s | ", "%s|", "%s — ", "%s – ",
    "%s - ", "%s> ", "%s >> ", "%s → ", "%s :: ", "%s\t",
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_rare_form_is_a_label_where_each_cue_begins_with_it(form: str) -> None:
    assert said(read(vtt(*(form % name + text for name, text in TALK)))) == TALK
    if "\t" in form:  # the words of JSON have no tabs between them
        return
    texts = segments(*(form % name + text for name, text in TALK))
    assert said(read(texts.replace("&lt;", "<").replace("&gt;", ">"), ".json")) == TALK


@pytest.mark.parametrize("form", ["{%s} ", "<%s> ", "%s | ", "%s — ", "%s - "])
def test_a_rare_form_may_name_changes_of_the_speaker_only(form: str) -> None:
    ann, bob, dan = (form % name for name in ("Ann Lee", "Bob", "Rain"))
    cues = [
        f"{ann}Hi.",
        "Why so?",
        f"{bob}So it is.",
        "and — so on",
        f"{ann}Ah.",
        f"{bob}Yes.\nWell.",
        f"{ann}Hm.",
    ]
    expected = [
        ("Ann Lee", "Hi. Why so?"),
        ("Bob", "So it is. and — so on"),
        ("Ann Lee", "Ah."),
        ("Bob", "Yes. Well."),
    ]
    assert said(read(vtt(*cues))) == [*expected, ("Ann Lee", "Hm.")]
    # what has the form and is no name that recurs is said by nobody, and kept
    assert said(read(vtt(*cues, f"{dan}Hm."))) == [*expected, ("Ann Lee", "Hm."), (UNKNOWN, f"{dan}Hm.")]


@pytest.mark.parametrize(
    "cues",
    [
        # no name recurs, or one name alone
        ["{Ann} Hi.", "{Bob} Why?"],
        ["Ann | Hi.", "So.", "And so", "on"],
        ["The rain — it fell.", "The sun — it shone.", "The rain — again.", "The sun — too."],
        [
            "Yes — I think so.",
            "Well — no.",
            "Yes — why?",
            "Well — so it is.",
            "Right - and so.",
            "Right - but no.",
        ],
        [
            "Right — and so.",
            "It is.",
            "Exactly — that.",
            "Is it?",
            "Right — well.",
            "So it is.",
            "It was.",
            "Hm.",
        ],
        ["Monday | rain", "Sunday | sun", "and so on", "It is", "a table", "of days", "and", "rain"],
        # tags, commands of a subtitle editor, sounds
        ["<Sign>Stop</Sign> here", "<Name>Ann</Name> said", "<Sign>Go</Sign> there", "<Name>Bob</Name> did"],
        ["{Music} and so on", "{Laughs} So it is.", "{Music} well", "{Laughs} Hm."],
        ["It costs 3 | 4 of them.", "x - y is z.", "It costs 5 | 6 of them.", "x - z is y."],
        ["1 - one", "2 - two", "1 - one again", "2 - and two"],
    ],
)
def test_a_form_that_a_file_does_not_use_for_names_stays_among_the_words(cues: list[str]) -> None:
    ready = read(vtt(*cues))
    assert said(ready) == [(UNKNOWN, " ".join(cues))]


def test_a_few_labels_in_a_long_talk_are_read_in_forms_that_nobody_speaks() -> None:
    cues = [
        "Ann | Hi. Bob | Hm.",
        *["and so on"] * 20,
        "Ann | So.",
        *["and so on"] * 20,
        "Bob | Why?",
        "Ah.",
        "Bob | So.",
    ]
    names = [name for name, _ in said(read(vtt(*cues)))]
    assert names == ["Ann", "Bob", "Ann", "Bob"]
    dashed = read(vtt(*(cue.replace("|", "—") for cue in cues)))
    assert {name for name, _ in said(dashed)} == {UNKNOWN}
    assert dashed.facts["doubtful_labels"] == 4


@pytest.mark.parametrize(
    "form",
    [
        "@%s: ", "「%s」", "「%s」：", "『%s』", "【%s】", "［%s］", "〔%s〕", "〖%s〗", "＜%s＞",
    ],
)  # fmt: skip
@pytest.mark.parametrize("names", [("Ann", "Bob"), ("田中", "鈴木")])
def test_labels_of_a_transcript_by_hand(form: str, names: tuple[str, str]) -> None:
    # Property: the name is the label without its signs, where each cue has one and where only changes have.
    ann, bob = names
    one, two = form % ann, form % bob
    cues = [f"{one}なぜですか？", f"{two}はい、そうです。", f"{one}でもなぜ？", f"{two}Why not?"]
    assert said(read(vtt(*cues))) == [
        (ann, "なぜですか？"), (bob, "はい、そうです。"), (ann, "でもなぜ？"), (bob, "Why not?"),
    ]  # fmt: skip
    if "＜" in form:  # a sign that words have too
        return
    changes = [cues[0], "そして", cues[1], "so it is", cues[2], "ええ", cues[3]]
    assert said(read(vtt(*changes))) == [
        (ann, "なぜですか？ そして"), (bob, "はい、そうです。 so it is"), (ann, "でもなぜ？ ええ"), (bob, "Why not?"),
    ]  # fmt: skip


def test_a_label_in_quotation_marks_is_read_behind_a_sentence_and_a_quotation_stays_with_its_speaker() -> (
    None
):
    turns = ["「田中」ええ。", "「鈴木」うん。"] * 4
    cues = ["「田中」なぜ？「鈴木」そう。", "「種」は大事です。", *turns, "「田中」と言います。"]
    assert said(read(vtt(*cues))) == [
        ("田中", "なぜ？"),
        ("鈴木", "そう。 「種」は大事です。"),
        *[("田中", "ええ。"), ("鈴木", "うん。")] * 3,
        ("田中", "ええ。"),
        ("鈴木", "うん。 「田中」と言います。"),
    ]


@pytest.mark.parametrize(
    "cues",
    [
        # what somebody said, titles, and one name alone
        ["「はい」と言いました。", "「いいえ」と答えました。", "「はい」って何？", "「いいえ」という人。"],
        [
            "「源氏物語」は長い。",
            "「枕草子」は短い。",
            "「源氏物語」の人。",
            "「枕草子」も古い。",
            "「源氏物語」を読む。",
        ],
        ["「红楼梦」是书。", "「西游记」的人。", "「红楼梦」里有。", "「西游记」和它。"],
        [
            "「はい」と言いました。",
            "「いいえ」と答えました。",
            "「はい」本当？",
            "「いいえ」嘘。",
            "「はい」！",
            "「いいえ」を。",
        ],
        ["「田中」なぜ？", "そうです。", "はい。"],
        ["「なぜ？」そうです。", "「はい。」うん。", "「なぜ？」ええ。", "「はい。」ほう。"],
        # handles without a colon, who may be spoken to
        ["@Ann Why?", "@Bob So.", "@Ann Ah.", "@Bob Yes."],
    ],
)
def test_a_quotation_is_no_label(cues: list[str]) -> None:
    ready = read(vtt(*cues))
    assert said(ready) == [(UNKNOWN, " ".join(cues))]
    assert "doubtful_labels" not in ready.facts


@pytest.mark.parametrize(
    "stamps",
    [
        ["1.22.00 ", "1.22.05 ", "1.22.09 ", "1.22.09 "],
        ["(1.22.00) ", "(1.22.05)", "[1.22.09] ", "（1.22.11）"],
        ["0.00.01 - ", "0.00.05 - ", "0.01.09 | ", "1.00.11 – "],
        ["1:22:00 ", "1:22:05 ", "1:22:09 ", "1:22:11 "],
        ["00:12 ", "00:15 ", "59:59 ", "1:00:11 "],
    ],
)
@pytest.mark.parametrize("form", ["%s: ", "[%s] ", "**%s:** ", "@%s: ", "【%s】"])
def test_a_time_in_front_of_a_turn_is_not_said(stamps: list[str], form: str) -> None:
    texts = [("Ann", "Why?"), ("Bob", "So it is."), ("Ann", "At 1.22.00?"), ("Bob", "Yes.")]
    cues = [stamp + form % name + text for stamp, (name, text) in zip(stamps, texts, strict=True)]
    assert said(read(vtt(*cues))) == texts
    changes = [cues[0], "And?", cues[1], "well", cues[2], cues[3]]
    assert said(read(vtt(*changes)))[:2] == [("Ann", "Why? And?"), ("Bob", "So it is. well")]


def test_a_time_behind_the_name_or_before_every_cue_is_not_said() -> None:
    cues = ["Ann (1.22.00): Why?", "Bob (1.22.05): So.", "Ann [1.22.09]: Ah.", "Bob (1.22.11): Yes."]
    assert said(read(vtt(*cues))) == [("Ann", "Why?"), ("Bob", "So."), ("Ann", "Ah."), ("Bob", "Yes.")]
    assert said(read(vtt("1.22.00 Why?", "1.22.05 So", "1.23.00 it is."))) == [(UNKNOWN, "Why? So it is.")]


@pytest.mark.parametrize(
    "cues",
    [
        # versions, a list of them, a timetable, prices, and times that run back
        ["Ann: Look.", "1.22.00 is out.", "Bob: Why?", "1.23.00 Bugfixes: one.", "Ann: Ah.", "Bob: So."],
        ["Ann: Look.", "12:30 Lunch: rain.", "14:00 Seeds: sun.", "Bob: Why?", "Ann: Ah.", "Bob: So."],
        ["So we see", "12:30 Lunch: rain.", "14:00 Seeds: sun.", "and so on", "and on", "it goes."],
        ["Ann: Look.", "(1.22.00) fixed it: well", "Bob: Why?", "Ann: Ah.", "Bob: So."],
        ["Python (3.11.00): it", "is new", "and Python (3.12.00): too", "and so", "it is"],
        ["1.22.00 is out.", "1.21.00 was", "1.20.00 before", "and so on"],
        ["1.22.00 is out.", "1.21.00 was", "1.20.00 before"],
        ["2.00.00 Seeds: one.", "1.22.00 Splits: two.", "1.21.00 Seeds: three.", "1.20.00 Splits: four."],
        ["Ann: Look.", "12:30 Seeds: rain.", "14:00 Seeds: sun.", "Bob: Why?", "Ann: Ah.", "Bob: So."],
        ["22.00 for it.", "23.50 for that.", "24.00 for all."],
    ],
)
def test_a_time_or_version_in_a_sentence_stays_among_the_words(cues: list[str]) -> None:
    words = " ".join(text for _, text in said(read(vtt(*cues))))
    plain = " ".join(cues)
    for name in ("Ann: ", "Bob: "):
        plain = plain.replace(name, "")
    assert words == plain
