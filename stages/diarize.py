"""Find out who speaks when in each recording of the corpus.

Run: python -m stages.diarize        (dvc stage: diarize)
Reads data/raw, writes data/diarization: one JSON per recording and the manifest. Speakers have no names yet.
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core import items, params, stage
from stages.speech import diarization, recordings


@dataclass(frozen=True)
class DiarizeParams:
    """Section `diarize`."""

    name: str = "embedded"
    """Name of the choice in conf/diarize/."""
    step: float = 2.5
    """Seconds from one ten-second window to the next: smaller is slower and a little more exact."""
    threshold: float = 0.4
    """Cosine distance above which two groups of embeddings are two speakers."""
    min_embedding: float = 1.0
    """Seconds of a local speaker's own speech from which its embedding decides on the number of speakers."""
    min_share: float = 0.01
    """Share of the speech below which a group of sounds is a ghost, no speaker; the manifest counts ghosts."""
    min_speakers: int = 1
    """Fewest speakers in a recording; equal to max_speakers where the number is known."""
    max_speakers: int = 8
    """Most speakers in a recording."""
    fill_gap: float = 0.5
    """Seconds of silence that do not end a turn."""
    min_turn: float = 0.2
    """Seconds under which a turn is dropped."""
    batch_size: int = 8
    """Windows that go through the model together; does not change the result."""
    device: str = "cpu"
    """`cpu` or `cuda`."""
    threads: int = 1
    """CPU threads; they change the order of sums and with it the last digits, so another number makes all anew."""
    allow_failed: float = 0.0
    """Share of the recordings that may fail without failing the stage."""

    def __post_init__(self) -> None:
        if self.threads < 1 or self.batch_size < 1:
            raise ValueError(f"threads {self.threads} and batch_size {self.batch_size} must be at least 1")
        if not 0 < self.step <= 10:
            raise ValueError(f"step is {self.step}: windows last 10 s, so it must be above 0 and at most 10")
        if not 0 <= self.min_share < 1:
            raise ValueError(f"min_share is {self.min_share}: it is a share, so at least 0 and below 1")
        if not 1 <= self.min_speakers <= self.max_speakers:
            raise ValueError(
                f"min_speakers {self.min_speakers} must be at least 1 and at most max_speakers {self.max_speakers}"
            )


def main(params: DiarizeParams, raw: Path, out: Path) -> items.SyncResult:
    """Bring `out` to exactly one diarization per recording in `raw`."""
    choices: dict[str, Any] = {
        "step": params.step,
        "threshold": params.threshold,
        "min_embedding": params.min_embedding,
        "min_share": params.min_share,
        "min_speakers": params.min_speakers,
        "max_speakers": params.max_speakers,
        "fill_gap": params.fill_gap,
        "min_turn": params.min_turn,
    }
    return items.sync(
        recordings.find(raw),
        out,
        functools.partial(
            diarization.load,
            device=params.device,
            threads=params.threads,
            batch_size=params.batch_size,
            **choices,
        ),
        suffix=".json",
        params={**choices, "device": params.device, "threads": params.threads},
        code=(diarization,),
        libraries=("torch", "kaldi-native-fbank", "asteroid-filterbanks", "scipy", "av"),
        allow_failed=params.allow_failed,
    )


if __name__ == "__main__":
    stage.run(
        "diarize",
        lambda: main(params.load("diarize", DiarizeParams), Path("data/raw"), Path("data/diarization")),
    )
