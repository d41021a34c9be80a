"""The same voice in another recording: voices that a person named once, recognised by their embeddings.

They stand in data/corrections/voices.yaml, written by `lectern voices remember`.
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field, RootModel

from lectern.core import io
from lectern.core.errors import ItemError, LecternError
from lectern.core.yaml_files import Entry, Name, parse_yaml

FILE = "data/corrections/voices.yaml"


class Remembered(Entry):
    """A voice with a name. Several may have the same name: one person on several microphones."""

    name: Name
    model: Name
    """of the embedding; those of two models cannot be compared"""
    item: Name
    """where it was heard"""
    speaker: Name
    """its label there"""
    embedding: Annotated[list[float], Field(min_length=2)]
    """unit length"""


class _File(RootModel[list[Remembered]]):
    """The whole file."""


@lru_cache(maxsize=4)
def read(text: str) -> tuple[Remembered, ...]:
    """The remembered voices from the text of their file.

    Raises:
        LecternError: it is not YAML or does not fit; the message names file and line.
    """
    try:
        remembered, locate = parse_yaml(text, _File, FILE)
        for index, voice in enumerate(remembered.root):
            length = math.sqrt(math.fsum(x * x for x in voice.embedding))
            if not 0.99 < length < 1.01:
                raise ItemError(
                    f"{locate((index, 'embedding'))}: its length is {length:.3f}, not 1; remember it again"
                )
    except ItemError as error:
        raise LecternError(str(error)) from error
    return tuple(remembered.root)


def write_entry(voice: Remembered) -> str:
    """A voice as a line to append to the file, in JSON, which YAML reads as it is.

    On one line, so that the entries which two people append can both be kept by git (.gitattributes).
    """
    return f"- {io.to_json(voice.model_dump(), indent=None)}\n"


def compare(embedding: Sequence[float], model: str, remembered: Sequence[Remembered]) -> dict[str, float]:
    """Name -> cosine similarity of the voice to the nearest entry of that name, of those of the same model.

    The sum is exact before it is rounded, so that it does not depend on the machine's way of adding.
    """
    similarities: dict[str, float] = {}
    for voice in remembered:
        if voice.model == model and len(voice.embedding) == len(embedding):
            product = math.fsum(a * b for a, b in zip(embedding, voice.embedding, strict=True))
            similarities[voice.name] = max(similarities.get(voice.name, -1.0), round(product, 4))
    return similarities


def recognise(
    similarities: Mapping[str, Mapping[str, float]], threshold: float, margin: float
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Names for voices, one name to one voice, and what was nearly recognised.

    The pairs at or above the threshold whose similarities have the greatest sum win: when two voices are like one
    remembered voice, and one of them like another too, both are named.

    Args:
        similarities: label -> name -> cosine similarity.
        threshold: similarity from which a voice may get the name.
        margin: below the threshold, or below the similarity of the name it got, within which a name is a near miss.

    Returns: label -> name; and the near misses as {speaker, name, similarity, reason}, in order of label and name.
    """
    names = _match(similarities, threshold)
    misses = []
    for label in sorted(similarities):
        for name, similarity in sorted(similarities[label].items()):
            if names.get(label) == name:
                continue
            own = similarities[label][names[label]] if label in names else None
            if own is None and similarity >= threshold:
                reason = "another voice got the name"
            elif own is None and similarity >= threshold - margin:
                reason = "below the threshold"
            elif own is not None and similarity >= max(threshold - margin, own - margin):
                reason = f"it got the name {names[label]}"
            else:
                continue
            misses.append({"speaker": label, "name": name, "similarity": similarity, "reason": reason})
    return names, misses


def _match(similarities: Mapping[str, Mapping[str, float]], threshold: float) -> dict[str, str]:
    labels = sorted(similarities)
    names = sorted({name for found in similarities.values() for name in found})
    scores = [[similarities[label].get(name, -1.0) for name in names] for label in labels]
    likely = [[score if score >= threshold else 0.0 for score in row] for row in scores]
    if not any(map(any, likely)):
        return {}
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(likely, maximize=True)
    return {
        labels[row]: names[column]
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        if likely[row][column] > 0
    }
