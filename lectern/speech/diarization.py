"""Find who speaks when: the interface of the diarization engines, and the record that is made of their output.

An engine is a module with `load_engine(*, device, threads, batch_size, **choices)`, which loads its models and returns
a function `diarize(item, media) -> (Diarization, facts)`. It imports its libraries inside `load_engine` only, so that
an engine can be named without loading anything.
"""

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from lectern.core import io
from lectern.core.item import Item, Make
from lectern.core.schema import Diarization, SpeakerTurn, Voice

Diarize = Callable[[str, Path], tuple[Diarization, Mapping[str, Any]]]
"""Takes an item's id and its media file. Raises `ItemError` when the recording cannot be diarized."""

LISTED = 20
"""How many items with ghosts (see `describe_voices`) the metrics name; the manifest has all of them."""


class Engine(NamedTuple):
    """A diarization engine: what is needed to choose it, without importing it."""

    module: str  # with `load_engine`
    libraries: tuple[str, ...]  # distributions whose version decides the result
    choices: tuple[str, ...]  # fields of the section that it takes, all of which decide the result


ENGINES = {
    "embedded": Engine(
        "lectern.speech.bundled_engine",
        ("torch", "kaldi-native-fbank", "asteroid-filterbanks", "scipy", "av"),
        (
            "step",
            "embed_every",
            "threshold",
            "min_embedding",
            "min_share",
            "min_speakers",
            "max_speakers",
            "fill_gap",
            "min_turn",
        ),
    ),
    "pyannote": Engine(
        "lectern.speech.pyannote_engine",
        ("torch", "torchaudio", "pyannote-audio", "av"),
        ("model", "min_share", "min_speakers", "max_speakers"),
    ),
}


def needs_engine(item: Item) -> bool:
    """Whether the speakers of a recording have to be heard: their channels are not named by its value `tracks`."""
    return not item.values.get("tracks")


def load(module: str, *, heard: bool, **choices: Any) -> Make:
    """Return the function that writes an item's diarization.

    Args:
        module: of the engine.
        heard: whether any item needs the engine, which is loaded at once then, so that one that cannot be loaded ends
            the stage instead of failing each item.
        choices: what the engine's `load_engine` takes.
    """
    engine: Diarize | None = importlib.import_module(module).load_engine(**choices) if heard else None

    def make(item: Item, path: Path) -> Mapping[str, Any]:
        media = item.inputs["media"]
        if engine is not None and needs_engine(item):
            found, facts = engine(item.id, media)
        else:
            from lectern.speech import channels

            found, facts = channels.diarize(item.id, media, item.values["tracks"])
        io.write_json(path, found)
        return facts

    return make


def name_turns(runs: Sequence[tuple[float, float, Any]]) -> tuple[list[SpeakerTurn], dict[Any, str]]:
    """Make turns in order of time; speakers are named `speaker_1`, `speaker_2` ... as they are first heard.

    Args:
        runs: (start, end, label) in seconds, in any order; labels must be comparable.

    Returns: the turns, and label -> name.
    """
    ordered = sorted(run for run in runs if round(run[1], 3) > round(run[0], 3))
    names = {
        label: f"speaker_{n}" for n, label in enumerate(dict.fromkeys(label for *_, label in ordered), 1)
    }
    return [SpeakerTurn(speaker=names[label], start=start, end=end) for start, end, label in ordered], names


def describe_voices(
    turns: Sequence[SpeakerTurn], embeddings: Mapping[str, Iterable[float]], min_share: float
) -> dict[str, Voice]:
    """Describe each speaker: how long it speaks, and whether it is a ghost, with less than `min_share` of the speech.

    Args:
        turns: all turns of the recording.
        embeddings: speaker -> vector of unit length, empty for a speaker without an embedding.
        min_share: share of the seconds of all turns.
    """
    seconds: dict[str, float] = {}
    longest: dict[str, float] = {}
    for turn in turns:
        length = turn.end - turn.start
        seconds[turn.speaker] = seconds.get(turn.speaker, 0.0) + length
        longest[turn.speaker] = max(longest.get(turn.speaker, 0.0), length)
    total = sum(seconds.values())
    return {
        speaker: Voice(
            seconds=seconds[speaker],
            longest=longest[speaker],
            share=round(seconds[speaker] / total, 4),
            ghost=seconds[speaker] < min_share * total,
            embedding=[round(float(x), 5) for x in embeddings[speaker]],
        )
        for speaker in sorted(seconds)
    }


def measure_overlap(turns: Sequence[SpeakerTurn]) -> tuple[float, float]:
    """Return the seconds in which anybody speaks, and the seconds in which two or more do."""
    changes = sorted([(turn.start, 1) for turn in turns] + [(turn.end, -1) for turn in turns])
    speaking, anybody, several = 0, 0.0, 0.0
    for (now, change), (then, _) in pairwise(changes):
        speaking += change
        anybody += (then - now) * (speaking >= 1)
        several += (then - now) * (speaking >= 2)
    return anybody, several


def find_facts(found: Diarization, **others: Any) -> dict[str, Any]:
    """Return the facts about a diarization that the manifest keeps, together with `others`."""
    speech, overlapped = measure_overlap(found.turns)
    ghosts = [
        {"speaker": name, "seconds": voice.seconds, "share": voice.share, "longest": voice.longest}
        for name, voice in found.voices.items()
        if voice.ghost
    ]
    return {
        "seconds": round(found.duration, 3),
        "speech_seconds": round(speech, 3),
        "overlapped_seconds": round(overlapped, 3),
        "turns": len(found.turns),
        "speakers": len(found.voices) - len(ghosts),
        "ghosts": ghosts,
        **others,
    }


def summarise(facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the totals over all items, and the items with ghosts, the one with the most ghost speech first."""
    totals = {
        name: round(sum(entry[name] for entry in facts.values()), 3)
        for name in ("seconds", "speech_seconds", "overlapped_seconds", "turns", "speakers")
    }
    haunted = {item: entry["ghosts"] for item, entry in facts.items() if entry["ghosts"]}
    order = sorted(haunted, key=lambda item: (-sum(ghost["seconds"] for ghost in haunted[item]), item))
    return {
        "items": len(facts),
        **totals,
        "ghosts": sum(len(ghosts) for ghosts in haunted.values()),
        "items_with_ghosts": len(haunted),
        "most_ghosts": {item: haunted[item] for item in order[:LISTED]},
    }
