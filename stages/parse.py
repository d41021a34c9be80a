"""Cut documents, pages and lectures into passages that questions can be asked about.

Run: python -m stages.parse        (dvc stage: parse)
Reads data/documents and data/conversations, writes data/passages: one .jsonl per item and the manifest. The file is
empty for a recording in which no speaker has nearly all the words, and for a copy of another page. metrics/parse.json
counts the passages.
"""

import functools
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lectern.core import io, items, params, paths, stage
from lectern.core.compute import IN_PROCESS, Workers
from lectern.models import tokens
from lectern.passages import parsing, passages
from lectern.settings.compute import Compute
from lectern.settings.housekeeping import Housekeeping
from lectern.settings.parse import Parse


def main(
    settings: Parse,
    rules: Housekeeping,
    documents: Path = paths.DOCUMENTS,
    conversations: Path = paths.CONVERSATIONS,
    out: Path = paths.PASSAGES,
    metrics: Path = paths.METRICS / "parse.json",
    compute: Workers = IN_PROCESS,
) -> items.SyncResult:
    """Bring `out` to exactly one file of passages, possibly empty, per document and conversation."""
    choices: dict[str, Any] = {
        "min_share": settings.min_share,
        "least": settings.min_tokens,
        "most": settings.max_tokens,
        "overlap": settings.overlap,
        "left_out": sorted(settings.left_out),
    }
    result = items.sync(
        parsing.list_items(
            items.read(documents),
            items.read(conversations),
            share=settings.boilerplate_share,
            pages=settings.boilerplate_pages,
        ),
        out,
        functools.partial(
            parsing.load,
            tokenizer=settings.tokenizer,
            rules=tuple(rules.rules),
            max_words=rules.max_words,
            **choices,
        ),
        suffix=".jsonl",
        params={**choices, "tokenizer": tokens.identify(settings.tokenizer), "housekeeping": asdict(rules)},
        code=(parsing,),
        libraries=passages.LIBRARIES,
        compute=compute,
    )
    io.write_json(metrics, parsing.summarise(items.facts(out)))
    return result


if __name__ == "__main__":
    stage.run(
        "parse",
        lambda: main(
            params.load("parse", Parse),
            params.load("housekeeping", Housekeeping),
            compute=params.load("compute", Compute).for_items,
        ),
    )
