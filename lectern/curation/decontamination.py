"""Drop the examples that contain a question of an evaluation set, because the set would then measure memory.

A row is contaminated when

- one of its questions is a question of the set: in the same words, with a Jaccard similarity of word triples at or
  above the threshold, or, if requested, with the same meaning;
- its text contains a question of the set, or a true answer to one, word for word. For a long question, 13 consecutive
  words are enough, as in the reports on GPT-3 (Brown et al. 2020, appendix C). For a long answer, half of all such runs
  are needed, since answers share phrases. A short question or answer must be there completely;
- the passage that it was made from contains such a question, which the writer of the row has then seen.

Passages are not searched for answers, because the corpus is where answers to questions about it are expected.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from lectern.core import io
from lectern.core.schema import Decision, Example, Question
from lectern.curation.decisions import drop as decide
from lectern.curation.dedupe import NearIndex, make_sketch, questions, shingle, turns
from lectern.curation.paraphrases import BLOCK, SLACK, contradict, embed_questions
from lectern.models.embeddings import embed, is_readable, similarity
from lectern.text.function_words import ENGLISH
from lectern.text.specifics import stem
from lectern.text.words import normalise, words

RUN = 13
"""Consecutive words that agree too long for a coincidence."""
TELLING = {"question": 5, "answer": 8}
"""Fewest words of a text that is searched for inside others. Shorter questions are only compared as a whole."""
SAME = 0.9
"""Cosine similarity from which a question counts as one of the set, even if the two differ in a word that would
otherwise contradict (`paraphrases.contradict`): losing a row costs less than a score that measures memory."""
CHARACTERS = 2
"""In a script without spaces, `words` returns single characters; that many of them count as one word."""
LAST = 40
"""Words at the end of a long turn of a dialogue that are compared by meaning."""
SHARED = 2
"""Content words of a question of a set that such an end must have to be compared."""
PREFIX = 5
"""Number of words by which runs are looked up."""


class Hit(NamedTuple):
    """What was found of an evaluation set: how, the set's name, its question, and the similarity."""

    how: str
    set: str
    question: str
    similarity: float

    def __str__(self) -> str:
        shown = self.question if len(self.question) <= 80 else self.question[:77] + "..."
        return f"{self.how} {self.set}: {shown}"


def drop(
    rows: Sequence[Example],
    evals: Mapping[str, Sequence[Question]],
    passages: Mapping[str, str],
    *,
    threshold: float,
    semantic: float | None = None,
) -> tuple[list[Example], list[Decision]]:
    """Drop the rows that contain a question of `evals`, with the reason `contaminated`.

    Args:
        rows: in any order.
        evals: name of the set -> its questions.
        passages: id -> text; the passages that rows name as their source are searched.
        threshold: Jaccard similarity of word triples from which two questions count as the same.
        semantic: cosine similarity of meaning from which they do (English; see `models.embeddings` and
            `curation.paraphrases`); `None` compares no
            meanings.

    Returns:
        the kept rows and the decisions on the others, in the order of `rows`. A decision's detail names what was
        found and in which set.
    """
    kept, dropped = [], []
    known = _Known(evals, threshold)
    meant = {} if semantic is None else _find_meant(rows, evals, semantic)
    in_passages: dict[str, Hit | None] = {}
    for number, row in enumerate(tqdm(rows, desc="decontamination", unit="row", disable=None)):
        hit = known.find(row) or meant.get(number)
        source = row.provenance.passage
        if hit is None and source is not None and source in passages:
            if source not in in_passages:
                in_passages[source] = known.find_in_passage(passages[source])
            hit = in_passages[source]
        if hit is None:
            kept.append(row)
        else:
            dropped.append(decide(row, "contaminated", similarity=hit.similarity, detail=str(hit)))
    return kept, dropped


