"""Make chat examples from each conversation, and from the rows of each table of ready pairs.

Run: python -m stages.examples        (dvc stage: examples)
Reads data/conversations and the tables in data/raw, writes data/examples (one .jsonl per item and the manifest).
metrics/examples.json counts the rows by method, those dropped and why, and what counted as housekeeping.
"""

import functools
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lectern.core import io, items, params, paths, stage
from lectern.core.compute import IN_PROCESS, Workers
from lectern.core.printing import say, warn
from lectern.examples import examples
from lectern.formats import table_rows
from lectern.settings.compute import Compute
from lectern.settings.examples import Examples
from lectern.settings.housekeeping import Housekeeping
from lectern.text.sentences import LIBRARY


def main(
    settings: Examples,
    rules: Housekeeping,
    raw: Path = paths.RAW,
    conversations: Path = paths.CONVERSATIONS,
    out: Path = paths.EXAMPLES,
    metrics: Path = paths.METRICS / "examples.json",
    compute: Workers = IN_PROCESS,
) -> items.SyncResult:
    """Bring `out` to exactly one file of examples, possibly empty, per conversation and per part of a table."""
    choices: dict[str, Any] = {
        "questions": list(settings.questions),
        "with_dialogue": settings.dialogue,
        "options": {method: settings.options()[method] for method in settings.questions},
    }
    result = items.sync(
        [
            *(items.Item(name, {"conversation": path}) for name, path in items.read(conversations).items()),
            *table_rows.find(raw),
        ],
        out,
        functools.partial(examples.load, **choices, rules=tuple(rules.rules), max_words=rules.max_words),
        suffix=".jsonl",
        params={**choices, "housekeeping": asdict(rules)},
        code=(examples,),
        libraries=(LIBRARY,),
        compute=compute,
    )
    facts = items.facts(out)
    summary = examples.summarise(facts)
    io.write_json(metrics, summary)
    if silent := summary["dropped"].get("no_questions"):
        heard = sum("dropped_rows" not in item for item in facts.values())
        say(f"examples: no question was found in {silent} of {heard} recordings")
    for line in table_rows.describe_drops(facts):
        warn(f"examples: {line}")
    return result


if __name__ == "__main__":
    stage.run(
        "examples",
        lambda: main(
            params.load("examples", Examples),
            params.load("housekeeping", Housekeeping),
            compute=params.load("compute", Compute).for_items,
        ),
    )
