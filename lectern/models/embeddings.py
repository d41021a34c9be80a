"""Find the question-answer pairs that say the same in other words.

It uses sentence embeddings of all-MiniLM-L6-v2 (Reimers and Gurevych 2019, Sentence-BERT; the model arrives as a
package, see `models.bundled`): each text becomes a vector of unit length, and texts with the same meaning point in the
same direction. Two pairs say the same when

- their questions are similar up to a threshold, and so are their answers: a question may have two answers and an answer
  may fit two questions, and each such row has something to teach;
- it is not the case that each of them names a number or a proper name that the other one lacks;
- neither the questions nor the answers are the same sentence with another word in it (`is_filled_in_otherwise`), and
  the answers do not begin with yes and no;
- the corpus itself contrasts no word of one question with a word of the other (`text.contrasts`).

The last three conditions are needed because an embedding hardly sees the one word that matters: for it, "change the oil
filter every 3 months" and "change the air filter every 6 months" mean nearly the same, although real paraphrases share
fewer words than these two do.

The model reads English. Texts in scripts other than Latin would all look alike to it and are never compared. Other
languages in Latin script are compared, but their duplicates are found less often than those in English.

Everything is compared with everything, by matrix products in blocks: for 100,000 rows that takes a fraction of the time
of the embedding, so an approximate index would save nothing and could miss pairs. The products only choose candidates;
the decision on each pair uses its similarity in double precision, rounded to four digits. Batches do not depend on the
number of threads, and one thread computes each batch, so that more threads change the time, but no bit of the result.
"""

import re
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import regex
from tqdm import tqdm

from lectern.models import bundled, integer_layers
from lectern.text.contrasts import Contrasts
from lectern.text.words import words

MODEL = "minilm_l6"
DIMENSIONS = 384
WINDOW = 254
"""Tokens that are read at once, without the start and end tokens; a longer text is the mean of its windows."""
BATCH_TOKENS = 2048
BATCH_TOKENS_QUICK = 1024
"""Integer products are so fast that memory access dominates, so these batches must fit into the cache."""
TOKENIZED_AT_ONCE = 4096
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
LATIN = 0.9
"""Least share of letters in Latin script in a text that the model can read."""

_LETTER = regex.compile(r"\p{L}")
_LATIN_LETTER = regex.compile(r"\p{Script=Latin}")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
# A capital letter that does not begin a sentence, or a second one in the same word.
_NAME = regex.compile(r"(?<=[^\s.!?:;\"\u201c(\[-][\"')\]]*\s+)\p{Lu}[\w'-]*|\b\p{Lu}[\w-]*\p{Lu}[\w-]*")
_NOT_A_NAME = frozenset(("i", "i'm", "i've", "i'd", "i'll"))
_NEGATIONS = frozenset(
    ("no", "not", "never", "none", "nobody", "nothing", "nor", "neither", "cannot", "without")
)


Pair = tuple[str, str]
"""Question and answer."""


def embed(texts: Sequence[str], *, quick: bool = False) -> np.ndarray:
    """The embeddings of `texts`: float32, of shape (texts, 384), rows of unit length; zero for a text without tokens.

    `quick` computes with 8-bit integers (`models.integer_layers`), which takes a third of the time on a processor with
    VNNI. The cosine of two texts then differs by .007 on average and .036 at most (600 texts of 42 words), and by .002
    between kinds of processor. That is good enough for a mean over thousands, but not for a decision on one pair.
    """
    unique = list(dict.fromkeys(texts))
    vectors = np.zeros((len(unique), DIMENSIONS), np.float32)
    if unique:
        windows = _cut(unique, quick)
        for numbers, means in _embed_windows(windows, quick):
            np.add.at(vectors, numbers, means)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.where(norms == 0, 1, norms)
    position = {text: number for number, text in enumerate(unique)}
    return vectors if len(unique) == len(texts) else vectors[[position[text] for text in texts]]


Window = tuple[int, np.ndarray]
"""The index of a text and the tokens of one of its windows."""


