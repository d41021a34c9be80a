"""Decoding, good files and bad ones."""

import itertools
from pathlib import Path

import av
import numpy as np
import pytest

from lectern.core.errors import ItemError
from lectern.formats.audio import RATE, decode, open_recording


def write_tone(path: Path, seconds: float, rate: int = 44_100, layout: str = "stereo") -> Path:
    """A 440 Hz tone in the container and codec that the suffix names."""
    codec = {".mp3": "libmp3lame", ".m4a": "aac", ".wav": "pcm_s16le", ".mp4": "aac"}[path.suffix]
    tone = (0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)
    channels = 2 if layout == "stereo" else 1
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.layout = layout
        frame = av.AudioFrame.from_ndarray(np.tile(tone, (channels, 1)), format="fltp", layout=layout)
        frame.sample_rate = rate
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=rate, frame_size=1024)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    "name", ["a.mp3", "a.m4a", "a.wav", "a.mp4", "подкаст №1 – 音声.mp3", "x" * 200 + ".mp3"]
)
def test_any_container_becomes_mono_at_the_models_rate(tmp_path: Path, name: str) -> None:
    # Property: the samples are the tone, as long and as loud as it was, whatever the container or the file's name.
    decoded = decode(write_tone(tmp_path / name, 1.0))
    assert decoded.samples.dtype == np.float32
    assert decoded.seconds == pytest.approx(1.0, abs=0.1)
    assert np.abs(decoded.samples).max() == pytest.approx(0.3, abs=0.05)
    spectrum = np.abs(np.fft.rfft(decoded.samples))
    assert spectrum.argmax() * RATE / len(decoded.samples) == pytest.approx(440, abs=2)


def test_a_recording_is_read_in_pieces_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Property: the pieces, in any order, are the samples that `decode` gives, bit for bit; what lies outside is left
    # out; the file of samples is gone afterwards, after an error too.
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    path = write_tone(tmp_path / "a.mp3", 2.0)
    whole = decode(path).samples
    with open_recording(path) as recording:
        assert (len(recording), recording.damaged) == (len(whole), 0)
        assert recording.seconds == len(whole) / RATE
        edges = [0, 1, 4097, 20_000, len(whole)]
        for start, end in sorted(itertools.pairwise(edges), reverse=True):
            assert np.array_equal(recording.read(start, end), whole[start:end])
        assert np.array_equal(recording.read(-5, len(whole) + 5), whole)
        assert len(recording.read(len(whole), len(whole) + 9)) == len(recording.read(9, 9)) == 0
    with pytest.raises(KeyError), open_recording(path):
        raise KeyError
    (tmp_path / "b.mp3").write_bytes(b"no sound" * 900)
    with pytest.raises(ItemError), open_recording(tmp_path / "b.mp3"):
        pass
    assert list(scratch.iterdir()) == []


def test_a_truncated_file_gives_what_is_there(tmp_path: Path) -> None:
    # Property: half of the bytes give about half of the sound, and no error.
    path = write_tone(tmp_path / "a.mp3", 4.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert decode(path).seconds == pytest.approx(2.0, abs=0.3)


def test_damage_in_the_middle_costs_only_the_damaged_part(tmp_path: Path) -> None:
    path = write_tone(tmp_path / "a.mp3", 4.0)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = bytes(3000)
    path.write_bytes(content)
    assert decode(path).seconds > 3.0


def write_picture(path: Path) -> Path:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.mp3", b"", r"empty \(0 bytes\)"),
        ("text.mp3", b"This is no audio at all.\n" * 200, "cannot be read|no sound"),
        ("page.mp3", b"<!DOCTYPE html><html><body>Not found</body></html>" * 20, "cannot be read|no sound"),
        ("noise.m4a", bytes(range(256)) * 40, "cannot be read|no sound"),
    ],
)
def test_what_is_no_recording_says_so_with_its_name_and_a_remedy(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    # Property: the error names the file, the reason and what to do, and is the item's own.
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ItemError, match=f"{name}.*({reason}).*(again|remove)"):
        decode(tmp_path / name)


def test_a_film_without_sound_and_a_missing_file_say_so(tmp_path: Path) -> None:
    with pytest.raises(ItemError, match=r"film\.mp4 holds no audio"):
        decode(write_picture(tmp_path / "film.mp4"))
    with pytest.raises(ItemError, match=r"gone\.mp3 does not exist"):
        decode(tmp_path / "gone.mp3")
