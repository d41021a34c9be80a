"""Join recordings of one speaker each into one recording with a channel for each of them, as FLAC."""

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import numpy as np

from lectern.core import limits
from lectern.formats.audio import RATE, SECONDS_A_MINUTE, open_recording

MOST = 8
"""Channels that a FLAC file can have."""
_LAYOUTS = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1", "7.1")
_PIECE = 10 * RATE
_PIECES_A_MINUTE = 6


def join(recordings: list[Path], out: Path) -> None:
    """Write the recordings, which begin together, as the channels of the FLAC file `out`; silence ends a shorter one.

    Raises:
        ItemError: one of them cannot be decoded.
    """
    import av

    with ExitStack() as stack:
        sounds = [stack.enter_context(open_recording(path)) for path in recordings]
        container = stack.enter_context(
            av.open(str(out), "w", format="flac", options={"fflags": "+bitexact"})
        )
        stream = container.add_stream("flac", rate=RATE)
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        layout = _LAYOUTS[len(sounds) - 1]
        stream.layout = layout
        stream.format = "s16"
        for number, start in enumerate(range(0, max(map(len, sounds)), _PIECE)):
            if number % _PIECES_A_MINUTE == 0:
                limits.allow(SECONDS_A_MINUTE)
            parts = [sound.read(start, start + _PIECE) for sound in sounds]
            length = max(map(len, parts))
            channels = np.stack([np.pad(part, (0, length - len(part))) for part in parts], axis=1)
            samples = np.clip(np.rint(channels * 32767), -32768, 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
