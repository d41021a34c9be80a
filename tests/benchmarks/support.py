"""How well a sentence that the sources say is told from one that they do not say.

Run: python -m tests.benchmarks.support

The sources are the scripts of the demo's ten talks and the first answers of paraphrases.txt. True sentences are
quotations, quotations without some of their words, and statements in other words (support.txt, and the second answers
of paraphrases.txt). False ones are quotations with another number, another name, a negation more or less, statements
close to what is said (support.txt, and the second answers of pairs that do not say the same), and sentences about other
subjects (data/general).

The weight and the thresholds are chosen on one half, and everything else is reported on the other: every second talk,
pair and passage of general text. The search and the weights of words see the sources of both halves, as in a real run.
"""

import json
import random
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from lectern.core.schema import Provenance, Unit, passage_id
from lectern.evaluation.bootstrap import Bootstrap, mean
from lectern.retrieval import support, units, vectors
from lectern.text.sentences import find_sentences
from lectern.text.specifics import find_numbers
from lectern.text.words import normalise

HERE = Path(__file__).parent
SCRIPT = Path("data/sources/demo/script.yaml")
GENERAL = Path("data/general/passages.jsonl")
OTHERS = 6
"""Sentences taken from each passage of general text."""
SHORT = 5
"""Fewest words of a planted sentence."""
NUMBERS = ("two", "three", "four", "five", "ten", "twenty", "fifty", "ninety")
NAMES = ("Marta", "Lisbon", "Kowalski", "Nairobi", "Wikipedia", "Tolstoy")
QUOTED, SHORTENED, REWORDED = "quoted", "some words left out", "in other words"
NUMBER, NAME, NEGATION, CLOSE, OTHER = (
    "another number",
    "another name",
    "a negation more or less",
    "close, but not said",
    "another subject",
)
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Planted:
    """A sentence, and whether the sources say it."""

    text: str
    true: bool
    kind: str
    group: str
    """talk, pair or passage that it comes from"""
    half: int
    """0 to choose, 1 to report"""


def read_talks() -> dict[str, list[str]]:
    """Talk -> the guest's answers."""
    talks = yaml.safe_load(SCRIPT.read_text(encoding="utf-8"))["talks"]
    return {
        talk["item"]: [
            text for turn in talk["turns"] for name, text in turn.items() if re.fullmatch(r"a\d+", name)
        ]
        for talk in talks
    }


def read_pairs() -> list[tuple[bool, str, str, str]]:
    """Whether both say the same; the first question, its answer, the second answer."""
    found = []
    for line in (HERE / "paraphrases.txt").read_text(encoding="utf-8").splitlines():
        if line[:1] in ("=", "!"):
            one, other = line[1:].split("||")
            question, answer = (part.strip() for part in one.split("|"))
            found.append((line[0] == "=", question, answer, other.split("|")[1].strip()))
    return found


def make_unit(item: str, number: int, text: str, question: str | None = None) -> Unit:
    where = Provenance(item=item, start=10.0 * number, end=10.0 * number + 10, method="turn")
    return Unit(id=passage_id(item, text), text=text, question=question, provenance=where)


def split(text: str) -> list[str]:
    return [text[a:b] for a, b in find_sentences(text) if len(text[a:b].split()) >= SHORT]


def plant(talks: dict[str, list[str]], pairs: list[tuple[bool, str, str, str]]) -> Iterator[Planted]:
    """Yield all planted sentences."""
    chance = random.Random(0)
    for place, (item, answers) in enumerate(talks.items()):
        for sentence in (one for answer in answers for one in split(answer)):
            for text, true, kind in change(sentence, chance):
                yield Planted(text, true, kind, item, place % 2)
    order = list(talks)
    for line in (HERE / "support.txt").read_text(encoding="utf-8").splitlines():
        if line[:1] in ("=", "!"):
            item, text = (part.strip() for part in line[1:].split("|"))
            true = line[0] == "="
            yield Planted(text, true, REWORDED if true else CLOSE, item, order.index(item) % 2)
    for place, (same, question, answer, other) in enumerate(pairs):
        said = {normalise(one) for one in split(answer)}
        for text in split(other):
            if normalise(text) not in said:
                yield Planted(text, same, REWORDED if same else CLOSE, question, place % 2)
    for place, line in enumerate(GENERAL.read_text(encoding="utf-8").splitlines()[:40]):
        passage = json.loads(line)
        for text in split(passage["text"])[1 : OTHERS + 1]:
            yield Planted(" ".join(text.split()), False, OTHER, passage["id"], place % 2)


def change(sentence: str, chance: random.Random) -> Iterator[tuple[str, bool, str]]:
    """Yield a sentence of the sources and what can be made of it: text, whether it is still said, and how."""
    yield sentence, True, QUOTED
    parts = sentence.split()
    if len(parts) >= 8:
        left_out = set(chance.sample(range(1, len(parts) - 1), 2))
        kept = [part for at, part in enumerate(parts) if at not in left_out]
        if not {"no", "not", "never", "nothing", "nobody"} & {normalise(parts[at]) for at in left_out}:
            yield " ".join(kept), True, SHORTENED
    for number in NUMBERS:
        if re.search(rf"\b{number}\b", sentence, re.IGNORECASE):
            other = chance.choice([one for one in NUMBERS if not find_numbers(sentence) & find_numbers(one)])
            yield re.sub(rf"\b{number}\b", other, sentence, flags=re.IGNORECASE), False, NUMBER
            break
    yield f"{sentence.rstrip('.')}, said {chance.choice(NAMES)}.", False, NAME
    denial = re.search(r"\b(?:not|never) ", sentence)
    verb = re.search(r"\b(?:is|are|was|should|can|must|will|may) ", sentence)
    if denial:
        yield sentence[: denial.start()] + sentence[denial.end() :], False, NEGATION
    elif verb and "n't" not in sentence:
        yield f"{sentence[: verb.end()]}not {sentence[verb.end() :]}", False, NEGATION


