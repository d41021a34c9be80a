"""Let a judge LLM compare and rate the contestants' answers, and compare its verdicts with people's.

Run: python -m stages.judge        (dvc stage: judge)
Reads data/predictions, data/passages and data/labels; writes data/judgements (pairs.jsonl and rubric.jsonl), the
judge's replies in data/replies/judge, and metrics/judge.json.
"""

import functools
from pathlib import Path

from lectern.core import io, params, paths, stage
from lectern.core.schema import BASE, TUNED
from lectern.evaluation import cases, judge_agreement, labels, verdicts
from lectern.evaluation.bootstrap import Bootstrap
from lectern.evaluation.judging import JudgeSetup, make_plan
from lectern.llm import client, prompting
from lectern.settings.judging import Judging
from lectern.settings.llm import LLM


def main(
    settings: Judging,
    judge: LLM,
    predictions: Path = paths.PREDICTIONS,
    passages: Path = paths.PASSAGES,
    labelled: Path = paths.LABELS,
    out: Path = paths.JUDGEMENTS,
    replies: Path = paths.REPLIES / "judge",
    metrics: Path = paths.METRICS / "judge.json",
) -> str:
    """Write the judgements, their figures, and the judge's agreement with people.

    Raises:
        LecternError: a label or prediction cannot be read, or more calls than `judge.allow_failed` got no reply; the
            answered ones are written first.
    """
    way = JudgeSetup(
        judge,
        prompting.load("judge_pair"),
        prompting.load("judge_answer"),
        settings.criterion,
        settings.reasons,
        settings.longest,
    )
    plan = functools.partial(make_plan, way=way, pairs=settings.pairs, rubric=settings.rubric)
    people = labels.gather(labels.read(labelled, settings.labels), "pair", settings.most_labels)
    contest = plan(cases.read(predictions, passages, settings.most), (TUNED, BASE))
    known = plan([cases.of_label(one) for one in people], ("a", "b"))
    answers = client.ask([*contest.requests, *known.requests], judge, replies, "judge")

    pairs, rubric = contest.read_pairs(answers.replies), contest.read_answers(answers.replies)
    io.write_jsonl(out / "pairs.jsonl", pairs)
    io.write_jsonl(out / "rubric.jsonl", rubric)
    draws = functools.partial(
        Bootstrap, resamples=settings.resamples, confidence=settings.confidence, seed=settings.seed
    )
    calibrated = judge_agreement.calibrate(
        people,
        known,
        known.read_pairs(answers.replies),
        known.read_answers(answers.replies),
        draws,
        min_labels=settings.min_labels,
        min_kappa=settings.min_kappa,
    )
    io.write_json(
        metrics,
        {
            "model": judge.model,
            "engine": judge.engine,
            "prompts": {"pair": way.pair.version, "rubric": way.answer.version},
            "reasons": settings.reasons,
            "confidence": settings.confidence,
            "resamples": settings.resamples,
            "pairs": {"tuned_vs_base": verdicts.summarise_pairs(contest, pairs, draws)},
            "corrected": verdicts.correct_by_people(
                contest, pairs, people, least=settings.min_labels, confidence=settings.confidence
            ),
            "rubric": verdicts.summarise_rubric(contest, rubric, draws),
            "cut": contest.count_cut(settings.longest),
            **calibrated,
        },
    )
    answers.check(judge.allow_failed, "judge")
    doubts = [f"{name} not trusted: it {why}" for name, why in calibrated["why"].items() if why]
    return f"{len(pairs)} pairs, {len(rubric)} answers judged, {answers.asked} calls; {'; '.join(doubts) or 'trusted'}"


if __name__ == "__main__":
    stage.run("judge", lambda: main(params.load("judging", Judging), params.load("judge", LLM)))
