"""What is found for drawn questions, and which drawn sentences have a source, is committed case by case."""

import random
from typing import Any

from lectern.core.schema import Example, Provenance
from lectern.llm import prompting
from lectern.retrieval import index, lookup, prompts, support, terms, units
from tests.support import expected
from tests.support.searched import SPEECH, conversation, unit
from tests.support.tiny import chat

SENTENCES = [
    *SPEECH["cheese"],
    *SPEECH["bridges"],
    "Marta turns 200 wheels, not 300.",
    "We never salt it.",
    "橋は石です。",
]


def swap(draw: random.Random, text: str) -> str:
    """A sentence with a word left out, denied or changed."""
    said = text.split()
    at = draw.randrange(len(said))
    changed = draw.choice([[], ["not", said[at]], ["eleven"], [said[at].upper()], [said[at], "Oslo"]])
    return " ".join([*said[:at], *changed, *said[at + 1 :]]) or text


def test_searches() -> None:
    found: dict[str, Any] = {}
    prompt = prompting.load("sources")
    for case in range(20):
        draw = random.Random(case)
        texts = [" ".join(draw.sample(SENTENCES, draw.randrange(1, 4))) for _ in range(9)]
        known = [unit(f"item-{n % 3}", n, text) for n, text in enumerate(dict.fromkeys(texts))]
        searched = index.Index(known[: 3 + case % 6], ["bm25"])
        asks = []
        for n in range(4):
            place = Provenance(item=f"item-{n % 3}", start=10.0 * n, end=10.0 * n + 8, method="qa")
            text = swap(draw, draw.choice(SENTENCES))
            asks.append(
                lookup.Query(
                    "held_out", str(n), text, place, draw.choice([None, text]), (place,), ("item-1",)
                )
            )
        everything = index.Index(known, ["bm25"])
        looked = lookup.look_up(asks, searched, everything, include_own=case % 2 > 0, most=3)
        chosen = [prompts.choose(one.found, most=2, max_words=draw.choice([8, 30])) for one in looked]
        said = " ".join(swap(draw, text) for text in draw.sample(SENTENCES, 4))
        rows = [
            Example.of(chat("Why?", text), one.provenance) for text, one in zip(texts, known, strict=False)
        ]
        found[str(case)] = {
            "found": looked,
            "trained": lookup.look_up_trained(asks, everything, most=2),
            "placed": [prompts.place(chat("Why?"), some, prompt) for some in chosen],
            "support": support.Sources(known, meanings=False).support([said, texts[0]]),
            "flips": [
                [support.contradicts(a, b, said), support.flips(a, b)] for a in SENTENCES for b in texts[:2]
            ],
            "terms": [terms.split(said), [support.counts(text) for text in SENTENCES]],
            "kept": [one.id for one in lookup.select_trained(known, rows[:4], rows[4:])],
            "count": everything.count(),
        }
    for turns in ("answers", "exchanges"):
        talk = conversation(
            ("host", " ".join(SPEECH["cheese"] * 5)),
            ("guest", " ".join(SENTENCES * 3)),
            ("guest", "Yes."),
            ("main", "So."),
        )
        found[turns] = units.of_conversation(talk, turns, 40)
    expected.check_many("drawn/searches.json", found)
