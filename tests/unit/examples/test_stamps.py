"""Descriptions as people type them. The first tests are defects that the forerunners of this project have."""

import pytest

from lectern.core.schema import Chapter
from lectern.examples.description_layout import LONGEST_STAMP
from lectern.examples.stamps import parse_stamps, read_chapters, split_parts


def texts(description: str) -> list[tuple[float, str]]:
    return [(question.start, question.text) for question in parse_stamps(description) if question.is_question]


def test_the_last_question_is_kept() -> None:
    # Property: a question needs no stamp behind it.
    assert texts("0:00 Who are you?\n1:05 Why sleep?") == [(0, "Who are you?"), (65, "Why sleep?")]


@pytest.mark.parametrize(
    "numbering", ["Q1. ", "Q.1 ", "Q1: ", "Q 1) ", "q1 - ", "Question 1: ", "1. ", "1) ", "#1 ", "Q: "]
)
def test_numbering_is_no_part_of_the_question(numbering: str) -> None:
    # Property: however questions are numbered, before or after the stamp, the number is not trained.
    assert texts(f"0:10 {numbering}Why sleep?") == [(10, "Why sleep?")]
    assert texts(f"{numbering}0:10 Why sleep?") == [(10, "Why sleep?")]
    assert texts(f"{numbering}Why sleep? 0:10") == [(10, "Why sleep?")]


@pytest.mark.parametrize(
    "description",
    [
        "0:10 (a) Why sleep, (b) and when?",
        "0:10 (a) Why sleep,\n(b) and when?",
        "0:10 (a) Why sleep,\n     (b) and when?",
        "0:10 (a) Why sleep,\n0:10 (b) and when?",
        "(a) Why sleep, (b) and when? 0:10",
        "(a) Why sleep,\n(b) and when? 0:10",
    ],
)
def test_the_parts_of_a_question_stay_together(description: str) -> None:
    # Property: one answer belongs to all parts, so they are one question.
    assert texts(description) == [(10, "(a) Why sleep, (b) and when?")]


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [("0:09", 9), ("00:09", 9), ("12:34", 754), ("75:00", 4500), ("1:02:03", 3723), ("01:02:03", 3723)],
)
@pytest.mark.parametrize(
    "line",
    [
        "{} Why sleep?",
        "[{}] Why sleep?",
        "({}) Why sleep?",
        "- {} - Why sleep?",
        "• {} – Why sleep?",
        "{} | Why sleep?",
        "{}: Why sleep?",
        "⏰ {} Why sleep?",
        "**{}** Why sleep?",
        "[{}](https://example.org/v?t=1) Why sleep?",
        "{}\nWhy sleep?",
        "{}\nWhy\n  sleep?",
        "Why sleep? {}",
        "Why sleep? [{}]",
        "Why sleep? ({})",
        "Why sleep? - {}",
        "- Why sleep? @ {}",
    ],
)
def test_every_way_to_type_a_stamp(stamp: str, seconds: int, line: str) -> None:
    # Property: the format of the time and its place in the line are independent, and all are read.
    assert texts("About sleep.\n\n" + line.format(stamp) + "\n\nSubscribe!") == [(seconds, "Why sleep?")]


def test_a_range_gives_its_beginning() -> None:
    assert texts("0:10 - 1:20 Why sleep?\n1:20–2:00 Why wake?") == [(10, "Why sleep?"), (80, "Why wake?")]


def test_wrapped_lines_are_joined_and_blurb_is_not() -> None:
    # Property: a line without a stamp continues a question only when it reads like its middle.
    description = (
        "0:05 What do you look at\n  when you read a change?\n"
        "0:20 My model is better.\nIs it real?\nThanks to Joe."
    )
    assert texts(description) == [
        (5, "What do you look at when you read a change?"),
        (20, "My model is better. Is it real?"),
    ]
    assert texts("Joe on sleep.\nWhy sleep? 0:05\nA colleague naps.\nShould I? 0:10") == [
        (5, "Why sleep?"),
        (10, "A colleague naps. Should I?"),
    ]


