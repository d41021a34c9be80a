"""Find the question-answer pairs that say the same in other words.

Two pairs say the same when

- their questions are similar up to a threshold, and so are their answers (`models.embeddings`): a question may have two
  answers and an answer may fit two questions, and each such row has something to teach;
- neither question names a number or a proper name that the other pair lacks, and it is not the case that each of the
  pairs, or of the questions, names one that the other lacks;
- it is not the case that one question asks who and the other one when, where or why (`_ASKING`);
- no content word of a question that its own answer repeats is absent from the other pair: a room with a balcony and a
  room with a balcony and a kitchenette are asked for and granted in nearly the same words;
- the answers do not begin with yes and no, and no sentence is the other one denied (`is_denied`);
- the corpus itself contrasts no word of one question with a word of the other (`text.contrasts`);
- two long answers share some of their content words (`share_words`);
- of two answers that enumerate things, neither names a thing that the other one does not
  (`enumerate_otherwise`): lists that share most of their items are similar, but one of them is wrong or cut short;
- what only one of the answers says is not far from what only the other one says (`answer_another_thing`);
- and, where questions or answers are less similar than SURE, also these:
  - neither the questions nor the answers are the same sentence with another word in it (`is_filled_in_otherwise`);
  - what only one of the questions says is not far from what only the other one says (`ask_for_another_thing`): of two
    questions about Apache Solr, one asks for its key features and one for its limitations.

The conditions after the first are needed because an embedding hardly sees the one word that matters: for it, "change
the oil filter every 3 months" and "change the air filter every 6 months" mean nearly the same, although real
paraphrases share fewer words than these two do. The last two cost more than they bring where the answers agree, too. A
narrower question with the same answer is still taken for the same: a cabana, and a cabana with a pool of its own, are
both booked at the desk.

Texts in scripts other than Latin are never compared. Other languages in Latin script are compared, but their duplicates
are found less often than those in English.

Everything is compared with everything, by matrix products in blocks: for 100,000 rows that takes a fraction of the time
of the embedding, so an approximate index would save nothing and could miss pairs. The products only choose candidates;
the decision on each pair uses its similarity in double precision, rounded to four digits.
"""

import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from lectern.models.embeddings import DIMENSIONS, embed, is_readable, similarity
from lectern.text.contrasts import Contrasts
from lectern.text.function_words import ENGLISH
from lectern.text.specifics import NEGATIONS, find_names, stem
from lectern.text.words import words

BLOCK = 1024
"""Rows and columns of a matrix product: 4 MB of similarities."""
SLACK = 1e-3
"""How far a product in single precision may lie below the threshold and still be examined."""
FRAME = 0.6
"""Share of words that two texts share, in order, from which they are one sentence filled in twice."""
FRAME_WORDS = 30
"""Most words of such a sentence. In longer texts, a single different word may be a slip."""
SYNONYMS = 0.8
"""Similarity below which two words in such a sentence differ: buy and purchase have .87, dog and cat .66."""

ASKED = 60
"""Words at the end of a spoken question by which it is compared: what leads to it would hide it, and costs most."""
MEMORY = 100_000
"""Questions whose embeddings are remembered: 150 MB."""
LONG = 100
"""Words of an answer from which it shares words with any other one that says the same."""
COMMON = 0.25
"""Least share of the content words of the shorter one of two long answers that say the same. Of all pairs of answers in
12 episodes of a podcast, 1 of 100 shares more than .3, and half share less than .08."""
FAR = 0.3
"""Similarity below which the words that two questions do not share ask for different things: key features and
limitations have .25, replaced and change .60. Chosen on tests/benchmarks/paraphrases.txt, of which it costs nothing."""

APART = 0.2
"""Similarity below which the words that two answers do not share say different things. Chosen on the sources of choice
of tests/benchmarks/duplicate_pairs.py, like the lists and what questions name and ask."""
ENUMERATED = 2
"""Commas of a sentence that enumerates things."""
ITEM_WORDS = 4
"""Most content words of an enumerated thing that is known by all of them; a longer one may be put in other words."""

SURE = 0.85
"""Similarity from which words that differ tell less than words that are repeated. Chosen on read pairs of seven sources
(tests/benchmarks/duplicate_pairs.py)."""

_ASKING = {"who": "who", "whom": "who", "whose": "who", "when": "when", "where": "where", "why": "why"}
"""A word that asks -> what it asks for."""
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+")
_ITEM = re.compile(r",\s*(?:(?:and|or)\b)?|\s(?:and|or)\s")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


Pair = tuple[str, str]
"""Question and answer."""

_KNOWN: dict[str, np.ndarray] = {}


