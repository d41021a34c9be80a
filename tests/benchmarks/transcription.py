"""Transcription beside what the forerunners did and beside faster-whisper's own batches.

Run from the root: python -m tests.benchmarks.transcription [--threads 2] [--rounds 3]
Two ratios on the demo's talks, each the median of the rounds, in which the two sides take turns:
(a) 20 files of 15 s through the stage, beside one process of faster-whisper for each file;
(b) the ten talks as one file through this engine, beside faster-whisper's own batched pipeline with the same model,
beam, batch and threads; and the word error rate of both against the truth.
"""

import argparse
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from pathlib import Path

from stages.core import embedded
from stages.speech import faster_whisper_engine
from stages.speech.audio import RATE, decode, open_recording
from stages.speech.scoring import _tokens as tokens
from stages.speech.scoring import align_words
from tests.benchmarks.long_recording import TALKS, join_talks, run_stage

ONE_FILE = """
import json, sys
from faster_whisper import WhisperModel
model, media, out, threads = sys.argv[1:]
whisper = WhisperModel(model, "cpu", compute_type="int8", cpu_threads=int(threads))
segments, _ = whisper.transcribe(media, language="en", beam_size=5, temperature=0.0, vad_filter=True,
    word_timestamps=True, condition_on_previous_text=False)
json.dump([[word.word, word.start, word.end] for segment in segments for word in segment.words], open(out, "w"))
"""


def measure(work: Callable[[], object]) -> tuple[float, float, object]:
    """Wall and CPU seconds of a piece of work, its processes included, and what it returned."""

    def cpu() -> float:
        both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(usage.ru_utime + usage.ru_stime for usage in both)

    wall, used = time.perf_counter(), cpu()
    result = work()
    return time.perf_counter() - wall, cpu() - used, result


def compare(
    name: str, ours: Callable[[], object], theirs: Callable[[], object], rounds: int
) -> tuple[object, object]:
    """Print the median seconds of both and their ratio; return what the last round gave."""
    taken = []
    for number in range(rounds):
        order = (ours, theirs) if number % 2 else (theirs, ours)  # the first one finds a colder machine
        found = {work: measure(work) for work in order}
        taken.append((found[ours], found[theirs]))
    wall, cpu = ([[side[kind] for side in pair] for pair in taken] for kind in (0, 1))
    medians = [[statistics.median(column) for column in zip(*kind, strict=True)] for kind in (wall, cpu)]
    (a, b), (c, d) = medians
    print(
        f"{name}: {a:.1f} s beside {b:.1f} s, {b / a:.2f} times the speed; "
        f"CPU {c:.1f} s beside {d:.1f} s, {d / c:.2f} times"
    )
    return taken[-1][0][2], taken[-1][1][2]


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

    def ours() -> None:
        scratch = folder / f"run{next(fresh)}"
        scratch.mkdir()
        run_stage("transcribe", media, scratch, ["transcribe.threads=" + str(threads)])

    def theirs() -> None:
        model = str(embedded.fetch("whisper_tiny_en"))
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

    compare("20 files of 15 s, the stage beside a process for each", ours, theirs, rounds)


def long_file(folder: Path, threads: int, rounds: int) -> None:
    """(b)"""
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    seconds = join_talks(TALKS, folder / "long.mp3", float("inf"))
    listen = faster_whisper_engine.load(
        model="embedded",
        language="en",
        beam_size=5,
        batch_size=8,
        vad=True,
        initial_prompt=None,
        hotwords=None,
        compute_type="int8",
        device="cpu",
        threads=threads,
    )
    whisper = WhisperModel(
        str(embedded.fetch("whisper_tiny_en")), "cpu", compute_type="int8", cpu_threads=threads
    )
    pipeline = BatchedInferencePipeline(whisper)

    def ours() -> str:
        with open_recording(folder / "long.mp3") as recording:
            return " ".join(word.text for word in listen(recording).words)

    def theirs() -> str:
        segments, _ = pipeline.transcribe(
            decode(folder / "long.mp3").samples,
            language="en",
            beam_size=5,
            batch_size=8,
            temperature=0.0,
            word_timestamps=True,
            condition_on_previous_text=False,
        )
        return " ".join(segment.text.strip() for segment in segments)

    def warm_up() -> None:
        """Let both load their libraries and their weights before the clock starts."""
        with open_recording(TALKS[0]) as recording:
            listen(recording)
            pipeline_segments, _ = pipeline.transcribe(recording.read(0, len(recording)), language="en")
            list(pipeline_segments)

    warm_up()
    name = f"one file of {seconds / 60:.1f} min, beside faster-whisper's own batches"
    texts = compare(name, ours, theirs, rounds)
    turns = [
        (turn["text"], turn["speaker"])
        for talk in TALKS
        for turn in sorted(
            json.loads(talk.with_suffix(".truth.json").read_text(encoding="utf-8"))["turns"],
            key=lambda turn: turn["start"],
        )
    ]
    spoken = tokens(turns, "en")
    for side, text in zip(("ours", "theirs"), texts, strict=True):
        errors, _ = align_words(spoken, tokens([(str(text), "")], "en"))
        print(f"WER {side}: {errors / len(spoken):.4f} ({errors} of {len(spoken)} words)")


def main() -> None:
    """Print both ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{arguments.threads} threads, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for work in (short_files, long_file):
        with tempfile.TemporaryDirectory() as scratch:
            work(Path(scratch), arguments.threads, arguments.rounds)


if __name__ == "__main__":
    main()
