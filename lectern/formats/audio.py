"""Decode any recording to samples. PyAV brings the FFmpeg libraries, so ffmpeg itself need not be installed.

A recording is decoded once into a temporary file and read from there piece by piece, because six hours are 1.4 GB of
samples: too much to hold in memory.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lectern.core import limits
from lectern.core.errors import ItemError
from lectern.formats import containers, joined
from lectern.formats.mixing import BROADCASTS, Meter, Mixer, choose_stream, find_sound

if TYPE_CHECKING:
    import av

RATE = 16_000
"""Samples per second that all speech models of this package take."""

Samples = NDArray[np.float32]
"""Samples of one channel at RATE; full scale is 1."""

MOST_HOURS = 12
"""Hours of the longest recording that is read; it takes 2.8 GB of the disk."""
SECONDS_A_MINUTE = 1
"""Seconds of CPU time that a minute of sound adds to what reading its file may take (`core.limits`)."""
RATES = (2_000, 768_000)
"""Samples per second of a file, at least and at most: speech needs 8,000, and studios use up to 384,000."""
STUMP = 1 << 16
"""Bytes at most of a recording in a joined file that may be passed over: a few seconds, where the file was cut off."""

_BYTES = np.dtype(np.float32).itemsize


class Decoded(NamedTuple):
    """What could be decoded of a recording."""

    samples: Samples
    damaged: int  # packets that were skipped because they could not be decoded

    @property
    def seconds(self) -> float:
        """Length of the recording in seconds."""
        return len(self.samples) / RATE


@dataclass(frozen=True)
class Recording:
    """A decoded recording that is read piece by piece; its `len` is the number of samples."""

    _file: IO[bytes]
    _length: int
    damaged: int
    """packets that were skipped because they could not be decoded"""

    def __len__(self) -> int:
        return self._length

    @property
    def seconds(self) -> float:
        """Length of the recording in seconds."""
        return self._length / RATE

    def read(self, start: int, end: int) -> Samples:
        """Return the samples from `start` up to, but not including, `end`, as far as the recording has them.

        The file is read and not mapped into memory, because mapped pages would count as memory of this process.
        """
        start, end = max(0, start), min(end, self._length)
        if start >= end:
            return np.zeros(0, np.float32)
        self._file.seek(start * _BYTES)
        return np.fromfile(self._file, np.float32, end - start)


@contextmanager
def open_recording(path: Path) -> Iterator[Recording]:
    """Decode the sound of `path`, mixed to mono at RATE, into a file that is deleted when the block ends.

    The samples keep the clock of the container (see `mixing`).

    The file stands in the folder for temporary files (`$TMPDIR`) and takes 0.23 GB for each hour of the recording. Of
    a recording that is cut off or damaged, whatever can be decoded is returned.

    Raises:
        ItemError: the file is missing or empty, is not a media file, has no audio, or none of it can be decoded.
    """
    with tempfile.TemporaryFile() as file:
        damaged = _decode_into(file, path)
        length = file.tell() // _BYTES
        file.flush()
        if not length:
            raise ItemError(
                f"{path.name} holds no sound that can be decoded. Check that it plays (a text or a web page "
                "saved under the name of a recording does not), copy or download it again, or remove it."
            )
        yield Recording(file, length, damaged)


def decode(path: Path) -> Decoded:
    """Return all samples of a short recording at once. Errors are those of `open_recording`."""
    with open_recording(path) as recording:
        return Decoded(recording.read(0, len(recording)), recording.damaged)


def measure_channels(path: Path, block: int) -> NDArray[np.float32]:
    """Return the mean square of each channel in blocks of so many samples, of shape (blocks, channels).

    Errors are those of `open_recording`.
    """
    meters: list[Meter] = []

    def make(_file: IO[bytes], container: "av.container.InputContainer") -> Mixer:
        meters.append(Meter(container, RATE, block))
        return meters[0]

    with tempfile.TemporaryFile() as file:
        _decode_into(file, path, make)
    return meters[0].measure()


def count_channels(path: Path) -> int:
    """The number of channels that the sound of a recording begins with; 1 if none of it can be decoded.

    Raises:
        ItemError: the file is missing or empty, is not a media file, or has no audio.
    """
    with _open(path) as container:
        first = next((frame for frame in _frames(container) if frame is not None), None)
        return first.layout.nb_channels if first is not None else 1


def _make_mixer(file: IO[bytes], container: "av.container.InputContainer") -> Mixer:
    return Mixer(file, container, RATE)


def _decode_into(file: IO[bytes], path: Path, make: Callable[[IO[bytes], Any], Mixer] = _make_mixer) -> int:
    """Write the samples; return how many packets were damaged."""
    damaged, minutes, allowed = 0, 0.0, 0
    with _open(path) as container:
        mixer = make(file, container)
        for frame in _all_frames(container, path, mixer):
            if frame is None:
                damaged += 1
                continue
            mixer.add(frame)
            if file.tell() > MOST_HOURS * 3600 * RATE * _BYTES:
                raise _too_long(path.name)
            minutes += frame.samples / frame.rate / 60
            if minutes > allowed:
                allowed += 1
                limits.allow(SECONDS_A_MINUTE)
        mixer.close()
    return damaged


def _all_frames(
    container: "av.container.InputContainer", path: Path, mixer: Mixer
) -> "Iterator[av.AudioFrame | None]":
    """Yield the frames of all recordings of a file, as `_frames`; the stump of one that cannot be opened is damaged."""
    parts = joined.divide(path, container.format.name)
    if not parts:
        _check_length(container, path.name)
        yield from _frames(container, mixer)
        return
    for number, spans in enumerate(parts, 1):
        try:
            with _open(path, spans, container.format.name) as part:
                _check_length(part, path.name)
                mixer.begin(part)
                yield from _frames(part, mixer)
        except _UnreadableError as error:
            if sum(span.end - span.start for span in spans) > STUMP:
                raise ItemError(
                    f"{path.name} holds {len(parts)} recordings, one after the other, and nothing of number {number} "
                    "can be decoded. Give the recordings as files of their own, or remove it from the corpus."
                ) from error
            yield None


class _UnreadableError(ItemError):
    """A file, or a part of it, holds nothing that can be decoded."""


@contextmanager
def _open(
    path: Path, spans: tuple[joined.Span, ...] = (), container: str = ""
) -> "Iterator[av.container.InputContainer]":
    """Open a recording that has sound, or a part of its file, and name it in the errors of the block.

    A part has no name that would say what it is, so the container of the file is given.
    """
    import av
    import av.error

    try:
        if path.stat().st_size == 0:
            raise ItemError(
                f"{path.name} is empty (0 bytes). Copy or download it again, or remove it from the corpus."
            )
        with ExitStack() as stack:
            source = stack.enter_context(joined.Window(path, spans)) if spans else str(path)
            name = container.partition(",")[0] or None
            opened = stack.enter_context(
                av.open(source, format=name, options=containers.options(), **_lenient())
            )
            if not find_sound(opened):
                what = "its sound in a form that is not known" if opened.streams.audio else "no audio"
                raise _UnreadableError(
                    f"{path.name} holds {what}. Give a file with sound, or remove it from the corpus."
                )
            _check_rate(opened, path.name)
            yield opened
    except FileNotFoundError as error:
        raise ItemError(f"{path.name} does not exist. Run the fetch stage again.") from error
    except av.error.FFmpegError as error:
        raise _UnreadableError(
            f"{path.name} cannot be read as audio or video ({error.strerror}). "
            "Check that it plays, copy or download it again, or remove it from the corpus."
        ) from error


def _check_rate(container: "av.container.InputContainer", name: str) -> None:
    """Refuse what a few bytes may claim: a WAV file may have any rate."""
    rate = choose_stream(container).codec_context.sample_rate
    if rate and not RATES[0] <= rate <= RATES[1]:
        raise ItemError(
            f"{name} has {rate} samples a second; {RATES[0]:,} to {RATES[1]:,} are read. Convert it, or remove it from "
            "the corpus."
        )


def _check_length(container: "av.container.InputContainer", name: str) -> None:
    """Refuse what says that it is too long: FLAC holds 40 hours of silence in 28 MB.

    The length of a broadcast is the difference of two times, which says nothing where its clock begins anew. Some
    containers say no length, and it is estimated from the first packets: there, only what is beyond doubt is refused
    before it is decoded.
    """
    if container.format.name in BROADCASTS:
        return
    doubt = 2 if container.format.name in ("aac", "mp3") else 1
    if (container.duration or 0) / 1_000_000 > doubt * MOST_HOURS * 3600:
        raise _too_long(name)


def _too_long(name: str) -> ItemError:
    return ItemError(f"{name} is longer than {MOST_HOURS} hours. Divide it, or remove it from the corpus.")


def _lenient() -> dict[str, Any]:
    """Return the option by which a recording is read although its title is not in UTF-8.

    PyAV 19 and later always read such a recording, and their `av.open` refuses the option.
    """
    import av

    return {"metadata_errors": "ignore"} if int(av.__version__.partition(".")[0]) < 19 else {}


def _frames(
    container: "av.container.InputContainer", mixer: Mixer | None = None
) -> "Iterator[av.AudioFrame | None]":
    """Yield the frames of the sound that a player plays, and None for each packet that is damaged.

    The mixer is told of the picture's packets between them.
    """
    import av.error

    heard, seen = choose_stream(container), container.streams.video[:1] if mixer else ()
    packets = container.demux(heard, *seen)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.error.FFmpegError:  # the file ends in the middle of a packet
            yield None
            return
        if mixer and packet.stream in seen:
            mixer.see(packet)
            continue
        try:
            yield from packet.decode()
        except av.error.FFmpegError:
            yield None
