"""Likeness: how surely a pool of answers is the speaker's, judged by style alone.

The method is logistic regression on tf-idf weights of single words and word pairs of a text whose topic words are
masked (text distortion, Stamatatos 2017), calibrated by Platt's method (1999) on recordings that the regression did not
see. Function words stay as they are. So do words that both sides use commonly, for this works in every language. Every
other word is masked, with its ending where that is common.

What must not decide is controlled:

- **Length.** Every pool has exactly the same number of words. A single answer says little: on unseen episodes of a
  podcast, pools of 20 words tell the host from guests with an AUC of about .7, pools of 300 words with about .96. Text
  to learn from counts as much: from 11,000 words of either side, pools of 300 words reach .86.
- **Topic.** Topic words are masked, and what is calibrated on is recordings that were left out.
- **Role.** Sentences that ask are left out on both sides. Compare answers with answers to the same questions.
- **Form.** Capitals, punctuation and Markdown do not count, because whoever transcribed a recording chose them.

The regression does not know who else there is. A third voice that resembles neither side is put
on the side to which its function words are nearer, so `others` should hold what the answers are compared with.

`tests/benchmarks/likeness.py` compares this method with others, Burrows's Delta among them, and prints their AUC.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import regex

from lectern.core.errors import LecternError
from lectern.evaluation import kappa
from lectern.evaluation.bootstrap import Bootstrap, Interval
from lectern.text import function_words
from lectern.text.words import words

POOL = 300
"""Words of a pool, unless said otherwise."""
PIECE = 100
"""Words of a piece of training text. On the benchmark's episodes 50 to 300 did equally well."""
FOLDS = 5
"""Groups of recordings, each of which is left out once to calibrate on. Fewer if the recordings are few."""
STRENGTH = 3.0
"""The inverse of the penalty on the weights of the regression (scikit-learn's `C`). 10 did as well."""
GRAMS = 5_000
"""Greatest number of words and pairs with a weight. So small a regression does not depend on the number of threads."""
COMMON_RATE, COMMON_COUNT = 0.0005, 5
"""A word that both sides use at least so often (of all words; times) is kept though it is not in the list."""
COMMON_ENDING = 10
"""An ending is kept if both sides have it on so many different words. With fewer it would betray the topic."""
LEVELS = 400
"""Distinct scores that the AUC distinguishes. More scores are ranked into so many groups."""
DIGITS = 3
"""Decimals of a log-odds. Finer differences depend on the processor."""

_END = regex.compile(r"([.!?…。！？؟।\n]+)")
_ASKS = regex.compile(r"[?？؟]")


class Said(NamedTuple):
    """A text and where it comes from."""

    item: str
    """the recording or document; texts of one item are never both learned from and calibrated on"""
    text: str


class Scored(NamedTuple):
    """A pool of answers with its score."""

    item: str
    """the item of the pool's first word"""
    log_odds: float
    """0 if the pool could be anybody's, above 0 if it sounds like the speaker"""


@dataclass(frozen=True)
class Likeness:
    """What has been learned of a speaker's style. Made by `learn`."""

    pool_words: int
    """number of words of each pool; log-odds hold for pools of this length only"""
    kept: frozenset[str]
    """the words that are not masked"""
    endings: frozenset[str]
    """the endings that masked words keep"""
    weights: Any
    """scikit-learn's fitted TfidfVectorizer"""
    regression: Any
    """scikit-learn's fitted LogisticRegression"""
    slope: float
    """how much a unit of the regression's margin says, found on items that were left out; 0 if it says nothing"""
    offset: float

    def score_pools(self, answers: Iterable[Said]) -> list[Scored]:
        """Pool the answers (`pools`) and score each pool. There is none if they have too few words."""
        found = pools(answers, self.pool_words)
        margins = _margins(self, [pool.words for pool in found])
        return [
            Scored(pool.item, round(self.slope * float(margin) + self.offset, DIGITS))
            for pool, margin in zip(found, margins, strict=True)
        ]

    def score(self, answers: Sequence[str]) -> float | None:
        """Return the mean log-odds that a pool of these answers is the speaker's, before anything else is known.

        Both sides count as equally likely beforehand. `probability` turns it into a share.

        Returns:
            None if the answers have fewer than `pool_words` words, questions not counted.
        """
        scored = self.score_pools(Said("", answer) for answer in answers)
        return round(math.fsum(one.log_odds for one in scored) / len(scored), DIGITS) if scored else None

    def rank(self, answer: str) -> float | None:
        """Return a number by which answers of similar length can be put in order; the greater, the more alike.

        It is not calibrated, because a single answer says too little. None if the answer has no word.
        """
        said = style_words(answer)
        return round(float(_margins(self, [said])[0]), DIGITS) if said else None


