"""What naming the terms of a subject does to a transcript: word errors in all, and in the terms alone.

Run from the root: python -m tests.benchmarks.hotwords [--model DIRECTORY]
The ten talks of the demo are heard without `transcribe.hotwords` and with those of conf/transcribe/talks.yaml. A term
is counted as heard if it stands in the transcript where it was said. --model names another Whisper model for
CTranslate2.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import jiwer
import yaml

from lectern.evaluation.speech import normalise_words
from lectern.formats.audio import open_recording
from lectern.speech import faster_whisper_engine

TALKS = Path("data/sources/demo")


def hear(model: str, hotwords: str | None) -> tuple[dict[str, list[str]], float]:
    """The words heard in each talk, normalised, and the CPU seconds that this took."""
    chosen: dict[str, Any] = {
        "language": "en",
        "beam_size": 5,
        "batch_size": 8,
        "vad": True,
        "initial_prompt": None,
    }
    listen = faster_whisper_engine.load(
        model=model, hotwords=hotwords, compute_type="int8", device="cpu", threads=1, **chosen
    )
    began, heard = time.process_time(), {}
    for media in sorted(TALKS.glob("*.mp3")):
        with open_recording(media) as recording:
            words = listen(recording).words
        text = " ".join(word.text for word in words)
        heard[media.stem] = [token.text for token in normalise_words([(text, "")], "en")]
    return heard, time.process_time() - began


def count(heard: dict[str, list[str]], terms: set[str]) -> tuple[int, int, int, int]:
    """Word errors and words; and of the terms, how many were missed and how many were said."""
    errors = words = missed = said = 0
    for name, hypothesis in heard.items():
        turns = json.loads((TALKS / f"{name}.truth.json").read_text(encoding="utf-8"))["turns"]
        told = sorted(turns, key=lambda turn: turn["start"])
        reference = [token.text for token in normalise_words([(turn["text"], "") for turn in told], "en")]
        result = jiwer.process_words(" ".join(reference), " ".join(hypothesis))
        errors += result.substitutions + result.deletions + result.insertions
        words += len(reference)
        said += sum(word in terms for word in reference)
        missed += sum(
            word in terms
            for chunk in result.alignments[0]
            if chunk.type in ("substitute", "delete")
            for word in reference[chunk.ref_start_idx : chunk.ref_end_idx]
        )
    return errors, words, missed, said


def main() -> None:
    """Print a line for each choice."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="embedded")
    model = parser.parse_args().model
    hotwords = yaml.safe_load(Path("conf/transcribe/talks.yaml").read_text(encoding="utf-8"))["hotwords"]
    terms = {token.text for token in normalise_words([(hotwords, "")], "en")}
    for name, given in (("without hotwords", None), ("with them", hotwords)):
        heard, seconds = hear(model, given)
        errors, words, missed, said = count(heard, terms)
        print(
            f"{name}: {errors / words:.2%} of {words} words wrong, {missed / said:.1%} of {said} terms missed "
            f"({missed}), {seconds:.0f} CPU s",
            flush=True,
        )


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    main()
