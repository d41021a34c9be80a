"""Find for each sentence of a text the place in the sources that says it, or say that there is none.

A search proposes a few passages and turns for each sentence. Each is cut into windows of one and two of its own
sentences. A window supports the sentence if nothing contradicts it (`contradicts`, `flips`) and its score reaches a
threshold:

    score = share of the sentence's content words that the window has, rare words counting more,
            and the cosine of the two embeddings, weighed together

The weight and the threshold were chosen on planted true and false sentences, and what they are worth was measured on
others (`tests.benchmarks.support`). No language model decides anything.

It finds whether something like the sentence was said, not whether that is true. Swapped words that no number, name or
negation betrays (`before` and `after`, who did what to whom) are often missed.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
import regex

from lectern.conversations.provenance import link_at
from lectern.core.schema import Provenance, Sentence, Support, Unit
from lectern.models.embeddings import is_readable
from lectern.retrieval import vectors
from lectern.retrieval.index import DIGITS, Index
from lectern.retrieval.units import searched_text
from lectern.text.sentences import find_sentences
from lectern.text.specifics import find_names, find_numbers, is_negation, split_denied, stem
from lectern.text.words import UNSPACED, words

WEIGHT = 0.5
"""Weight of the shared words; the embeddings have the rest."""
THRESHOLD = 0.6
"""Least score of a window that supports a sentence."""
THRESHOLD_WORDS = 0.64
"""The same where words alone decide: without embeddings, and in scripts that the embedding model cannot read. It was
chosen on English."""
LEAST = 2
"""Fewest content words of a sentence that is looked for: any source has a single one (`That is great.`)."""
HITS = 5
"""Number of passages and turns that the search proposes for a sentence."""
FRAME = 0.6
"""Share of words that two sentences have in common, in order, from which no negation may differ between them."""
LONGEST = 40
"""Most words of a sentence of a source. A longer one, as in a transcript without punctuation, is cut into pieces."""
_WORD = regex.compile(rf"(?V1)[{UNSPACED}]|[\S--[{UNSPACED}]]+")
_QUESTION = ("?", "\uff1f", "\u061f")

Span = tuple[int, int]


@dataclass(frozen=True)
class _Read:
    """A sentence or window, prepared for being compared."""

    text: str
    denied: Mapping[str, frozenset[bool]]
    """stem of each content word -> whether it is denied; both where it occurs both ways"""
    numbers: frozenset[str]
    names: frozenset[str]


@lru_cache(maxsize=8192)
def _read(text: str) -> _Read:
    denied: dict[str, frozenset[bool]] = {}
    for word, is_denied in split_denied(text):
        denied[stem(word)] = denied.get(stem(word), frozenset()) | {is_denied}
    return _Read(text, denied, find_numbers(text), find_names(text))


def _list_stems(text: str) -> set[str]:
    return {stem(word) for word, _ in split_denied(text)}


def counts(sentence: str) -> bool:
    """Whether a sentence says anything that a source could support: questions and bare phrases do not."""
    return (
        not sentence.rstrip("\"'\u201d\u2019)").endswith(_QUESTION) and len(_read(sentence).denied) >= LEAST
    )


def contradicts(sentence: str, window: str, around: str) -> bool:
    """Whether a sentence cannot rest on a window: it has a number or name that is not there, or denies what is said.

    Args:
        sentence: of the answer.
        window: sentences of the source.
        around: the whole passage with its headings and the question before it. A name may stand in any of these, since
            a speaker goes on with `he` and `it`.
    """
    ours, theirs = _read(sentence), _read(window)
    if not ours.numbers <= theirs.numbers or not ours.names <= set(words(around)):
        return True
    return any(
        denied.isdisjoint(theirs.denied[word])
        for word, denied in ours.denied.items()
        if word in theirs.denied
    )


def _weigh(having: int, units: int) -> float:
    """Return how much a word counts that so many of the units have: BM25's weight, which is above 0."""
    return math.log(1 + (units - having + 0.5) / (having + 0.5))


