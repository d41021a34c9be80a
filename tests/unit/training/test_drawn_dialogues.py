"""What drawn dialogues become before they are trained on is committed case by case."""

import random
from typing import Any

from lectern.core.schema import Example, Found, Provenance, Retrieved
from lectern.training import chunking, memory, preflight, rendering, with_passages
from tests.support import expected
from tests.support.tiny import TINY, dialogue, family

SIZES = memory.Sizes(
    linear=9_000, other=2_500, layers=3, hidden=24, heads=4, vocabulary=50, widths=640, largest=1_800
)


def test_rows(tokenizer: Any) -> None:
    found: dict[str, Any] = {}
    smollm2 = family("smollm2", tokenizer)
    for case in range(24):
        draw = random.Random(case)
        talks = [dialogue(draw) for _ in range(3)]
        rows = [Example.of(one, Provenance(item=f"talk-{n}", method="test")) for n, one in enumerate(talks)]
        passages = None
        if case % 2:
            known = [
                Found(
                    id=f"p{n}",
                    text=f"Passage {n} is short.",
                    provenance=rows[0].provenance,
                    score=1.0,
                    ranks={"bm25": n + 1},
                    own=n == 1,
                )
                for n in range(4)
            ]
            looked = [Retrieved(set="train", id=row.id, query="?", found=known) for row in rows]
            passages = with_passages.choose(
                looked, share=0.7, true_share=0.6, seed=case, prompt="sources", most=3, max_words=12
            )
        done = rendering.render(
            rows,
            smollm2.tokenizer,
            smollm2.template,
            draw.choice([64, 120, 256]),
            too_long=draw.choice(["divide", "drop"]),
            persona_text=draw.choice([None, "You are of {{ item }}."]),
            passages=passages,
        )
        messages, unasked = chunking.begin_with_user(talks[0])
        found[str(case)] = {
            "rows": done.rows,
            "texts": done.texts,
            "counts": [done.counts, done.faults, rendering.count(done)],
            "exchanges": [unasked, chunking.split_exchanges(messages)],
            "faults": preflight.find_faults(done, smollm2.tokenizer, TINY.end_of_turn, 100),
        }
    expected.check_many("drawn/rendered.json", found)


def test_memory() -> None:
    found: dict[str, Any] = {}
    for case in range(60):
        draw = random.Random(case)
        method = draw.choice(sorted(memory.METHODS))
        load = memory.Load(
            sizes=SIZES,
            method=method,
            trained=11_500 if method == "full" else SIZES.adapter(8),
            rows=draw.choice([1, 2, 8]),
            longest=draw.choice([64, 2048]),
            answered=draw.choice([9, 2000]),
            precision=draw.choice(["fp32", "bf16"]),
            gradient_checkpointing=draw.random() < 0.5,
            optimizer=draw.choice(["adamw_torch", "sgd", "adamw_8bit", "adafactor"]),
            attention=draw.choice(["sdpa", "eager"]),
        )
        estimated = memory.estimate(load)
        batches = [[(draw.randrange(1, 90), draw.randrange(0, 40)) for _ in range(3)] for _ in range(4)]
        found[str(case)] = [
            estimated,
            estimated.total,
            estimated.held,
            estimated.to_come,
            estimated.describe(),
            list(map(str, memory.lower(estimated))),
            memory.busiest(batches, packed=case % 2 > 0),
        ]
    found["shown"] = [memory.show(size) for size in (0, 9.9e7, 1e8, 9.94e9, 1e10, 1.26e11)]
    expected.check_many("drawn/memory.json", found)
