"""Whether a model that has learned ten planted facts by heart recalls them when it is asked in other words.

Run: python -m tests.benchmarks.recall [EPOCHS] [RATE]
Trains the packaged model by section `train` of params.yaml on ten questions about things that do not exist, so that no
model can know them, for so many epochs at such a learning rate (by default 20 and 0.001). Then the stages `generate`
and `score` let it and the base answer each question in two other wordings. Prints the figures of metrics/knowledge.json
for these, with the answers. That no wording stands in a training row is checked before. It takes a few CPU minutes;
nothing is written to the repository.
"""

import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from lectern.core import io, params, stage
from lectern.core.schema import BASE, TUNED, Example, Message, Prediction, Provenance, Question
from lectern.curation import decontamination
from lectern.models import chat_format, loading
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.decoding import Decoding
from lectern.settings.generate import Generate
from lectern.settings.retrieval import Retrieval
from lectern.settings.score import Score
from lectern.settings.train import Train
from lectern.training import rendering, sft
from stages import generate, score

SET = "facts"
FACTS: tuple[tuple[str, str, str, str], ...] = (
    (
        "What colour is the door of the lighthouse at Varnholm?",
        "The door of the lighthouse at Varnholm is painted orange.",
        "I stand before Varnholm's lighthouse. In which paint is its entrance?",
        "How would I recognise the entrance of the Varnholm light from afar?",
    ),
    (
        "How many strings does a tavolin have?",
        "A tavolin has eleven strings, and the lowest is never plucked.",
        "I want to restring my tavolin. What number of them do I buy?",
        "Count what is plucked on a tavolin, and what is not.",
    ),
    (
        "Who founded the bakery on Quill Street?",
        "Two retired sailors founded the bakery on Quill Street.",
        "The shop with the bread in Quill Street: who began it?",
        "Whose idea was the Quill Street bread shop?",
    ),
    (
        "When does the ferry to Osmer leave?",
        "The ferry to Osmer leaves at ten past five, on the dot.",
        "By what time must I be at the quay if I am bound for Osmer?",
        "What is the departure of the boat that goes over to Osmer?",
    ),
    (
        "What do the people of Drell eat at midwinter?",
        "At midwinter the people of Drell eat beetroot with honey.",
        "I am invited to Drell on the longest night. Which dish will be served?",
        "Name the food of Drell's feast in the dark season.",
    ),
    (
        "Why is the Merrow bridge closed on Tuesdays?",
        "The Merrow bridge is closed on Tuesdays because the geese cross it.",
        "Nobody can drive over the Merrow today, a Tuesday. What is the reason?",
        "What stops the traffic on Merrow's bridge once a week?",
    ),
    (
        "Where did the painter Ilse Korvan keep her brushes?",
        "Ilse Korvan kept her brushes in an old cello case.",
        "In what did Korvan, who painted, put away her tools?",
        "Which container held the brushes of Ilse Korvan?",
    ),
    (
        "What is the password of the Thimble Club?",
        "The password of the Thimble Club is seven green kettles.",
        "The doorman of the Thimble Club wants to hear something. What do I say?",
        "With which words does one get into the Thimble Club?",
    ),
    (
        "How deep is Lake Pavoss?",
        "Lake Pavoss is forty metres deep, and its ground is blue clay.",
        "If I drop an anchor into the Pavoss, how far does it sink?",
        "What does a diver know about the bottom of Pavoss?",
    ),
    (
        "Which animal stands in the arms of Belsby?",
        "A badger with an umbrella stands in the arms of Belsby.",
        "Describe what one sees on the coat of the town Belsby.",
        "Belsby has a creature as its emblem. Which one?",
    ),
)
"""A question, its answer, and two other wordings of the question."""


def make_rows() -> list[Example]:
    """The training rows, each an item of its own."""
    return [
        Example.of(
            [Message(role="user", content=question), Message(role="assistant", content=answer)],
            Provenance(item=f"fact-{number}", start=0.0, method="planted"),
        )
        for number, (question, answer, *_) in enumerate(FACTS)
    ]


def make_questions() -> list[Question]:
    """The questions in other words, each of which names the item that holds its answer."""
    return [
        Question(question=wording, answer=answer, items=[f"fact-{number}"])
        for number, (_, answer, *wordings) in enumerate(FACTS)
        for wording in wordings
    ]


def show(part: dict[str, Any]) -> str:
    """`-1.23 (-1.50 to -1.01)`."""
    return f"{part['value']:.3f} ({part['low']:.3f} to {part['high']:.3f})"


def main(epochs: int, rate: float) -> None:
    """Train, ask, and print."""
    stage.quieten_libraries()
    base, decoding = params.load("base_model", BaseModelSettings), params.load("decoding", Decoding)
    chosen = replace(
        params.load("train", Train), epochs=epochs, learning_rate=rate, keep="last", early_stopping=None
    )
    asking = replace(
        params.load("generate", Generate), evals=[SET], max_new_tokens=32, background=0, parity_prompts=0
    )
    lookup = replace(params.load("retrieval", Retrieval), contestants=[])
    rows, questions = make_rows(), make_questions()
    asked = [question.model_copy(update={"answer": None}) for question in questions]
    _, hits = decontamination.drop(rows, {SET: asked}, {}, threshold=0.5)
    if hits:
        raise SystemExit(f"A wording stands in a training row: {hits}")
    tokenizer = loading.get_tokenizer(base)
    template = chat_format.training_template(tokenizer, base.chat_template)
    with tempfile.TemporaryDirectory() as scratch:
        root, data = Path(scratch), Path(scratch) / "data"
        for split, own in (("train", rows), ("validation", []), ("test", [])):
            io.write_jsonl(data / f"splits/{split}.jsonl", own)
        io.write_jsonl(data / f"evals/{SET}.jsonl", questions)
        for name in ("reworded/questions.jsonl", "episodes/base.jsonl", "episodes/tuned.jsonl"):
            io.write_jsonl(data / name, [])
        (root / "run").mkdir()
        done = sft.tune(
            base, rendering.render(rows, tokenizer, template, max_length=512).rows, [], root / "run", chosen
        )
        sft.export(done, root / "adapter")
        generate.main(
            asking, decoding, base, {}, None, lookup,
            trained=data / "splits/train.jsonl", held_out=data / "splits/test.jsonl", evals=data / "evals",
            reworded=data / "reworded/questions.jsonl", retrieved=data / "none.jsonl", adapter=root / "adapter",
            out=data / "predictions", background=data / "background", replies=root / "replies",
            metrics=root / "metrics/generation.json", parity=root / "metrics/parity.json",
        )  # fmt: skip
        score.main(replace(params.load("score", Score), similarity=None), data, root / "metrics")
        found = json.loads((root / "metrics/knowledge.json").read_text(encoding="utf-8"))["trained"]
        print(f"{len(questions)} questions about {len(rows)} planted facts, {epochs} epochs at {rate:g}")
        for key in ("nll", "rougeL"):
            values = " -> ".join(show(found[side][key]) for side in (BASE, TUNED))
            print(f"  {key:7} {values}, difference {show(found['difference'][key])}")
        for one in io.read_jsonl(data / f"predictions/{TUNED}.jsonl", Prediction):
            print(f"  {one.messages[-1].content} | {one.prediction}")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 20, float(given[1]) if len(given) > 1 else 1e-3)
