"""The sound of a downloaded video: it keeps its bytes and its place in the video."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lectern.formats.audio import decode
from lectern.sources.sound import keep_sound
from tests.unit.formats.test_audio import sounding, tone

RATE = 48_000


def write_video(path: Path, codec: str, starts: list[float]) -> None:
    """Six seconds of a black picture, and a second of a tone from each of the given seconds on."""
    import av

    with av.open(str(path), "w") as container:
        film, sound = container.add_stream("mpeg4", rate=10), container.add_stream(codec, rate=RATE)
        film.width, film.height, film.pix_fmt, sound.layout = 16, 16, "yuv420p", "mono"
        packets = []
        for number in range(60):
            frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
            frame.pts = number
            packets += film.encode(frame)
        for start in starts:
            resampler = av.AudioResampler(sound.format, "mono", RATE, frame_size=sound.frame_size or 1024)
            frame = av.AudioFrame.from_ndarray(tone(1.0, RATE), format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, round(start * RATE), Fraction(1, RATE)
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                packets += sound.encode(piece)
        packets += [*film.encode(None), *sound.encode(None)]
        for packet in sorted(packets, key=lambda packet: float(packet.dts * packet.time_base)):
            container.mux(packet)


@pytest.mark.parametrize(
    ("name", "codec", "starts", "kept"),
    [
        ("film.mp4", "aac", [2.0, 4.5], ".m4a"),
        ("film.mkv", "libopus", [2.0], ".mka"),
        ("film.mkv", "libopus", [0.0, 4.5], ".mka"),
        ("film.mkv", "flac", [0.0, 4.5], ".mka"),
        ("film.mkv", "libopus", [0.0], ".ogg"),  # without a pause, the usual container
        ("film.ts", "libopus", [0.0, 4.5], ".mka"),  # a clock that does not begin at 0
    ],
)
def test_sound_that_begins_late_or_pauses_keeps_its_place(
    tmp_path: Path, name: str, codec: str, starts: list[float], kept: str
) -> None:
    # Property: stamps, chapters and links count from the beginning of the video, and so does what is kept of it.
    write_video(tmp_path / name, codec, starts)
    whole = sounding(decode(tmp_path / name).samples)
    recording = keep_sound(tmp_path / name, tmp_path)
    assert recording == f"recording{kept}"
    found = sounding(decode(tmp_path / recording).samples)
    assert found == [(pytest.approx(a, abs=0.11), pytest.approx(b, abs=0.11)) for a, b in whole]
    assert [start for start, _ in whole] == pytest.approx(starts, abs=0.11)
