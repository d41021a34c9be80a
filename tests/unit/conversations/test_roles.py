"""Rules give speakers their roles."""

import pytest

from lectern.conversations.roles import Cast, assign, count_questions, is_name, name_by_role
from lectern.core.schema import Word
from lectern.settings.converse import RoleRule

CAST = Cast(
    ["a", "b", "c"],
    {"a": 3.0, "b": 9.0, "c": 9.0},
    {"a": "Amit Varma", "c": "Ram"},
    {"host": ["amit VARMA"], "guest": ["Asha Rao"]},
)


@pytest.mark.parametrize(
    ("rules", "expected", "idle"),
    [
        ([RoleRule("main", "most_speech")], {"a": "guest", "b": "main", "c": "guest"}, []),
        ([RoleRule("host", "first_voice")], {"a": "host", "b": "guest", "c": "guest"}, []),
        (
            [
                RoleRule("main", "most_speech"),
                RoleRule("audience", "most_speech"),
                RoleRule("host", "first_voice"),
            ],
            {"a": "host", "b": "main", "c": "audience"},
            [],
        ),
        ([RoleRule("host", "name", "amit varma")], {"a": "host", "b": "guest", "c": "guest"}, []),
        ([RoleRule("host", "name", "Amit")], dict.fromkeys("abc", "guest"), ["host: name Amit"]),
        ([RoleRule("host", "metadata")], {"a": "host", "b": "guest", "c": "guest"}, []),
        ([RoleRule("guest", "metadata")], dict.fromkeys("abc", "guest"), ["guest: metadata"]),
        ([RoleRule("main", "metadata")], dict.fromkeys("abc", "guest"), []),  # nobody is looked for
        (
            [RoleRule("host", "metadata"), RoleRule("host", "first_voice", fallback=True)],
            {"a": "host", "b": "guest", "c": "guest"},
            [],
        ),
        (
            [RoleRule("host", "metadata"), RoleRule("host", "first_voice")],
            {"a": "host", "b": "host", "c": "guest"},
            [],
        ),
        ([], dict.fromkeys("abc", "guest"), []),
    ],
)
def test_each_rule_takes_whom_no_rule_before_it_took(
    rules: list[RoleRule], expected: dict[str, str], idle: list[str]
) -> None:
    assert assign(CAST, rules, "guest", {}) == (expected, idle)


def test_a_role_by_hand_is_stronger_than_every_rule() -> None:
    # Property: b speaks most, but a person says that c is the main speaker: then there is no second one.
    roles, idle = assign(CAST, [RoleRule("main", "most_speech")], "audience", {"c": "main"})
    assert (roles, idle) == ({"a": "audience", "b": "audience", "c": "main"}, [])
    # and whom a person made the host is free for no rule
    roles, _ = assign(CAST, [RoleRule("main", "most_speech")], "audience", {"b": "host"})
    assert roles == {"a": "audience", "b": "host", "c": "main"}


def test_a_rule_that_finds_nobody_says_so_and_silence_has_no_roles() -> None:
    empty = Cast([], {}, {}, {})
    rules = [RoleRule("main", "most_speech"), RoleRule("host", "first_voice")]
    assert assign(empty, rules, "host", {}) == ({}, ["main: most_speech", "host: first_voice"])


