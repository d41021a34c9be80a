"""How often the search finds the answer, by method and by length of what is searched, and what it costs.

Run: python -m tests.benchmarks.retrieval choose FOLDER       recall on other people's talks, by length of a turn
     python -m tests.benchmarks.retrieval report [DATA]       recall on the demo's talks (data/ of a finished run)
     python -m tests.benchmarks.retrieval size [PASSAGES]     time and memory of 100,000 passages

`choose` reads transcripts with the speakers' names (.vtt, .srt, .json), one file an episode. The host is who speaks in
most of them; what the host asks is the question, and what follows it holds the answer. The questions themselves are not
searched. Parameters are chosen there, and `report` shows what they do on the demo, whose talks had no part in it. There
every question of every split is asked, and all ten talks are searched.

`size` embeds a few hundred passages to measure the rate, and gives the rest random embeddings, because to embed all of
them takes an hour of one core and changes neither the memory nor the time of a question.
"""

import itertools
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lectern.core import io, items
from lectern.core.schema import (
    SPLITS,
    Conversation,
    Example,
    Provenance,
    Question,
    Retrieved,
    Unit,
    Utterance,
)
from lectern.evaluation import recall
from lectern.examples.question_turns import QuestionFinder, find_turns
from lectern.formats.captions import read_ready
from lectern.retrieval import units, vectors
from lectern.retrieval.index import Index
from lectern.retrieval.lookup import Query, look_up, name_rankings
from lectern.text.sentences import join_words

METHODS = ["bm25", "embeddings"]
LENGTHS = (40, 80, 120, 200)
LEAST_QUESTION, LEAST_ANSWER = 5, 20
"""Words: shorter questions of a host (`Really?`) and shorter answers say too little to be looked for."""
EMBEDDED = 300
SCRIPT = Path("data/sources/demo/script.yaml")
"""English words to embed."""
WORDS = 100
ASKED = 20


def read_talks(folder: Path) -> list[Conversation]:
    """Read transcripts as conversations; the host is who speaks in most of them."""
    ready = {
        path.stem: read_ready(path, path.stem)
        for path in sorted(folder.iterdir())
        if path.suffix in {".vtt", ".srt", ".json"}
    }
    names = Counter(name for one in ready.values() for name in {turn.speaker for turn in one.turns})
    host = max(sorted(names), key=lambda name: names[name])
    talks = []
    for item, one in ready.items():
        said, words, at = [], one.transcript.words, 0
        for turn in one.turns:
            own = []
            while at < len(words) and words[at].start < turn.end:
                own.append(words[at])
                at += 1
            if own:
                role = "host" if turn.speaker == host else "guest"
                said.append(Utterance(speaker=turn.speaker, role=role, words=own))
        talks.append(
            Conversation(
                item=item,
                title=item,
                url=None,
                description="",
                language="en",
                duration=one.transcript.duration,
                utterances=said,
            )
        )
    return talks


def ask(talk: Conversation) -> list[Query]:
    """Return the questions that the host asks; what the guest says until the next one holds the answer."""
    finder = QuestionFinder(talk, 3, 120)
    turns = find_turns(talk.utterances, finder, units.INTERJECTION)
    queries = []
    for turn, after in itertools.pairwise(turns):
        question = finder.find(turn.words) if turn.asks else None
        if question and len(question) >= LEAST_QUESTION and len(after.words) >= LEAST_ANSWER:
            place = Provenance(
                item=talk.item, start=after.words[0].start, end=after.words[-1].end, method="turn"
            )
            queries.append(Query("questions", str(len(queries)), join_words(question), evidence=(place,)))
    return queries


def show(found: Sequence[Retrieved], queries: Sequence[Query]) -> None:
    """Print recall with its interval for each set and method."""
    places = [query.evidence[0].item if query.evidence else query.items[0] for query in queries]
    figures = recall.summarise(
        found, places, name_rankings(METHODS), seed=0, resamples=10_000, confidence=0.95
    )
    for name, rankings in figures.items():
        for ranking, first in rankings.items():
            told = ", ".join(
                f"@{k} {part['value']:.3f}"
                + (f" ({part['low']:.3f} to {part['high']:.3f})" if part["low"] is not None else "")
                for k, part in first.items()
            )
            print(f"  {name}, {first['1']['n']} questions, {ranking}: {told}", flush=True)


