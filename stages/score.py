"""Score the answers of every contestant and the episodes, with intervals and paired differences.

Run: python -m stages.score        (dvc stage: score)
Reads data/predictions, data/background, data/cleaned, data/episodes, data/splits and data/index; writes
data/scores.jsonl (one line per question), metrics/scores.json (lectern/evaluation/answer_figures.py explains each
figure), its plot metrics/scores.tsv, metrics/knowledge.json (people's questions, by whether their answer was trained),
metrics/likeness.json, data/likeness/ranks.jsonl (which answers of the tuned model sound most like the speaker),
metrics/support.json, data/support.jsonl (which sentences of the answers have a source), and metrics/episodes.json.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lectern.core import io, items, params, paths, stage
from lectern.core.manifest import MANIFEST
from lectern.core.schema import BASE, SPLITS, TUNED, Episode, Example, Prediction, Unit
from lectern.evaluation import (
    copying,
    health,
    knowledge,
    likeness_figures,
    measuring,
    plotting,
    summary,
    support_figures,
)
from lectern.settings.score import Score


def main(settings: Score, data: Path = paths.DATA, metrics: Path = paths.METRICS) -> str:
    """Write the scores of each row and the figures over all rows, in folders laid out like the repository."""
    splits = {name: io.read_jsonl(data / f"splits/{name}.jsonl", Example) for name in SPLITS}
    trained = splits["train"]
    copied = copying.index(_read_texts(trained, "assistant"), settings.copy_words)
    answers = _read_answers(data / "predictions")
    rows = measuring.score_rows(
        answers,
        _read_answers(data / "cleaned"),
        copied=copied.measure,
        with_similarity=settings.similarity is not None,
    )
    index = data / "index"
    units = items.read_records(index, Unit) if (index / MANIFEST).is_file() else []
    rows, supported, about_support = support_figures.measure(
        rows, answers, units, meanings=settings.similarity is not None
    )
    drawn: dict[str, Any] = {
        "seed": settings.seed,
        "resamples": settings.resamples,
        "confidence": settings.confidence,
    }
    found = summary.summarise(rows, **drawn)
    background = _read_answers(data / "background").get(BASE, [])
    alike, ranks = likeness_figures.measure(trained, background, answers, **drawn)
    base, tuned = (io.read_jsonl(data / f"episodes/{name}.jsonl", Episode) for name in (BASE, TUNED))
    io.write_jsonl(data / "scores.jsonl", rows)
    io.write_json(metrics / "scores.json", found)
    io.write_jsonl(data / "support.jsonl", supported)
    io.write_json(metrics / "support.json", about_support)
    io.write_jsonl(data / "likeness" / "ranks.jsonl", ranks)
    io.write_json(metrics / "likeness.json", alike)
    places = {(row.set, row.id): row.places for row in answers[BASE]}
    io.write_json(metrics / "knowledge.json", knowledge.measure(rows, places, splits, **drawn))
    plotting.write_plot(metrics / "scores.tsv", found)
    # An episode's host may copy a question. Indexing a large corpus takes a while, and few runs have episodes.
    said = _read_texts(trained, "user", "assistant") if base or tuned else []
    known = copying.index(said, settings.copy_words)
    io.write_json(metrics / "episodes.json", health.summarise_episodes(base, tuned, copied=known, **drawn))
    return f"{len(rows)} questions, {len(base)} episodes"


def _read_texts(examples: Iterable[Example], *roles: str) -> Iterator[str]:
    for example in examples:
        yield from (message.content for message in example.messages if message.role in roles)


def _read_answers(folder: Path) -> dict[str, list[Prediction]]:
    """Contestant -> its answers. Other files in the folder belong to the stage that wrote them."""
    paths = sorted(path for path in folder.glob("*.jsonl") if path.name[0] not in "._")
    return {path.stem: io.read_jsonl(path, Prediction) for path in paths}


if __name__ == "__main__":
    stage.run("score", lambda: main(params.load("score", Score)))
