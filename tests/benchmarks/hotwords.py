"""What naming the terms of a subject does to a transcript: word errors, missed terms, full stops.

Run from the root: python -m tests.benchmarks.hotwords [--model DIRECTORY]
The ten talks of the demo are heard without help, with a bare list of terms as `transcribe.hotwords`, and with the
sentences of conf/transcribe/talks.yaml as `transcribe.initial_prompt`. A term is counted as heard if it stands in the
transcript where it was said. The sentences were chosen among four on these same ten talks. --model names another
Whisper model for CTranslate2.
"""

import argparse
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import jiwer
import yaml

from lectern.evaluation.speech import normalise_words
from lectern.formats.audio import open_recording
from lectern.speech import faster_whisper_engine

TALKS = Path("data/sources/demo")
CONF = Path("conf/transcribe/talks.yaml")
END = re.compile(r"[.?!]")


TERMS = (
    "seed, checkpoint, data set, raw data, raw files, rows, split, baseline, metric, gradient, commit, hash, "
    "container, pipeline, stage, cache, grid, sweep, runs, label, annotator, judge, notebook"
)


def hear(model: str, prompt: str | None, hotwords: str | None) -> tuple[dict[str, str], float]:
    """The text heard in each talk, and the CPU seconds that this took."""
    chosen: dict[str, Any] = {
        "language": "en",
        "beam_size": 5,
        "batch_size": 8,
        "vad": True,
        "initial_prompt": prompt,
    }
    listen = faster_whisper_engine.load(
        model=model, hotwords=hotwords, compute_type="int8", device="cpu", threads=1, **chosen
    )
    began, heard = time.process_time(), {}
    for media in sorted(TALKS.glob("*.mp3")):
        with open_recording(media) as recording:
            heard[media.stem] = " ".join(word.text for word in listen(recording).words)
    return heard, time.process_time() - began


def normal(text: str) -> list[str]:
    """The words as they are compared."""
    return [token.text for token in normalise_words([(text, "")], "en")]


def compare(heard: dict[str, str]) -> str:
    """Word errors of all words, how many of the terms were missed, and the ends of sentences against the truth's."""
    terms = set(normal(TERMS))
    errors = words = missed = said = stops = ends = 0
    for name, text in heard.items():
        turns = json.loads((TALKS / f"{name}.truth.json").read_text(encoding="utf-8"))["turns"]
        told = " ".join(turn["text"] for turn in sorted(turns, key=lambda turn: turn["start"]))
        reference = normal(told)
        result = jiwer.process_words(" ".join(reference), " ".join(normal(text)))
        errors += result.substitutions + result.deletions + result.insertions
        words += len(reference)
        stops, ends = stops + len(END.findall(text)), ends + len(END.findall(told))
        said += sum(word in terms for word in reference)
        missed += sum(
            word in terms
            for chunk in result.alignments[0]
            if chunk.type in ("substitute", "delete")
            for word in reference[chunk.ref_start_idx : chunk.ref_end_idx]
        )
    return (
        f"{errors / words:.2%} of {words} words wrong, {missed / said:.1%} of {said} terms missed ({missed}), "
        f"{stops} ends of sentences for {ends}"
    )


def main() -> None:
    """Print a line for each choice."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="embedded")
    model = parser.parse_args().model
    sentences = yaml.safe_load(CONF.read_text(encoding="utf-8"))["initial_prompt"]
    for name, prompt, hotwords in (
        ("without help", None, None), ("with a list of terms", None, TERMS), ("with sentences", sentences, None)
    ):  # fmt: skip
        heard, seconds = hear(model, prompt, hotwords)
        print(f"{name}: {compare(heard)}, {seconds:.0f} CPU s", flush=True)


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    main()