@pytest.mark.parametrize(
    "frame",
    ["Intro", "Introduction", "Welcome", "Outro", "Goodbye", "Thanks", "Wrap-up", "How we met", "Sleep"],
)
def test_what_is_no_question_is_dropped_but_ends_the_one_before(frame: str) -> None:
    # Property: intros, outros and topics are no training rows, yet their stamps bound the answers.
    description = f"0:00 Why sleep?\n0:30 {frame}\n0:40 Who are you?"
    assert texts(description) == [(0, "Why sleep?"), (40, "Who are you?")]
    assert [(s.start, s.is_question) for s in parse_stamps(description)] == [
        (0, True),
        (30, False),
        (40, True),
    ]


@pytest.mark.parametrize(
    "title", ["Start-ups and money", "End-of-life care", "Ad-hoc networks", "Hi-fi at home"]
)
def test_a_topic_that_begins_like_a_frame_is_no_frame(title: str) -> None:
    assert [stamp.is_question for stamp in parse_stamps(f"0:10 1. {title}")] == [True]


def test_a_question_without_a_mark_is_one_if_it_asks_or_is_numbered() -> None:
    assert texts("0:10 Why do we sleep\n0:20 Q2. My cat never sleeps\n0:30 How to sleep") == [
        (10, "Why do we sleep"),
        (20, "My cat never sleeps"),
    ]


def test_headings_links_credits_and_hours_of_the_day_are_nothing() -> None:
    # Property: only stamped questions come out, whatever else a description holds.
    description = (
        "Live every Monday at 18:00\nMore: https://example.org/a?t=0:30\n\nTimestamps:\n0:05 Why sleep?\n"
        "https://example.org/?why=1\nHost: Ada\n\n0:50 Does it matter?\n\nMusic by Bob (2:1). Score 3:2."
    )
    assert texts(description) == [(5, "Why sleep?"), (50, "Does it matter?")]
    assert texts("") == texts("No questions here.\nAt all.") == []


def test_numbers_and_other_scripts_in_a_question_survive() -> None:
    # Property: nothing but numbering is taken away: no digits, no non-Latin letters.
    assert texts("0:10 1.5 times faster: is that real?") == [(10, "1.5 times faster: is that real?")]
    assert texts("0:10 Почему мы спим?\n0:20 为什么要睡觉？") == [
        (10, "Почему мы спим?"),
        (20, "为什么要睡觉？"),
    ]
    assert texts("0:10 Was it 3 or 4 at 12:30?") == [(10, "Was it 3 or 4 at 12:30?")]


def test_carriage_returns_are_line_ends() -> None:
    assert texts("0:00 Who are you?\r\n1:05 Why sleep?\r\n") == [(0, "Who are you?"), (65, "Why sleep?")]


TWO = [(10, "Why sleep?"), (80, "Why wake?")]


