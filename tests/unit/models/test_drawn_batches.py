"""How drawn rows are put into micro-batches is committed case by case."""

import random
from typing import Any

from lectern.models import batching
from tests.support import expected


def test_batches() -> None:
    from lectern.core.schema import Provenance, TokenRow
    from lectern.models import microbatches

    found: dict[str, Any] = {}
    for case in range(30):
        draw = random.Random(case)
        lengths = [draw.randrange(2, 40) for _ in range(draw.choice([1, 3, 17, 200]))]
        size = draw.choice([1, 2, 5])
        cut = batching.batches(lengths, size, case, case % 3)
        packed = batching.packs(lengths, 2 * max(lengths), case, case % 3)
        rows = [
            TokenRow(
                id=str(n),
                example=str(n),
                input_ids=[draw.randrange(9) for _ in range(length)],
                assistant_masks=[int(at > length // 2) for at in range(length)],
                provenance=Provenance(item="a", method="b"),
            )
            for n, length in enumerate(lengths[:9])
        ]
        plan = microbatches.MicrobatchPlan(size=2, packing=case % 2 > 0, together=2, seed=case)
        loader = microbatches.get_loader(rows, plan, 7, case % 2, 2)
        loader.set_epoch(case % 3)
        found[str(case)] = {
            "cut": [cut, packed, batching.by_length(lengths, size)],
            "shared": [batching.share(cut, process, 2, 4) for process in (0, 1)],
            "padding": [batching.padding_share(lengths, cut), plan.padding_share(lengths, 2)],
            "tensors": [
                {name: part.tolist() if hasattr(part, "tolist") else part for name, part in batch.items()}
                for batch in loader
            ],
            "length": len(loader),
        }
    expected.check_many("drawn/batches.json", found)
