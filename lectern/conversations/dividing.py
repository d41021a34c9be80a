"""Divide long speech into pieces of a bounded length, at sentence ends where the topic changes."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from lectern.core.schema import Word
from lectern.text.cutting import CUT, choose_cuts
from lectern.text.sentences import Sentence, join_words, split_sentences
from lectern.text.words import words as comparable

BLOCK = 100
"""How many words before and after a sentence end are compared."""
OPENING = -1.0
"""Cost of a cut where a question was asked: below all others, so that such a place is taken wherever possible."""


def divide(
    words: Sequence[Word], language: str, *, least: int, most: int, openings: Sequence[float] = ()
) -> list[list[Word]]:
    """Divide `words` into pieces of at most `most` words, at the sentence ends where the vocabulary changes most.

    Args:
        words: in order of time.
        language: language code, by which sentence ends are found.
        least: a piece has at least so many words, where the sentences allow it.
        most: a piece has at most so many words.
        openings: seconds at which a question is asked; the next sentence is the best place for a cut.

    Returns: the pieces in order; every word is in exactly one. Up to `most` words stay one piece.
    """
    if len(words) <= most:
        return [list(words)] if words else []
    sentences = split_sentences(words, language, longest=most)
    costs = rate_cuts(sentences)
    for opening in openings:
        following = next((i for i, sentence in enumerate(sentences) if sentence[0].start >= opening), None)
        if following:  # nothing is cut before the first sentence
            costs[following] = OPENING
    cuts = choose_cuts([len(sentence) for sentence in sentences], costs, least, most)
    return [[word for sentence in sentences[a:b] for word in sentence] for a, b in pairwise(cuts)]


def rate_cuts(sentences: Sequence[Sentence]) -> list[float]:
    """Return the cost of a cut before each sentence: CUT, plus up to 1 the less the topic changes there.

    The method is the block comparison with depth scores of TextTiling (Hearst 1997). Instead of leaving out stop words,
    of which lists exist for few languages, it weights words by their inverse sentence frequency. The first entry is a
    filler, since nothing is cut before the first sentence.
    """
    likeness = _compare_blocks(sentences)
    costs = [0.0]
    for index in range(1, len(likeness)):
        before, after = _climb(likeness, index, -1), _climb(likeness, index, 1)
        depth = (before + after) / 2 - likeness[index]
        costs.append(round(CUT + 1 - depth, 6))
    return costs


def _climb(likeness: Sequence[float], index: int, step: int) -> float:
    """Return the height of the peak that is reached from a place by going uphill in one direction."""
    peak = likeness[index]
    while 1 <= index + step < len(likeness) and likeness[index + step] >= peak:
        index += step
        peak = likeness[index]
    return peak


def _compare_blocks(sentences: Sequence[Sentence]) -> list[float]:
    """Return how similar the words before each sentence are to those from its beginning on, 0 to 1."""
    counts = [Counter(comparable(join_words(sentence))) for sentence in sentences]
    having = Counter(word for count in counts for word in count)
    weight = {word: math.log((1 + len(sentences)) / n) for word, n in having.items()}
    found = [0.0]
    for index in range(1, len(sentences)):
        before = _gather(counts[index - 1 :: -1])
        after = _gather(counts[index:])
        found.append(_cosine(before, after, weight))
    return found


def _gather(counts: Sequence[Counter[str]]) -> Counter[str]:
    """Count the words of the nearest sentences, until there are BLOCK words."""
    gathered: Counter[str] = Counter()
    for count in counts:
        gathered.update(count)
        if gathered.total() >= BLOCK:
            break
    return gathered


def _cosine(one: Counter[str], other: Counter[str], weight: dict[str, float]) -> float:
    shared = sum(one[word] * other[word] * weight[word] ** 2 for word in one.keys() & other.keys())
    sizes = [math.sqrt(sum((n * weight[word]) ** 2 for word, n in count.items())) for count in (one, other)]
    return shared / (sizes[0] * sizes[1]) if all(sizes) else 0.0
