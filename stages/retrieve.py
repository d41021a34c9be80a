"""Look up every question in the passages and turns of the corpus.

Run: python -m stages.retrieve        (dvc stage: retrieve)
Reads data/passages, data/conversations, data/splits and data/evals; writes data/index (the passages and turns of each
item, with their embeddings), data/retrieved/questions.jsonl and train.jsonl (what is found for each question and each
training row), and metrics/retrieval.json (how often the place that holds the answer is found).
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lectern.answering import lookups, questions
from lectern.core import io, items, params, paths, stage
from lectern.core.compute import IN_PROCESS, Workers
from lectern.core.schema import SPLITS, Example, Unit
from lectern.evaluation import recall
from lectern.retrieval import lookup, units
from lectern.retrieval.index import Index
from lectern.settings.compute import Compute
from lectern.settings.generate import Generate
from lectern.settings.retrieval import Retrieval


def main(
    settings: Retrieval,
    evals: Sequence[str],
    data: Path = paths.DATA,
    metrics: Path = paths.METRICS / "retrieval.json",
    compute: Workers = IN_PROCESS,
) -> str:
    """Bring data/index and data/retrieved below `data` up to date, and write the figures to `metrics`."""
    made = _make_units(settings, data, compute)
    known = items.read_records(data / "index", Unit)
    train, *others = (io.read_jsonl(data / f"splits/{split}.jsonl", Example) for split in SPLITS)
    rows = [*train, *others[0], *others[1]]
    searched = everything = Index(known, settings.methods)
    if settings.searched == "train":
        searched = Index(lookup.select_trained(known, train, rows[len(train) :]), settings.methods)

    sets = evals, data / "evals", data / "reworded/questions.jsonl"
    asks = questions.collect(others[-1], *sets) if settings.contestants else []
    queries = lookups.of_asks(asks, rows, known)
    own, most = settings.include_own, settings.passages
    found = lookup.look_up(queries, searched, everything, include_own=own, most=most)
    trained = lookups.of_rows(train) if settings.train_share else []
    io.write_jsonl(data / "retrieved/questions.jsonl", found)
    io.write_jsonl(data / "retrieved/train.jsonl", lookup.look_up_trained(trained, searched, most=most))
    drawn: dict[str, Any] = {
        "resamples": settings.resamples,
        "confidence": settings.confidence,
        "seed": settings.seed,
    }
    rankings = lookup.name_rankings(settings.methods)
    figures = recall.summarise(found, [ask.provenance.item for ask in asks], rankings, **drawn)
    about = {"searched": settings.searched, "include_own": own, "turns": settings.turns}
    io.write_json(metrics, {**about, **searched.count(), "recall": figures})
    return f"{made}; {len(found)} questions, {sum(not one.found for one in found)} of which found nothing"


def _make_units(settings: Retrieval, data: Path, compute: Workers) -> items.SyncResult:
    """Bring data/index up to date; it stays empty where nothing is looked up."""
    sources = [items.read(data / name) for name in ("passages", "conversations")]
    choices: dict[str, Any] = {
        "turns": settings.turns,
        "max_turn_words": settings.max_turn_words,
        "embeddings": "embeddings" in settings.methods,
    }
    return items.sync(
        units.list_items(*sources) if settings.is_on else [],
        data / "index",
        partial(units.load, **choices),
        suffix=".jsonl",
        params=choices,
        code=(units,),
        libraries=units.LIBRARIES,
        compute=compute,
    )


if __name__ == "__main__":
    stage.run(
        "retrieve",
        lambda: main(
            params.load("retrieval", Retrieval),
            params.load("generate", Generate).evals,
            compute=params.load("compute", Compute).for_items,
        ),
    )
