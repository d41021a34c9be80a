"""Measure how close two texts are in meaning: the cosine of their embeddings (`models.embeddings`; English)."""

import hashlib
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Literal

from lectern.models import embeddings

EXACT_TEXTS = 2000
"""Up to so many texts are embedded in single precision, which takes about 30 s of CPU time. If there are more, all are
embedded with 8-bit integers, which is three times as fast. The error of a row is then .007 on average, and that of the
mean .001."""

MOST_QUESTIONS = 4000
"""If there are more questions, so many are drawn, because embedding takes longer than all other measures together, and
the interval of a mean over 4,000 questions is narrow. The figure's `n` shows how many were used."""

Pair = tuple[str, str]
"""An answer and its reference."""
Weights = Literal["float32", "int8"]


def draw_questions(keys: Iterable[tuple[str, str]], most: int = MOST_QUESTIONS) -> set[tuple[str, str]]:
    """Draw the questions, as (set, id), whose answers are embedded: all, or `most` by a hash of the key."""

    def chance(key: tuple[str, str]) -> str:
        return hashlib.sha256("/".join(key).encode()).hexdigest()

    return set(sorted(set(keys), key=chance)[:most])


def is_comparable(answer: str, reference: str) -> bool:
    """Tell whether the model can read both texts. An empty answer counts as readable: its similarity is 0."""
    return embeddings.is_readable(reference) and (not answer.strip() or embeddings.is_readable(answer))


def choose_weights(pairs: Sequence[Pair]) -> Weights:
    """Choose the number format in which the embeddings of `pairs` are computed."""
    return "float32" if len({text for pair in pairs for text in pair}) <= EXACT_TEXTS else "int8"


def measure(pairs: Sequence[Pair], weights: Weights) -> list[float]:
    """Return the cosine of each pair, -1 to 1, rounded to four digits; 0 if a text is empty.

    In single precision these digits are the same on every processor. With 8-bit integers they are the same on one kind
    of processor, and differ by .002 on average between kinds.
    """
    if not pairs:
        return []
    vectors = embeddings.embed([text for pair in pairs for text in pair], quick=weights == "int8")
    cosines = embeddings.similarity(vectors[0::2], vectors[1::2]) + 0.0  # no -0.0
    return [float(value) for value in cosines]


@contextmanager
def measuring(pairs: Sequence[Pair]) -> Iterator[Callable[[], list[float]]]:
    """Yield a function that returns the cosines of `pairs`. A long computation starts at once, in another process."""
    weights = choose_weights(pairs)
    if weights == "float32":
        yield partial(measure, pairs, weights)
        return
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool.submit(measure, pairs, weights).result