def test_the_metadata_name_the_only_nameless_speaker_of_a_role() -> None:
    assert name_by_role(CAST, {"a": "host", "b": "guest", "c": "main"}) == {"b": "Asha Rao"}
    assert name_by_role(CAST, {"a": "host", "b": "guest", "c": "guest"}) == {}  # which of the two?
    assert name_by_role(CAST, {"c": "guest"}) == {}  # she has a name


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"role": "boss", "rule": "first_voice"}, "host, guest, main, audience"),
        ({"role": "unknown", "rule": "first_voice"}, "role is 'unknown'"),
        ({"role": "host", "rule": "loudest"}, "first_voice, most_speech, name, metadata"),
        ({"role": "host", "rule": "name"}, "needs a name"),
        ({"role": "host", "rule": "first_voice", "name": "Ram"}, "only that rule takes one"),
    ],
)
def test_a_wrong_rule_says_what_there_is(values: dict[str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        RoleRule(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("labels", "role", "taken"),
    [
        (["Guest", "Host"], "host", ["Host"]),
        (["Interviewer", "Bob Ray"], "host", ["Interviewer"]),
        (["Co-Host", "HOST", "Ann"], "host", ["Co-Host", "HOST"]),
        (["Interviewee 2", "Moderator", "Ann"], "guest", ["Interviewee 2"]),
        (["Audience member", "Ann"], "audience", ["Audience member"]),
        (["Guest 1", "Guest 2"], "guest", []),  # a label that all have tells nothing
        (["Ghost Host", "Hostess Bakery", "Guesthouse"], "host", []),
        # beside a name
        (["Bob Ray (Guest)", "Ann Lee (Host)"], "host", ["Ann Lee (Host)"]),
        (["Guest - Bob", "Host - Ann"], "host", ["Host - Ann"]),
        (["Guest Bob", "Co-Host Ann", "Cy [host]"], "host", ["Co-Host Ann", "Cy [host]"]),
        # in other languages
        (["Gast", "Moderatorin"], "host", ["Moderatorin"]),
        (["Invitado", "Entrevistadora"], "guest", ["Invitado"]),
        (["嘉宾", "主持人 李雷"], "host", ["主持人 李雷"]),
    ],
)
def test_a_label_that_says_the_role_gives_it(labels: list[str], role: str, taken: list[str]) -> None:
    roles, idle = assign(Cast(labels, {}, {}, {}), [RoleRule(role, "label")], "main", {})
    assert ([label for label in labels if roles[label] == role], idle) == (taken, [])


def test_the_one_who_asks_most_before_others_speak_is_taken_and_nobody_in_a_tie() -> None:
    said = "a: Nobody repeats it. Why not? Because. b: Why do seeds matter? a: They do. b: Do they? a: Yes. c: How?"
    labels, words = [], []
    for part in said.split():
        if part.endswith(":"):
            label = part[0]
        else:
            labels.append(label)
            words.append(Word(text=part, start=len(words), end=len(words) + 1))
    asks = count_questions(words, labels)
    assert asks == {
        "b": 2
    }  # not the question that a answers itself, and not the last one, which nobody answers
    rule = RoleRule("host", "asks_most")
    assert assign(Cast(["a", "b", "c"], {}, {}, {}, asks=asks), [rule], "guest", {})[0]["b"] == "host"
    tie = Cast(["a", "b"], {}, {}, {}, asks={"a": 2, "b": 2})
    assert assign(tie, [rule], "guest", {}) == ({"a": "guest", "b": "guest"}, [])
    assert assign(Cast(["a", "b"], {}, {}, {}), [rule], "guest", {}) == ({"a": "guest", "b": "guest"}, [])


def test_few_marks_in_a_transcript_without_marks_say_nothing_about_who_asks() -> None:
    # Property: the one question mark that speech recognition kept, in the mouth of who answers, makes no host.
    turns = [
        ("a", "why do seeds matter"),
        ("b", "so you can repeat a run right?"),
        ("a", "and then"),
        ("b", "go on"),
    ]
    turns = [*turns, ("a", "when is that"), ("b", "today")]
    said = [(label, word) for label, text in turns for word in text.split()]
    words = [Word(text=word, start=number, end=number + 1) for number, (_, word) in enumerate(said)]
    assert count_questions(words, [label for label, _ in said]) == {}


def test_several_regulars_are_hosts_together() -> None:
    cast = Cast(["a", "b", "c"], {}, {"a": "Ann", "c": "Cy"}, {}, regulars=["Ann", "Cy"])
    assert assign(cast, [RoleRule("host", "regular")], "guest", {})[0] == {
        "a": "host",
        "b": "guest",
        "c": "host",
    }


def test_names_are_told_from_labels() -> None:
    assert [is_name(label) for label in ("Ann Lee", "Guest 2", "Host", "speaker_1", "Guesthouse")] == [
        True, False, False, False, True,
    ]  # fmt: skip
