"""Corrections that people lay over a diarization."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lectern.conversations import speaker_corrections
from lectern.conversations.cuts import cut_words
from lectern.conversations.word_speakers import attribute_words, join_utterances
from lectern.core.errors import ItemError
from lectern.core.schema import SpeakerTurn, Word

TURNS = [
    SpeakerTurn(speaker=speaker, start=start, end=end)
    for speaker, start, end in [
        ("speaker_1", 0, 20),
        ("speaker_2", 20, 50),
        ("speaker_1", 45, 70),
        ("speaker_3", 70, 72),
        ("speaker_2", 80, 100),
    ]
]
WORDS = [Word(text=f"w{i}", start=i, end=i + 0.9) for i in range(100)]


def lay(text: str, turns: Sequence[SpeakerTurn] = TURNS) -> list[tuple[str, float, float]]:
    edits, locate = speaker_corrections.read(text, "talk")
    corrected, _ = speaker_corrections.lay_over(edits, locate, turns, 100.0)
    return [(turn.speaker, turn.start, turn.end) for turn in corrected]


AS_FOUND = lay("")


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "{}", "merge:\nsplit: []\n", "drop: no"])
def test_an_empty_file_changes_nothing(text: str) -> None:
    edits, _ = speaker_corrections.read(text, "talk")
    assert lay(text) == AS_FOUND
    assert (edits.count(), edits.drop) == ({}, "")


def test_a_split_moves_one_label_in_its_stretch_only() -> None:
    assert lay("split: [{speaker: speaker_1, start: 0:10, end: 1:00, to: Ada}]") == [
        ("speaker_1", 0, 10),
        ("Ada", 10, 20),
        ("speaker_2", 20, 50),
        ("Ada", 45, 60),
        ("speaker_1", 60, 70),
        ("speaker_3", 70, 72),
        ("speaker_2", 80, 100),
    ]


def test_a_split_without_an_end_goes_on_to_the_next_one_or_the_end() -> None:
    found = lay(
        "split:\n- {speaker: speaker_2, start: 30, end: 40, to: a}\n- {speaker: speaker_2, start: 40, to: b}"
    )
    assert [entry for entry in found if entry[0] in ("speaker_2", "a", "b")] == [
        ("speaker_2", 20, 30),
        ("a", 30, 40),
        ("b", 40, 50),
        ("b", 80, 100),
    ]


def test_a_swap_exchanges_two_labels_in_its_stretch() -> None:
    assert lay("swap: [{speakers: [speaker_1, speaker_2], start: 30, end: 60}]") == [
        ("speaker_1", 0, 20),
        ("speaker_2", 20, 30),
        ("speaker_1", 30, 50),
        ("speaker_2", 45, 60),
        ("speaker_1", 60, 70),
        ("speaker_3", 70, 72),
        ("speaker_2", 80, 100),
    ]


def test_merged_turns_that_overlap_count_once() -> None:
    assert lay("merge: {speaker_3: speaker_1, speaker_2: speaker_1}") == [
        ("speaker_1", 0, 72),
        ("speaker_1", 80, 100),
    ]


def test_what_was_split_can_be_merged_renamed_and_given_a_role() -> None:
    text = """
