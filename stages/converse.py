"""Put words and speakers together: each item becomes a conversation of named roles.

Run: python -m stages.converse        (dvc stage: converse)
Reads data/raw, data/transcripts, data/diarization and data/corrections, writes data/conversations (one JSON per item
and the manifest) and metrics/conversations.json. An item that comes with a ready transcript starts here.
"""

import functools
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lectern.conversations import conversation, inputs
from lectern.conversations.roles import Rule
from lectern.core import io, items, params, stage
from lectern.core.compute import IN_PROCESS, Compute


@dataclass(frozen=True)
class ConverseParams:
    """Section `converse`."""

    name: str = "interview"
    """Name of the choice in conf/converse/."""
    reach: float = 0.5
    """Seconds between a word and a turn up to which the word may belong to it; further away its speaker is unknown."""
    roles: list[Rule] = field(default_factory=lambda: [Rule("main", "most_speech")])
    """Who has which role: rules in order, each for a speaker whom no rule before it took; see `speech.roles.RULES`."""
    others: str = "host"
    """The role of all other speakers: `host`, `guest` or `audience`."""
    voice_threshold: float = 0.7
    """Cosine similarity from which a voice gets the name of one in data/corrections/voices.yaml."""
    voice_margin: float = 0.1
    """Similarity below the threshold, or below the best name's, within which a near miss is reported."""
    cut_chapters: list[str] = field(default_factory=list)
    """Regular expressions: chapters whose title one of them finds are cut."""
    first_gap: float | None = None
    """Seconds of silence; what is said before the first such silence is cut. Empty: nothing is."""
    first_gap_within: float = 300.0
    """Seconds from the start within which that silence must begin."""
    metadata: str | None = None
    """A CSV or JSON file in data/corrections with a row for each episode; see `speech.metadata`."""
    allow_failed: float = 0.0
    """Share of the items that may fail without failing the stage."""

    def __post_init__(self) -> None:
        if self.reach < 0:
            raise ValueError(f"reach is {self.reach}: it is a distance in seconds, so at least 0")
        if self.others not in ("host", "guest", "audience"):
            raise ValueError(f"others is {self.others!r}: use host, guest or audience")
        if not 0 < self.voice_threshold <= 1 or not 0 <= self.voice_margin <= 1:
            raise ValueError(
                f"voice_threshold {self.voice_threshold} and voice_margin {self.voice_margin} are cosine similarities: "
                "the first above 0, both at most 1"
            )
        for pattern in self.cut_chapters:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"cut_chapters: {pattern!r} is no regular expression ({error})") from error
        if self.first_gap is not None and self.first_gap <= 0:
            raise ValueError(f"first_gap is {self.first_gap}: it is a length in seconds, or empty")
        if self.metadata is not None and Path(self.metadata).name != self.metadata:
            raise ValueError(
                f"metadata is {self.metadata!r}: name a file in data/corrections, without the folder"
            )


def main(
    params: ConverseParams,
    raw: Path,
    transcripts: Path,
    diarization: Path,
    corrections: Path,
    out: Path,
    metrics: Path,
    compute: Compute = IN_PROCESS,
) -> items.SyncResult:
    """Bring `out` to exactly one conversation per item that has words and speakers and is not dropped."""
    found = inputs.find(raw, items.read(transcripts), items.read(diarization), corrections, params.metadata)
    _say(found.warnings)
    choices = get_choices(params)
    result = items.sync(
        found.items,
        out,
        functools.partial(conversation.load, **choices),
        suffix=".json",
        params=choices,
        code=(conversation,),
        allow_failed=params.allow_failed,
        compute=compute,
    )
    facts = items.facts(out)
    io.write_json(metrics, conversation.summarise(facts, len(found.dropped), len(found.left_out)))
    _say(conversation.list_near_misses(facts))
    return result


def get_choices(params: ConverseParams) -> dict[str, Any]:
    """What of the parameters decides a conversation, as `conversation.build` takes it."""
    return {
        "reach": params.reach,
        "rules": [asdict(rule) for rule in params.roles],
        "others": params.others,
        "voice_threshold": params.voice_threshold,
        "voice_margin": params.voice_margin,
        "cut_chapters": params.cut_chapters,
        "first_gap": params.first_gap,
        "first_gap_within": params.first_gap_within,
    }


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        print(f"converse: {line}", file=sys.stderr)


if __name__ == "__main__":
    stage.run(
        "converse",
        lambda: main(
            params.load("converse", ConverseParams),
            Path("data/raw"),
            Path("data/transcripts"),
            Path("data/diarization"),
            Path("data/corrections"),
            Path("data/conversations"),
            Path("metrics/conversations.json"),
            params.load("compute", Compute),
        ),
    )