def probability(log_odds: float) -> float:
    """Turn log-odds into a probability, if the speaker and the others are equally likely beforehand."""
    return 0.5 * (1 + math.tanh(log_odds / 2))


def style_words(text: str) -> list[str]:
    """Return the words of a text that count: those of its sentences that do not ask."""
    *parts, rest = _END.split(text)
    told = [part for part, end in zip(parts[::2], parts[1::2], strict=True) if not _ASKS.search(end)]
    return [word for word in words(" ".join([*told, rest])) if any(map(str.isalnum, word))]


class Pool(NamedTuple):
    """So many words in a row."""

    item: str
    words: list[str]


def pools(said: Iterable[Said], size: int) -> list[Pool]:
    """Join texts and cut them into pools of exactly `size` words each, without the sentences that ask.

    The texts of one item are joined first. What is left over of each item is joined, in order, to pools that mix items.
    The rest, fewer than `size` words, is dropped.
    """
    by_item: dict[str, list[str]] = {}
    for one in said:
        by_item.setdefault(one.item, []).extend(style_words(one.text))
    found: list[Pool] = []
    left: list[tuple[str, str]] = []
    for item, joined in by_item.items():
        whole = len(joined) // size * size
        found += [Pool(item, joined[at : at + size]) for at in range(0, whole, size)]
        left += [(item, word) for word in joined[whole:]]
    for at in range(0, len(left) // size * size, size):
        found.append(Pool(left[at][0], [word for _, word in left[at : at + size]]))
    return found


def learn(speaker: Sequence[Said], others: Sequence[Said], *, pool_words: int = POOL) -> Likeness:
    """Learn to tell a speaker's answers from others'.

    Args:
        speaker: the speaker's own answers, of the training split.
        others: a base model's answers to the same questions, with the same items, or other speakers' answers. Words
            that open answers come more often in short ones, so where one side's answers are much longer, cut both to
            the shorter.
        pool_words: the number of words of each pool that will be scored.

    Raises:
        LecternError: there is no other text, or too little of either side; the message says how much is needed.
        ValueError: `pool_words` is not positive.
    """
    from threadpoolctl import threadpool_limits

    if pool_words < 1:
        raise ValueError(f"pool_words is {pool_words}: a pool has at least one word")
    sides = {True: list(speaker), False: list(others)}
    folds = _fold(sides, pool_words)
    left_out: list[tuple[float, bool]] = []
    with threadpool_limits(1):
        for fold in folds:
            taught = {side: [one for one in said if one.item not in fold] for side, said in sides.items()}
            fitted = _fit(taught, pool_words)
            for side, said in sides.items():
                unseen = pools((one for one in said if one.item in fold), pool_words)
                margins = _margins(fitted, [pool.words for pool in unseen])
                left_out += [(float(margin), side) for margin in margins]
        slope, offset = _calibrate(left_out)
        final = _fit(sides, pool_words)
    return Likeness(pool_words, final.kept, final.endings, final.weights, final.regression, slope, offset)


def auc(
    speaker: Sequence[Scored],
    others: Sequence[Scored],
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Return the probability that a pool of the speaker's scores above one of the others', with its interval.

    Whole items are redrawn if there are enough of them, as `bootstrap.choose_unit` says, else pools. With more than
    `LEVELS` different scores the area is computed from so many groups of scores.

    Returns:
        an interval whose value is NaN if either side has no pool.
    """
    both = [*speaker, *others]
    own = [True] * len(speaker) + [False] * len(others)
    scores = [one.log_odds for one in both]
    ranks = {score: rank for rank, score in enumerate(sorted(set(scores)))}
    shrink = max(1.0, len(ranks) / LEVELS)
    levels = [float(int(ranks[score] / shrink)) for score in scores]
    bootstrap = Bootstrap([one.item for one in both], resamples=resamples, confidence=confidence, seed=seed)
    return bootstrap.interval(kappa.auc(own, levels))


def _fold(sides: dict[bool, list[Said]], pool_words: int) -> list[frozenset[str]]:
    """Divide the items into groups of which each holds at least one pool of either side.

    Items go one by one, those with the most words of the speaker first, to the group that has the fewest.
    """
    if not any(style_words(one.text) for one in sides[False]):
        raise LecternError(
            "Likeness compares the speaker with somebody else, and no other text was given. Give the base model's "
            "answers to the same questions, or the answers of another speaker."
        )
    counts: dict[str, Counter[bool]] = {}
    for side, said in sides.items():
        for one in said:
            counts.setdefault(one.item, Counter())[side] += len(style_words(one.text))
    order = sorted(counts, key=lambda item: (-counts[item][True], -counts[item][False], item))
    for number in range(min(FOLDS, len(order)), 1, -1):
        groups: list[list[str]] = [[] for _ in range(number)]
        totals = [Counter[bool]() for _ in range(number)]
        for item in order:
            side = bool(counts[item][True])
            to = min(range(number), key=lambda at: (totals[at][side], at))
            groups[to].append(item)
            totals[to].update(counts[item])
        if all(total[side] >= pool_words for total in totals for side in sides):
            return [frozenset(group) for group in groups]
    has = {
        side: f"{sum(count[side] for count in counts.values()):,} words in "
        f"{sum(count[side] > 0 for count in counts.values())} items"
        for side in sides
    }
    raise LecternError(
        f"Likeness learns from one part of the items and is calibrated on the other, and each part needs {pool_words} "
        f"words of the speaker and of the others, questions not counted. There are {has[True]} of the speaker and "
        f"{has[False]} of the others. Add items, or lower the number of words of a pool."
    )


class _Fitted(NamedTuple):
    kept: frozenset[str]
    endings: frozenset[str]
    weights: Any
    regression: Any


def _fit(sides: dict[bool, list[Said]], pool_words: int) -> _Fitted:
    """Fit the weights and the regression on pieces of equal length."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    pieces = [
        (pool.words, side) for side, said in sides.items() for pool in pools(said, min(PIECE, pool_words))
    ]
    kept, endings = _keep({side: [piece for piece, whose in pieces if whose is side] for side in sides})
    weights = TfidfVectorizer(
        analyzer=_identity,
        sublinear_tf=True,
        min_df=2 if len(pieces) > 10 else 1,
        max_features=GRAMS,
    )
    features = weights.fit_transform([_grams(piece, kept, endings) for piece, _ in pieces])
    regression = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=1000, tol=1e-6)
    regression.fit(features, [side for _, side in pieces])
    return _Fitted(kept, endings, weights, regression)


