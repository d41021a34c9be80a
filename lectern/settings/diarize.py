"""How the speakers of a recording are told apart: section `diarize` of params.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass

from lectern.settings import checks

ENGINES = ("embedded", "pyannote")
"""Diarization engines; `speech.diarization.ENGINES` has their code."""


@dataclass(frozen=True)
class Diarize:
    """Section `diarize`: how the stage finds out who speaks when (speaker diarization)."""

    name: str
    """Name of the file in conf/diarize."""
    engine: str
    """The diarization engine. Choices: ENGINES."""
    python: str
    """Name of the interpreter on the PATH that runs the stage, for an engine that needs an environment of its own."""
    model: str
    """Model of the engine `pyannote`: a name on the hub, or a directory. The engine `embedded` has its own."""
    step: float
    """Of `embedded`: distance between two windows of ten seconds; smaller is slower and slightly more accurate. Unit:
    seconds."""
    embed_every: int
    """Of `embedded`: voices are embedded, which is the slowest step, in every n-th window; in the windows between, they
    follow their neighbours."""
    threshold: float
    """Of `embedded`: similarity from which two groups of embeddings are one speaker, on a scale from 0 (as similar as
    two voices) to 1 (as similar as one voice is to itself)."""
    min_embedding: float
    """Of `embedded`: length of a local speaker's own speech from which its embedding helps to decide the number of
    speakers. Unit: seconds."""
    min_share: float
    """Share of the speech below which a speaker is a ghost, which keeps its turns and is reported, but never merged."""
    min_speakers: int
    """Least number of speakers in a recording; equal to `max_speakers` if the number is known."""
    max_speakers: int
    """Greatest number of speakers in a recording."""
    fill_gap: float
    """Of `embedded`: a silence up to this length does not end a turn. Unit: seconds."""
    min_turn: float
    """Of `embedded`: shorter turns are dropped. Unit: seconds."""
    batch_size: int
    """Number of windows that the model processes together. It does not change the result."""
    device: str
    """`cpu` or `cuda`."""
    threads: int
    """Number of CPU threads. They change the order of sums and so the last digits; another number makes every item
    again."""
    allow_failed: float
    """Share of the recordings, from 0 to 1, that may fail before the stage fails."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from checks.choice("engine", self.engine, ENGINES)
        yield from checks.interpreter(self.python)
        yield from checks.at_least(
            self, threads=1, batch_size=1, min_speakers=1, min_embedding=0, fill_gap=0, min_turn=0
        )
        if not 0 < self.step <= 10:
            yield f"step is {self.step}; a window lasts 10 s, so give more than 0 and at most 10"
        elif self.embed_every < 1 or self.embed_every * self.step > 10:
            yield (
                f"embed_every is {self.embed_every}; give at least 1, and at most 10 when multiplied by step "
                f"({self.step}), so that every second is in an embedded window"
            )
        yield from checks.share("threshold", self.threshold, above_zero=True)
        yield from checks.share("min_share", self.min_share, below_one=True)
        if self.min_speakers > self.max_speakers:
            yield f"min_speakers {self.min_speakers} must be at most max_speakers {self.max_speakers}"
        yield from checks.share("allow_failed", self.allow_failed)