def area(true: Sequence[float], false: Sequence[float]) -> float:
    """The probability that a true sentence has a higher score than a false one; equal scores count half."""
    from scipy.stats import rankdata

    ranks = rankdata([*true, *false])[: len(true)]
    return float((ranks.sum() - len(true) * (len(true) + 1) / 2) / (len(true) * len(false)))


def area_interval(rows: Sequence[Planted], scores: Sequence[float]) -> tuple[float, float, float]:
    """The area with its 95 % interval; whole talks, pairs and passages are drawn again, 1,000 times."""
    groups: dict[str, tuple[list[float], list[float]]] = {}
    for row, score in zip(rows, scores, strict=True):
        groups.setdefault(row.group, ([], []))[not row.true].append(score)
    names, generator, drawn = sorted(groups), np.random.default_rng(0), []
    for _ in range(1000):
        chosen = [groups[names[at]] for at in generator.integers(0, len(names), len(names))]
        drawn.append(
            area([one for true, _ in chosen for one in true], [one for _, false in chosen for one in false])
        )
    everything = [list(groups.values())]
    value = area(
        [one for true, _ in everything[0] for one in true],
        [one for _, false in everything[0] for one in false],
    )
    low, high = np.quantile(drawn, [0.025, 0.975])
    return value, float(low), float(high)


def choose_threshold(rows: Sequence[Planted], scores: Sequence[float]) -> tuple[float, float]:
    """The threshold with the best balance of the two kinds of errors (Youden's J), and this J."""
    best = (0.0, -1.0)
    for threshold in np.arange(0.3, 0.96, 0.01):
        true = np.mean([score >= threshold for row, score in zip(rows, scores, strict=True) if row.true])
        false = np.mean([score >= threshold for row, score in zip(rows, scores, strict=True) if not row.true])
        if true - false > best[1] + 1e-9:
            best = (round(float(threshold), 2), float(true - false))
    return best


def score(sources: support.Sources, rows: Sequence[Planted]) -> list[float]:
    """The score of each sentence's best place; 0 where there is none."""
    found = sources.find(list(dict.fromkeys(row.text for row in rows)), every=True)
    return [found[row.text].score if row.text in found else 0.0 for row in rows]


def show(name: str, values: Sequence[bool], groups: Sequence[str]) -> None:
    drawn = Bootstrap(groups, resamples=10_000, confidence=0.95, seed=0)
    part = drawn.interval(mean([float(value) for value in values]))
    bounds = "" if part.low is None else f" ({part.low:.3f} to {part.high:.3f})"
    print(f"  {name}: {part.value:.3f}{bounds}, n {part.n}")


def report(rows: Sequence[Planted], scores: Sequence[float], threshold: float) -> None:
    """Print recall, precision, area, and what is taken for said of each kind."""
    taken = [one >= threshold for one in scores]
    groups = [row.group for row in rows]

    def among(name: str, chosen: Sequence[bool], values: Sequence[bool]) -> None:
        show(
            name,
            [value for value, one in zip(values, chosen, strict=True) if one],
            [group for group, one in zip(groups, chosen, strict=True) if one],
        )

    true = [row.true for row in rows]
    among("recall", true, taken)
    among("precision", taken, true)
    print("  area under the curve: {:.3f} ({:.3f} to {:.3f})".format(*area_interval(rows, scores)))
    for kind in dict.fromkeys(row.kind for row in rows):
        among(f"taken for said, {kind}", [row.kind == kind for row in rows], taken)


def remember_embeddings() -> None:
    """Embed each text once, however many weights are tried."""
    made: dict[str, vectors.Vector | None] = {}
    make = vectors.make

    def look_up(texts: Sequence[str]) -> list[vectors.Vector | None]:
        new = [text for text in dict.fromkeys(texts) if text not in made]
        made.update(zip(new, make(new), strict=True))
        return [made[text] for text in texts]

    vectors.make = look_up


def main() -> None:
    remember_embeddings()
    talks, pairs = read_talks(), read_pairs()
    known = [make_unit(item, at, text) for item, said in talks.items() for at, text in enumerate(said)]
    known += [
        make_unit(f"pair {at}", 0, answer, question) for at, (_, question, answer, _) in enumerate(pairs)
    ]
    rows = [row for row in plant(talks, pairs) if support.counts(row.text)]
    halves = [[row for row in rows if row.half == half] for half in (0, 1)]
    for meanings in (True, False):
        sources = support.Sources(units.embed(known) if meanings else known, meanings=meanings)
        chosen: list[tuple[float, float, float]] = []
        for weight in WEIGHTS if meanings else (1.0,):
            support.WEIGHT = weight
            scores = score(sources, halves[0])
            threshold, best = choose_threshold(halves[0], scores)
            print(
                f"choosing half, weight {weight}: threshold {threshold}, J {best:.3f}, area "
                f"{area_interval(halves[0], scores)[0]:.3f}",
                flush=True,
            )
            chosen.append((best, weight, threshold))
        _, support.WEIGHT, threshold = max(chosen)
        print(
            f"{'words and embeddings' if meanings else 'words alone'}: weight {support.WEIGHT}, "
            f"threshold {threshold}; the other half:"
        )
        scores = score(sources, halves[1])
        report(halves[1], scores, threshold)
        if "-v" in sys.argv:
            for row, one in zip(halves[0], score(sources, halves[0]), strict=True):
                if row.true != (one >= threshold):
                    print("   ", row.kind, one, row.text)


if __name__ == "__main__":
    main()