def _keep(pieces: dict[bool, list[list[str]]]) -> tuple[frozenset[str], frozenset[str]]:
    """The words that stay, and the endings of those that do not.

    The words are those of the list, and those that both sides use commonly, such as another language's.
    """
    counts = {side: Counter(word for piece in said for word in piece) for side, said in pieces.items()}
    least = {side: max(COMMON_COUNT, COMMON_RATE * count.total()) for side, count in counts.items()}
    common = {word for word in counts[True] if all(counts[side][word] >= least[side] for side in counts)}
    kept = function_words.ENGLISH | common
    found = [function_words.find_endings(count.keys() - kept, COMMON_ENDING) for count in counts.values()]
    return kept, frozenset(set.intersection(*found))


def _identity(grams: Iterator[str]) -> Iterator[str]:
    return grams


def _grams(said: Sequence[str], kept: frozenset[str], endings: frozenset[str]) -> list[str]:
    """The words and the pairs of neighbours of a text, its topic masked."""
    masked = function_words.mask_topic(said, kept, endings)
    return [*masked, *(f"{first} {second}" for first, second in pairwise(masked))]


def _margins(fitted: _Fitted | Likeness, texts: Sequence[Sequence[str]]) -> np.ndarray:
    """The regression's margin of each text, of shape (texts,); above 0 on the speaker's side."""
    if not texts:
        return np.zeros(0)
    features = fitted.weights.transform([_grams(text, fitted.kept, fitted.endings) for text in texts])
    margins: np.ndarray = fitted.regression.decision_function(features)
    return margins


def _calibrate(left_out: Sequence[tuple[float, bool]]) -> tuple[float, float]:
    """Fit slope and offset of the log-odds to margins of pools that were left out.

    A slope below 0 would mean that the regression is wrong more often than right, which is chance: it becomes 0.
    """
    from sklearn.linear_model import LogisticRegression

    margins, sides = zip(*left_out, strict=True)
    platt = LogisticRegression(class_weight="balanced", tol=1e-8, max_iter=1000)
    platt.fit(np.array(margins)[:, None], sides)
    slope, offset = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    return (slope, offset) if slope > 0 else (0.0, 0.0)
