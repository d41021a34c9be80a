"""Transcription beside what the forerunners did and beside faster-whisper's own batches.

Run from the root: python -m tests.benchmarks.transcription [--threads 2] [--rounds 3]
Two ratios on the demo's talks, each of the fastest of the rounds (others' work only ever adds), which take turns:
(a) 20 files of 15 s through the stage, beside one process of faster-whisper for each file;
(b) the ten talks as one file through this engine, beside faster-whisper's own batched pipeline with the same model,
beam, batch and threads, each in a process of its own (of two models in one process, the second loaded is some 7 %
faster), without the loading; and the word error rate of both against the truth.
"""

import argparse
import functools
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lectern.evaluation.speech import align_words, normalise_words
from lectern.formats.audio import RATE, decode, open_recording
from lectern.models import bundled
from lectern.speech import faster_whisper_engine
from tests.benchmarks.long_recording import TALKS, join_talks, run_stage

CHOICES: dict[str, Any] = {
    "model": "embedded",
    "language": "en",
    "beam_size": 5,
    "batch_size": 8,
    "vad": True,
    "initial_prompt": None,
    "hotwords": None,
    "compute_type": "int8",
    "device": "cpu",
}
ONE_FILE = """
import json, sys
from faster_whisper import WhisperModel
model, media, out, threads = sys.argv[1:]
whisper = WhisperModel(model, "cpu", compute_type="int8", cpu_threads=int(threads))
segments, _ = whisper.transcribe(media, language="en", beam_size=5, temperature=0.0, vad_filter=True,
    word_timestamps=True, condition_on_previous_text=False)
json.dump([[word.word, word.start, word.end] for segment in segments for word in segment.words], open(out, "w"))
"""


Times = tuple[float, float]
"""Wall and CPU seconds."""


def clock() -> Times:
    """The time now, and the CPU time of this process and those it has waited for."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(usage.ru_utime + usage.ru_stime for usage in both)


def since(start: Times) -> Times:
    """What went by."""
    now = clock()
    return now[0] - start[0], now[1] - start[1]


def compare(name: str, ours: Callable[[], Times], theirs: Callable[[], Times], rounds: int) -> None:
    """Print the fewest seconds of both and their ratio."""
    taken: dict[Callable[[], Times], list[Times]] = {ours: [], theirs: []}
    for number in range(rounds):
        for work in (ours, theirs) if number % 2 else (theirs, ours):
            taken[work].append(work())
    (a, c), (b, d) = ([min(kind) for kind in zip(*taken[side], strict=True)] for side in (ours, theirs))
    print(
        f"{name}: {a:.1f} s beside {b:.1f} s, {b / a:.2f} times the speed; "
        f"CPU {c:.1f} s beside {d:.1f} s, {d / c:.2f} times"
    )


def short_files(folder: Path, threads: int, rounds: int) -> None:
    """(a)"""
    media = {}
    for number, talk in enumerate([talk for talk in TALKS for _ in range(2)]):
        samples = decode(talk).samples[(number % 2) * 40 * RATE :][: 15 * RATE]
        media[f"clip{number:02}"] = folder / f"clip{number:02}.wav"
        with wave.open(str(media[f"clip{number:02}"]), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes((samples * 32767).astype("<i2").tobytes())
    fresh = itertools.count()

    def ours() -> Times:
        start, scratch = clock(), folder / f"run{next(fresh)}"
        scratch.mkdir()
        run_stage("transcribe", media, scratch, ["transcribe.threads=" + str(threads)])
        return since(start)

    def theirs() -> Times:
        start = clock()
        model = str(bundled.fetch("whisper_tiny_en"))
        for path in media.values():
            command = [
                sys.executable,
                "-c",
                ONE_FILE,
                model,
                str(path),
                str(folder / "out.json"),
                str(threads),
            ]
            subprocess.run(command, check=True)
        return since(start)

    compare("20 files of 15 s, the stage beside a process for each", ours, theirs, rounds)


def listen_alone(side: str, media: Path, threads: int) -> str:
    """Transcribe in this process, after a warm-up; JSON with the seconds that went by and the text."""
    from faster_whisper import BatchedInferencePipeline

    if side == "ours":
        listen = faster_whisper_engine.load(**CHOICES, threads=threads)
    else:
        pipeline = BatchedInferencePipeline(
            faster_whisper_engine.load_model("embedded", "cpu", "int8", threads)
        )

    def hear(path: Path) -> str:
        if side == "ours":
            with open_recording(path) as recording:
                return " ".join(word.text for word in listen(recording).words)
        segments, _ = pipeline.transcribe(
            decode(path).samples,
            language="en",
            beam_size=5,
            batch_size=8,
            temperature=0.0,
            word_timestamps=True,
            condition_on_previous_text=False,
        )
        return " ".join(segment.text.strip() for segment in segments)

    hear(TALKS[0])
    start = clock()
    text = hear(media)
    return json.dumps([since(start), text])


def long_file(folder: Path, threads: int, rounds: int) -> None:
    """(b)"""
    media, texts = folder / "long.mp3", {}
    seconds = join_talks(TALKS, media, float("inf"))

    def run(side: str) -> Times:
        command = [
            sys.executable,
            "-m",
            __spec__.name,
            "--threads",
            str(threads),
            "--alone",
            side,
            str(media),
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        (wall, cpu), texts[side] = json.loads(done.stdout)
        return wall, cpu

    name = f"one file of {seconds / 60:.1f} min, beside faster-whisper's own batches"
    compare(name, functools.partial(run, "ours"), functools.partial(run, "theirs"), rounds)
    turns = [
        (turn["text"], turn["speaker"])
        for talk in TALKS
        for turn in sorted(
            json.loads(talk.with_suffix(".truth.json").read_text(encoding="utf-8"))["turns"],
            key=lambda turn: turn["start"],
        )
    ]
    spoken = normalise_words(turns, "en")
    for side, text in sorted(texts.items()):
        errors, _ = align_words(spoken, normalise_words([(text, "")], "en"))
        print(f"WER {side}: {errors / len(spoken):.4f} ({errors} of {len(spoken)} words)")


def main() -> None:
    """Print both ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        print(listen_alone(arguments.alone[0], Path(arguments.alone[1]), arguments.threads))
        return
    print(f"{arguments.threads} threads, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for work in (short_files, long_file):
        with tempfile.TemporaryDirectory() as scratch:
            work(Path(scratch), arguments.threads, arguments.rounds)


if __name__ == "__main__":
    main()
