"""How the speakers of a recording are told apart: section `diarize` of params.yaml."""

import re
from dataclasses import dataclass

ENGINES = ("embedded", "pyannote")


@dataclass(frozen=True)
class Diarize:
    """Section `diarize`."""

    name: str
    """Name of the choice in conf/diarize/."""
    engine: str
    """A key of `speech.diarization.ENGINES`."""
    python: str
    """Name of the interpreter on the PATH that runs this stage, for an engine that needs an environment of its own."""
    model: str
    """Model of the engine `pyannote`: a name on the hub or a directory; the engine `embedded` has its own."""
    step: float
    """Seconds from one ten-second window to the next; smaller is slower and slightly more accurate."""
    embed_every: int
    """Voices are embedded, the slowest step, in every n-th window; in the windows between, they follow their
    neighbours."""
    threshold: float
    """Similarity from which two groups of embeddings are one speaker, on a scale from 0 (as similar as two voices) to 1
    (as similar as one voice is to itself)."""
    min_embedding: float
    """Seconds of a local speaker's own speech from which its embedding helps to decide the number of speakers."""
    min_share: float
    """Share of the speech below which a speaker is a ghost, which keeps its turns and is reported, but never merged."""
    min_speakers: int
    """Fewest speakers in a recording; equal to max_speakers if the number is known."""
    max_speakers: int
    """Most speakers in a recording."""
    fill_gap: float
    """Seconds of silence that do not end a turn."""
    min_turn: float
    """Turns shorter than this, in seconds, are dropped."""
    batch_size: int
    """Windows that the model processes together; does not change the result."""
    device: str
    """`cpu` or `cuda`."""
    threads: int
    """CPU threads. They change the order of sums and so the last digits, so another number makes everything again."""
    allow_failed: float
    """Share of the recordings, 0 to 1, that may fail before the stage fails."""

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise ValueError(f"engine is {self.engine!r}: use one of {', '.join(ENGINES)}")
        if not re.fullmatch(r"[A-Za-z0-9._-]+", self.python):
            raise ValueError(
                f"python is {self.python!r}: give the name of an interpreter on the PATH, not a path"
            )
        if self.threads < 1 or self.batch_size < 1:
            raise ValueError(f"threads {self.threads} and batch_size {self.batch_size} must be at least 1")
        if not 0 < self.step <= 10:
            raise ValueError(f"step is {self.step}: windows last 10 s, so it must be above 0 and at most 10")
        if self.embed_every < 1 or self.embed_every * self.step > 10:
            raise ValueError(
                f"embed_every is {self.embed_every}: at least 1, and times step ({self.step}) at most 10, "
                "so that every second is in an embedded window"
            )
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold is {self.threshold}: choose above 0 and at most 1 (0.6 is usual)")
        if not 0 <= self.min_share < 1:
            raise ValueError(f"min_share is {self.min_share}: use a share of at least 0 and below 1")
        if not 1 <= self.min_speakers <= self.max_speakers:
            raise ValueError(
                f"min_speakers {self.min_speakers} must be at least 1 and at most max_speakers {self.max_speakers}"
            )
