"""Embeddings as whole numbers of 8 bits, with one scale for each.

They take a quarter of the space of single precision, and the sums of their products are exact in any order, so that the
same embeddings give the same similarities on every processor, in every batch and with any number of threads.
"""

import base64
from collections.abc import Sequence

import numpy as np

from lectern.models.embeddings import DIMENSIONS, embed, is_readable

STEPS = 127
assert DIMENSIONS * STEPS**2 < 2**24  # so single precision holds every sum of products exactly
Vector = tuple[np.ndarray, float]
"""Whole numbers of 8 bits, and the scale by which they are multiplied."""


def make(texts: Sequence[str]) -> list[Vector | None]:
    """Embed texts; None stands for a text that the model cannot read, such as one in another script."""
    readable = [text for text in dict.fromkeys(texts) if is_readable(text)]
    made = dict(zip(readable, map(_quantise, embed(readable)), strict=True)) if readable else {}
    return [made.get(text) for text in texts]


def _quantise(vector: np.ndarray) -> Vector | None:
    """Round a vector to whole numbers; None if all are zero, as for a text without tokens."""
    largest = float(np.abs(vector).max())
    if largest == 0:
        return None
    scale = round(largest / STEPS, 7)  # rounded, so that the last bits of another processor do not show
    return np.clip(np.round(vector / scale), -STEPS, STEPS).astype(np.int8), scale


def write(vector: Vector) -> tuple[str, float]:
    """Return the whole numbers in base64, and the scale."""
    return base64.b64encode(vector[0].tobytes()).decode(), vector[1]


def read(text: str, scale: float) -> Vector:
    """Read what `write` returned."""
    return np.frombuffer(base64.b64decode(text), dtype=np.int8), scale
