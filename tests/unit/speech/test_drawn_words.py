"""What the code of speech makes of drawn words, windows and voices is committed case by case."""

import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from lectern.core.schema import Word
from lectern.speech import clustering, hallucination, listening, word_times
from lectern.speech.listening import RATE, Hearing, Window
from lectern.speech.segmentation import LOCAL, Windows
from lectern.speech.voiceprints import LocalSpeakers
from lectern.speech.word_times import RawWord
from tests.support import expected

SENTENCE = "and so the seeds were drawn again because nobody had written them down in a file"
LOOP = "I know. " * 9


def draw_words(draw: random.Random, start: float, end: float) -> list[Word]:
    words, at = [], start
    said = [
        *SENTENCE.split(),
        *(LOOP.split() if draw.random() < 0.2 else []),
        "Thank",
        "you",
        "for",
        "watching!",
    ]
    while at < end - 1:
        length = draw.choice([0.2, 0.3, 0.5, 4.0 if draw.random() < 0.1 else 0.4])
        words.append(Word(text=said[len(words) % len(said)], start=round(at, 3), end=round(at + length, 3)))
        at += length + draw.choice([0.0, 0.0, 0.1, 2.5 if draw.random() < 0.2 else 0.0])
    return words


def draw_spans(draw: random.Random, seconds: float) -> list[tuple[float, float]]:
    edges = sorted(round(draw.uniform(0, seconds), 2) for _ in range(2 * draw.randrange(1, 12)))
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 0.05]


def test_times_of_words() -> None:
    draw, found = random.Random(1), {}
    for case in range(150):
        raw = [
            RawWord(
                draw.choice([" in", " $1", ",250", "种", " well-", "known", " "]),
                draw.choice([None, math.nan, draw.uniform(-1, 12)]),
                draw.choice([None, draw.uniform(-1, 12)]),
                draw.choice([None, 0.12345]),
                draw.random() < 0.7,
            )
            for _ in range(draw.randrange(0, 12))
        ]
        # How a list with NaN among its keys is sorted differs between versions of Python.
        known = [word.start if word.start is not None and math.isfinite(word.start) else 0.0 for word in raw]
        keys = [start if draw.random() < 0.8 else 5.0 for start in known]
        raw = [raw[at] for at in sorted(range(len(raw)), key=keys.__getitem__)]
        found[str(case)] = word_times.time_words(raw, 2.0, draw.choice([1.0, 2.1, 10.0]))
    expected.check_many("drawn/word_times.json", found)


def test_words_that_nobody_said() -> None:
    draw, found, facts = random.Random(2), {}, {}
    for case in range(60):
        seconds = draw.choice([20.0, 60.0, 120.0])
        words, speech = draw_words(draw, draw.uniform(0, 5), seconds), draw_spans(draw, seconds)
        found[str(case)] = hallucination.examine(words, speech, seconds)
        facts[f"item-{case}"] = {
            **found[str(case)],
            "seconds": seconds,
            "words": len(words),
            "language": "en",
        }
    expected.check_many("drawn/hallucination.json", {**found, "summary": hallucination.summarise(facts)})


class Sound:
    """A recording of noise that grows and falls."""

    def __init__(self, seconds: float, seed: int) -> None:
        self.seconds = seconds
        times = np.arange(round(seconds * RATE)) / RATE
        self.samples = (np.sin(times * (1 + seed % 5)) ** 2 * 0.1 + 0.01 * ((times * 7) % 1)).astype(
            np.float32
        )

    def __len__(self) -> int:
        return len(self.samples)

    def read(self, start: int, end: int) -> Any:
        return self.samples[start:end]


def test_windows_and_what_is_heard_again() -> None:
    found: dict[str, Any] = {}
    for case in range(16):
        draw = random.Random(case)
        recording: Any = Sound(60.0, case)
        speech = draw_spans(draw, 58.0)
        windows = listening.cut_windows(recording, speech)

        def hear(some: Sequence[Window], draw: random.Random = draw) -> list[Hearing]:
            kinds = (draw.choice(["words", "words", "some", "none", "noise", "loop"]) for _ in some)
            return [
                Hearing(
                    draw_words(
                        draw, one.start, one.start + (one.seconds if kind == "words" else one.seconds / 3)
                    )
                    if kind in ("words", "some", "loop")
                    else [],
                    noise=kind == "noise",
                    looping=kind == "loop",
                )
                for one, kind in zip(some, kinds, strict=True)
            ]

        account = listening.hear_all(windows, hear, recording=recording, speech=speech, batch_size=3)
        halves = [half.pieces for window in windows for half in listening.halve(recording, window)]
        parts = list(listening.divide(recording, (0.5, 58.0), 17.0))
        found[str(case)] = [[window.pieces for window in windows], account, halves, parts]
    expected.check_many("drawn/listening.json", found)


def test_the_persons_of_a_recording() -> None:
    found: dict[str, Any] = {}
    for case in range(24):
        chance = np.random.default_rng(case)
        voices = chance.standard_normal((2 + case % 4, 32))
        where = np.array(sorted({(int(w), int(s)) for w, s in chance.integers(0, [30, LOCAL], (45, 2))}))
        who = chance.integers(0, len(voices), len(where))
        seconds = chance.uniform(0.4, 9.0, len(where))
        vectors = voices[who] + chance.standard_normal((len(where), 32)) * (1.6 / np.sqrt(seconds))[:, None]
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        local = LocalSpeakers(where, seconds, vectors.astype(np.float32))
        speakers = clustering.cluster(
            local,
            threshold=0.3 + 0.1 * (case % 5),
            least=1.5,
            repeats=2.0,
            min_share=0.02,
            min_speakers=1 + case % 3,
            max_speakers=3 + case % 4,
        )
        active = chance.random((34, 50, LOCAL)) < 0.4
        persons = clustering.spread(Windows(np.arange(34) * 20, active), local, speakers.labels)
        found[str(case)] = [
            speakers.labels.tolist(),
            speakers.surplus,
            float(speakers.threshold),
            persons.tolist(),
        ]
    expected.check_many("drawn/clustering.json", found)
