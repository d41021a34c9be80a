"""Decoding, good files and bad ones."""

import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lectern.core.errors import ItemError
from lectern.formats import audio, tracks
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


def tone(seconds: float, rate: int, channels: tuple[float, ...] = (1.0,), pitch: float = 440.0) -> np.ndarray:
    """A tone at .3 of the full scale; each channel has it at its own strength."""
    samples = 0.3 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)
    return np.outer(channels, samples).astype(np.float32)


LAYOUTS = {1: "mono", 2: "stereo", 4: "4.0"}


def write_tracks(
    path: Path, *tracks: list[tuple[float, np.ndarray]], picture: float = 0.0, default: int | None = None
) -> Path:
    """Sound at 16,000 a second, in pieces that begin at the given seconds; seconds of a black picture."""
    from av.stream import Disposition

    codec = {".mkv": "pcm_s16le", ".mp4": "aac", ".ts": "mp2"}[path.suffix]
    with av.open(str(path), "w") as container:
        film = container.add_stream("mpeg4", rate=10) if picture else None
        if film:
            film.width, film.height, film.pix_fmt = 16, 16, "yuv420p"
        streams = [container.add_stream(codec, rate=RATE) for _ in tracks]
        for number, (stream, pieces) in enumerate(zip(streams, tracks, strict=True)):
            stream.layout = LAYOUTS[len(pieces[0][1])]
            stream.disposition = Disposition.default if number == default else Disposition(0)
        for number in range(round(picture * 10)):
            frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
            frame.pts = number
            container.mux(film.encode(frame))
        for stream, pieces in zip(streams, tracks, strict=True):
            layout = LAYOUTS[len(pieces[0][1])]
            for start, samples in pieces:
                resampler = av.AudioResampler(
                    format=stream.format, layout=layout, rate=RATE, frame_size=stream.frame_size or 1024
                )
                frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
                frame.sample_rate, frame.pts, frame.time_base = RATE, round(start * RATE), Fraction(1, RATE)
                for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                    container.mux(stream.encode(piece))
            container.mux(stream.encode(None))
        if film:
            container.mux(film.encode(None))
    return path


def sounding(samples: np.ndarray) -> list[tuple[float, float]]:
    """The stretches with sound, in seconds, with at least 0.3 s of silence between them."""
    loud = np.flatnonzero(np.abs(samples) > 0.02) / RATE
    edges = [0, *(np.flatnonzero(np.diff(loud) > 0.3) + 1), len(loud)]
    return [(round(float(loud[a]), 1), round(float(loud[b - 1]), 1)) for a, b in itertools.pairwise(edges)]


@pytest.mark.parametrize(
    "parts",
    [
        [(44_100, "stereo"), (22_050, "mono")],
        [(44_100, "mono"), (44_100, "stereo"), (44_100, "mono")],
        [(16_000, "mono"), (48_000, "stereo"), (24_000, "stereo")],
    ],
)
def test_a_format_that_changes_in_the_middle_is_read_to_the_end(
    tmp_path: Path, parts: list[tuple[int, str]]
) -> None:
    # Property: files joined byte after byte, as inserted adverts are, give the sound of each of them.
    files = [write_tone(tmp_path / f"{n}.mp3", 1.0, *part).read_bytes() for n, part in enumerate(parts)]
    (tmp_path / "all.mp3").write_bytes(b"".join(files))
    decoded = decode(tmp_path / "all.mp3")
    assert decoded.seconds == pytest.approx(len(parts), abs=0.2)
    for number in range(len(parts)):
        middle = decoded.samples[round((number + 0.4) * RATE) : round((number + 0.6) * RATE)]
        assert np.abs(middle).max() == pytest.approx(0.3, abs=0.05)


def test_sound_in_a_form_that_nobody_knows_is_told_and_another_track_is_heard_instead(tmp_path: Path) -> None:
    track = [(0.0, tone(1, RATE))]
    path = write_tracks(tmp_path / "talk.mkv", track, track, default=0)
    whole = path.read_bytes()
    assert whole.count(b"A_PCM/INT/LIT") == 2
    path.write_bytes(whole.replace(b"A_PCM/INT/LIT", b"A_XYZ/INT/LIT", 1))
    assert np.abs(decode(path)[0]).max() > 0.2
    path.write_bytes(whole.replace(b"A_PCM/INT/LIT", b"A_XYZ/INT/LIT"))
    with pytest.raises(ItemError, match=r"talk\.mkv holds its sound in a form that is not known"):
        decode(path)