class _Known:
    """An index of the questions and answers of the sets."""

    def __init__(self, evals: Mapping[str, Sequence[Question]], threshold: float) -> None:
        self._same: dict[str, tuple[str, str]] = {}
        self._near = NearIndex(threshold)
        self._of_near: list[tuple[str, str]] = []
        self._texts: list[tuple[str, str, str, int]] = []  # part, set, question, how many runs must be found
        self._runs: dict[tuple[str, ...], list[tuple[tuple[str, ...], int]]] = {}
        for name, entries in sorted(evals.items()):
            for entry in entries:
                self._same.setdefault(normalise(entry.question), (name, entry.question))
                shingles = shingle([("user", entry.question)])
                self._near.add(shingles, make_sketch(shingles))
                self._of_near.append((name, entry.question))
                for part, text in (("question", entry.question), ("answer", entry.answer or "")):
                    runs = set(_runs(words(text), TELLING[part]))
                    for run in runs:
                        self._runs.setdefault(run[:PREFIX], []).append((run, len(self._texts)))
                    least = 1 if part == "question" else math.ceil(len(runs) / 2)
                    self._texts.append((part, name, entry.question, least))

    def find(self, row: Example) -> Hit | None:
        """The most serious thing that the row itself contains of a set; `None` if there is nothing."""
        asked = questions(row)
        for text in asked:
            if found := self._same.get(normalise(text)):
                return Hit("asks the question of", *found, 1.0)
        for text in asked:
            shingles = shingle([("user", text)])
            for alike, number in self._near.near(shingles, make_sketch(shingles))[:1]:
                return Hit("asks nearly the question of", *self._of_near[number], alike)
        for _, text in turns(row):
            for part, name, question in self._find_runs(text):
                return Hit(f"holds the {part} of", name, question, 1.0)
        return None

    def find_in_passage(self, text: str) -> Hit | None:
        """A question of a set that is in the passage a row was made from; `None` if there is none."""
        for part, name, question in self._find_runs(text):
            if part == "question":
                return Hit("its passage holds the question of", name, question, 1.0)
        return None

    def _find_runs(self, text: str) -> Iterator[tuple[str, str, str]]:
        tokens = tuple(words(text))
        found: dict[int, set[tuple[str, ...]]] = {}
        for i in range(len(tokens) - PREFIX + 1):
            for run, number in self._runs.get(tokens[i : i + PREFIX], ()):
                if tokens[i : i + len(run)] == run:
                    found.setdefault(number, set()).add(run)
        for number, runs in sorted(found.items()):
            part, name, question, least = self._texts[number]
            if len(runs) >= least:
                yield part, name, question


def _runs(tokens: Sequence[str], telling: int) -> Iterator[tuple[str, ...]]:
    """The runs to search for: any RUN consecutive words, all words of a shorter text, none of one that is too short."""
    longest = RUN
    if len("".join(tokens)) < 1.5 * len(tokens):  # words this short only occur in scripts without spaces
        telling, longest = telling * CHARACTERS, RUN * CHARACTERS
    if len(tokens) >= max(telling, PREFIX):
        size = min(longest, len(tokens))
        for i in range(len(tokens) - size + 1):
            yield tuple(tokens[i : i + size])


def _find_meant(
    rows: Sequence[Example], evals: Mapping[str, Sequence[Question]], threshold: float
) -> dict[int, Hit]:
    """Index of a row -> the question of a set that has the meaning of one of the row's questions."""
    import numpy as np

    known = [
        (name, entry.question)
        for name, entries in sorted(evals.items())
        for entry in entries
        if is_readable(entry.question)
    ]
    topics = [_find_topics(question) for _, question in known]
    asked = [
        (number, text)
        for number, row in enumerate(rows)
        for text in _take_questions(row, topics)
        if is_readable(text)
    ]
    if not known or not asked:
        return {}
    theirs = embed([question for _, question in known])
    ours = embed_questions([text for _, text in asked])
    found: dict[int, Hit] = {}
    for i in range(0, len(ours), BLOCK):
        products = ours[i : i + BLOCK] @ theirs.T
        lines, columns = (products >= threshold - SLACK).nonzero()
        exact = similarity(ours[i + lines], theirs[columns])
        for n in np.lexsort((columns, -exact, lines)).tolist():
            (number, text), (name, question) = asked[i + lines[n]], known[columns[n]]
            if exact[n] >= SAME or (exact[n] >= threshold and not contradict((text, ""), (question, ""))):
                found.setdefault(number, Hit("means the question of", name, question, float(exact[n])))
    return found


def _take_questions(row: Example, topics: Sequence[frozenset[str]]) -> list[str]:
    """The questions of a row that are compared by meaning: of a long turn in a dialogue its last LAST words.

    A question stands at the end of a turn, and the meaning of a long turn is hardly that of the question in it. The end
    is compared only if it shares SHARED content words with a question of a set, or all that the question has: the turns
    of hundreds of conversations would take most of an hour to embed.
    """
    asked = questions(row)
    if len(turns(row)) == 2:
        return asked
    taken = []
    for text in asked:
        parts = text.split()
        end = " ".join(parts[-LAST:])
        if len(parts) <= LAST or any(len(_find_topics(end) & t) >= min(SHARED, len(t)) for t in topics):
            taken.append(end)
    return taken


def _find_topics(text: str) -> frozenset[str]:
    return frozenset(stem(word) for word in words(text) if word not in ENGLISH)


def read_evals(folder: Path) -> dict[str, list[Question]]:
    """The questions of each file of a folder, by its name without the suffix."""
    return {path.stem: io.read_jsonl(path, Question) for path in sorted(folder.glob("*.jsonl"))}
