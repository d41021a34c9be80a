"""Score 10,000 made-up predictions and say how long each part took.

Run: OMP_NUM_THREADS=2 taskset -c 0,1 python -m tests.benchmarks.scoring [questions]

5,000 questions by default, which base and tuned answer: true answers of about 40 words, drawn from the repository's
own pages, answers that take over a part of them, and a training split of 2,000 rows.
"""

import json
import random
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from lectern.core import io
from lectern.core.schema import Example, Message, Prediction, Provenance, example_id
from lectern.evaluation import copying, health, measuring, overlap, rouge, summary
from lectern.settings.score import Score
from stages import score
from tests.settings import configure

QUESTIONS = 5000
TRAINING_ROWS = 2000
PARTS = {
    "index the training answers": (copying, "index"),
    "copying and health of each text": (measuring, "_measure_alone"),
    "ROUGE": (rouge, "score_rows"),
    "chrF": (overlap, "count_chrf"),
    "BLEU": (overlap, "count_bleu"),
    "figures and intervals": (summary, "summarise"),
    "episodes": (health, "summarise_episodes"),
}
ROOT = Path(__file__).parents[2]
WORD = re.compile(r"\b[A-Za-z]{1,12}\b")


def main(questions: int) -> None:
    """Write the data into a temporary folder, score it, print seconds by part."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_data(root / "data", questions)
        seconds = dict.fromkeys(PARTS, 0.0)
        began = time.perf_counter()
        with timed(seconds):
            score.main(configure(Score), root / "data", root / "metrics")
        whole = time.perf_counter() - began
        found = json.loads((root / "metrics/scores.json").read_text())
    for name, taken in seconds.items():
        print(f"{name:34}{taken:7.1f} s")
    rest = whole - sum(seconds.values())
    print(f"{'waiting for embeddings, files':34}{rest:7.1f} s")
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(one.ru_utime + one.ru_stime for one in usage)
    print(f"{f'{2 * questions:,} predictions in':34}{whole:7.1f} s, {cpu:.1f} s of CPU")
    print("similarity", found["difference"]["similarity"])


def write_data(data: Path, questions: int) -> None:
    """Predictions, a training split and empty episodes, as the stages before `score` leave them."""
    draw = random.Random(0)
    words = [word for page in sorted(ROOT.glob("*.md")) for word in WORD.findall(page.read_text())]

    def say(count: int) -> str:
        said = draw.choices(words, k=count)
        return " ".join(word + "." * (place % 14 == 13) for place, word in enumerate(said)) + "."

    true = [say(draw.randint(25, 55)) for _ in range(questions)]
    for name, share in (("base", 0.2), ("tuned", 0.4)):
        rows = [
            answer(place, reference, mix(draw, reference, say(draw.randint(25, 55)), share))
            for place, reference in enumerate(true)
        ]
        io.write_jsonl(data / f"predictions/{name}.jsonl", rows)
        io.write_jsonl(data / f"episodes/{name}.jsonl", [])
    training = [example(f"question {place}", say(40)) for place in range(TRAINING_ROWS)]
    io.write_jsonl(data / "splits/train.jsonl", training)


def mix(draw: random.Random, reference: str, other: str, share: float) -> str:
    """`other`, in which about `share` of the words are the reference's."""
    pairs = zip(other.split(), reference.split(), strict=False)
    return " ".join(b if draw.random() < share else a for a, b in pairs)


def answer(place: int, reference: str, said: str) -> Prediction:
    """One contestant's answer to question `place`."""
    messages = [Message(role="user", content=f"question {place}")]
    return Prediction(
        id=f"{place:016x}",
        set="held_out",
        messages=messages,
        reference=reference,
        prediction=said,
        finished=True,
        nll=3.0 * len(reference.split()),
        tokens=len(reference.split()),
        provenance=Provenance(item=f"talk-{place % 100}", start=float(place), method="made_up"),
    )


def example(question: str, said: str) -> Example:
    """One row of the training split."""
    messages = [Message(role="user", content=question), Message(role="assistant", content=said)]
    return Example(
        id=example_id(messages), messages=messages, provenance=Provenance(item="talk", method="made_up")
    )


@contextmanager
def timed(seconds: dict[str, float]) -> Iterator[None]:
    """Add to `seconds` what each of PARTS takes."""
    with ExitStack() as stack:
        for part, (module, name) in PARTS.items():
            stack.enter_context(
                mock.patch.object(module, name, clocked(part, getattr(module, name), seconds))
            )
        yield


def clocked(part: str, function: Callable[..., Any], seconds: dict[str, float]) -> Callable[..., Any]:
    """`function`, whose time is added to `seconds`."""

    def call(*args: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*args, **options)
        finally:
            seconds[part] += time.perf_counter() - began

    return call


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else QUESTIONS)
