"""Write the frames of a recording as one channel of samples that keeps the recording's own clock.

Descriptions, chapters, links and the review page count from the clock of the container. So silence is written where
there is no sound: before sound that begins later than the picture, and where packets are missing.
"""

import io
from typing import IO, TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import av

LEAST = 0.1
"""Seconds of the shortest gap that is filled; FFmpeg's own filters (`aresample=async=1`) begin there too."""
MOST = 3600.0
"""Seconds of the longest gap that is filled where the container does not say how long the recording is."""
JUMP = 10.0
"""A greater gap in a broadcast (MPEG-TS) is another clock and not silence, as players take it."""
OPPOSED = 0.2
"""Channels cancel each other where their mean has less than this share of the energy that unrelated ones would have."""
MEMORY = 0.1
"""Seconds over which that energy is measured."""
_FROM_ZERO = ("mov", "matroska")
"""Containers whose clock begins at 0; in others it begins with the first packet."""
GOES_ON = 0.5
"""Seconds around the end of a part in which the next one's clock goes on, as in the segments of a stream."""
BROADCASTS = ("mpegts", "mpeg")
"""Containers whose clock may jump, since parts of other broadcasts may follow."""


def find_sound(container: Any) -> list[Any]:
    """The audio streams in a form that can be decoded."""
    return [stream for stream in container.streams.audio if stream.codec_context is not None]


def choose_stream(container: Any) -> Any:
    """The sound that a player plays: the audio stream marked as default, or else the first one."""
    from av.stream import Disposition

    streams = find_sound(container)
    return next((stream for stream in streams if stream.disposition & Disposition.default), streams[0])


def find_zero(container: Any) -> float:
    """The second at which the clock of a container begins."""
    duration = (container.duration or 0) / 1_000_000
    start = _find_first(container)
    return 0.0 if container.format.name.partition(",")[0] in _FROM_ZERO and start <= duration else start


def _find_first(container: Any) -> float:
    return (container.start_time or 0) / 1_000_000


