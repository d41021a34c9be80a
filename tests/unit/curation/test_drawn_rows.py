"""Which of drawn rows are kept, leak or repeat each other is committed case by case."""

import random
from typing import Any

from lectern.core.schema import Example, Question
from lectern.curation import decontamination, dedupe, filters, leakage, paraphrases, partition
from tests.support import expected
from tests.support.made_up_rows import dialogue, row

ASKED = (
    "Why do we fix the seed of a run?",
    "How many seeds should one try before a result counts?",
    "What is a baseline for?",
    "Why is the seed of each run fixed?",
    "Who is Joe?",
    "What is not a baseline for?",
    "Where are 12 logs kept?",
)
SAID = (
    "Because chance is drawn anew in each run, and nobody can tell a change from luck without it.",
    "Because chance is drawn anew in every run, and nobody can tell a change from luck without it.",
    "Three is the least, and five are better, since the mean of five is surer than that of three.",
    "Three is the least, and six are better, since the mean of six is surer than that of three.",
    "Joe.",
    "It tells you what your work is worth. Start with the simplest thing that could work.",
    "Er sagt, dass wir die Zahlen jeden Morgen neu aufschreiben und niemand sie am Abend mehr kennt.",
)


def draw_rows(draw: random.Random, number: int) -> list[Example]:
    rows = []
    for at in range(number):
        item, start = f"talk-{draw.randrange(6)}", float(draw.randrange(50))
        pairs = [(draw.choice(ASKED), draw.choice(SAID)) for _ in range(draw.choice([1, 1, 1, 2]))]
        if draw.random() < 0.4:
            pairs = [(question, f"{answer} That is number {at}.") for question, answer in pairs]
        rows.append(dialogue(pairs, item, start) if len(pairs) > 1 else row(*pairs[0], item, start))
    return list({one.id: one for one in rows}.values())


def test_rows() -> None:
    found: dict[str, Any] = {}
    sets = {"people": [Question(question=text) for text in ASKED[:2]]}
    for case in range(16):
        draw = random.Random(case)
        rows = draw_rows(draw, draw.randrange(2, 24))
        ratings = {one.id: float(draw.randrange(1, 6)) for one in rows if draw.random() < 0.5}
        chosen = partition.assign({one.provenance.item for one in rows} | {"a", "b", "c"}, case, 0.2, 0.3)
        splits = {
            name: [one for one in rows if chosen[one.provenance.item] == name]
            for name in ("train", "validation", "test")
        }
        leaks = leakage.find_leaks(splits, 0.6)
        written = leakage.drop_leaks(splits, leaks)
        found[str(case)] = {
            "near": dedupe.drop_duplicates(
                rows, near=draw.choice([0.5, 0.8, 1.0]), semantic=None, ratings=ratings
            ),
            "clean": decontamination.drop(rows, sets, {}, threshold=0.6),
            "long": filters.by_length(
                rows, min_answer_words=2, max_answer_words=17, min_question_words=5, max_question_words=10
            ),
            "english": filters.by_language(rows, languages=["en"]),
            "splits": chosen,
            "leaks": [*leaks, *map(str, leaks)],
            "counted": leakage.summarise(splits, written, leaks, 0.6),
            "trained": sorted(
                partition.draw_training([one.provenance.item for one in rows], 2, case, case % 3)
            ),
        }
    for a in (*ASKED, *SAID):
        for b in (*ASKED, *SAID):
            found[f"{a} {b}"] = [
                paraphrases.share_words(a, b),
                paraphrases.contradict((a, SAID[0]), (b, SAID[1])),
                paraphrases.ask_for_another_thing(a, b),
                paraphrases.is_filled_in_otherwise(a, b),
                round(dedupe.jaccard(dedupe.shingle([("user", a)]), dedupe.shingle([("user", b)])), 6),
            ]
    expected.check_many("drawn/curated.json", found)