def embed_questions(texts: Sequence[str]) -> np.ndarray:
    """The embeddings of questions, of long ones those of the last ASKED words.

    Those asked for before in this process are remembered, up to MEMORY of them.
    """
    texts = [" ".join(text.split()[-ASKED:]) for text in texts]
    if missing := [text for text in dict.fromkeys(texts) if text not in _KNOWN]:
        if len(_KNOWN) + len(missing) > MEMORY:
            _KNOWN.clear()
            missing = list(dict.fromkeys(texts))
        _KNOWN.update(zip(missing, embed(missing), strict=True))
    return np.array([_KNOWN[text] for text in texts], np.float32).reshape(-1, DIMENSIONS)


class Meanings:
    """An index of the meanings of question-answer pairs, which are named by their positions."""

    def __init__(self, pairs: Sequence[Pair], threshold: float) -> None:
        """Embed the questions, and those answers whose question is similar to another one; no others are needed."""
        self.threshold = threshold
        readable = [n for n, (q, a) in enumerate(pairs) if is_readable(q) and is_readable(a)]
        questions, specifics = (
            embed_questions([pairs[n][0] for n in readable]),
            _Specifics.of([pairs[n] for n in readable]),
        )
        chosen = _have_a_neighbour(questions, specifics, threshold - SLACK, [pairs[n][1] for n in readable])
        self._pair = np.array(readable, dtype=np.int64)[chosen]
        self._line = {n: line for line, n in enumerate(self._pair.tolist())}
        self._pairs = [pairs[n] for n in self._pair.tolist()]
        self._questions, self._specifics = questions[chosen], specifics.take(chosen)
        self._answers = embed([answer for _, answer in self._pairs])
        self._contrasts = Contrasts([pairs[n][0] for n in readable])
        fillers = self._contrasts.words()
        self._vectors = dict(zip(fillers, embed(fillers), strict=True))

    def alike(self, some: Sequence[int], among: Sequence[int]) -> dict[int, list[tuple[float, int]]]:
        """For each pair of `some`, the (similarity, pair) of those `among` that say the same, most similar first.

        The similarity is the lower one of the questions' and the answers'.
        """
        a, b = ([self._line[n] for n in numbers if n in self._line] for numbers in (some, among))
        found: dict[int, list[tuple[float, int]]] = {}
        for i in range(0, len(a), BLOCK):
            for j in range(0, len(b), BLOCK):
                for s, x, y in self._compare(np.array(a[i : i + BLOCK]), np.array(b[j : j + BLOCK])):
                    found.setdefault(x, []).append((s, y))
        return {n: sorted(others, key=lambda pair: (-pair[0], pair[1])) for n, others in found.items()}

    def _compare(self, a: np.ndarray, b: np.ndarray) -> Iterator[tuple[float, int, int]]:
        low = self.threshold - SLACK
        close = self._questions[a] @ self._questions[b].T >= low
        close &= self._answers[a] @ self._answers[b].T >= low
        close &= a[:, None] != b[None, :]
        close &= ~self._specifics.take(a).contradict(self._specifics.take(b))
        rows, columns = close.nonzero()
        for first in range(0, len(rows), BLOCK):
            x, y = a[rows[first : first + BLOCK]], b[columns[first : first + BLOCK]]
            both = np.minimum(
                similarity(self._questions[x], self._questions[y]),
                similarity(self._answers[x], self._answers[y]),
            )
            for s, p, q in zip(both.tolist(), x.tolist(), y.tolist(), strict=True):
                if s >= self.threshold and not self._are_contrary(self._pairs[p], self._pairs[q], s):
                    yield s, int(self._pair[p]), int(self._pair[q])

    def _are_contrary(self, a: Pair, b: Pair, alike: float) -> bool:
        ours, theirs = _read(a), _read(b)
        if not share_words(a[1], b[1]) or _ask_for_more(ours, theirs) or _ask_for_more(theirs, ours):
            return True
        for x, y in self._contrasts.between(ours.asked - theirs.said, theirs.asked - ours.said):
            if float(self._vectors[x] @ self._vectors[y]) < SYNONYMS:
                return True
        if alike < SURE:
            contrary = contradict(a, b)
        else:
            contrary = _are_opposed(ours, theirs) or any(is_denied(x, y) for x, y in zip(a, b, strict=True))
        return contrary or enumerate_otherwise(a[1], b[1]) or answer_another_thing(a[1], b[1])