def write_ogg(path: Path, codec: str, rate: int, layout: str, pitch: float = 440.0) -> bytes:
    """A second of a tone; the bytes of the file."""
    with av.open(str(path), "w", format="ogg") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.layout = layout
        samples = tone(1.0, rate, (1.0,) * (2 if layout == "stereo" else 1), pitch)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        size = 960 if codec == "libopus" else 0
        kind = stream.codec_context.format
        resampler = av.AudioResampler(format=kind, layout=layout, rate=rate, frame_size=size)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path.read_bytes()


@pytest.mark.parametrize(
    "kinds",
    [
        [("libopus", 48_000, "mono"), ("libopus", 48_000, "mono")],
        [("libopus", 48_000, "mono"), ("libopus", 48_000, "stereo"), ("libopus", 48_000, "mono")],
        [("flac", 16_000, "mono"), ("flac", 22_050, "mono")],
        [("flac", 16_000, "mono"), ("libopus", 48_000, "stereo")],
        [("libopus", 48_000, "stereo"), ("flac", 44_100, "mono"), ("flac", 44_100, "stereo")],
    ],
)
def test_all_recordings_of_a_chained_file_are_heard(
    tmp_path: Path, kinds: list[tuple[str, int, str]]
) -> None:
    # Property: each of them is heard in its own second, whatever its codec, rate and channels are.
    pitches = [440 * (number + 1) for number in range(len(kinds))]
    links = [write_ogg(tmp_path / "a", *kind, p) for kind, p in zip(kinds, pitches, strict=True)]
    (tmp_path / "radio.ogg").write_bytes(b"".join(links))
    decoded = decode(tmp_path / "radio.ogg")
    assert (decoded.damaged, decoded.seconds) == (0, pytest.approx(len(kinds), abs=0.1))
    for number, pitch in enumerate(pitches):
        middle = decoded.samples[round((number + 0.25) * RATE) : round((number + 0.75) * RATE)]
        assert np.abs(np.fft.rfft(middle)).argmax() * 2 == pytest.approx(pitch, abs=4)
    loudness = audio.measure_channels(tmp_path / "radio.ogg", RATE // 2)
    assert len(loudness) == pytest.approx(2 * len(kinds), abs=1)
    assert loudness[: 2 * len(kinds) - 1, 0] == pytest.approx(0.045, abs=0.01)


@pytest.mark.parametrize("kept", [20, 100])
def test_a_chained_file_that_is_cut_off_gives_what_is_there(tmp_path: Path, kept: int) -> None:
    first, second = (
        write_ogg(tmp_path / "a", *kind, "mono") for kind in (("libopus", 48_000), ("flac", 16_000))
    )
    (tmp_path / "radio.ogg").write_bytes(first + second[:kept])
    decoded = decode(tmp_path / "radio.ogg")
    assert decoded.seconds == pytest.approx(1.0, abs=0.1)
    assert sounding(decoded.samples) == [(0.0, pytest.approx(1.0, abs=0.11))]


def test_a_broadcast_whose_clock_begins_anew_is_no_recording_of_days(tmp_path: Path) -> None:
    # FFmpeg takes a lower time for one after 26 hours, at which the clock of a broadcast starts again.
    parts = [
        write_tracks(tmp_path / f"{start}.ts", [(start, tone(1.0, RATE))]).read_bytes()
        for start in (500.0, 0.0)
    ]
    (tmp_path / "joined.ts").write_bytes(b"".join(parts))
    assert sounding(decode(tmp_path / "joined.ts").samples) == [(0.0, pytest.approx(2.0, abs=0.2))]


@pytest.mark.parametrize(
    ("name", "times", "picture", "expected"),
    [
        # the sound of a film begins later than the picture, and stops in between
        ("a.mp4", [2.0], 4.0, [(2.0, 3.0)]),
        ("a.mkv", [2.0, 5.0], 7.0, [(2.0, 3.0), (5.0, 6.0)]),
        ("a.mkv", [0.0, 3.5], 0.0, [(0.0, 1.0), (3.5, 4.5)]),
        # a stamp that is late by less than a person hears changes nothing
        ("a.mkv", [0.0, 1.05], 0.0, [(0.0, 2.0)]),
        # the clock of a broadcast does not begin at 0, and may jump
        ("a.ts", [0.0, 3.0], 0.0, [(0.0, 1.0), (3.0, 4.0)]),
        ("a.ts", [0.0, 3000.0], 0.0, [(0.0, 2.0)]),
        ("a.ts", [0.0, 3000.0], 2.0, [(0.0, 2.0)]),
        # but where the picture goes on there is no sound
        ("a.ts", [2.0], 4.0, [(2.0, 3.0)]),
        ("a.ts", [15.0], 17.0, [(15.0, 16.0)]),
        ("a.ts", [2.0, 30.0], 32.0, [(2.0, 3.0), (30.0, 31.0)]),
    ],
)
def test_the_samples_keep_the_clock_of_the_container(
    tmp_path: Path, name: str, times: list[float], picture: float, expected: list[tuple[float, float]]
) -> None:
    pieces = [(start, tone(1.0, RATE)) for start in times]
    found = sounding(decode(write_tracks(tmp_path / name, pieces, picture=picture)).samples)
    assert found == [(pytest.approx(a, abs=0.11), pytest.approx(b, abs=0.11)) for a, b in expected]


@pytest.mark.parametrize(
    ("strengths", "level"),
    [
        ((1, -1), 0.3),
        ((1, 1), 0.3),
        ((1, 0), 0.15),
        ((1, -0.8), 0.3),
        ((1, 0, 0, 0), 0.075),
        ((1, -1, 1, -1), 0.3),
    ],
)
def test_channels_that_cancel_each_other_are_heard(
    tmp_path: Path, strengths: tuple[float, ...], level: float
) -> None:
    # Property: the mean of the channels, but for channels of opposite sign, of which one is taken.
    samples = decode(write_tracks(tmp_path / "a.mkv", [(0.0, tone(2.0, RATE, strengths))])).samples
    assert np.abs(samples[RATE // 2 :]).max() == pytest.approx(level, abs=0.02)


def test_channels_that_cancel_each_other_in_a_part_only_are_heard_there(tmp_path: Path) -> None:
    parts = [tone(1.0, RATE, strengths) for strengths in ((1, 1), (1, -1), (1, 1))]
    pieces = [(0.0, np.concatenate(parts, axis=1))]
    samples = decode(write_tracks(tmp_path / "a.mkv", pieces)).samples
    assert [round(float(np.abs(s[RATE * 7 // 10 :]).max()), 1) for s in np.split(samples[: 3 * RATE], 3)] == [
        0.3
    ] * 3


@pytest.mark.parametrize(("default", "pitch"), [(None, 440), (0, 440), (1, 880)])
def test_the_default_track_is_heard(tmp_path: Path, default: int | None, pitch: float) -> None:
    music, talk = [(0.0, tone(1.0, RATE))], [(0.0, tone(1.0, RATE, pitch=880))]
    samples = decode(write_tracks(tmp_path / "a.mkv", music, talk, default=default)).samples
    spectrum = np.abs(np.fft.rfft(samples))
    assert spectrum.argmax() * RATE / len(samples) == pytest.approx(pitch, abs=2)


def test_each_minute_of_sound_lets_its_reading_take_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An hour of three speakers takes more CPU time than any small file may (`core.limits`).
    allowed: list[float] = []
    monkeypatch.setattr(audio.limits, "allow", allowed.append)
    sound = np.zeros((1, 130 * audio.RATE), np.float32)
    path = write_tracks(tmp_path / "a.mkv", [(0.0, sound)])
    assert audio.decode(path).seconds == pytest.approx(130, abs=0.1)
    assert allowed == [audio.SECONDS_A_MINUTE] * 3
    tracks.join([path, path], tmp_path / "both.flac")
    assert allowed == [audio.SECONDS_A_MINUTE] * 12, "for both of them, and for what is written"


def test_counting_channels_reads_the_beginning_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_tracks(tmp_path / "a.mkv", [(0.0, np.zeros((2, 60 * audio.RATE), np.float32))])
    decoded: list[int] = []
    real = audio._frames
    monkeypatch.setattr(audio, "_frames", lambda c: (decoded.append(0) or frame for frame in real(c)))
    assert audio.count_channels(path) == 2
    assert len(decoded) == 1
    (tmp_path / "empty.wav").touch()
    with pytest.raises(ItemError, match=r"empty\.wav is empty"):
        audio.count_channels(tmp_path / "empty.wav")