class Sources:
    """Passages and turns, ready to be asked what they support. Their order does not matter."""

    def __init__(self, units: Sequence[Unit], *, meanings: bool) -> None:
        """Prepare the sources.

        Args:
            units: passages and turns; those with embeddings are also searched by these.
            meanings: whether embeddings may be computed; otherwise words alone decide.
        """
        self.meanings = meanings
        methods = ["bm25", *(["embeddings"] if meanings and any(unit.vector for unit in units) else [])]
        self.index = Index(units, methods)
        self._cuts: dict[str, list[Span]] = {}
        often = Counter(word for unit in self.index.units for word in _list_stems(unit.text))
        self._weights = {word: _weigh(count, len(self.index.units)) for word, count in often.items()}
        self._unknown = _weigh(0, len(self.index.units))

    def support(self, texts: Sequence[str]) -> list[list[Sentence]]:
        """Return the sentences of each text, each with the place that supports it, if there is one."""
        spans = [find_sentences(text) for text in texts]
        asked = [text[a:b] for text, own in zip(texts, spans, strict=True) for a, b in own]
        found = self.find([sentence for sentence in dict.fromkeys(asked) if counts(sentence)])
        return [
            [_describe(text[a:b], (a, b), found.get(text[a:b])) for a, b in own]
            for text, own in zip(texts, spans, strict=True)
        ]

    def find(self, sentences: Sequence[str], *, every: bool = False) -> dict[str, "Window"]:
        """Return sentence -> the best window that nothing contradicts; without the sentences that have none.

        Args:
            sentences: each once.
            every: whether windows count that cannot reach the threshold. To leave them out saves most of the time.
        """
        windows: dict[str, list[Window]] = {}
        for sentence, hits in zip(sentences, self.index.search(sentences), strict=True):
            windows[sentence] = [
                window
                for hit in hits[:HITS]
                for window in self._list_windows(sentence, hit.unit)
                if every or window.may_support
            ]
        read = [(sentence, one) for sentence, own in windows.items() for one in own if one.meant]
        texts = list(dict.fromkeys(text for sentence, one in read for text in (sentence, one.text)))
        meanings = dict(zip(texts, vectors.make(texts), strict=True))
        best: dict[str, Window] = {}
        for sentence, own in windows.items():
            for one in own:
                found = (
                    replace(one, cosine=_compare(meanings[sentence], meanings[one.text]))
                    if one.meant
                    else one
                )
                if (every or found.may_support) and (
                    sentence not in best or found.score > best[sentence].score
                ):
                    best[sentence] = found
        return best

    def _list_windows(self, sentence: str, unit: Unit) -> list["Window"]:
        if unit.id not in self._cuts:
            self._cuts[unit.id] = cut(unit.text)
        around, found = searched_text(unit), []
        for span in self._cuts[unit.id]:
            text = unit.text[slice(*span)]
            shared = self._share(sentence, text)
            if shared == 0 or contradicts(sentence, text, around) or flips(sentence, text):
                continue
            meant = self.meanings and is_readable(sentence) and is_readable(text)
            found.append(Window(unit, span, shared, meant))
        return found

    def _share(self, sentence: str, window: str) -> float:
        """Return the share of a sentence's content words that a window has, each weighed by how few units have it."""
        there = _read(window).denied
        weights = {word: self._weights.get(word, self._unknown) for word in _read(sentence).denied}
        return sum(weight for word, weight in weights.items() if word in there) / sum(weights.values())


@dataclass(frozen=True)
class Window:
    """Some consecutive sentences of a source that may support a sentence."""

    unit: Unit
    span: Span
    """characters of the unit's text"""
    shared: float
    """weighted share of the sentence's content words that it has"""
    meant: bool
    """whether the embedding model can read both; otherwise words alone decide"""
    cosine: float = 1.0
    """of the two embeddings; before it is known, the greatest possible"""

    @property
    def text(self) -> str:
        """What the window says."""
        return self.unit.text[slice(*self.span)]

    @property
    def score(self) -> float:
        """The share of the words, and where there is one the cosine; 0 to 1."""
        return round(WEIGHT * self.shared + (1 - WEIGHT) * self.cosine if self.meant else self.shared, 4)

    @property
    def may_support(self) -> bool:
        """Whether the score reaches the threshold."""
        return self.score >= (THRESHOLD if self.meant else THRESHOLD_WORDS)


def flips(sentence: str, window: str) -> bool:
    """Whether a window has most words of a sentence in order, but one of them has a negation more between these.

    What the window says before the first and after the last common word does not matter.
    """
    from rapidfuzz.distance import LCSseq

    ours, theirs = words(sentence), words(window)
    steps = list(LCSseq.opcodes(ours, theirs))
    same = [at for at, step in enumerate(steps) if step.tag == "equal"]
    if not same:
        return False
    kept = sum(steps[at].src_end - steps[at].src_start for at in same)
    stretch = steps[same[-1]].dest_end - steps[same[0]].dest_start
    if 2 * kept < FRAME * (len(ours) + stretch):
        return False
    left = right = 0
    for at, step in enumerate(steps):
        if step.tag != "equal":
            left += sum(map(is_negation, ours[step.src_start : step.src_end]))
            if same[0] < at < same[-1]:
                right += sum(map(is_negation, theirs[step.dest_start : step.dest_end]))
    return left != right


def cut(text: str) -> list[Span]:
    """Return the windows of a source: each of its sentences, and each two that follow each other."""
    sentences = [piece for span in find_sentences(text) for piece in _divide(text, span)]
    return [*sentences, *((one[0], other[1]) for one, other in pairwise(sentences))]


def _divide(text: str, span: Span) -> list[Span]:
    """Cut a long sentence into pieces of equal length in words; in a script without spaces, in characters."""
    words_at = [match.span() for match in _WORD.finditer(text, *span)]
    if len(words_at) <= LONGEST:
        return [span]
    pieces = -(-len(words_at) // LONGEST)
    size = -(-len(words_at) // pieces)
    groups = [words_at[at : at + size] for at in range(0, len(words_at), size)]
    return [(group[0][0], group[-1][1]) for group in groups]


def _compare(one: vectors.Vector | None, other: vectors.Vector | None) -> float:
    """Return the cosine of two embeddings, rounded so that it is the same on every processor; 0 if one is missing."""
    if one is None or other is None:
        return 0.0
    exact = int(one[0].astype(np.int64) @ other[0].astype(np.int64))
    return min(1.0, round(exact * one[1] * other[1], DIGITS))


def _describe(sentence: str, span: Span, found: Window | None) -> Sentence:
    if found is None or not found.may_support:
        return Sentence(span=span, counts=counts(sentence))
    place = locate(found.unit, found.span)
    return Sentence(
        span=span, counts=True, source=Support(text=found.text, provenance=place, score=found.score)
    )


def locate(unit: Unit, span: Span) -> Provenance:
    """Return the place of some characters of a unit.

    Units keep the seconds of their first and last word only, so those of a part are estimated from its share of the
    characters.
    """
    where = unit.provenance
    if where.start is None or where.end is None:
        return where
    begin, end = (where.start + (where.end - where.start) * at / len(unit.text) for at in span)
    return where.model_copy(
        update={"start": round(begin, 3), "end": round(end, 3), "url": link_at(where.url, begin)}
    )
