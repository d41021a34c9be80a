"""What drawn rows and sets become as questions, prompts and queries is committed case by case."""

import random
from pathlib import Path
from typing import Any

from lectern.answering import background, lookups, questions, rewording
from lectern.answering.sources import Sources
from lectern.core import io
from lectern.core.schema import Example, Found, Provenance, Question, Retrieved
from tests.support import expected
from tests.support.searched import units
from tests.support.tiny import dialogue, family


def draw_rows(draw: random.Random, number: int) -> list[Example]:
    rows = []
    for n in range(number):
        where = Provenance(
            item=draw.choice(["cheese", "bridges", "talk"]), start=10.0 * n, end=10.0 * n + 9, method="qa"
        )
        messages = dialogue(draw)
        while messages[-1].role != "assistant":
            messages.pop()
        rows.append(Example.of(messages, where))
    return list({row.id: row for row in rows}.values())


def test_questions(tokenizer: Any, tmp_path: Path) -> None:
    found: dict[str, Any] = {}
    chosen = family("smollm2", tokenizer)
    for case in range(16):
        draw = random.Random(case)
        rows = draw_rows(draw, 6)
        people = [
            Question(
                question=f"Why {n}?",
                answer=draw.choice([None, " So. ", ""]),
                items=draw.choice([[], ["cheese"]]),
                rows=draw.choice([[], [rows[0].id]]),
            )
            for n in range(4)
        ]
        io.write_jsonl(tmp_path / "people.jsonl", people)
        io.write_jsonl(
            tmp_path / "reworded.jsonl", [one.model_copy(update={"items": ["bridges"]}) for one in people[:1]]
        )
        asks = questions.collect(rows, ["people"], tmp_path, tmp_path / "reworded.jsonl")
        retrieved = [
            Retrieved(
                set=ask.set,
                id=ask.id,
                query="?",
                found=[
                    Found(
                        id=f"p{n}",
                        text=f"Passage {n} says that it is so.",
                        provenance=rows[0].provenance,
                        score=1 / (n + 1),
                        ranks={"bm25": n + 1},
                    )
                    for n in range(draw.randrange(4))
                ],
            )
            for ask in asks
        ]
        prepared = questions.prepare(
            asks,
            chosen.tokenizer,
            chosen.template,
            context_length=draw.choice([90, 160, 400]),
            max_new_tokens=30,
            persona_text=draw.choice([None, "You know {{ item }}."]),
            sources=Sources.choose(retrieved, "sources", 2, 12) if case % 2 else None,
        )
        found[str(case)] = {
            "asks": asks,
            "prepared": prepared,
            "queries": lookups.of_asks(asks, rows, units()),
            "trained": lookups.of_rows(rows),
            "background": background.draw_training(rows, 3, case),
            "reworded": [ask.id for ask, _ in rewording.draw(rows, 3, case)],
        }
    expected.check_many("drawn/questions.json", found)
