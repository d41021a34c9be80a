"""Recognise voices that a person named in another recording, by their speaker embeddings.

The named voices stand in data/corrections/voices.yaml, which `lectern voices remember` writes.
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
    """A voice with a name. Several entries may have the same name, such as one person on several microphones."""

    name: Name
    model: Name
    """model of the embedding; embeddings of two models cannot be compared"""
    item: Name
    """item in which the voice was heard"""
    speaker: Name
    """label of the voice in that item"""
    embedding: Annotated[list[float], Field(min_length=2)]
    """vector of unit length"""


class _File(RootModel[list[Remembered]]):
    """The whole file."""


@lru_cache(maxsize=4)
def read(text: str) -> tuple[Remembered, ...]:
    """Read the remembered voices from the text of their file.

    Raises:
        LecternError: it is not YAML or not a list of such entries; the message names file and line.
    """
    try:
        remembered, locate = parse_yaml(text, _File, FILE)
        for index, voice in enumerate(remembered.root):
            length = math.sqrt(math.fsum(x * x for x in voice.embedding))
            if not 0.99 < length < 1.01:
                raise ItemError(
                    f"{locate((index, 'embedding'))}: the vector's length is {length:.3f}, not 1; delete the entry and "
                    "remember the voice again"
                )
    except ItemError as error:
        raise LecternError(str(error)) from error
    return tuple(remembered.root)


def write_entry(voice: Remembered) -> str:
    """Write a voice as a line to append to the file. The line is JSON, which is also YAML.

    An entry is one line so that git can keep the entries of two people who both append some (.gitattributes).
    """
    return f"- {io.to_json(voice.model_dump(), indent=None)}\n"


def compare(embedding: Sequence[float], model: str, remembered: Sequence[Remembered]) -> dict[str, float]:
    """Return name -> cosine similarity of a voice to the most similar entry of that name from the same model.

    `math.fsum` adds exactly, so that the result does not depend on the machine's order of adding.
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
    """Give names to voices, each name to at most one voice; also return the near misses.

    Of all assignments of names to voices at or above the threshold, the one with the greatest sum of similarities is
    taken. So if two voices are similar to one remembered voice, and one of them is similar to another one too, both get
    a name.

    Args:
        similarities: label -> name -> cosine similarity.
        threshold: similarity from which a voice may get a name.
        margin: a name is a near miss if its similarity is at most this much below the threshold, or below the
            similarity of the name that the voice got.

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