roles: {Ada: host, speaker_2: main}
rename: {speaker_1: Ada}
merge: {speaker_9: speaker_1}
split: [{speaker: speaker_2, start: 90, to: speaker_9}]
"""
    assert lay(text)[-2:] == [("speaker_2", 80, 90), ("speaker_1", 90, 100)]
    edits, locate = speaker_corrections.read(text, "talk")
    labels = ["speaker_1", "speaker_2", "speaker_3"]
    assert speaker_corrections.find_roles(edits, locate, edits.rename, labels) == {
        "speaker_1": "host",
        "speaker_2": "main",
    }


def test_words_of_nobody_can_be_given_to_somebody() -> None:
    edits, _ = speaker_corrections.read(
        "split: [{speaker: unknown, start: 72, end: 80, to: speaker_1}]", "talk"
    )
    speakers = attribute_words(WORDS, TURNS, reach=0.5)
    claimed = speaker_corrections.claim_unknown(edits, WORDS, speakers)
    assert speakers[73:79] == ["unknown"] * 6
    assert claimed[73:79] == ["speaker_1"] * 6
    text = "split: [{speaker: unknown, start: 72, to: speaker_3}]\nmerge: {speaker_3: speaker_2}"
    edits, _ = speaker_corrections.read(text, "talk")
    assert speaker_corrections.claim_unknown(edits, WORDS, speakers)[73:79] == ["speaker_2"] * 6
    assert [c for c, s in zip(claimed, speakers, strict=True) if s != "unknown"] == [
        s for s in speakers if s != "unknown"
    ]


def test_a_speaker_may_be_called_no_and_a_drop_may_have_a_reason() -> None:
    edits, _ = speaker_corrections.read("rename: {speaker_1: No}\ndrop: true", "talk")
    assert (edits.rename, edits.drop) == ({"speaker_1": "No"}, "no reason given")
    assert speaker_corrections.read("drop: the sound is broken", "talk")[0].drop == "the sound is broken"


@st.composite
def made_up(draw: st.DrawFn) -> str:
    """Some corrections that are allowed: stretches on a grid, so that they do not overlap, and chains of labels."""
    labels = ["speaker_1", "speaker_2", "speaker_3"]
    lines = []
    if draw(st.booleans()):
        label = draw(st.sampled_from(["speaker_1", "speaker_2"]))
        start = draw(st.integers(0, 19) if label == "speaker_1" else st.integers(20, 49))
        to = draw(st.sampled_from([x for x in [*labels, "new"] if x != label]))
        lines.append(
            f"split: [{{speaker: {label}, start: {start}.3, end: {draw(st.integers(60, 99))}, to: {to}}}]"
        )
    elif draw(st.booleans()):
        lines.append(f"swap: [{{speakers: [speaker_1, speaker_2], end: {draw(st.integers(1, 100))}}}]")
    if draw(st.booleans()):
        lines.append("merge: {speaker_3: speaker_1}")
    if draw(st.booleans()):
        start = draw(st.integers(0, 50))
        lines.append(f"cut: [{{start: {start}, end: {start + draw(st.integers(1, 50))}, reason: advert}}]")
    lines.append("rename: {speaker_1: Ada}")
    return "\n".join(draw(st.permutations(lines)))


@settings(max_examples=150, deadline=None)
@given(made_up())
def test_corrections_never_lose_or_invent_a_word_but_those_that_they_cut(text: str) -> None:
    edits, locate = speaker_corrections.read(text, "talk")
    turns, spans = speaker_corrections.lay_over(edits, locate, TURNS, 100.0)
    kept, counted = cut_words(WORDS, spans)
    speakers = attribute_words(WORDS, turns, reach=0.5)
    utterances = join_utterances(WORDS, speakers, kept, edits.rename, {})
    left = Counter(word.text for utterance in utterances for word in utterance.words)
    assert left == Counter(word.text for word, stays in zip(WORDS, kept, strict=True) if stays)
    assert sum(left.values()) + sum(counted.values()) == len(WORDS)
    assert sum(counted.values()) == sum(round(cut.end or 100) - round(cut.start) for cut in edits.cut)
    assert not spans or set(counted) == {"corrections"}


@settings(max_examples=100, deadline=None)
@given(made_up())
def test_corrected_turns_cover_the_same_time(text: str) -> None:
    edits, locate = speaker_corrections.read(text, "talk")
    turns, _ = speaker_corrections.lay_over(edits, locate, TURNS, 100.0)

    def covered(some: Sequence[SpeakerTurn]) -> set[int]:
        return {t for turn in some for t in range(round(turn.start * 10), round(turn.end * 10))}

    assert covered(turns) == covered(TURNS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("split: [{speaker: speaker_1, start: 5, to: a", r"talk\.yaml:2: not YAML \(did not find"),
        (
            "renmae: {speaker_1: Ada}",
            r"talk\.yaml:1: renmae: there is no such key; use drop, split, swap, merge",
        ),
        (
            "\nsplit:\n- speaker: speaker_1\n  strat: 5\n  to: a",
            r"yaml:4: split\[0\]\.strat: .* use start, end, speaker",
        ),
        (
            "split:\n- speaker: speaker_1\n  start: 1:75\n  to: a",
            r"yaml:3: split\[0\]\.start: '1:75' is not a time",
        ),
        ("cut: [{start: 9, end: 5}]", r"yaml:1: cut\[0\]: it ends at 5 s, not after its start at 9 s"),
        ("cut: [{reason: ad}]", r"cut\[0\]: give start, end or both"),
        ("swap: [{speakers: [speaker_1], end: 3}]", r"swap\[0\]\.speakers: .*at least 2"),
        ("roles: {speaker_1: boss}", r"roles\.speaker_1: .*'host', 'guest', 'main'.*\(got 'boss'\)"),
        ("rename: {speaker_1: Ada}\nrename: {speaker_2: Ram}", r"yaml:2: rename: this key stands here twice"),
        ("- rename", r"yaml:1: .*(dictionary|object)"),
        ("cut: &a [*a]", r"talk\.yaml:1: .*an alias contains itself"),
        # what only the recording tells
        (
            "\nrename: {speaker_7: Ada}",
            r"yaml:2: rename\.speaker_7: .*there are speaker_1, speaker_2, speaker_3",
        ),
        (
            "merge: {speaker_3: speaker_7}",
            r"merge\.speaker_3: there is no speaker 'speaker_7'; there are speaker_1",
        ),
        ("merge: {a: speaker_1}", r"merge\.a: there is no speaker 'a'"),
        (
            "merge: {speaker_3: speaker_1, speaker_1: speaker_2}",
            r"merge\.speaker_3: speaker_1 is itself merged",
        ),
        ("merge: {speaker_1: speaker_1}", r"merge\.speaker_1: speaker_1 is itself merged"),
        (
            "merge: {speaker_3: speaker_1}\nrename: {speaker_3: Ada}",
            r"yaml:2: .*merged into speaker_1; rename that",
        ),
        (
            "rename: {speaker_1: Ada, speaker_2: Ada}",
            r"rename\.speaker_2: speaker_1 already has the name 'Ada'",
        ),
        ("rename: {speaker_1: speaker_2}", r"speaker_2 already has the name 'speaker_2'; merge the two"),
        ("rename: {speaker_1: unknown}", r"role unknown instead"),
        ("split: [{speaker: speaker_7, start: 5, to: a}]", r"split\[0\]: there is no speaker 'speaker_7'"),
        ("split: [{speaker: speaker_1, start: 5, to: speaker_1}]", r"speaker_1 cannot become speaker_1"),
        ("split: [{speaker: speaker_3, end: 5, to: a}]", r"speaker_3 does not speak from 0 to 5 s"),
        ("swap: [{speakers: [speaker_1, x], end: 3}]", r"swap\[0\]: there is no speaker 'x'"),
        (
            "cut: [{start: 1:40}]",
            r"cut\[0\]\.start: 100 s lies beyond the end of the recording, which is 100 s",
        ),
        ("cut: [{end: 2:00}]", r"cut\[0\]\.end: 120 s lies beyond the end.*leave `end` out"),
        (
            "cut:\n- {end: 30}\n- {start: 20}",
            r"yaml:3: cut\[1\]: it begins at 20 s, inside .*yaml:2: cut\[0\]",
        ),
        (
            "split: [{speaker: speaker_1, start: 5, end: 50, to: a}]\n"
            "swap: [{speakers: [speaker_2, speaker_1], start: 46}]",
            r"yaml:2: swap\[0\]: it begins at 46 s, inside .*yaml:1: split\[0\], which ends at 50 s",
        ),
    ],
)
def test_each_mistake_names_file_line_value_and_what_there_is(text: str, reason: str) -> None:
    with pytest.raises(ItemError, match=reason) as error:
        lay(text)
    assert str(error.value).startswith("data/corrections/speakers/talk.yaml:")


def test_a_role_of_nobody_names_labels_and_names() -> None:
    edits, locate = speaker_corrections.read("roles: {Bob: host}", "talk")
    with pytest.raises(ItemError, match=r"roles\.Bob: there is no speaker 'Bob'; there are Ada, speaker_1"):
        speaker_corrections.find_roles(edits, locate, {"speaker_1": "Ada"}, ["speaker_1"])


def test_a_file_without_an_item_is_reported_with_the_nearest_names() -> None:
    lines = speaker_corrections.find_strays(["talk-o1", "talk-02", "zzz"], ["talk-01", "talk-02"])
    assert lines == [
        "data/corrections/speakers/talk-o1.yaml: there is no item 'talk-o1'; did you mean talk-01, talk-02?",
        "data/corrections/speakers/zzz.yaml: there is no item 'zzz'",
    ]
