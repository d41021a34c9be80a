"""What `compute.instructions: portable` costs: the CPU time of each kind of work, against that of native ones.

Run: python -m tests.benchmarks.instructions [--rounds 3]        (from the root of the repository)
Does the work of each stage on little data with the demo's models, each choice in a process of its own, by turns. Prints
the median CPU seconds of both and their ratio. Loading is not counted. Each process has two threads.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from pathlib import Path

from lectern.core import instructions

ROOT = Path(__file__).parents[2]
TALK = ROOT / "data/sources/demo/talk-01-seeds.mp3"
SECONDS = 60
RATE = 16_000
WORDS = (
    "We keep the raw files and never change them, since a row that was made by hand cannot be made again. "
)


def prepare_work() -> dict[str, Callable[[], object]]:
    """Load every model; return the work of each stage by its name."""
    import numpy as np
    import torch

    from lectern.core.item import use_one_blas_thread
    from lectern.core.schema import TokenRow
    from lectern.formats import audio
    from lectern.models import embeddings, generation, integer_layers, likelihood, loading
    from lectern.settings.base_model import BaseModelSettings
    from lectern.settings.train import Train
    from lectern.speech import bundled_engine, faster_whisper_engine
    from lectern.training import sft
    from tests.settings import configure, defaults
    from tests.support.made_up_rows import row

    use_one_blas_thread()
    torch.set_num_threads(instructions.THREADS)
    sound = audio.decode(TALK).samples[: SECONDS * RATE]
    whisper = faster_whisper_engine.load_model("embedded", "cpu", "int8", instructions.THREADS)
    diarize = bundled_engine.load_engine(
        device="cpu",
        threads=1,
        batch_size=8,
        step=2.5,
        embed_every=2,
        threshold=0.6,
        min_embedding=1.5,
        min_share=0.01,
        min_speakers=1,
        max_speakers=8,
        fill_gap=0.5,
        min_turn=0.2,
    )
    base = defaults(BaseModelSettings)
    tokenizer, model, judge = loading.get_tokenizer(base), loading.get_model(base), loading.get_model(base)
    integer_layers.quantise(judge.model)
    prompts = [tokenizer(WORDS * count)["input_ids"] for count in (1, 2, 3, 4)]
    rows = [
        TokenRow(
            id=str(number),
            example=str(number),
            input_ids=(prompts[3] * 2)[:128],
            assistant_masks=[int(place > 40) for place in range(len((prompts[3] * 2)[:128]))],
            provenance=row("Why?", "Because.").provenance,
        )
        for number in range(8)
    ]

    def answer(answering: object) -> object:
        return generation.answer(answering, prompts, max_new_tokens=24, stop=set(), pad=0, batch_size=4)

    def train() -> None:
        with tempfile.TemporaryDirectory() as folder:
            chosen = configure(
                Train, epochs=1, batch_size=4, gradient_accumulation=1, early_stopping=None, keep="last"
            )
            sft.tune(base, rows, [], Path(folder), chosen)

    def hear() -> None:
        for first in range(0, len(sound), 30 * RATE):
            list(whisper.transcribe(sound[first : first + 30 * RATE], beam_size=5, temperature=0.0)[0])

    def find_speakers() -> None:
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            with wave.open(file, "wb") as written:
                written.setparams((1, 2, RATE, len(sound), "NONE", ""))
                written.writeframes((sound * 32_767).astype("<i2").tobytes())
            diarize("talk", Path(file.name))

    def measure() -> None:
        likelihood.negative_log_likelihoods(
            model, [(ids, [1] * len(ids)) for ids in prompts * 2], pad=0, batch_size=8
        )

    texts = [f"{WORDS * (1 + number % 4)} {number}" for number in range(100)]
    spectra = np.random.default_rng(0).standard_normal((600, 384)).astype(np.float32)
    return {
        f"transcribe: {SECONDS} s of speech": hear,
        f"diarize: {SECONDS} s of speech": find_speakers,
        "curate, retrieve, score: 100 embeddings": lambda: embeddings.embed(texts),
        "train: 2 steps of 4 rows of 128 tokens": train,
        "generate, episodes: 4 answers of 24 tokens": lambda: answer(model),
        "forget, score: likelihood of 8 texts": measure,
        "judge: 4 replies of 24 tokens, in 8-bit integers": lambda: answer(judge),
        "NumPy: products and functions": lambda: [np.exp(spectra @ spectra.T / 384) for _ in range(20)],
    }


def measure_here() -> dict[str, float]:
    """CPU seconds of each work in this process, after it was done once."""
    taken = {}
    for name, do in prepare_work().items():
        do()
        began = time.process_time()
        do()
        taken[name] = time.process_time() - began
    return taken


def measure_apart(choice: str) -> dict[str, float]:
    """The same in a process with these instructions."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(instructions.THREADS), instructions.CHOSEN: choice}
    command = [sys.executable, "-m", "tests.benchmarks.instructions", "--here"]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    taken: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return taken


def main(rounds: int) -> None:
    """Measure by turns, and print the table."""
    taken = [{choice: measure_apart(choice) for choice in instructions.CHOICES} for _ in range(rounds)]
    print(f"{'CPU seconds (median)':50}{'portable':>10}{'native':>10}{'ratio':>8}")
    for name in taken[0]["native"]:
        portable, native = (
            statistics.median(one[choice][name] for one in taken) for choice in instructions.CHOICES
        )
        print(f"{name:50}{portable:10.2f}{native:10.2f}{portable / native:8.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.here:
        instructions.choose(os.environ[instructions.CHOSEN])
        print(json.dumps(measure_here()))
    else:
        main(asked.rounds)
