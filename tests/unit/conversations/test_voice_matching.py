"""Voices that were named once are recognised elsewhere."""

import math
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lectern.conversations import voice_matching
from lectern.conversations.voice_matching import Remembered
from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Diarization, SpeakerTurn, Voice
from lectern.tools.main import lectern


def unit(degrees: float) -> list[float]:
    """A vector whose cosine similarity to another is that of the angle between them."""
    return [round(math.cos(math.radians(degrees)), 5), round(math.sin(math.radians(degrees)), 5)]


def remembered(name: str, degrees: float, model: str = "m") -> Remembered:
    return Remembered(name=name, model=model, item="i", speaker="speaker_1", embedding=unit(degrees))


def recognise(
    heard: dict[str, float], known: list[Remembered]
) -> tuple[dict[str, str], list[tuple[str, str, str]]]:
    similarities = {
        label: voice_matching.compare(unit(degrees), "m", known) for label, degrees in heard.items()
    }
    names, misses = voice_matching.recognise(similarities, threshold=0.7, margin=0.1)
    return names, [(miss["speaker"], miss["name"], miss["reason"]) for miss in misses]


def test_a_voice_near_a_remembered_one_gets_its_name_and_others_do_not() -> None:
    assert recognise({"a": 20, "b": 90}, [remembered("Ada", 0)]) == ({"a": "Ada"}, [])


def test_a_voice_just_below_the_threshold_is_a_near_miss() -> None:
    # cos 50 degrees is .64, cos 60 is .5
    assert recognise({"a": 50, "b": 60}, [remembered("Ada", 0)]) == (
        {},
        [("a", "Ada", "below the threshold")],
    )


def test_one_name_goes_to_one_voice_the_nearest() -> None:
    names, misses = recognise({"a": 30, "b": 10}, [remembered("Ada", 0)])
    assert names == {"b": "Ada"}
    assert misses == [("a", "Ada", "another voice got the name")]


def test_two_names_are_given_so_that_both_voices_have_one() -> None:
    # a is nearest to Ada, but b can only be Ada, and a may as well be Eve.
    names, misses = recognise({"a": 5, "b": -40}, [remembered("Ada", 0), remembered("Eve", 30)])
    assert names == {"a": "Eve", "b": "Ada"}
    assert misses == [("a", "Ada", "it got the name Eve")]


def test_of_several_entries_with_one_name_the_nearest_counts() -> None:
    studio_and_phone = [remembered("Ada", 0), remembered("Ada", 100)]
    assert (
        recognise({"a": 95}, studio_and_phone)[0] == recognise({"a": 5}, studio_and_phone)[0] == {"a": "Ada"}
    )


def test_embeddings_of_two_models_are_never_compared() -> None:
    assert recognise({"a": 0}, [remembered("Ada", 0, model="another")]) == ({}, [])
    assert recognise({"a": 0}, []) == ({}, [])


def test_what_is_written_is_read_again_whatever_the_name() -> None:
    entries = [remembered(name, 0) for name in ("Ada", "O'Neil: #1", "No", 'яна "x"\n- name: y', "null")]
    assert voice_matching.read("# by hand\n" + "".join(map(voice_matching.write_entry, entries))) == tuple(
        entries
    )
    assert voice_matching.read("") == voice_matching.read("# none yet\n") == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- {name: Ada}", r"voices\.yaml:1: \[0\]\.model: Field required"),
        ("\n- name: Ada\n  nmae: x", r"voices\.yaml:3: \[0\]\.nmae: there is no such key; use name, model"),
        (
            "- {name: Ada, model: m, item: i, speaker: s, embedding: [3, 4]}",
            r"voices\.yaml:1: \[0\]\.embedding: the vector's length is 5\.000, not 1; .*remember the voice again",
        ),
        ("- {name: Ada, model: m, item: i, speaker: s, embedding: [a, b]}", r"embedding\[0\]: .*number"),
        ("name: Ada", "list"),
        ("- name: [", "not YAML"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(LecternError, match=reason):
        voice_matching.read(text)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A diarization with a voice, a ghost and a voice that is too short for an embedding."""
    seconds = {"speaker_1": (8.0, unit(0)), "speaker_2": (1.0, unit(40)), "speaker_3": (0.5, [])}
    found = Diarization(
        item="talk",
        duration=10,
        model="m",
        turns=[SpeakerTurn(speaker="speaker_1", start=0, end=8)],
        voices={
            label: Voice(seconds=s, longest=s, share=s / 10, ghost=label == "speaker_2", embedding=embedding)
            for label, (s, embedding) in seconds.items()
        },
    )
    io.write_json(tmp_path / "diarization" / "talk.json", found)
    return tmp_path


def call(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(lectern, ["voices", *arguments, "--data", str(data)], catch_exceptions=False)


def tell(data: Path, *arguments: str) -> list[str]:
    """The lines that `lectern voices` prints."""
    done = call(data, *arguments)
    assert done.exit_code == 0, done.stderr
    return done.stdout.splitlines()


def test_remembering_adds_to_the_file_and_leaves_what_stands_there(data: Path) -> None:
    path = data / "corrections/voices.yaml"
    path.parent.mkdir()
    path.write_text("# our hosts\n- {name: Eve, model: m, item: i, speaker: s, embedding: [0, 1]}")
    (line,) = tell(data, "remember", "talk", "speaker_1", "Ada")
    assert "Ada is speaker_1 of talk, 8 s of speech" in line
    assert path.read_text().startswith("# our hosts\n- {name: Eve")
    assert [voice.name for voice in voice_matching.read(path.read_text())] == ["Eve", "Ada"]
    assert tell(data, "list") == ["Eve: s of i (m)", "Ada: speaker_1 of talk (m)"]
    shown = tell(data, "list", "talk")
    assert shown[0] == "speaker_1: 8 s, 80% of the speech, like Ada (1.00)"
    assert "a ghost" in shown[1]
    assert "like" not in shown[2]


def test_nobody_is_remembered_yet(data: Path) -> None:
    assert "remember ITEM SPEAKER NAME" in tell(data, "list")[0]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nothing", "speaker_1", "Ada"], "'nothing' the name of a folder"),
        (["../talk", "speaker_1", "Ada"], "does not exist"),
        (["talk", "speaker_9", "Ada"], "no speaker 'speaker_9'; it has speaker_1, speaker_2, speaker_3"),
        (["talk", "speaker_3", "Ada"], "too little"),
        (["talk", "speaker_1", " "], "the name is empty"),
        (["talk", "speaker_2", "Eve"], "already has speaker_2 of talk, as 'Ada'"),
    ],
)
def test_what_cannot_be_remembered_is_said_and_nothing_is_written(
    data: Path, arguments: list[str], reason: str
) -> None:
    tell(data, "remember", "talk", "speaker_2", "Ada")
    before = (data / "corrections/voices.yaml").read_bytes()
    done = call(data, "remember", *arguments)
    assert done.exit_code == 1
    assert reason in " ".join(done.stderr.split())
    assert (data / "corrections/voices.yaml").read_bytes() == before