class _Specifics(NamedTuple):
    """The names and numbers of pairs, and all their words, as 64 bits each, which find most contradictions cheaply.

    Each name and number sets one bit. If that bit is not set, it does not occur; if it is set, another one may have
    set it.
    """

    named: np.ndarray
    said: np.ndarray

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> "_Specifics":
        named = [_name(pair) for pair in pairs]
        known = frozenset().union(*named)
        return cls(_to_bits(named), _to_bits(_say(pair) & known for pair in pairs))

    def take(self, which: Any) -> "_Specifics":
        return _Specifics(self.named[which], self.said[which])

    def contradict(self, others: "_Specifics") -> np.ndarray:
        """Which of these (rows) certainly contradict which of the others (columns), see `contradict`; booleans."""
        ours_alone = (self.named[:, None] & ~others.said[None, :]) != 0
        theirs_alone = (others.named[None, :] & ~self.said[:, None]) != 0
        found: np.ndarray = ours_alone & theirs_alone
        return found


def _to_bits(sets: Iterable[frozenset[str]]) -> np.ndarray:
    return np.array(
        [sum({1 << zlib.crc32(member.encode()) % 64 for member in members}) for members in sets],
        dtype=np.uint64,
    )


def _have_a_neighbour(
    questions: np.ndarray, specifics: _Specifics, threshold: float, answers: Sequence[str]
) -> np.ndarray:
    """The positions of the pairs that have another one which may say the same, judged without their answers' meanings.

    The other one has a similar question, no contradicting number or name, and enough words of a long answer in common.
    """
    found = np.zeros(len(questions), bool)
    starts = range(0, len(questions), BLOCK)
    for i in tqdm(starts, desc="similar questions", unit="block", disable=None):
        for j in range(i, len(questions), BLOCK):
            ours, theirs = slice(i, i + BLOCK), slice(j, j + BLOCK)
            close = questions[ours] @ questions[theirs].T >= threshold
            close &= ~specifics.take(ours).contradict(specifics.take(theirs))
            if i == j:
                close = np.triu(close, 1)
            for row, column in zip(*close.nonzero(), strict=True):
                x, y = i + int(row), j + int(column)
                if not (found[x] and found[y]) and share_words(answers[x], answers[y]):
                    found[x] = found[y] = True
    return found.nonzero()[0]


def share_words(a: str, b: str) -> bool:
    """Whether two answers have enough words in common to say the same; of a short one, none are asked for."""
    x, y = _content(a), _content(b)
    if min(x.length, y.length) < LONG:
        return True
    return len(x.words & y.words) >= COMMON * min(len(x.words), len(y.words))


class _Content(NamedTuple):
    length: int
    size: int
    """of content words"""
    words: frozenset[str]


@lru_cache(maxsize=16384)
def _content(text: str) -> _Content:
    said = words(text)
    content = [word for word in said if word not in ENGLISH]
    return _Content(len(said), len(content), frozenset(map(stem, content)))


def contradict(a: Pair, b: Pair) -> bool:
    """Whether two pairs with similar embeddings still say different things, judged by the pairs alone."""
    return (
        _are_opposed(_read(a), _read(b))
        or any(is_filled_in_otherwise(x, y) for x, y in zip(a, b, strict=True))
        or ask_for_another_thing(a[0], b[0])
    )


def _ask_for_more(ours: "_Read", theirs: "_Read") -> bool:
    """Whether our question names, or our answer takes up from it, what the other pair never says."""
    return not ours.sought <= theirs.said or not ours.taken_up <= theirs.stems


def _are_opposed(ours: "_Read", theirs: "_Read") -> bool:
    """Whether each names or asks for something that the other does not, or one answers yes and one no."""
    apart = not ours.named <= theirs.said and not theirs.named <= ours.said
    apart |= not ours.sought <= theirs.asked and not theirs.sought <= ours.asked
    wanted, other = ({_ASKING[word] for word in one.asked & _ASKING.keys()} for one in (ours, theirs))
    apart |= bool(wanted - other) and bool(other - wanted)
    return apart or {ours.first, theirs.first} == {"yes", "no"}


def ask_for_another_thing(a: str, b: str) -> bool:
    """Whether each of two questions has content words that the other lacks, and these words mean something else.

    The words that both share are mostly the topic, which makes whole questions similar whatever they ask about it.
    """
    if max(_content(text).size for text in (a, b)) > FRAME_WORDS:
        return False  # what leads to a spoken question is not what it asks
    left, right = _leave(a, b)
    return bool(left and right) and _word_similarity(" ".join(left), " ".join(right)) < FAR


def answer_another_thing(a: str, b: str) -> bool:
    """Whether each of two answers has content words that the other lacks, and these words mean something else."""
    left, right = _leave(a, b)
    return bool(left and right) and _word_similarity(" ".join(left), " ".join(right)) < APART