def _cut(texts: Sequence[str], quick: bool) -> list[Window]:
    """The windows of all texts, shortest first, so that batches need little padding."""
    tokenizer = _load(quick)[0]  # loaded here, since the batches, which need it too, run in parallel
    windows: list[Window] = []
    for first in range(0, len(texts), TOKENIZED_AT_ONCE):
        found = tokenizer.encode_batch(
            list(texts[first : first + TOKENIZED_AT_ONCE]), add_special_tokens=False
        )
        for number, encoding in enumerate(found, first):
            ids = np.array(encoding.ids, dtype=np.int32)
            windows += [(number, ids[i : i + WINDOW]) for i in range(0, len(ids), WINDOW)]
    return sorted(windows, key=lambda window: len(window[1]))


def _embed_windows(windows: Sequence[Window], quick: bool) -> Iterator[tuple[list[int], np.ndarray]]:
    """(indices of the texts, summed embeddings of their tokens) of each batch, in a fixed order."""
    import torch

    # One thread per batch, and as many batches at once as torch would use threads, so that the sums never change.
    threads = torch.get_num_threads()
    batches = list(_batches(windows, BATCH_TOKENS_QUICK if quick else BATCH_TOKENS))
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            sums = pool.map(partial(_embed_batch, quick=quick), batches)
            progress = tqdm(
                zip(batches, sums, strict=True),
                total=len(batches),
                desc="embeddings",
                unit="batch",
                disable=None,
            )
            for batch, summed in progress:
                yield [number for number, _ in batch], summed
    finally:
        torch.set_num_threads(threads)


def _batches(windows: Sequence[Window], tokens: int) -> Iterator[Sequence[Window]]:
    first = 0
    while first < len(windows):
        last = first + 1  # windows are sorted by length, so the last one of a batch is the longest
        while last < len(windows) and (last + 1 - first) * (len(windows[last][1]) + 2) <= tokens:
            last += 1
        yield windows[first:last]
        first = last


def _embed_batch(batch: Sequence[Window], *, quick: bool) -> np.ndarray:
    import torch

    tokenizer, model = _load(quick)
    start, end = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    length = max(len(ids) for _, ids in batch) + 2
    tokens = np.zeros((len(batch), length), np.int64)
    mask = np.zeros((len(batch), length), np.int64)
    for line, (_, ids) in enumerate(batch):
        tokens[line, : len(ids) + 2] = [start, *ids, end]
        mask[line, : len(ids) + 2] = 1
    with torch.inference_mode():
        read = torch.from_numpy(mask)
        states = model(input_ids=torch.from_numpy(tokens), attention_mask=read).last_hidden_state
        return (states * read[..., None]).sum(1).numpy()  # mean pooling; `embed` divides by the norm


@lru_cache
def _load(quick: bool) -> tuple[Any, Any]:
    """(tokenizer, model)"""
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModel
    from transformers.utils import logging

    folder: Path = bundled.fetch(MODEL)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    logging.disable_progress_bar()  # and, below, no warning of the pooling layer, which is not used
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        model = AutoModel.from_pretrained(folder, dtype=torch.float32, add_pooling_layer=False).eval()
    finally:
        logging.set_verbosity(verbosity)
    return tokenizer, integer_layers.quantise(model) if quick else model


def is_readable(text: str) -> bool:
    """Whether the model can read this text: nearly all its letters are Latin."""
    letters = len(_LETTER.findall(text))
    return letters > 0 and len(_LATIN_LETTER.findall(text)) >= LATIN * letters


def similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosines of the rows of `a` and `b`, arrays of unit vectors, in double precision, rounded to four digits."""
    return np.round((a.astype(np.float64) * b.astype(np.float64)).sum(-1), 4)


class Meanings:
    """An index of the meanings of question-answer pairs, which are named by their positions."""

    def __init__(self, pairs: Sequence[Pair], threshold: float) -> None:
        """Embed the questions, and those answers whose question is similar to another one; no others are needed."""
        self.threshold = threshold
        readable = [n for n, (q, a) in enumerate(pairs) if is_readable(q) and is_readable(a)]
        questions, specifics = (
            embed([pairs[n][0] for n in readable]),
            _Specifics.of([pairs[n] for n in readable]),
        )
        chosen = _have_a_neighbour(questions, specifics, threshold - SLACK)
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
                if s >= self.threshold and not self._are_contrary(self._pairs[p], self._pairs[q]):
                    yield s, int(self._pair[p]), int(self._pair[q])

    def _are_contrary(self, a: Pair, b: Pair) -> bool:
        ours, theirs = _read(a), _read(b)
        for x, y in self._contrasts.between(ours.asked - theirs.said, theirs.asked - ours.said):
            if float(self._vectors[x] @ self._vectors[y]) < SYNONYMS:
                return True
        return contradict(a, b)


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


def _have_a_neighbour(questions: np.ndarray, specifics: _Specifics, threshold: float) -> np.ndarray:
    """The positions of the pairs that have another pair with a similar question and no contradicting number or name."""
    found = np.zeros(len(questions), bool)
    starts = range(0, len(questions), BLOCK)
    for i in tqdm(starts, desc="similar questions", unit="block", disable=None):
        for j in range(i, len(questions), BLOCK):
            ours, theirs = slice(i, i + BLOCK), slice(j, j + BLOCK)
            close = questions[ours] @ questions[theirs].T >= threshold
            close &= ~specifics.take(ours).contradict(specifics.take(theirs))
            if i == j:
                np.fill_diagonal(close, False)
            found[ours] |= close.any(1)
            found[theirs] |= close.any(0)
    return found.nonzero()[0]


def contradict(a: Pair, b: Pair) -> bool:
    """Whether two pairs with similar embeddings still say different things, judged by the pairs alone."""
    ours, theirs = _read(a), _read(b)
    return (
        (not ours.named <= theirs.said and not theirs.named <= ours.said)
        or {ours.first, theirs.first} == {"yes", "no"}
        or any(is_filled_in_otherwise(x, y) for x, y in zip(a, b, strict=True))
    )


def is_filled_in_otherwise(a: str, b: str) -> bool:
    """Whether two short texts share most of their words in order, but have words of different meaning between them.

    A word without a counterpart makes no difference, unless it is a negation.
    """
    from rapidfuzz.distance import LCSseq

    x, y = words(a), words(b)
    if x == y or max(len(x), len(y)) > FRAME_WORDS:
        return False
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
    return 2 * kept >= FRAME * (len(x) + len(y)) and any(_differ(*change) for change in changes)


def _differ(ours: list[str], theirs: list[str]) -> bool:
    if ours and theirs:
        return _word_similarity(" ".join(ours), " ".join(theirs)) < SYNONYMS
    return any(word in _NEGATIONS or word.endswith("n't") for word in ours + theirs)


def _word_similarity(a: str, b: str) -> float:
    return float(similarity(_vector(a), _vector(b)))


@lru_cache(maxsize=65536)
def _vector(text: str) -> np.ndarray:
    return embed([text])[0]


class _Read(NamedTuple):
    """Of a pair, case folded: numbers and names, words of the question, all words, first word of the answer."""

    named: frozenset[str]
    asked: frozenset[str]
    said: frozenset[str]
    first: str


@lru_cache(maxsize=16384)
def _read(pair: Pair) -> _Read:
    first = next(iter(words(pair[1])), "")
    return _Read(_name(pair), frozenset(words(pair[0])), _say(pair), first)


def _name(pair: Pair) -> frozenset[str]:
    """The numbers (`1,000` is 1000) and proper names."""
    text = _join(pair)
    names = {word for name in _NAME.findall(text) for word in words(name)}
    return frozenset(names - _NOT_A_NAME | _count(text))


def _say(pair: Pair) -> frozenset[str]:
    """All words, and the numbers."""
    text = _join(pair)
    return frozenset([*words(text), *_count(text)])


def _join(pair: Pair) -> str:
    return unicodedata.normalize("NFKC", "\n".join(pair)).replace("\u2019", "'")


def _count(text: str) -> set[str]:
    return {number.replace(",", "") for number in _NUMBER.findall(text)}