@pytest.mark.parametrize(
    "description",
    [
        "0:10 -> Why sleep?\n1:20 -> Why wake?",
        "0:10 → Why sleep?\n1:20 ➜ Why wake?",
        "✅ 0:10 🔹 Why sleep?\n✅1:20 🔹 Why wake?",
        "{0:10} Why sleep?\n{1:20} Why wake?",
        "00:00:10.500 Why sleep?\n00:01:20,250 Why wake?",
        "0m10s Why sleep?\n1m20s Why wake?",
        "Q1. 0h00m10s - Why sleep?\nQ2. 0h01m20s - Why wake?",
        "Why sleep? (0m10s)\nWhy wake? [0h1m20s]",
        "０：１０ Why sleep?\n１：２０ Why wake?",
        "Why sleep? (0:10 - 1:20)\nWhy wake? (1:20 - 2:00)",
        "0:10 → 1:20 Why sleep?\n1:20 -> 2:00 Why wake?",
        "(a) 0:10 Why sleep?\n(b) 1:20 Why wake?",
        "a. 0:10 - Why sleep?\nb. 1:20 - Why wake?",
        "Timestamps: 0:10 Why sleep?\n1:20 Why wake?",
        "Questions with time-stamps - 0:10 Why sleep?\n1:20 Why wake?",
        "CHAPTERS:\n0:10 Why sleep?\n1:20 Why wake?",
        "Start 0:10: Why sleep?\nStart 1:20: Why wake?",
        "at 0:10 Why sleep?\nat 1:20 Why wake?",
        "1 - 0:10 Why sleep?\n2 - 1:20 Why wake?",
        "1\t0:10\tWhy sleep?\n2\t1:20\tWhy wake?",
        "Why sleep?\n0:10\n\nWhy wake?\n1:20",
        "0:10\nWhy sleep?\n1:20\nWhy wake?\n",
        "0:00 Intro 0:10 Why sleep? 1:20 Why wake? 2:00 Outro",
        "0:10 Why sleep? | 1:20 Why wake?",
        "<p>Timestamps</p><ul><li>(<a href='#'>0:10</a>) Why sleep?</li><li>(1:20) <b>Why</b> wake?</li></ul>",
        "0:10 Why sleep?<br/>1:20 Why wake?<br/><a href='https://example.org'>more</a>",
        "0:10 Why sleep? https://example.org/a\n1:20 Why wake? www.example.org/b",
    ],
)
def test_forms_that_people_invent(description: str) -> None:
    # Property: a person sees the same two questions in each of them.
    assert texts(description) == TWO


@pytest.mark.parametrize(
    "noise",
    [
        "Join us at 7:30 PM, why not?",
        "7:30 PM Why not join us?",
        "Doors 7:00 pm, why wait?",
        "See http://localhost:8080 and http://127.0.0.1:8080/why?",
        "127.0.0.1:80 Why not try it?",
        "Compare John 3:16",
        "Recorded on 2024-01-02 10:30",
        "We won 21:15",
        "Tickets 12:50",
        "Mail why@example.org, 5:30",
    ],
)
@pytest.mark.parametrize("where", ["before", "after"])
def test_times_that_stamp_nothing(noise: str, where: str) -> None:
    # Property: an hour, a port, a verse, a date or a score in the blurb neither becomes a question nor spoils others.
    stamped = "0:10 Why sleep?\n1:20 Why wake?"
    assert texts(f"{noise}\n\n{stamped}" if where == "before" else f"{stamped}\n\n{noise}") == TWO


def test_times_inside_a_question_stay_in_it() -> None:
    for question in ("What does John 3:16 mean?", "Why does it cost $1:20?", "Is 7:30 PM too late?"):
        assert texts(f"0:10 {question}\n1:20 Why wake?") == [(10, question), TWO[1]]


def test_two_languages_in_one_description() -> None:
    assert texts(
        "Вопросы / Questions\n0:10 Почему мы спим?\n    Why do we sleep?\n1:20 なぜ夢を見るのか\n2:00 Γιατί κοιμόμαστε;"
    ) == [(10, "Почему мы спим? Why do we sleep?"), (80, "なぜ夢を見るのか"), (120, "Γιατί κοιμόμαστε;")]