class Mixer:
    """Turns frames of any rate, format and channels into one channel, and writes it to a file."""

    def __init__(self, file: IO[bytes], container: Any, rate: int) -> None:
        """Take a file to write float32 samples to, the open container, and the samples per second to write."""
        self._file: Any = file
        self._rate = rate
        self._written = 0
        self._zero = 0.0
        self._resampler: Any = None
        self._kind: tuple[Any, ...] = ()
        self._energy = np.zeros(2)
        self.begin(container)

    def begin(self, container: Any) -> None:
        """Go on with a container, whose clock begins at the end of what is written: a file may hold several."""
        self._flush()
        self._kind = ()
        reached = self._zero + self._written / self._rate
        name = container.format.name.partition(",")[0]
        duration = (container.duration or 0) / 1_000_000
        first = _find_first(container)
        goes_on = self._written > 0 and abs(first - reached) <= GOES_ON
        start = first if goes_on else find_zero(container)
        self._zero = start - self._written / self._rate
        self._end = start + duration if duration else None
        self._whole = MOST if self._end is None or name in BROADCASTS else duration
        self._longest = JUMP if name in BROADCASTS else self._whole
        self._started = False
        self._seen: tuple[float, float] | None = None

    def add(self, frame: "av.AudioFrame") -> None:
        """Write a frame; a file in which an advert was inserted changes rate and channels in the middle."""
        kind = (frame.rate, frame.layout.name, frame.format.name)
        if kind != self._kind:
            self._flush()
            self._resampler, self._kind = self._make_resampler(), kind
        if frame.pts is not None and frame.time_base:
            self._fill(float(frame.pts * frame.time_base) - self._zero)
        frame.pts = None  # a gap in the time stamps must not stop the resampler
        self._write(self._resampler.resample(frame))

    def see(self, packet: "av.Packet") -> None:
        """Note a packet of the picture: a broadcast whose picture goes on without sound has no other clock."""
        if packet.dts is None or not packet.time_base:
            return
        time = float(packet.dts * packet.time_base)
        goes_on = self._seen is not None and abs(time - self._seen[1]) <= JUMP
        self._seen = (self._seen[0] if self._seen and goes_on else time, time)

    def close(self) -> None:
        """Write what is still held back."""
        self._flush()

    def _make_resampler(self) -> Any:
        import av

        return av.AudioResampler(format="fltp", rate=self._rate)

    def _flush(self) -> None:
        if self._resampler is not None:
            self._write(self._resampler.resample(None))
            self._resampler = None

    def _fill(self, time: float) -> None:
        """Write silence up to a time, in seconds; where the stamps cannot be right, move the clock instead."""
        gap = time - self._written / self._rate
        beyond = self._end is not None and time + self._zero > self._end + 1
        longest = self._whole if self._is_one_clock(time) else self._longest
        self._started = True
        if gap < -LEAST or gap > longest or (gap > LEAST and beyond):
            self._zero += gap
        elif gap > LEAST:
            self._write(self._resampler.resample(None))
            self._resampler = self._make_resampler()
            missing = max(0, round(time * self._rate) - self._written)
            self._put_silence(missing)
            self._written += missing

    def _is_one_clock(self, time: float) -> bool:
        """Whether nothing was heard before a time, or the picture went on from the last sound to about this time."""
        if not self._started:
            return True
        if self._seen is None:
            return False
        reached = self._zero + self._written / self._rate
        return self._seen[0] <= reached and self._seen[1] >= time + self._zero - JUMP

    def _write(self, frames: "list[av.AudioFrame]") -> None:
        for frame in frames:
            channels = frame.to_ndarray()
            self._put(channels)
            self._written += channels.shape[1]

    def _put(self, channels: Any) -> None:
        """Take samples, of shape (channels, samples)."""
        self._file.write(self._mix(channels).tobytes())

    def _put_silence(self, count: int) -> None:
        self._file.write(bytes(4 * count))

    def _mix(self, channels: Any) -> Any:
        """The mean of the channels, or the loudest of them where they cancel each other.

        FFmpeg's own mix to mono is 3 dB louder and can exceed full scale.
        """
        mean = channels.mean(axis=0, dtype=np.float32)
        count, length = channels.shape
        if count == 1 or not length:
            return mean
        energies = np.square(channels, dtype=np.float32).mean(axis=1)
        now = np.array([np.square(mean).mean(), energies.sum() / count**2])
        kept = max(0.0, 1 - length / (MEMORY * self._rate))
        self._energy = kept * self._energy + (1 - kept) * now
        if self._energy[0] < OPPOSED * self._energy[1]:
            return np.ascontiguousarray(channels[energies.argmax()], dtype=np.float32)
        return mean


class Meter(Mixer):
    """Measures the energy of each channel, in blocks, instead of writing samples."""

    def __init__(self, container: Any, rate: int, block: int) -> None:
        """Take the open container, the samples per second, and the samples of a block."""
        super().__init__(io.BytesIO(), container, rate)
        self._block = block
        self._rest = np.zeros((0, 0), np.float32)
        self._found: list[Any] = []

    def add(self, frame: "av.AudioFrame") -> None:
        """Measure a frame, and the silence before it."""
        if not len(self._rest):  # silence before the first frame has as many channels
            self._rest = np.zeros((frame.layout.nb_channels, 0), np.float32)
        super().add(frame)

    def measure(self) -> Any:
        """The mean squares of each whole block, of shape (blocks, channels)."""
        return np.concatenate(self._found) if self._found else np.zeros((0, 1), np.float32)

    def _put(self, channels: Any) -> None:
        if len(self._rest) != len(channels):  # the number of channels changes
            self._rest = np.zeros((len(channels), 0), np.float32)
        joined = np.concatenate([self._rest, channels], axis=1, dtype=np.float32)
        whole = joined.shape[1] // self._block
        blocks = joined[:, : whole * self._block].reshape(len(joined), whole, self._block)
        self._rest = joined[:, whole * self._block :]
        energies = np.square(blocks).mean(axis=2).T
        if self._found and self._found[-1].shape[1] != energies.shape[1]:
            width = self._found[0].shape[1]  # further channels are left out, and missing ones are silent
            energies = np.pad(energies, ((0, 0), (0, max(0, width - energies.shape[1]))))[:, :width]
        self._found.append(energies)

    def _put_silence(self, count: int) -> None:
        step = 60 * self._rate
        for start in range(0, count, step):
            self._put(np.zeros((len(self._rest), min(step, count - start)), np.float32))