def choose(folder: Path) -> None:
    """Print recall on other people's talks by the length at which turns are divided."""
    talks = read_talks(folder)
    queries = [query for talk in talks for query in ask(talk)]
    for most in LENGTHS:
        known = units.embed([unit for talk in talks for unit in units.of_conversation(talk, "answers", most)])
        index = Index(known, METHODS)
        print(f"turns of at most {most} words: {len(index.units)} of {len(talks)} talks")
        show(look_up(queries, index, index, include_own=True, most=1), queries)


def report(data: Path) -> None:
    """Print recall on the demo's talks: of the rows' questions, and of people's that name an item."""
    index = Index(items.read_records(data / "index", Unit), METHODS)
    rows = [row for split in SPLITS for row in io.read_jsonl(data / f"splits/{split}.jsonl", Example)]
    queries = [
        Query("rows", row.id, row.messages[0].content, evidence=(row.provenance,))
        for row in rows
        if len(row.messages) == 2 and row.provenance.method != "dialogue"
    ]
    for path in sorted((data / "evals").glob("*.jsonl")):
        for number, question in io.read_numbered(path, Question):
            if question.items:
                queries.append(Query(path.stem, str(number), question.question, items=tuple(question.items)))
    print(f"{len(index.units)} turns of {index.count()['items']} talks")
    show(look_up(queries, index, index, include_own=True, most=1), queries)


def size(count: int) -> None:
    """Print the time and memory of an index of `count` passages, and the time of a question."""
    chance = random.Random(0)
    frequent = [f"{chance.choice('bdfgklmnprst')}{chance.choice('aeiou')}w{n}" for n in range(200_000)]
    weights = np.cumsum(1 / (np.arange(len(frequent)) + 10.0)).tolist()  # Zipf's law

    def write() -> str:
        return " ".join(chance.choices(frequent, cum_weights=weights, k=WORDS))

    said = SCRIPT.read_text(encoding="utf-8").split()
    places = range(0, len(said) - WORDS, (len(said) - WORDS) // EMBEDDED)
    sample = [" ".join(said[at : at + WORDS]) for at in places]
    vectors.make(sample[:8])  # loads the model
    began = time.process_time()
    vectors.make(sample)
    each = (time.process_time() - began) / len(sample)
    print(
        f"embedding: {1000 * each:.0f} ms of CPU a passage of {WORDS} English words, "
        f"so {each * count / 60:.0f} min for {count:,} (not run)"
    )
    numbers = np.random.default_rng(0)
    made = []
    for at in range(count):
        where = Provenance(item=f"item-{at // 50}", start=float(at), end=float(at + 1), method="turn")
        vector, scale = vectors.write((numbers.integers(-127, 128, 384).astype(np.int8), 0.0007))
        made.append(Unit(id=f"{at:016x}", text=write(), provenance=where, vector=vector, scale=scale))
    before, began, cpu = _memory(), time.perf_counter(), time.process_time()
    index = Index(made, METHODS)
    print(
        f"index of {len(index.units):,} passages: {time.perf_counter() - began:.1f} s "
        f"({time.process_time() - cpu:.1f} s of CPU), peak memory {_memory() - before:,.0f} MB above the "
        f"{before:,.0f} MB of the passages and the embedding model"
    )
    asked = [" ".join(chance.sample(unit.text.split(), 12)) for unit in chance.sample(made, ASKED)]
    times = []
    for query in asked:
        cpu = time.process_time()
        index.search([query])
        times.append(1000 * (time.process_time() - cpu))
    print(f"a question of 12 words: median {np.median(times):.0f} ms of CPU, longest {max(times):.0f} ms")
    cpu = time.process_time()
    index.search(asked)
    print(f"{ASKED} at once: {1000 * (time.process_time() - cpu) / ASKED:.0f} ms of CPU each")


def _memory() -> float:
    """Peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in ("choose", "report", "size"):
        raise SystemExit(__doc__)
    command, *rest = sys.argv[1:]
    if command == "choose":
        choose(Path(rest[0]))
    elif command == "report":
        report(Path(rest[0]) if rest else Path("data"))
    else:
        size(int(rest[0]) if rest else 100_000)
