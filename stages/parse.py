"""Cut documents, pages and lectures into passages that questions can be asked about.

Run: python -m stages.parse        (dvc stage: parse)
Reads data/documents and data/conversations, writes data/passages: one .jsonl per item, empty for a recording in which
no speaker has nearly all the words and for a copy of another page, and the manifest; metrics/parse.json counts them.
"""

import functools
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lectern.core import io, items, params, stage
from lectern.core.compute import IN_PROCESS, Workers
from lectern.models import tokens
from lectern.passages import parsing, passages
from lectern.settings.compute import Compute
from lectern.settings.housekeeping import Housekeeping
from lectern.settings.parse import Parse


def main(
    params: Parse,
    rules: Housekeeping,
    documents: Path,
    conversations: Path,
    out: Path,
    metrics: Path,
    compute: Workers = IN_PROCESS,
) -> items.SyncResult:
    """Bring `out` to exactly one file of passages per document and conversation, which may be empty."""
    choices: dict[str, Any] = {
        "min_share": params.min_share,
        "least": params.min_tokens,
        "most": params.max_tokens,
        "overlap": params.overlap,
    }
    result = items.sync(
        parsing.list_items(
            items.read(documents),
            items.read(conversations),
            share=params.boilerplate_share,
            pages=params.boilerplate_pages,
        ),
        out,
        functools.partial(
            parsing.load,
            tokenizer=params.tokenizer,
            rules=tuple(rules.rules),
            max_words=rules.max_words,
            **choices,
        ),
        suffix=".jsonl",
        params={**choices, "tokenizer": tokens.identify(params.tokenizer), "housekeeping": asdict(rules)},
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
            Path("data/documents"),
            Path("data/conversations"),
            Path("data/passages"),
            Path("metrics/parse.json"),
            params.load("compute", Compute).for_items,
        ),
    )
