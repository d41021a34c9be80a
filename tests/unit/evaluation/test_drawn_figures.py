"""The figures of drawn answers, verdicts and recordings are committed case by case."""

import random
from pathlib import Path
from typing import Any

import numpy as np

from lectern.core import io
from lectern.core.schema import (
    Conversation,
    Diarization,
    Label,
    Message,
    Retrieved,
    SpeakerTurn,
    Utterance,
    Voice,
    Word,
)
from lectern.evaluation import copying, kappa, labels, learning_curve, noise, overlap, recall, rouge, speech
from lectern.evaluation.bootstrap import Bootstrap, Interval, mean, ratio
from lectern.evaluation.learning_curve import Point
from lectern.evaluation.prediction_powered import correct_mean
from tests.support import expected
from tests.support.tiny import text

HEARD = "the eight seeds of each run don't fit, do they? It's 1,250 of them"

CLASSES = ("a", "b", "tie")


def maybe(draw: random.Random, value: Any) -> Any:
    return value if draw.random() < 0.9 else None


def test_agreement_and_intervals() -> None:
    found: dict[str, Any] = {}
    for case in range(30):
        draw = random.Random(case)
        rows = draw.choice([1, 6, 25])
        first, second = ([maybe(draw, draw.choice(CLASSES)) for _ in range(rows)] for _ in range(2))
        by = [
            {who: draw.choice(CLASSES) for who in ("x", "y", "z") if draw.random() < 0.7} for _ in range(rows)
        ]
        items = [f"talk-{draw.randrange(draw.choice([2, 12]))}" for _ in range(rows)]
        bootstrap = Bootstrap(items, resamples=100, confidence=draw.choice([0.9, 0.95]), seed=case)
        ratings = [maybe(draw, float(draw.randrange(1, 6))) for _ in range(rows)]
        tops = np.array([draw.random() for _ in range(rows)])
        statistics = {
            "kappa": kappa.cohen_kappa(first, second, CLASSES),
            "agreement": kappa.agreement(first, second),
            "tpr": kappa.true_positives(first, second, "a"),
            "tnr": kappa.true_negatives(first, second, "a"),
            "people": kappa.mean_kappa(by, CLASSES),
            "auc": kappa.auc([one == "a" for one in first], ratings),
            "mean": mean(ratings),
            "ratio": ratio(tops, tops + 1, measured=tops > 0.2),
        }
        known = {name: one for name, one in statistics.items() if one.measured.any()}
        people = [float(draw.random() < 0.6) for _ in range(rows)]
        found[str(case)] = {
            "figures": kappa.as_figures(bootstrap, statistics),
            "differences": bootstrap.differences(
                {"both": (known["mean"], known["mean"])} if "mean" in known else {}
            ),
            "described": kappa.describe_people(by, bootstrap, CLASSES),
            "units": bootstrap.units,
            "corrected": correct_mean(
                people, [abs(one - 0.2) for one in people], [0.3, 0.7] * (case % 5), 0.95
            ),
        }
    expected.check_many("drawn/agreement.json", found)


def test_words_of_answers() -> None:
    found: dict[str, Any] = {}
    for case in range(10):
        draw = random.Random(case)
        true = [text(draw, draw.randrange(1, 14)) for _ in range(4)]
        said = [" ".join(draw.sample(one.split(), len(one.split()))) for one in true[:2]]
        said += [text(draw, 6), true[3]]
        chrf, bleu = overlap.count_chrf(said, true), overlap.count_bleu(said, true)
        copied = copying.index(true[:3], draw.choice([2, 4]))
        found[str(case)] = {
            "rouge": rouge.score_rows(said, true),
            "chrf": [chrf, overlap.chrf(np.array(chrf, dtype=float)).tolist()],
            "bleu": [bleu, overlap.bleu(np.array(bleu, dtype=float)).tolist()],
            "copied": [copied.measure(f"{one} {true[0]}") for one in said],
        }
    expected.check_many("drawn/overlap.json", found)


def test_curves_and_noise() -> None:
    found: dict[str, Any] = {}
    for case in range(20):
        draw = random.Random(case)
        points = [Point(items, 4 + 2 / items + 0.05 * draw.random()) for items in (3, 4, 5, 7, 7)]
        curve = learning_curve.fit(points)
        assert curve is not None
        differences = [Interval(draw.random(), maybe(draw, -0.1), 1.1, 9) for _ in range(3)]
        spread = noise.measure_spread([draw.random() for _ in range(4)], differences, 9, 0.95)
        over = Interval(0.5, draw.choice([0.2, -0.3]), 0.9, 9)
        sources = [noise.Source(spread, draw.choice([1, 0.5])), noise.Source(spread, 2)][: 1 + case % 2]
        found[str(case)] = [
            curve.change(17, 0.95),
            curve.change(9, 0.8, since=4),
            curve.predict(9, 0.95, of_a_run=case % 2 > 0),
            spread,
            spread.variance,
            noise.join(over, 9, sources, 0.95),
        ]
    expected.check_many("drawn/noise.json", found)


