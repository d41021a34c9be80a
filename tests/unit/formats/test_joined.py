"""Files in which recordings stand one after the other, as `cat` joins them, and files that only look like such."""

import itertools
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from lectern.core.errors import ItemError
from lectern.formats import joined
from lectern.formats.audio import RATE, STUMP, decode, measure_channels
from lectern.sources import sound

KINDS = {
    # name: container, codec, options of the container, whether a picture goes with it
    "wav": ("wav", "pcm_s16le", {}, False),
    "wav of 64 bits": ("wav", "pcm_s24le", {"rf64": "always"}, False),
    "w64": ("w64", "pcm_s16le", {}, False),
    "aiff": ("aiff", "pcm_s16be", {}, False),
    "au": ("au", "pcm_s16be", {}, False),
    "caf": ("caf", "pcm_s16le", {}, False),
    "flac": ("flac", "flac", {}, False),
    "mp3": ("mp3", "libmp3lame", {}, False),
    "mp3 without tags": ("mp3", "libmp3lame", {"write_xing": "0", "id3v2_version": "0"}, False),
    "aac": ("adts", "aac", {}, False),
    "m4a": ("ipod", "aac", {}, False),
    "m4a without loss": ("ipod", "alac", {}, False),
    "mp4": ("mp4", "aac", {}, True),
    "mp4 for the web": ("mp4", "aac", {"movflags": "faststart"}, True),
    "mp4 in fragments": ("mp4", "aac", {"movflags": "frag_keyframe+empty_moov"}, True),
    "mov": ("mov", "aac", {}, False),
    "mkv": ("matroska", "aac", {}, True),
    "webm": ("webm", "libopus", {}, False),
    "webm of a browser": ("webm", "libopus", {"live": "1"}, False),
    "avi": ("avi", "pcm_s16le", {}, True),
    "wma": ("asf", "wmav2", {}, False),
    "ogg": ("ogg", "libopus", {}, False),
    "flv": ("flv", "aac", {}, False),
    "tta": ("tta", "tta", {}, False),
    "wv": ("wv", "wavpack", {}, False),
    "amr": ("amr", "libopencore_amrnb", {}, False),
    "mpg": ("mpeg", "mp2", {}, True),
    "ts": ("mpegts", "aac", {}, False),
}
PITCHES = (440, 880, 1320)


def write(folder: Path, kind: str, rate: int = 44_100, layout: str = "mono", pitch: int = 440) -> bytes:
    """A second of a tone; the bytes of its file."""
    container, codec, options, has_picture = KINDS[kind]
    rate = {"libopus": 48_000, "libopencore_amrnb": 8_000}.get(codec, rate)
    layout = "mono" if codec == "libopencore_amrnb" else layout
    samples = (0.3 * np.sin(2 * np.pi * pitch * np.arange(rate) / rate)).astype(np.float32)
    path = folder / "part"
    with av.open(str(path), "w", format=container, options=options) as file:
        if has_picture:
            film: Any = file.add_stream("mpeg4", rate=10)
            film.width = film.height = 16
            film.pix_fmt = "yuv420p"
        stream: Any = file.add_stream(codec, rate=rate)
        stream.layout = layout
        if codec == "wmav2":
            stream.bit_rate = 64_000
        packets = []
        for _ in range(10 if has_picture else 0):
            picture = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
            packets += film.encode(picture)
        frame = av.AudioFrame.from_ndarray(
            np.tile(samples, (2 if layout == "stereo" else 1, 1)), format="fltp", layout=layout
        )
        frame.sample_rate = rate
        size = stream.codec_context.frame_size or 1024
        resampler = av.AudioResampler(stream.codec_context.format, layout, rate, frame_size=size)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            packets += stream.encode(piece)
        packets += [*(film.encode(None) if has_picture else ()), *stream.encode(None)]
        for packet in packets:
            file.mux(packet)
    data = path.read_bytes()
    path.unlink()
    return data


def join(path: Path, *parts: bytes) -> Path:
    path.write_bytes(b"".join(parts))
    return path


def name_of(path: Path) -> str:
    with av.open(str(path)) as container:
        return container.format.name


