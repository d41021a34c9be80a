"""The voices that people gave names (data/corrections/voices.yaml), and who speaks in an item."""

from pathlib import Path

from lectern.conversations import voice_matching, word_speakers
from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Diarization, Transcript

WORDS = 8
"""Number of a speaker's first words that are shown."""
LITTLE = 5.0
"""Seconds of speech below which the embeddings of one voice vary most (measured, see dev/LOG.md)."""


def remember(item: str, speaker: str, name: str, data: Path) -> str:
    """Add the voice of `speaker` in `item` under `name`. Returns a line that says what to do next.

    Raises:
        LecternError: the item or the speaker does not exist, it has no embedding, or it is already remembered.
    """
    found = _read_diarization(item, data)
    if speaker not in found.voices:
        raise LecternError(f"{item} has no speaker {speaker!r}; it has {', '.join(found.voices) or 'none'}")
    voice = found.voices[speaker]
    if not voice.embedding:
        raise LecternError(
            f"{speaker} of {item} speaks too little to have an embedding. Remember it from another item."
        )
    if not name.strip():
        raise LecternError("the name is empty. Give the name of the person.")
    path = data / "corrections/voices.yaml"
    for known in _read_remembered(path):
        if (known.item, known.speaker, known.model) == (item, speaker, found.model):
            raise LecternError(
                f"{path} already has {speaker} of {item}, as {known.name!r}. Delete that entry first."
            )
    entry = voice_matching.Remembered(
        name=name.strip(), model=found.model, item=item, speaker=speaker, embedding=voice.embedding
    )
    before = io.read_written(path) if path.is_file() else ""
    text = before + ("\n" if before and not before.endswith("\n") else "") + voice_matching.write_entry(entry)
    voice_matching.read(text)  # nothing that cannot be read again is written
    io.write_text(path, text)
    little = ", which is little to go by" if voice.seconds < LITTLE else ""
    return f"{path}: {entry.name} is {speaker} of {item}, {voice.seconds:.0f} s of speech{little}. Now run `dvc repro`."


def list_remembered(data: Path) -> list[str]:
    """A line for each remembered voice."""
    found = _read_remembered(data / "corrections/voices.yaml")
    return [f"{voice.name}: {voice.speaker} of {voice.item} ({voice.model})" for voice in found]


def list_speakers(item: str, data: Path) -> list[str]:
    """A line for each voice of an item: how long it speaks, whose voice it resembles, and its first words."""
    found = _read_diarization(item, data)
    transcript = data / f"transcripts/{item}.json"
    words = io.read_json(transcript, Transcript).words if transcript.is_file() else []
    labels = word_speakers.attribute_words(words, found.turns, reach=0.0)
    remembered = _read_remembered(data / "corrections/voices.yaml")
    lines = []
    for speaker, voice in found.voices.items():
        first = [word.text for word, label in zip(words, labels, strict=True) if label == speaker][:WORDS]
        like = voice_matching.compare(voice.embedding, found.model, remembered)
        nearest = max(like, key=lambda name: like[name], default=None)
        lines.append(
            f"{speaker}: {voice.seconds:.0f} s, {voice.share:.0%} of the speech"
            + (", a ghost" if voice.ghost else "")
            + (f", like {nearest} ({like[nearest]:.2f})" if nearest else "")
            + (f": {' '.join(first)} ..." if first else "")
        )
    return lines


def _read_diarization(item: str, data: Path) -> Diarization:
    path = data / "diarization" / f"{item}.json"
    if path.parent != data / "diarization" or not path.is_file():
        raise LecternError(f"{path} does not exist: is {item!r} the name of a folder in {data / 'raw'}?")
    return io.read_json(path, Diarization)


def _read_remembered(path: Path) -> tuple[voice_matching.Remembered, ...]:
    return voice_matching.read(io.read_written(path)) if path.is_file() else ()
