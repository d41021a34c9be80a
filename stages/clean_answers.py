"""Let an LLM trim what was not asked for from the answers, so that its gain or harm can be scored.

Run: python -m stages.clean_answers        (dvc stage: clean_answers)
Reads data/predictions; writes data/cleaned/<contestant>.jsonl for the contestants that are named, by default none, and
the LLM's replies in data/replies/clean_answers; metrics/cleaning.json counts what became of the answers.
"""

from pathlib import Path

from lectern.answering import trimming
from lectern.core import io, params, paths, stage
from lectern.core.errors import LecternError
from lectern.core.schema import Prediction
from lectern.llm import client, prompting
from lectern.settings.clean_answers import CleanAnswers
from lectern.settings.llm import LLM

LISTING = "_contestants.json"
"""Whose answers were trimmed: DVC warns of an empty folder."""


def main(
    settings: CleanAnswers,
    cleaner: LLM,
    predictions: Path = paths.PREDICTIONS,
    out: Path = paths.CLEANED,
    replies: Path = paths.REPLIES / "clean_answers",
    metrics: Path = paths.METRICS / "cleaning.json",
) -> str:
    """Bring `out` to exactly one file of trimmed answers per contestant that is named.

    Raises:
        LecternError: a contestant has no predictions, or more calls than `cleaner.allow_failed` got no reply; what was
            answered is written before.
    """
    prompt = prompting.load(settings.prompt)
    before = read_answers(predictions, settings.contestants)
    asked = {name: [trimming.ask(row, cleaner, prompt) for row in rows] for name, rows in before.items()}
    requests = [request for some in asked.values() for request in some if request is not None]
    answers = client.ask(requests, cleaner, replies, "cleaner")
    after = {
        name: [trimming.trim(*pair, answers.replies) for pair in zip(rows, asked[name], strict=True)]
        for name, rows in before.items()
    }
    for name, rows in after.items():
        io.write_jsonl(out / f"{name}.jsonl", [one.row for one in rows])
    io.write_json(out / LISTING, list(after))
    for path in set(out.glob("*.jsonl")) - {out / f"{name}.jsonl" for name in after}:
        path.unlink()
    counts = trimming.summarise(before, after)
    io.write_json(metrics, {"model": cleaner.model, "prompt": prompt.version, "contestants": counts})
    answers.check(cleaner.allow_failed, "cleaner")
    told = [f"{name}: {found['trimmed']} of {found['rows']} trimmed" for name, found in counts.items()]
    return f"{'; '.join(told) or 'nobody is named'}, {answers.asked} calls"


def read_answers(folder: Path, names: list[str]) -> dict[str, list[Prediction]]:
    """The predictions of the contestants, in order of their names.

    Raises:
        LecternError: one of them has none.
    """
    known = {
        path.stem: path for path in sorted(folder.glob("*.jsonl")) if not path.name.startswith((".", "_"))
    }
    if unknown := [name for name in names if name not in known]:
        raise LecternError(
            f"clean_answers.contestants: {', '.join(unknown)} answered nothing; there is "
            f"{', '.join(known) or 'nobody'}. Correct the name under conf/ and run `lectern params`."
        )
    return {name: io.read_jsonl(known[name], Prediction) for name in sorted(names)}


if __name__ == "__main__":
    stage.run(
        "clean_answers", lambda: main(params.load("clean_answers", CleanAnswers), params.load("cleaner", LLM))
    )