@pytest.mark.parametrize(
    "line", ["-" * 20_000, " " * 20_000 + "x", "(" * 20_000, "1:1 " * 5_000, "a <" * 9_000]
)
def test_a_hostile_line_costs_no_time(line: str) -> None:
    # Property: reading is about linear in the length; a regular expression that backtracks takes minutes here.
    assert texts(f"{line}\n\n0:10 Why sleep?\n\n{line}\n\n1:20 Why wake?") == TWO


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("(a) Why sleep, and (b) when?", ("Why sleep", "when?")),
        ("a) Why sleep? b) When? c) Where?", ("Why sleep?", "When?", "Where?")),
        ("(i) Why sleep; (ii) when?", ("Why sleep", "when?")),
        ("1) Why sleep? 2) When?", ("Why sleep?", "When?")),
        ("About sleep: (a) why, (b) when?", ("About sleep: why", "About sleep: when?")),
        ("Why sleep (a lot)?", ()),
        ("Is plan a) better than plan c)?", ()),
        ("(a) Why sleep, unlike (c) all cats?", ()),
        ("Why sleep? And when?", ()),
    ],
)
def test_the_parts_of_a_question(text: str, parts: tuple[str, ...]) -> None:
    assert split_parts(text) == parts
    (stamp,) = parse_stamps(f"0:10 {text}")
    assert (stamp.text, stamp.parts) == (text, parts)


def test_lines_with_one_stamp_are_parts() -> None:
    (stamp,) = parse_stamps("0:10 Why sleep?\n0:10 And when?")
    assert stamp.parts == ("Why sleep?", "And when?")


@pytest.mark.parametrize(
    "lines", ["0:10\n0:10 Why sleep?", "0:10 Why sleep?\n0:10", "0:10 -\n0:10 Why sleep?"]
)
def test_a_stamp_without_a_text_is_no_part(lines: str) -> None:
    (stamp, _) = parse_stamps(f"{lines}\n1:20 And when?")
    assert (stamp.text, stamp.parts or (stamp.text,)) == ("Why sleep?", ("Why sleep?",))


def test_chapters_are_stamps_and_a_gap_ends_the_one_before() -> None:
    chapters = [
        Chapter(start=0, end=10, title="Intro"),
        Chapter(start=10, end=20, title="1. Why sleep?"),
        Chapter(start=30, end=40, title="Dreams"),
    ]
    asked = [(s.start, s.text) for s in read_chapters(chapters, "questions") if s.is_question]
    assert asked == [(10, "Why sleep?")]
    everything = read_chapters(chapters, "all")
    assert [(s.start, s.text) for s in everything if s.is_question] == [(10, "Why sleep?"), (30, "Dreams")]
    assert [s.start for s in everything] == [0, 10, 20, 30, 40]


@pytest.mark.parametrize(
    "leader",
    ["........", "…", " . . . . ", "····", "____", "..", " ........ ", "." * 150, " ⋯⋯ ", "  .  .  .  . "],
)
@pytest.mark.parametrize("stamp", ["0:10", "(0:10)", "[0:10]", "0:10 - 1:19"])
def test_dots_that_lead_to_a_stamp_are_no_part_of_the_question(leader: str, stamp: str) -> None:
    assert texts(f"Why sleep?{leader}{stamp}\nAnd when?{leader}1:20") == [
        (10, "Why sleep?"),
        (80, "And when?"),
    ]


@pytest.mark.parametrize(
    ("first", "second"), [("1️⃣", "2️⃣"), ("1\u20e3", "2\u20e3"), ("①", "②"), ("❶", "❷"), ("🔟", "1️⃣1️⃣")]
)
@pytest.mark.parametrize(
    "line", ["{} 0:10 Why sleep?", "{}0:10 Why sleep?", "{} Why sleep? 0:10", "0:10 {} Why sleep?"]
)
def test_a_number_that_is_a_sign_is_numbering(first: str, second: str, line: str) -> None:
    following = line.replace("0:10", "1:20").replace("Why sleep?", "And when?")
    described = f"{line.format(first)}\n{following.format(second)}"
    assert texts(described) == [(10, "Why sleep?"), (80, "And when?")]


@pytest.mark.parametrize(("before", "numbers"), [(LONGEST_STAMP, True), (LONGEST_STAMP + 1, False)])
def test_a_number_is_looked_for_in_the_beginning_of_a_line(before: int, numbers: bool) -> None:
    assert texts(f"{'-' * before}① Why sleep? 0:10") == [(10, "Why sleep?" if numbers else "1 Why sleep?")]