def test_places_that_are_found() -> None:
    draw = random.Random(0)
    retrieved = [
        Retrieved(
            set=draw.choice(["held_out", "talks"]),
            id=str(n),
            query="?",
            found=[],
            evidence=maybe(draw, {"bm25": draw.randrange(0, 13), "both": draw.randrange(0, 5)}),
        )
        for n in range(40)
    ]
    items = [f"talk-{n % 7}" for n in range(40)]
    summary = recall.summarise(retrieved, items, ["bm25", "both"], seed=1, resamples=100, confidence=0.95)
    expected.check("recall.json", summary)


def test_labels_of_people(tmp_path: Path) -> None:
    draw = random.Random(0)
    made = []
    for n in range(40):
        question, answers = f"Why {n % 9}?", [f"So {n % 4}.", f"Thus {n % 3}."]
        if draw.random() < 0.3:
            answers.reverse()
        kind: Any = "pair" if n % 5 else "row"
        messages = [Message(role="user", content=question)]
        if kind == "row":
            messages.append(Message(role="assistant", content="So."))
        made.append(
            Label(
                kind=kind,
                messages=messages,
                verdict=draw.choice(["a", "b", "tie"] if kind == "pair" else ["accept", "reject"]),
                by=draw.choice(["ann", "ben", "eve"]),
                **({"a": answers[0], "b": answers[1]} if kind == "pair" else {}),
                passage=None if n % 2 else "It is so.",
            )
        )
    io.write_jsonl(tmp_path / "all.jsonl", made)
    read = labels.read(tmp_path)
    pairs, rows = labels.gather(read, "pair", 11), labels.gather(read, "row")
    told = [[one.id, one.question, one.verdict, one.by, one.label] for one in [*pairs, *rows]]
    expected.check_many(
        "labels.json",
        {
            "gathered": told,
            "ids": [labels.case_id(one) for one in read],
            "rows": [labels.as_row(one) for one in rows],
        },
    )


def test_recordings(tmp_path: Path) -> None:
    found: dict[str, Any] = {}
    scored: dict[str, Any] = {}
    for case in range(16):
        draw = random.Random(case)
        at, told, turns, utterances = 0.0, [], [], []
        for _ in range(draw.randrange(2, 9)):
            who, length = draw.choice(["host", "expert"]), draw.choice([1.0, 4.0])
            words = draw.choices(HEARD.split(), k=draw.randrange(1, 8))
            told.append({"speaker": who, "start": at, "end": at + length, "text": " ".join(words)})
            heard = [word for word in words if draw.random() < 0.85] + (["uh"] if draw.random() < 0.3 else [])
            label = f"speaker_{1 + (who == 'host') + (draw.random() < 0.1)}"
            turns.append(SpeakerTurn(speaker=label, start=at + draw.choice([0, 0.4]), end=at + length))
            timed = [Word(text=word, start=at, end=at + length) for word in heard]
            if timed:
                utterances.append(Utterance(speaker=label, role="host", words=timed))
            at += length + draw.choice([0.0, 0.2, 1.0])
        paths = {name: tmp_path / f"{name}.json" for name in ("truth", "diarization", "conversation")}
        io.write_json(paths["truth"], {"turns": told, "questions": []})
        labelled = {turn.speaker for turn in turns}
        voices = {
            one: Voice(seconds=1, longest=1, share=1, ghost=False, embedding=[1.0])
            for one in sorted(labelled)
        }
        io.write_json(
            paths["diarization"], Diarization(item="i", duration=at, model="m", turns=turns, voices=voices)
        )
        told_back = Conversation(
            item="i", title="", url=None, description="", language="en", duration=at, utterances=utterances
        )
        io.write_json(paths["conversation"], told_back)
        scored[str(case)] = speech.score_item(**paths, language="en", collar=draw.choice([0.0, 0.25]))
        found[str(case)] = scored[str(case)]
    found["summary"] = speech.summarise(scored, resamples=100, confidence=0.95, seed=0)
    expected.check_many("drawn/speech.json", found)
