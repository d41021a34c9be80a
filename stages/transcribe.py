"""Transcribe each recording of the corpus.

Run: python -m stages.transcribe        (dvc stage: transcribe)
Reads data/raw, writes data/transcripts: one JSON per recording and the manifest; and metrics/transcripts.json.
"""

import functools
import importlib
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from lectern.core import io, items, params, stage
from lectern.core.compute import IN_PROCESS, Compute
from lectern.speech import asr, environment, hallucination, model_files, recordings


@dataclass(frozen=True)
class TranscribeParams:
    """Section `transcribe`."""

    name: str = "embedded"
    """Name of the choice in conf/transcribe/."""
    engine: str = "faster_whisper"
    """A key of `asr.ENGINES`."""
    python: str = "python"
    """Name of the interpreter on the PATH that runs this stage, for an engine that needs an environment of its own."""
    model: str = "embedded"
    """`embedded` (Whisper tiny.en), a name that faster-whisper knows (`small`, `large-v3-turbo`), or a directory."""
    language: str | None = None
    """Code such as `en`; empty detects it in each recording."""
    initial_prompt: str | None = None
    """Text in the style that is wanted, with the names that occur ("Amit Varma talks with Ajay Shah."): spelling."""
    hotwords: str | None = None
    """Names and terms to expect, separated by spaces or commas."""
    beam_size: int = 5
    """Hypotheses kept while decoding."""
    batch_size: int = 8
    """Windows of half a minute that are decoded together: as many as fit into the memory of the device."""
    vad: bool = True
    """Listen only where there is speech."""
    align: bool = True
    """`whisperx`: take the words' times from an alignment model; without it they share their segment's."""
    align_model: str | None = None
    """`whisperx`: a wav2vec2 model on the hub or in torchaudio, or a directory; empty: the language's usual one."""
    compute_type: str = "int8"
    """Number format of the weights: `int8` on a CPU, `float16` or `int8_float16` on a GPU."""
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
        if not re.fullmatch(r"[A-Za-z0-9._-]+", self.python):
            raise ValueError(
                f"python is {self.python!r}: give the name of an interpreter on the PATH, no path"
            )


def main(
    params: TranscribeParams, raw: Path, out: Path, metrics: Path | None = None, compute: Compute = IN_PROCESS
) -> items.SyncResult:
    """Bring `out` to exactly one transcript per recording in `raw`, and write what they come to."""
    engine = asr.ENGINES[params.engine]
    environment.check_installed(engine.libraries, "transcribe")
    everything = asdict(params)
    decisive = {name: everything[name] for name in engine.choices}
    models = {
        name: model_files.identify(decisive[name]) for name in ("model", "align_model") if decisive.get(name)
    }
    result = items.sync(
        recordings.find(raw),
        out,
        functools.partial(asr.load, engine=params.engine, threads=params.threads, **decisive),
        suffix=".json",
        params={"engine": params.engine, **decisive, **models},
        code=(asr, importlib.import_module(engine.module)),
        libraries=engine.libraries,
        allow_failed=params.allow_failed,
        compute=compute,
    )
    if metrics:
        io.write_json(metrics, hallucination.summarise(items.facts(out)))
    return result


if __name__ == "__main__":
    stage.run(
        "transcribe",
        lambda: main(
            params.load("transcribe", TranscribeParams),
            Path("data/raw"),
            Path("data/transcripts"),
            Path("metrics/transcripts.json"),
            params.load("compute", Compute),
        ),
    )
