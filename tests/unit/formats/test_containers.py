"""Recordings that are none: scripts and playlists under the name of a recording, and files that claim to be endless."""

import shutil
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from lectern.core.errors import ItemError
from lectern.formats import audio
from lectern.sources import sound


def write_wav(path: Path, rate: int, samples: int) -> Path:
    """Silence, with a header that says this rate."""
    size = 2 * samples
    path.write_bytes(
        struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE")
        + struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
        + struct.pack("<4sI", b"data", size)
        + bytes(size)
    )  # fmt: skip
    return path


SCRIPTS = {
    "concat": "ffconcat version 1.0\nfile secret.wav\n",
    "concat with its protocol": "ffconcat version 1.0\nfile 'file:secret.wav'\n",
    "playlist": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nsecret.wav\n#EXT-X-ENDLIST\n",
    "playlist of a site": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    "streams": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet '
    'mimeType="audio/mp4"><Representation id="1" bandwidth="1"><BaseURL>secret.wav</BaseURL></Representation>'
    "</AdaptationSet></Period></MPD>",
    "pictures of text": "hello\n" * 100,
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
@pytest.mark.parametrize("suffix", [".mp3", ".wav", ".m4a", ".mp4", ".aac"])
def test_a_script_or_playlist_opens_no_other_file(tmp_path: Path, script: str, suffix: str) -> None:
    write_wav(tmp_path / "secret.wav", 16_000, 160_000)
    (tmp_path / f"talk{suffix}").write_text(script)
    with pytest.raises(ItemError, match=rf"^talk\{suffix} (cannot be read as audio|holds no )"):
        audio.decode(tmp_path / f"talk{suffix}")
    with pytest.raises(ItemError, match="not a recording"):
        sound.duration(tmp_path / f"talk{suffix}")


def test_ffmpeg_itself_would_follow_the_script(tmp_path: Path) -> None:
    # what the tests above are about: without the options the other file is decoded
    write_wav(tmp_path / "secret.wav", 16_000, 160_000)
    (tmp_path / "talk.mp3").write_text(SCRIPTS["concat"])
    with av.open(str(tmp_path / "talk.mp3")) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) == 160_000


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.ac3", "ac3"), ("a.aif", "pcm_s16be"), ("a.avi", "pcm_s16le"), ("a.caf", "pcm_s16le"), ("a.flac", "flac"),
        ("a.flv", "aac"), ("a.mka", "pcm_s16le"), ("a.mkv", "pcm_s16le"), ("a.mov", "aac"), ("a.mpg", "mp2"),
        ("a.ogg", "libopus"), ("a.opus", "libopus"), ("a.ts", "aac"), ("a.w64", "pcm_s16le"),
        ("a.webm", "libopus"), ("a.wma", "wmav2"),
        ("a.aac", "aac"), ("a.au", "pcm_s16be"),
    ],
)  # fmt: skip
def test_every_container_of_sound_is_still_read_under_any_suffix(
    tmp_path: Path, name: str, codec: str
) -> None:
    path = tmp_path / name
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=48_000)
        stream.layout = "stereo"
        stream.bit_rate = 128_000
        tone = np.sin(np.arange(48_000) / 20).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.tile(tone, (2, 1)), format="fltp", layout="stereo")
        frame.sample_rate = 48_000
        resampler = av.AudioResampler(format=stream.format, layout="stereo", rate=48_000, frame_size=1024)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    assert audio.decode(path).seconds == pytest.approx(1.0, abs=0.15)
    shutil.copy(path, tmp_path / "other.mp3")
    assert audio.decode(tmp_path / "other.mp3").seconds == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize("rate", [1, 100, 1_999, 800_000, 2_000_000_000])
def test_a_rate_that_no_recorder_has_is_refused_before_it_is_decoded(tmp_path: Path, rate: int) -> None:
    with pytest.raises(ItemError, match=rf"^a\.wav has {rate} samples a second; 2,000 to 768,000 are read"):
        audio.decode(write_wav(tmp_path / "a.wav", rate, 100_000))


@pytest.mark.parametrize("rate", [8_000, 384_000])
def test_a_rate_that_recorders_have_is_read(tmp_path: Path, rate: int) -> None:
    assert audio.decode(write_wav(tmp_path / "a.wav", rate, rate)).seconds == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(("suffix", "allowed"), [(".wav", 1), (".mp3", 2), (".aac", 2)])
def test_what_says_that_it_is_too_long_is_not_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, allowed: int
) -> None:
    # Property: an estimate is doubted up to twice the limit, a stated length is not, and the limit itself is allowed.
    source = write_wav(tmp_path / "a.wav", 8_000, 80_000)
    path = source
    if suffix != ".wav":
        path = tmp_path / f"b{suffix}"
        with av.open(str(source)) as read, av.open(str(path), "w") as container:
            stream = container.add_stream("libmp3lame" if suffix == ".mp3" else "aac", rate=8_000)
            for frame in read.decode(audio=0):
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        stated = container.duration / 1_000_000
    decoded: list[object] = []
    real = audio.Mixer.add
    monkeypatch.setattr(audio.Mixer, "add", lambda mixer, frame: (decoded.append(0), real(mixer, frame)))
    monkeypatch.setattr(audio, "MOST_HOURS", stated / 3600 / allowed * 0.99)
    with pytest.raises(ItemError, match="is longer than"):
        audio.decode(path)
    assert not decoded
    monkeypatch.setattr(audio, "MOST_HOURS", stated / 3600 / allowed * 1.01)
    if allowed == 1:
        audio.decode(path)
    else:
        with pytest.raises(ItemError, match="is longer than"):
            audio.decode(path)
    assert decoded


def test_a_recording_of_days_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio, "MOST_HOURS", 0.002)  # 7.2 s
    assert audio.decode(write_wav(tmp_path / "a.wav", 8_000, 56_000)).seconds == pytest.approx(7, abs=0.01)
    decoded: list[object] = []
    real = audio.Mixer.add
    monkeypatch.setattr(audio.Mixer, "add", lambda mixer, frame: (decoded.append(0), real(mixer, frame)))
    with pytest.raises(ItemError, match=r"^b\.wav is longer than 0\.002 hours\. Divide it"):
        audio.decode(write_wav(tmp_path / "b.wav", 8_000, 80_000))
    assert not decoded, "it says its length itself"
    # one whose length is an estimate is decoded as far as it may be
    tone = write_wav(tmp_path / "tone.wav", 8_000, 80_000)
    with av.open(str(tone)) as source, av.open(str(tmp_path / "c.mp3"), "w") as container:
        stream = container.add_stream("libmp3lame", rate=8_000)
        for frame in source.decode(audio=0):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(ItemError, match=r"^c\.mp3 is longer than"):
        audio.decode(tmp_path / "c.mp3")
    assert decoded
