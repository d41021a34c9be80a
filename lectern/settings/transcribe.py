"""How recordings are transcribed: section `transcribe` of params.yaml."""

import re
from dataclasses import dataclass

ENGINES = ("faster_whisper", "whisperx")


@dataclass(frozen=True)
class Transcribe:
    """Section `transcribe`."""

    name: str
    """Name of the choice in conf/transcribe/."""
    engine: str
    """A key of `speech.asr.ENGINES`."""
    python: str
    """Name of the interpreter on the PATH that runs this stage, for an engine that needs an environment of its own."""
    model: str
    """`embedded` (Whisper tiny.en), a name that faster-whisper knows (`small`, `large-v3-turbo`), or a directory."""
    language: str | None
    """Language code such as `en`; null detects it in each recording."""
    initial_prompt: str | None
    """Text in the desired style with the names that occur ("Amit Varma talks with Ajay Shah."), to guide spelling."""
    hotwords: str | None
    """Names and terms to expect, separated by spaces or commas."""
    beam_size: int
    """Hypotheses kept while decoding."""
    batch_size: int
    """Windows of half a minute that are decoded together; limited by the device's memory."""
    vad: bool
    """Whether to transcribe only where voice activity is detected."""
    align: bool
    """`whisperx`: whether an alignment model finds the words' times; otherwise they are derived from their segment."""
    align_model: str | None
    """`whisperx`: a wav2vec2 model on the hub or in torchaudio, or a directory; null for the language's usual one."""
    compute_type: str
    """Number format of the weights: `int8` on a CPU, `float16` or `int8_float16` on a GPU."""
    device: str
    """`cpu`, `cuda` or `auto`."""
    threads: int
    """CPU threads; 0 for all. Does not change the result."""
    allow_failed: float
    """Share of the recordings, 0 to 1, that may fail before the stage fails."""

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise ValueError(f"engine is {self.engine!r}: use one of {', '.join(ENGINES)}")
        if self.beam_size < 1 or self.batch_size < 1:
            raise ValueError(
                f"beam_size {self.beam_size} and batch_size {self.batch_size} must be at least 1"
            )
        if not re.fullmatch(r"[A-Za-z0-9._-]+", self.python):
            raise ValueError(
                f"python is {self.python!r}: give the name of an interpreter on the PATH, not a path"
            )