def test_a_stamp_in_keycaps_is_a_stamp() -> None:
    assert texts("0️⃣0️⃣:1️⃣0️⃣ Why sleep?") == [(10, "Why sleep?")]


@pytest.mark.parametrize(
    "line",
    [
        "0:10 Why sleep? 1:20 And when?",
        "0:10 Why sleep? (1:20) And when?",
        "(0:10) Why sleep? - 1:20 - And when?",
        "0:10 Why sleep? / 1:20 And when?",
        "0:10\tWhy sleep?\t1:20\tAnd when?",
        "0:10 → Why sleep? → 1:20 → And when?",
        "0∶10 Why sleep? ► 1∶20 And when?",
        "Why sleep? 0:10 And when? 1:20",
        "Why sleep? (0:10) And when? (1:20)",
        "Why sleep? [0:10] | And when? [1:20]",
    ],
)
def test_two_questions_in_one_line_are_two(line: str) -> None:
    assert texts(line) == [(10, "Why sleep?"), (80, "And when?")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("0:10 What happened at 3:40 in the game?", (10, "What happened at 3:40 in the game?")),
        ("What happened at 3:40? 5:00", (300, "What happened at 3:40?")),
        ("0:10 Who came at 1:20 and why?", (10, "Who came at 1:20 and why?")),
    ],
)
def test_a_time_that_is_spoken_of_is_no_stamp(line: str, expected: tuple[float, str]) -> None:
    assert texts(line) == [expected]


UNITS = [
    ("1h22m", 4920), ("1h 22m 5s", 4925), ("1h22m05", 4925), ("1h:22m:05s", 4925), ("1H22M", 4920), ("1h22", 4920),
    ("1 hr 22 min", 4920), ("1 hour 22 minutes", 4920), ("2h", 7200), ("82m", 4920), ("82 min", 4920),
    ("82 mins.", 4920), ("82'", 4920), ("82'10\"", 4930), ("82m10", 4930), ("90s", 90), ("90 seconds", 90),
    ("1:22h", 4920), ("1:22:05 h", 4925), ("1時間22分", 4920), ("22分10秒", 1330),
    ("82分钟", 4920), ("1시간 22분", 4920),
]  # fmt: skip


@pytest.mark.parametrize(("stamp", "seconds"), UNITS)
@pytest.mark.parametrize(
    "form",
    [
        "0:10 Why sleep?\n{} Why wake?",
        "- (40s) Why sleep?\n- ({}) - Why wake?",
        "Why sleep? 40s\nWhy wake? [{}]",
    ],
)
def test_a_stamp_may_have_units(form: str, stamp: str, seconds: int) -> None:
    # Property: it counts like 1:22:00, beside such a stamp or another one with units.
    first = 10 if "0:10" in form else 40
    assert texts(form.format(stamp)) == [(first, "Why sleep?"), (seconds, "Why wake?")]


def test_a_range_with_units_gives_its_beginning() -> None:
    assert texts("0s - 82m Why sleep?\n1h22m to 2h Why wake?") == [(0, "Why sleep?"), (4920, "Why wake?")]


@pytest.mark.parametrize(
    "noise",
    [
        "5 min read",
        "90s music, and why it lasts",
        "5m tall trees",
        "Length: 82 min",
        "20m people ask: why?",
        "5 min read\n3 min of thanks",
        "Why so short? 5 min",
    ],
)
def test_a_length_is_no_stamp(noise: str) -> None:
    # Property: one alone stamps nothing, nor do several that do not rise, with stamps beside them or without.
    assert texts(noise) == []
    assert texts(f"{noise}\n\n0:10 Why sleep?\n1:00 Why wake?") == [(10, "Why sleep?"), (60, "Why wake?")]
    assert texts(f"0:10 Why sleep?\n99:00 Why wake?\n\n{noise}") == [(10, "Why sleep?"), (5940, "Why wake?")]