def _leave(a: str, b: str) -> tuple[list[str], list[str]]:
    """The content words of each text that the other one does not have."""
    stems, others = _content(a).words, _content(b).words
    left, right = (
        [word for word in words(text) if word not in ENGLISH and stem(word) not in shared]
        for text, shared in ((a, others), (b, stems))
    )
    return left, right


def enumerate_otherwise(a: str, b: str) -> bool:
    """Whether both texts enumerate things, and one names a thing that the other one does not have."""
    ours, theirs = _enumerate(a), _enumerate(b)
    if not ours or not theirs:
        return False
    return any(_lacks(b, item) for item in ours) or any(_lacks(a, item) for item in theirs)


def _lacks(text: str, item: frozenset[str]) -> bool:
    said = _content(text).words
    return item.isdisjoint(said) if len(item) > ITEM_WORDS else not item <= said


@lru_cache(maxsize=16384)
def _enumerate(text: str) -> tuple[frozenset[str], ...]:
    """The stems of the content words of each thing that a text enumerates."""
    sentences = [sentence for sentence in _SENTENCE.split(text) if sentence.count(",") >= ENUMERATED]
    items = (_content(item).words for sentence in sentences for item in _ITEM.split(sentence))
    return tuple(item for item in items if item)


def is_filled_in_otherwise(a: str, b: str) -> bool:
    """Whether two short texts share most of their words in order, but have words of different meaning between them.

    A word without a counterpart makes no difference, unless it is a negation.
    """
    return any(_differ(*change) for change in _find_changes(words(a), words(b)))


def is_denied(a: str, b: str) -> bool:
    """Whether two short texts share most of their words in order, and one denies what the other says."""
    return any(_deny(ours) != _deny(theirs) for ours, theirs in _find_changes(words(a), words(b)))


def _find_changes(x: list[str], y: list[str]) -> list[tuple[list[str], list[str]]]:
    """What each of two sentences has between the words that both have in order; nothing if these are too few."""
    from rapidfuzz.distance import LCSseq

    if x == y or max(len(x), len(y)) > FRAME_WORDS:
        return []
    changes, kept = [], 0
    ours: list[str] = []
    theirs: list[str] = []
    for step in LCSseq.opcodes(x, y):
        if step.tag == "equal":
            kept += step.src_end - step.src_start
            changes.append((ours, theirs))
            ours, theirs = [], []
        else:
            ours = ours + x[step.src_start : step.src_end]
            theirs = theirs + y[step.dest_start : step.dest_end]
    changes.append((ours, theirs))
    return changes if 2 * kept >= FRAME * (len(x) + len(y)) else []


def _differ(ours: list[str], theirs: list[str]) -> bool:
    if ours and theirs:
        return _word_similarity(" ".join(ours), " ".join(theirs)) < SYNONYMS
    return _deny(ours + theirs)


def _deny(said: list[str]) -> bool:
    return any(word in NEGATIONS or word.endswith("n't") for word in said)


def _word_similarity(a: str, b: str) -> float:
    return float(similarity(_vector(a), _vector(b)))


@lru_cache(maxsize=65536)
def _vector(text: str) -> np.ndarray:
    return embed([text])[0]


class _Read(NamedTuple):
    """Of a pair, case folded."""

    named: frozenset[str]
    """numbers and names"""
    sought: frozenset[str]
    """those of the question"""
    asked: frozenset[str]
    """all words of the question, and its numbers"""
    said: frozenset[str]
    """all words"""
    first: str
    """of the answer's words"""
    taken_up: frozenset[str]
    """stems of the content words that question and answer have in common"""
    stems: frozenset[str]
    """of all words"""


@lru_cache(maxsize=16384)
def _read(pair: Pair) -> _Read:
    first = next(iter(words(pair[1])), "")
    taken_up = _content(pair[0]).words & _content(pair[1]).words
    asked, said = _say((pair[0], "")), _say(pair)
    return _Read(_name(pair), _name((pair[0], "")), asked, said, first, taken_up, frozenset(map(stem, said)))


def _name(pair: Pair) -> frozenset[str]:
    """The numbers (`1,000` is 1000) and proper names."""
    text = _join(pair)
    return find_names(text) | frozenset(_count(text))


def _say(pair: Pair) -> frozenset[str]:
    """All words, and the numbers."""
    text = _join(pair)
    return frozenset([*words(text), *_count(text)])


def _join(pair: Pair) -> str:
    return unicodedata.normalize("NFKC", "\n".join(pair)).replace("\u2019", "'")


def _count(text: str) -> set[str]:
    return {number.replace(",", "") for number in _NUMBER.findall(text)}
