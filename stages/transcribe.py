"""Transcribe each recording of the corpus.

Run: python -m stages.transcribe        (dvc stage: transcribe)
Reads data/raw, writes data/transcripts: one JSON per recording and the manifest.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

from stages.core import items, params, stage
from stages.speech import asr, recordings


@dataclass(frozen=True)
class TranscribeParams:
    """Section `transcribe`."""

    name: str = "embedded"
    """Name of the choice in conf/transcribe/."""
    engine: str = "faster_whisper"
    """A key of `asr.ENGINES`."""
    model: str = "embedded"
    """`embedded` (Whisper tiny.en), a name that faster-whisper knows (`small`, `large-v3-turbo`), or a directory."""
    language: str | None = None
    """Code such as `en`; empty detects it in each recording."""
    beam_size: int = 5
    """Hypotheses kept while decoding."""
    batch_size: int = 1
    """Windows decoded together; 1, one after the other, is the one that drops no sentences (see dev/LOG.md)."""
    vad: bool = True
    """Listen only where there is speech; batches need it."""
    compute_type: str = "int8"
    """Number format of the weights: `int8` on a CPU, `float16` on a GPU."""
    device: str = "cpu"
    """`cpu`, `cuda` or `auto`."""
    threads: int = 0
    """CPU threads, 0 = all; does not change the result."""
    allow_failed: float = 0.0
    """Share of the recordings that may fail without failing the stage."""

    def __post_init__(self) -> None:
        if self.engine not in asr.ENGINES:
            raise ValueError(f"engine is {self.engine!r}: use one of {', '.join(asr.ENGINES)}")
        if self.beam_size < 1 or self.batch_size < 1:
            raise ValueError(
                f"beam_size {self.beam_size} and batch_size {self.batch_size} must be at least 1"
            )
        if self.batch_size > 1 and not self.vad:
            raise ValueError(f"batch_size {self.batch_size} needs vad: true; or set batch_size to 1")


def main(params: TranscribeParams, raw: Path, out: Path) -> items.SyncResult:
    """Bring `out` to exactly one transcript per recording in `raw`."""
    choices = {
        "model": params.model,
        "language": params.language,
        "beam_size": params.beam_size,
        "batch_size": params.batch_size,
        "vad": params.vad,
        "compute_type": params.compute_type,
        "device": params.device,
    }
    return items.sync(
        recordings.find(raw),
        out,
        functools.partial(asr.load, engine=params.engine, threads=params.threads, **choices),
        suffix=".json",
        params={**choices, "engine": params.engine, "model": asr.identify_model(params.model)},
        code=(asr,),
        libraries=("faster-whisper", "ctranslate2", "av"),
        allow_failed=params.allow_failed,
    )


if __name__ == "__main__":
    stage.run(
        "transcribe",
        lambda: main(params.load("transcribe", TranscribeParams), Path("data/raw"), Path("data/transcripts")),
    )
