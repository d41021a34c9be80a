"""Decode any recording to samples, with the FFmpeg libraries inside PyAV, so that no ffmpeg need be installed."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.core.errors import ItemError

if TYPE_CHECKING:
    import av

RATE = 16_000
"""Samples a second that every model here works at."""

Samples = NDArray[np.float32]
"""One channel at RATE, full scale = 1."""


class Decoded(NamedTuple):
    """What could be decoded of a recording."""

    samples: Samples
    damaged: int  # packets that were skipped because they could not be decoded

    @property
    def seconds(self) -> float:
        """Length of the samples."""
        return len(self.samples) / RATE


def decode(path: Path) -> Decoded:
    """Decode the first audio stream of `path`, mixed to mono at RATE.

    The whole recording is held in memory, 0.23 GB an hour. A file that is cut off or damaged in the
    middle gives what can be decoded of it.

    Raises:
        ItemError: the file is missing or empty, is no media file, has no audio, or none of it can be decoded.
    """
    import av
    import av.error

    try:
        if path.stat().st_size == 0:
            raise ItemError(
                f"{path.name} is empty (0 bytes). Copy or download it again, or remove it from the corpus."
            )
        with av.open(str(path), metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise ItemError(
                    f"{path.name} holds no audio. Give a file with sound, or remove it from the corpus."
                )
            resampler = av.AudioResampler(format="fltp", rate=RATE)
            parts: list[Samples] = []
            damaged = 0
            for frame in _frames(container):
                if frame is None:
                    damaged += 1
                else:
                    frame.pts = None  # a gap in the time stamps must not stop the resampler
                    parts += [_mix(resampled) for resampled in resampler.resample(frame)]
            if parts:
                parts += [_mix(resampled) for resampled in resampler.resample(None)]
    except FileNotFoundError as error:
        raise ItemError(f"{path.name} does not exist. Run the fetch stage again.") from error
    except av.error.FFmpegError as error:
        raise ItemError(
            f"{path.name} cannot be read as audio or video ({error.strerror}). "
            "Check that it plays, copy or download it again, or remove it from the corpus."
        ) from error
    samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    if not len(samples):
        raise ItemError(
            f"{path.name} holds no sound that can be decoded. Check that it plays (a text or a web page "
            "saved under the name of a recording does not), copy or download it again, or remove it."
        )
    return Decoded(samples, damaged)


def _mix(frame: "av.AudioFrame") -> Samples:
    """The mean of the channels: FFmpeg's own mix to mono is 3 dB louder and can leave full scale."""
    return frame.to_ndarray().mean(axis=0, dtype=np.float32)


def _frames(container: "av.container.InputContainer") -> "Iterator[av.AudioFrame | None]":
    """The frames of the first audio stream; None for each packet that is damaged."""
    import av.error

    packets = container.demux(container.streams.audio[0])
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.error.FFmpegError:  # the file is cut off in the middle of a packet: what follows is lost
            yield None
            return
        try:
            yield from packet.decode()
        except av.error.FFmpegError:
            yield None
