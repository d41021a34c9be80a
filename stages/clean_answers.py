"""Let an LLM trim from the answers what was not asked for, so that the gain or harm of that can be scored.

Run: python -m stages.clean_answers        (dvc stage: clean_answers)
Reads data/predictions; writes data/cleaned/<contestant>.jsonl for the named contestants (by default none), and the
LLM's replies into data/replies/clean_answers. metrics/cleaning.json counts the outcomes.
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
"""The file that lists whose answers were trimmed, so that the folder is never empty: DVC warns of an empty one."""


def main(
    settings: CleanAnswers,
    cleaner: LLM,
    predictions: Path = paths.PREDICTIONS,
    out: Path = paths.CLEANED,
    replies: Path = paths.REPLIES / "clean_answers",
    metrics: Path = paths.METRICS / "cleaning.json",
) -> str:
    """Bring `out` to exactly one file of trimmed answers per named contestant.

    Raises:
        LecternError: a contestant has no predictions, or more calls than `cleaner.allow_failed` got no reply; the
            answered ones are written first.
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
    """The predictions of the contestants, sorted by name.

    Raises:
        LecternError: one of them has no predictions.
    """
    known = {
        path.stem: path for path in sorted(folder.glob("*.jsonl")) if not path.name.startswith((".", "_"))
    }
    if unknown := [name for name in names if name not in known]:
        raise LecternError(
            f"clean_answers.contestants: there are no predictions of {', '.join(unknown)}, only of "
            f"{', '.join(known) or 'nobody'}. Correct the name under conf/ and run `lectern params`."
        )
    return {name: io.read_jsonl(known[name], Prediction) for name in sorted(names)}


if __name__ == "__main__":
    stage.run(
        "clean_answers", lambda: main(params.load("clean_answers", CleanAnswers), params.load("cleaner", LLM))
    )
