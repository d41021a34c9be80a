"""Put words and speakers together: each recording becomes a conversation of named roles.

Run: python -m stages.converse        (dvc stage: converse)
Reads data/raw, data/transcripts and data/diarization, writes data/conversations: one JSON per recording and the
manifest.
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core import items, params, stage
from stages.speech import conversation


@dataclass(frozen=True)
class ConverseParams:
    """Section `converse`."""

    main_speaker: str = "most_speech"
    """Who is the main speaker: `most_speech`, who speaks longest, or `first_voice`, who speaks first."""
    reach: float = 0.5
    """Seconds between a word and a turn up to which the word may belong to it; further away its speaker is unknown."""

    def __post_init__(self) -> None:
        if self.main_speaker not in ("most_speech", "first_voice"):
            raise ValueError(f"main_speaker is {self.main_speaker!r}: use most_speech or first_voice")
        if self.reach < 0:
            raise ValueError(f"reach is {self.reach}: it is a distance in seconds, so at least 0")


def main(
    params: ConverseParams, raw: Path, transcripts: Path, diarization: Path, out: Path
) -> items.SyncResult:
    """Bring `out` to exactly one conversation per recording that was transcribed and diarized."""
    words, turns = items.read(transcripts), items.read(diarization)
    choices: dict[str, Any] = {"main_speaker": params.main_speaker, "reach": params.reach}

    return items.sync(
        [
            items.Item(
                name,
                {"source": raw / name / "item.json", "transcript": words[name], "diarization": turns[name]},
            )
            for name in words.keys() & turns.keys()
        ],
        out,
        functools.partial(conversation.load, **choices),
        suffix=".json",
        params=choices,
        code=(conversation,),
    )


if __name__ == "__main__":
    stage.run(
        "converse",
        lambda: main(
            params.load("converse", ConverseParams),
            Path("data/raw"),
            Path("data/transcripts"),
            Path("data/diarization"),
            Path("data/conversations"),
        ),
    )