def hear(path: Path, count: int = 3) -> None:
    """Check that the tones are heard, each in a second of its own, and nothing else."""
    found = decode(path)
    assert (found.damaged, found.seconds) == (0, pytest.approx(count, abs=0.08 * count))
    for number, pitch in enumerate(PITCHES[:count]):
        middle = found.samples[round((number + 0.35) * RATE) : round((number + 0.85) * RATE)]
        assert np.abs(np.fft.rfft(middle)).argmax() * 2 == pytest.approx(pitch, abs=4)
        assert np.abs(middle).max() == pytest.approx(0.3, abs=0.06)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "forms",
    [[(44_100, "mono")] * 3, [(44_100, "mono"), (22_050, "stereo"), (44_100, "stereo")]],
    ids=["alike", "of other rates and channels"],
)
def test_all_recordings_of_a_joined_file_are_heard(
    tmp_path: Path, kind: str, forms: list[tuple[int, str]]
) -> None:
    parts = [write(tmp_path, kind, *form, pitch) for form, pitch in zip(forms, PITCHES, strict=True)]
    path = join(tmp_path / "talk", *parts)
    hear(path)
    loudness = measure_channels(path, RATE // 10)
    assert len(loudness) == pytest.approx(30, abs=4)
    assert np.median(loudness[:, 0]) == pytest.approx(0.045, abs=0.015)


def streaming(data: bytes, size: int) -> bytes:
    """A WAV file as a program writes it that does not know its length yet."""
    at = data.index(b"data")
    said = struct.pack("<I", size)
    return data[:4] + said + data[8 : at + 4] + said + data[at + 8 :]


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_header_without_a_length_is_no_second_recording_and_hides_none(tmp_path: Path, size: int) -> None:
    # Property: such a file is read to its end; recordings behind it are heard too, whatever their rate is.
    first = write(tmp_path, "wav")
    alone = join(tmp_path / "alone.wav", streaming(first, size))
    assert joined.divide(alone, "wav") == []
    assert np.array_equal(decode(alone).samples, decode(join(tmp_path / "a.wav", first)).samples)
    second = write(tmp_path, "wav", 22_050, "stereo", 880)
    third = write(tmp_path, "wav", pitch=1320)
    hear(join(tmp_path / "talk.wav", streaming(first, size), streaming(second, size), third))


def chunk(kind: bytes, content: bytes, order: str = "<") -> bytes:
    return kind + struct.pack(order + "I", len(content)) + content + bytes(len(content) % 2)


def atom(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def tag(content: bytes) -> bytes:
    """An ID3 tag with a cover picture."""
    frame = b"\0image/jpeg\0\x03\0\xff\xd8\xff\xe0" + content
    body = b"APIC" + struct.pack(">I", len(frame)) + b"\0\0" + frame
    return b"ID3\x03\0\0" + bytes(len(body) >> shift & 127 for shift in (21, 14, 7, 0)) + body


NOISE = np.random.default_rng(0).integers(0, 256, 20_001).astype(np.uint8).tobytes()
OLD_TAG = b"TAG" + b"My talk".ljust(125, b"\0")
TRAILING: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "wav, list": ("wav", lambda data: chunk(b"LIST", b"INFOINAM" + struct.pack("<I", 5) + b"Talk\0\0")),
    "wav, tag": ("wav", lambda data: chunk(b"id3 ", tag(NOISE))),
    "wav, a whole wav in a chunk": ("wav", lambda data: chunk(b"note", data)),
    "aiff, tag": ("aiff", lambda data: chunk(b"ID3 ", tag(NOISE), ">")),
    "aiff, a whole aiff in a chunk": ("aiff", lambda data: chunk(b"APPL", data, ">")),
    "m4a, room": ("m4a", lambda data: atom(b"free", bytes(100)) + atom(b"skip", bytes(100))),
    "m4a, a whole m4a in an atom": ("m4a", lambda data: atom(b"free", data)),
    "mp4, random access": ("mp4 in fragments", lambda data: atom(b"free", data)),
    "mkv, room": ("mkv", lambda data: b"\xec\x84" + bytes(4)),
    "mkv, a whole mkv in padding": (
        "mkv", lambda data: b"\xec\x01" + struct.pack(">Q", len(data))[1:] + data,
    ),
    "mp3, old tag": ("mp3", lambda data: OLD_TAG),
    "mp3, a tag with nothing behind it": ("mp3", lambda data: tag(NOISE)),
    "flac, old tag": ("flac", lambda data: OLD_TAG),
} | {
    f"{kind}, {what}": (kind, lambda data, more=more: more)
    for kind in ("wav", "wav of 64 bits", "aiff", "m4a", "mkv", "ogg", "avi", "flac", "caf", "mp3")
    for what, more in (("zeros", bytes(3001)), ("noise", NOISE), ("old tag", OLD_TAG))
}  # fmt: skip


@pytest.mark.parametrize(("kind", "trailing"), TRAILING.values(), ids=TRAILING)
def test_what_stands_behind_a_recording_makes_it_no_joined_one(
    tmp_path: Path, kind: str, trailing: Callable[[bytes], bytes]
) -> None:
    data = write(tmp_path, kind)
    path = join(tmp_path / "talk", data, trailing(data))
    assert joined.divide(path, name_of(path)) == []


@pytest.mark.parametrize("between", [bytes(700), NOISE, OLD_TAG], ids=["zeros", "noise", "old tag"])
@pytest.mark.parametrize("kind", ["wav", "aiff", "m4a", "mkv", "ogg", "avi", "w64", "caf", "mp3"])
def test_what_stands_between_recordings_hides_none(tmp_path: Path, kind: str, between: bytes) -> None:
    parts = [write(tmp_path, kind, pitch=pitch) for pitch in PITCHES]
    path = join(tmp_path / "talk", parts[0], between, parts[1], between, parts[2])
    found = decode(path)
    assert found.seconds == pytest.approx(3, abs=0.3)
    for number, pitch in enumerate(PITCHES):
        middle = found.samples[round((number + 0.4) * RATE) : round((number + 0.9) * RATE)]
        assert np.abs(np.fft.rfft(middle)).argmax() * 2 == pytest.approx(pitch, abs=4)


@pytest.mark.parametrize("kind", ["wav", "aiff", "flac", "mkv", "avi", "caf", "w64"])
def test_a_recording_behind_one_that_was_cut_off_is_heard(tmp_path: Path, kind: str) -> None:
    # The sizes of the first one lead into the middle of the second, or behind it.
    first, second = write(tmp_path, kind), write(tmp_path, kind, 22_050, "stereo", 880)
    path = join(tmp_path / "talk", first[: len(first) * 2 // 3], second)
    spectrum = np.abs(np.fft.rfft(decode(path).samples[-round(0.6 * RATE) : -round(0.1 * RATE)]))
    assert spectrum.argmax() * 2 == pytest.approx(880, abs=4)


def test_a_pad_byte_that_was_left_out_hides_no_recording(tmp_path: Path) -> None:
    first = write(tmp_path, "wav")
    at = first.index(b"data")
    odd = first[: at + 4] + struct.pack("<I", len(first) - at - 9) + first[at + 8 : -1]
    hear(join(tmp_path / "a.wav", odd, write(tmp_path, "wav", pitch=880)), 2)


@pytest.mark.parametrize("size", [0, 100, 90_000, 3_000_000])
def test_cover_pictures_between_mp3_files_shift_no_time(tmp_path: Path, size: int) -> None:
    # FFmpeg takes a part of the picture for frames, and its length for time.
    cover = tag(np.random.default_rng(1).integers(0, 256, size).astype(np.uint8).tobytes())
    parts = [cover + write(tmp_path, "mp3 without tags", pitch=pitch) for pitch in PITCHES]
    hear(join(tmp_path / "talk.mp3", *parts))


def test_tags_between_the_frames_of_a_stream_change_no_sample(tmp_path: Path) -> None:
    # Property: a frame may need the bits of the frames before the tag; the first recording need not have one.
    data = write(tmp_path, "mp3 without tags")
    pieces, at = [], 0
    for place in (len(data) // 3, len(data) * 2 // 3):
        frame = data.index(data[:2], place)
        pieces.append(data[at:frame])
        at = frame
    plain = decode(join(tmp_path / "plain.mp3", data))
    tagged = decode(join(tmp_path / "tagged.mp3", tag(NOISE).join([*pieces, data[at:]])))
    assert plain.damaged == tagged.damaged == 0
    assert np.array_equal(plain.samples, tagged.samples)


def test_the_header_of_a_stream_may_stand_before_each_segment(tmp_path: Path) -> None:
    # Property: the clock of the segments goes on, so that no silence is heard between them.
    container = "mp4"
    path = tmp_path / "whole"
    tone = (0.3 * np.sin(2 * np.pi * 440 * np.arange(6 * RATE) / RATE)).astype(np.float32)
    options = {"movflags": "empty_moov+default_base_moof", "frag_duration": "2000000"}
    with av.open(str(path), "w", format=container, options=options) as file:
        stream: Any = file.add_stream("aac", rate=RATE)
        stream.layout = "mono"
        resampler = av.AudioResampler(stream.codec_context.format, "mono", RATE, frame_size=1024)
        frame = av.AudioFrame.from_ndarray(tone[None], format="fltp", layout="mono")
        frame.sample_rate = RATE
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    data, atoms = path.read_bytes(), []
    while data:
        size = int.from_bytes(data[:4], "big")
        atoms.append(data[:size])
        data = data[size:]
    header, pairs = atoms[0] + atoms[1], [atoms[n] + atoms[n + 1] for n in range(2, len(atoms) - 1, 2)]
    assert len(pairs) == 3
    assert all(pair[4:8] == b"moof" for pair in pairs)
    found = decode(join(tmp_path / "talk.mp4", *(header + pair for pair in pairs)))
    assert found.seconds == pytest.approx(6, abs=0.2)
    quiet = np.abs(found.samples[: len(found.samples) // 800 * 800].reshape(-1, 800)).max(axis=1) < 0.1
    assert quiet[1:-3].sum() == 0


def test_a_recording_that_cannot_be_read_fails_with_its_number(tmp_path: Path) -> None:
    # Property: an hour is not lost without a word; a stump, where the file was cut off, costs only itself.
    first, broken = write(tmp_path, "mp4"), atom(b"ftyp", b"isom\0\0\2\0isomiso2")
    with pytest.raises(
        ItemError,
        match=r"^talk\.mp4 holds 3 recordings, one after the other, and nothing of number 2 can be.*Give",
    ):
        decode(join(tmp_path / "talk.mp4", first, broken + atom(b"mdat", bytes(STUMP)), first))
    found = decode(join(tmp_path / "talk.mp4", first, broken + atom(b"mdat", bytes(1000)), first))
    assert (found.damaged, found.seconds) == (1, pytest.approx(2, abs=0.2))


@pytest.mark.parametrize("kind", ["wav", "m4a", "mkv", "ogg", "flac", "avi", "mp3"])
def test_damaged_bytes_leave_each_byte_of_the_sound_in_one_recording(tmp_path: Path, kind: str) -> None:
    generator = np.random.default_rng(2)
    whole = b"".join(write(tmp_path, kind, pitch=pitch) for pitch in PITCHES)
    name = name_of(join(tmp_path / "talk", whole))
    for _ in range(200):
        data = bytearray(whole)
        for place in generator.integers(0, len(data), 30):
            data[place] = generator.integers(0, 256)
        del data[generator.integers(len(data) // 2, len(data)) :]
        parts = joined.divide(join(tmp_path / "talk", bytes(data)), name)
        spans = [span for part in parts for span in part]
        assert not spans or (spans[0].start, spans[-1].end) == (0, len(data))
        for before, after in itertools.pairwise(spans):
            assert before.start < before.end <= after.start
            assert before.end == after.start or kind == "mp3"


def test_a_downloaded_film_of_several_recordings_keeps_its_bytes(tmp_path: Path) -> None:
    # Its sound cannot be copied as one stream; before, all but the first recording was lost.
    film = join(tmp_path / "film.mp4", *(write(tmp_path, "mp4", pitch=pitch) for pitch in PITCHES))
    hear(tmp_path / sound.keep_sound(film, tmp_path))
