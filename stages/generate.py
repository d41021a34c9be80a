"""Let every contestant answer the held-out questions and the evaluation sets.

Run: python -m stages.generate        (dvc stage: generate)
Reads data/splits, data/evals, data/reworded, data/retrieved, models/adapter. Writes data/predictions: each answer
of each contestant, and how likely the true one is; data/background: the base on training questions, for likeness;
metrics/generation.json: who answered what; metrics/parity.json: whether the merged model answers the same.
"""

from collections.abc import Mapping
from pathlib import Path

from lectern.answering import answering, contestants, endpoints, questions
from lectern.answering.background import draw_training
from lectern.answering.sources import Sources
from lectern.core import batches, io, params, paths, revisions, stage
from lectern.core.schema import TUNED, Example, Prediction, Retrieved
from lectern.models.generation import AnswerOptions
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.comparators import Comparator, load_comparators
from lectern.settings.decoding import Decoding
from lectern.settings.generate import Generate
from lectern.settings.render import Render
from lectern.settings.retrieval import Retrieval


def main(
    settings: Generate,
    decoding: Decoding,
    base: BaseModelSettings,
    others: Mapping[str, Comparator],
    persona: str | None,
    retrieval: Retrieval,
    *,
    trained: Path = paths.TRAIN_SPLIT,
    held_out: Path = paths.TEST_SPLIT,
    evals: Path = paths.EVALS,
    reworded: Path = paths.REWORDED,
    retrieved: Path = paths.RETRIEVED / "questions.jsonl",
    adapter: Path = paths.ADAPTER,
    out: Path = paths.PREDICTIONS,
    background: Path = paths.BACKGROUND,
    replies: Path = paths.REPLIES / "generate",
    metrics: Path = paths.METRICS / "generation.json",
    parity: Path = paths.METRICS / "parity.json",
    root: Path = revisions.HERE,
) -> str:
    """Bring `out` to exactly one file per contestant, its rows sorted by set and id.

    Raises:
        LecternError: a contestant cannot be asked, or (after all else is written) an endpoint gave too few replies.
    """
    asks = questions.collect(io.read_jsonl(held_out, Example), settings.evals, evals, reworded)
    by_key, sources = {ask.key: ask for ask in asks}, None
    if retrieval.contestants:
        looked_up = io.read_jsonl(retrieved, Retrieved)
        sources = Sources.choose(looked_up, retrieval.prompt, retrieval.passages, retrieval.max_words)
    local, served = contestants.gather(base, adapter, persona, others, root, retrieval.contestants)
    options = AnswerOptions(settings.max_new_tokens, decoding, settings.seed)
    plans = answering.make_plans(local, asks, options, settings.batch_size, sources)
    came = endpoints.answer_all(served, asks, persona, options, replies, sources)
    tuned = next(plan for plan in plans if plan.who.name == TUNED)
    compared = answering.plan_parity(tuned, settings.parity_prompts, settings.parity_tokens)
    store = batches.Store(out, Prediction, answering.identify)
    made = answering.make_missing(plans, by_key, store, options, compared)
    files = {plan.who.name: answering.fill(plan, by_key, store) for plan in plans}
    files |= endpoints.list_files(served, came, by_key, sources)
    store.close(files, [compared.key] if compared else [])
    taught = draw_training(io.read_jsonl(trained, Example), settings.background, settings.seed)
    answering.bring(background, local[0], taught, options, settings.batch_size)
    unanswered = {name: len(asks) - len(answers.outcomes) for name, answers in came.items()}
    io.write_json(metrics, summary := answering.summarise([*local, *served], plans, files, unanswered))
    io.write_json(parity, store.result(compared.key) if compared else {"prompts": 0})
    endpoints.check(came)
    return answering.tell_counts(
        {name: len(one.records) for name, one in files.items()}, made, summary["skipped"]
    )


if __name__ == "__main__":
    stage.run(
        "generate",
        lambda: main(
            params.load("generate", Generate),
            params.load("decoding", Decoding),
            params.load("base_model", BaseModelSettings),
            load_comparators(),
            params.load("render", Render).persona,
            params.load("retrieval", Retrieval),
        ),
    )
