"""Find out what the tuning made the model forget: general text, questions, and requests that should be declined.

Run: python -m stages.forget        (dvc stage: forget)
Reads data/general and models/adapter; writes data/forgetting/{base,tuned}.jsonl, what each of the two made of it, and
metrics/forgetting.json, both compared (lectern/evaluation/forgetting.py explains each figure). Batches whose inputs
have not changed are kept from the last run.
"""

from pathlib import Path

from lectern.answering import contestants, general, general_results, harness
from lectern.core import batches, io, params, paths, stage
from lectern.core.schema import BASE, TUNED
from lectern.evaluation import forgetting
from lectern.models.generation import AnswerOptions
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.forget import Forget
from lectern.settings.render import Render


def main(
    settings: Forget,
    base: BaseModelSettings,
    persona: str | None,
    *,
    folder: Path = paths.GENERAL,
    adapter: Path = paths.ADAPTER,
    out: Path = paths.FORGETTING,
    metrics: Path = paths.METRICS / "forgetting.json",
) -> str:
    """Bring `out` to exactly one file for each of both models, and compare them.

    Raises:
        LecternError: data/general or the adapter cannot be read, or a task of lm-evaluation-harness cannot be done.
    """
    shown = general.read(
        folder,
        words=settings.words,
        questions=settings.questions,
        refusals=settings.refusals,
        seed=settings.seed,
    )
    tasks = harness.load(settings.tasks, folder / "tasks", settings.task_rows)
    everyone, _ = contestants.gather(base, adapter, persona, {})
    options = AnswerOptions(settings.max_new_tokens, general_results.GREEDY, settings.seed)
    plans = general_results.make_plans(everyone, shown, options, settings.batch_size)
    store = batches.Store(out, general.Result, general_results.identify)
    made = general_results.make_missing(plans, shown, store, options, tasks, settings.batch_size)
    files = {plan.who.name: general_results.fill(plan, shown, store) for plan in plans}
    outcomes = general_results.gather_tasks(plans, tasks, store)
    names = tasks.names if tasks else []
    store.close(files, [tasks.key(plan.who, name) for plan in plans for name in names if tasks])
    figures = forgetting.summarise(
        files[BASE].records,
        files[TUNED].records,
        outcomes,
        resamples=settings.resamples,
        confidence=settings.confidence,
        seed=settings.seed,
    )
    io.write_json(metrics, {**figures, "skipped": dict(plans[0].skipped)})
    total = sum(len(file.records) for file in files.values())
    return f"{total // len(files)} passages, questions and requests; {made} made, {total - made} kept"


if __name__ == "__main__":
    stage.run(
        "forget",
        lambda: main(
            params.load("forget", Forget),
            params.load("base_model", BaseModelSettings),
            params.load("render", Render).persona,
        ),
    )
