"""Assign words to speakers and speakers to roles: each item becomes a conversation.

Run: python -m stages.converse        (dvc stage: converse)
Reads data/raw, data/transcripts, data/diarization and data/corrections, writes data/conversations (one JSON per item
and the manifest) and metrics/conversations.json. For an item with a ready transcript this is the first stage.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

from lectern.conversations import conversation, inputs, summary
from lectern.core import io, items, params, paths, stage
from lectern.core.compute import IN_PROCESS, Workers
from lectern.core.printing import warn
from lectern.settings.compute import Compute
from lectern.settings.converse import Converse
from lectern.text import sentences, unspaced


def main(
    settings: Converse,
    raw: Path = paths.RAW,
    transcripts: Path = paths.TRANSCRIPTS,
    diarization: Path = paths.DIARIZATION,
    corrections: Path = paths.CORRECTIONS,
    out: Path = paths.CONVERSATIONS,
    metrics: Path = paths.METRICS / "conversations.json",
    compute: Workers = IN_PROCESS,
) -> items.SyncResult:
    """Bring `out` to exactly one conversation per item that has words and speakers and is not dropped."""
    found = inputs.find(
        raw,
        items.read(transcripts),
        items.read(diarization),
        corrections,
        settings.metadata,
        with_regulars=any(rule.rule == "regular" for rule in settings.roles),
    )
    _say(found.warnings)
    choices = settings.choices
    result = items.sync(
        found.items,
        out,
        functools.partial(conversation.load, **choices),
        suffix=".json",
        params=choices,
        code=(conversation,),
        libraries=(unspaced.LIBRARY, sentences.LIBRARY),
        allow_failed=settings.allow_failed,
        compute=compute,
        limits=conversation.LIMITS,
    )
    facts = items.facts(out)
    io.write_json(metrics, summary.summarise(facts, len(found.dropped), len(found.left_out)))
    _say(summary.list_unnamed(facts))
    _say([*summary.list_near_misses(facts), *summary.list_reversed(facts)])
    return result


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        warn(f"converse: {line}")


if __name__ == "__main__":
    stage.run(
        "converse",
        lambda: main(params.load("converse", Converse), compute=params.load("compute", Compute).for_items),
    )
