"""How recordings are transcribed: section `transcribe` of params.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass

from lectern.core.secrets import has_credentials
from lectern.settings import checks

ENGINES = ("faster_whisper", "whisperx", "openai")
"""Speech recognisers; `speech.asr.ENGINES` has their code."""


@dataclass(frozen=True)
class Transcribe:
    """Section `transcribe`: how speech becomes words with their times."""

    name: str
    """Name of the file in conf/transcribe."""
    engine: str
    """The speech recogniser. Choices: ENGINES."""
    python: str
    """Name of the interpreter on the PATH that runs the stage, for an engine that needs an environment of its own."""
    model: str
    """`embedded` (Whisper tiny.en), a name that faster-whisper knows (`small`, `large-v3-turbo`), or a directory; of
    `openai` the server's name for it."""
    language: str | None
    """Language code such as `en`; null detects the language of each recording."""
    initial_prompt: str | None
    """Text in the desired style with the names that occur ("Amit Varma talks with Ajay Shah."), which guides the
    spelling."""
    hotwords: str | None
    """Names and terms to expect, separated by spaces or commas. `openai` knows `initial_prompt` alone."""
    beam_size: int
    """Number of hypotheses that are kept while decoding."""
    batch_size: int
    """Number of windows of half a minute that are decoded together; the device's memory limits it. Of `openai` the
    number that is asked for at a time."""
    vad: bool
    """Of `faster_whisper`: whether only those parts are transcribed in which voice activity is detected."""
    align: bool
    """Of `whisperx`: whether an alignment model finds the times of words; otherwise each word has those of its
    segment."""
    align_model: str | None
    """Of `whisperx`: a wav2vec2 model on the hub or in torchaudio, or a directory; null for the usual model of the
    language."""
    compute_type: str
    """Number format of the weights: `int8` on a CPU, `float16` or `int8_float16` on a GPU."""
    device: str
    """`cpu`, `cuda` or `auto`."""
    threads: int
    """Number of CPU threads; 0 for all. It does not change the result."""
    base_url: str | None
    """Of `openai`: address of the server, such as http://127.0.0.1:8000/v1; null for OpenAI's own."""
    api_key: str | None
    """Of `openai`: NAME of the environment variable that holds the token; null if the server needs none."""
    timeout: float
    """Of `openai`: time after which a window counts as failed. Unit: seconds."""
    allow_failed: float
    """Share of the recordings, from 0 to 1, that may fail before the stage fails."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from checks.choice("engine", self.engine, ENGINES)
        yield from checks.at_least(self, beam_size=1, batch_size=1, threads=0)
        yield from checks.interpreter(self.python)
        yield from checks.share("allow_failed", self.allow_failed)
        if self.timeout <= 0:
            yield f"timeout is {self.timeout}; it must be above 0"
        if has_credentials(self.base_url or ""):
            yield "base_url holds a user, a password or a key; remove it, and name an environment variable in api_key"
        if self.engine == "openai" and self.hotwords is not None:
            yield "hotwords cannot be sent to a server; put the names into a sentence in initial_prompt"
