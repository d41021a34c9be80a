"""Words that a corpus contrasts with each other: those that fill the same place in otherwise equal sentences.

If one row asks for the baking time of the lentil soup, and another one asks, in the same words, for that of the barley
soup, then lentil and barley are different things. That also holds in rows that ask in two different ways. Embeddings
hardly tell such words apart, and learning them from the corpus needs no word list.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from lectern.text.words import words

# They fill any place, and exchanging one for another changes more often how something is asked than what is asked.
_FUNCTION_WORDS = frozenset(
    words(
        "a about after all also am an and any are as at be because been before but by can could did do does doing "
        "done each for from get give had has have having here how i if in into is it its just may me mean means "
        "might must my need no not of on one or our out over shall she should so some tell than that the their them "
        "then there these they this those to under up us was way we were what when where which who whom whose why "
        "will with would you your"
    )
)
_BASE = 0x9E3779B97F4A7C15  # odd: powers of it do not vanish modulo 2^64
_WRAP = (1 << 64) - 1


class Contrasts:
    """Which words fill the same place in some texts."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Group the words of `texts` by their context: the whole text without the word, and the word's place in it."""
        vocabulary: dict[str, int] = {}
        rests: list[np.ndarray] = []
        fillers: list[np.ndarray] = []
        for text in texts:
            tokens = words(text)
            if len(tokens) < 2:
                continue
            codes = np.array([_code(token) for token in tokens], np.uint64) * _weights(len(tokens))
            rests.append(
                codes.sum(dtype=np.uint64) - codes
            )  # weighted by place, so the gap shows where it was
            fillers.append(np.array([vocabulary.setdefault(t, len(vocabulary)) for t in tokens], np.int64))
        self._places: dict[str, frozenset[int]] = {}
        if rests:
            self._places = _group(np.concatenate(rests), np.concatenate(fillers), list(vocabulary))

    def words(self) -> list[str]:
        """The words that fill the same place as another word."""
        return list(self._places)

    def between(self, ours: Iterable[str], theirs: Iterable[str]) -> list[tuple[str, str]]:
        """The pairs of one word of each side that fill the same place in some text."""
        right = [word for word in theirs if word in self._places]
        left = [word for word in ours if word in self._places] if right else []
        return [(x, y) for x in left for y in right if not self._places[x].isdisjoint(self._places[y])]


def _group(rests: np.ndarray, fillers: np.ndarray, vocabulary: Sequence[str]) -> dict[str, frozenset[int]]:
    """Word -> the places that it shares with other words."""
    places, number = np.unique(rests, return_inverse=True)
    pairs = np.unique(np.stack([number, fillers], axis=1), axis=0)
    shared = np.bincount(pairs[:, 0], minlength=len(places))[pairs[:, 0]] > 1
    found: dict[str, list[int]] = {}
    for place, filler in pairs[shared].tolist():
        word = vocabulary[filler]
        if word not in _FUNCTION_WORDS:
            found.setdefault(word, []).append(place)
    return {word: frozenset(places) for word, places in found.items()}


@lru_cache(maxsize=65536)
def _code(token: str) -> int:
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=8).digest(), "little")


@lru_cache(maxsize=1024)
def _weights(length: int) -> np.ndarray:
    powers = [1]
    for _ in range(length - 1):
        powers.append(powers[-1] * _BASE & _WRAP)
    return np.array(powers, np.uint64)
