"""What is made of an engine's turns: names, voices, ghosts, facts and totals."""

import json
import pickle
import shutil
from functools import partial
from pathlib import Path

import pytest

from lectern.core import io, items
from lectern.core.errors import LecternError
from lectern.core.schema import Diarization, Source, SpeakerTurn
from lectern.settings.diarize import Diarize
from lectern.speech import diarization
from lectern.speech.diarization import describe_voices, find_facts, measure_overlap, name_turns, summarise
from stages import diarize
from tests.settings import configure

SMOKE = Path("data/sources/smoke/smoke-01-logs.mp3")


def turn(speaker: str, start: float, end: float) -> SpeakerTurn:
    return SpeakerTurn(speaker=speaker, start=start, end=end)


def found(*turns: SpeakerTurn, min_share: float = 0.01) -> Diarization:
    voices = describe_voices(turns, {t.speaker: [1.0] for t in turns}, min_share)
    return Diarization(item="x", duration=100, model="m", turns=list(turns), voices=voices)


def test_speakers_are_named_by_first_voice_whatever_an_engine_calls_them() -> None:
    turns, names = name_turns([(5.0, 6.0, "B"), (1.0, 2.0, "Z"), (3.0, 4.0, "B"), (7.0, 7.0001, "C")])
    assert [(t.speaker, t.start) for t in turns] == [("speaker_1", 1), ("speaker_2", 3), ("speaker_2", 5)]
    assert names == {
        "Z": "speaker_1",
        "B": "speaker_2",
    }  # a turn that the milliseconds round away names nobody
    assert name_turns([]) == ([], {})


def test_a_ghost_keeps_its_turns_and_is_reported_with_share_and_longest_turn() -> None:
    # Property: nothing is merged silently; who speaks exactly min_share is no ghost.
    said = [
        turn("speaker_1", 0, 90),
        turn("speaker_2", 90, 99),
        turn("speaker_3", 99, 99.6),
        turn("speaker_3", 99.6, 100),
    ]
    haunted = found(*said, min_share=0.02)
    assert {name: voice.ghost for name, voice in haunted.voices.items()} == {
        "speaker_1": False,
        "speaker_2": False,
        "speaker_3": True,
    }
    assert haunted.turns == said
    facts = find_facts(haunted, merged_groups=3)
    assert (facts["speakers"], facts["merged_groups"]) == (2, 3)
    assert facts["ghosts"] == [{"speaker": "speaker_3", "seconds": 1.0, "share": 0.01, "longest": 0.6}]
    assert not any(voice.ghost for voice in found(*said, min_share=0.01).voices.values())


def test_overlap_is_counted_once_however_many_speak() -> None:
    turns = [turn("a", 0, 10), turn("b", 8, 12), turn("c", 9, 10), turn("a", 20, 21), turn("b", 21, 22)]
    assert measure_overlap(turns) == pytest.approx((14.0, 2.0))
    assert measure_overlap([]) == (0.0, 0.0)


def test_totals_count_every_item_and_name_those_with_most_ghost_speech() -> None:
    # Property: totals rest on all items, the list on at most 20, and the order does not depend on the order given.
    facts = {
        f"item-{n:02d}": find_facts(found(turn("a", 0, 99), turn("b", 99, 99.1 + n / 100), min_share=0.05))
        for n in range(25)
    }
    facts["clean"] = find_facts(found(turn("a", 0, 50), turn("b", 40, 60)))
    total = summarise(dict(reversed(facts.items())))
    assert (total["items"], total["ghosts"], total["items_with_ghosts"]) == (26, 25, 25)
    assert (total["seconds"], total["speakers"], total["overlapped_seconds"]) == (2600, 27, 10)
    assert list(total["most_ghosts"]) == [f"item-{n:02d}" for n in range(24, 4, -1)]
    assert total == summarise(facts)
    assert summarise({})["items"] == 0


def add(raw: Path, name: str, media: Path) -> None:
    (raw / name).mkdir(parents=True)
    shutil.copyfile(media, raw / name / media.name)
    io.write_json(raw / name / "item.json", Source(item=name, kind="media", title=name, media=media.name))


def test_the_stage_writes_turns_facts_and_totals_and_the_same_bytes_in_another_place(tmp_path: Path) -> None:
    # Property: a run elsewhere, or an incremental one, leaves the same bytes.
    def run(root: Path) -> dict[str, bytes]:
        diarize.main(configure(Diarize), root / "raw", root / "out", root / "diarization.json")
        return {
            p.name: p.read_bytes() for p in [root / "diarization.json", *sorted((root / "out").iterdir())]
        }

    add(tmp_path / "a" / "raw", "talk", SMOKE)
    first = run(tmp_path / "a")
    add(tmp_path / "b" / "raw", "talk", SMOKE)
    (tmp_path / "b" / "raw" / "other").mkdir()  # an item without a recording
    assert run(tmp_path / "b") == run(tmp_path / "a") == first
    total = json.loads(first["diarization.json"])
    facts = items.facts(tmp_path / "a" / "out")["talk"]
    assert (total["items"], total["speakers"], total["ghosts"]) == (1, 2, 0)
    assert total["speech_seconds"] == facts["speech_seconds"] > 0.7 * facts["seconds"]
    assert str(tmp_path).encode() not in b"".join(first.values())


@pytest.mark.parametrize("name", diarization.ENGINES)
def test_naming_an_engine_loads_none_of_its_libraries_and_another_process_can_load_it(name: str) -> None:
    import subprocess
    import sys

    module = diarization.ENGINES[name].module
    program = f"import sys, {module}; print({{'torch', 'pyannote.audio'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
    assert pickle.loads(pickle.dumps(partial(diarization.load, module))).args == (module,)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"engine": "x"}, "embedded or pyannote"),
        ({"python": "/opt/bin/python"}, "not a path"),
        ({"python": "python; rm x"}, "PATH"),
        ({"step": 5.0, "embed_every": 3}, "embed_every"),
        ({"threshold": 0.0}, "threshold"),
        ({"min_share": 1.0}, "min_share"),
        ({"min_speakers": 0}, "min_speakers"),
        ({"threads": 0}, "threads"),
    ],
)
def test_a_wrong_value_says_what_to_use(values: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        configure(Diarize, **values)  # type: ignore[arg-type]


def test_a_stage_without_recordings_writes_empty_totals(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    diarize.main(configure(Diarize), tmp_path / "raw", tmp_path / "out", tmp_path / "totals.json")
    assert io.read_plain(tmp_path / "totals.json")["items"] == 0
    with pytest.raises(LecternError, match="does not exist"):
        diarize.main(configure(Diarize), tmp_path / "none", tmp_path / "out")
