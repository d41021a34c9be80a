"""Compute metrics/scores.json: for each set, all figures of all contestants with intervals, and paired differences."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from lectern.core.schema import BASE, DIALOGUES, HELD_OUT, TUNED, WITH_SOURCES
from lectern.evaluation import answer_figures
from lectern.evaluation.bootstrap import Bootstrap, Interval, Statistic
from lectern.evaluation.rows import AnswerScore, RowScore

T = TypeVar("T")
OVER_BASE = "over_base"
"""Key of what the tuned model gains over the base where both get the same passages."""
Figures = Mapping[str, Statistic]
Summary = dict[str, dict[str, float | int | None]]
"""Figure -> its interval; a figure that no row measures is left out."""


def summarise(rows: Sequence[RowScore], *, seed: int, resamples: int, confidence: float) -> dict[str, Any]:
    """Return the figures of the headline set and, under `sets`, those of all other sets.

    The headline set is `held_out` if it has rows, else `dialogues`, else the first evaluation set by name.
    """
    present = {row.set for row in rows}
    order = [name for name in (HELD_OUT, DIALOGUES) if name in present]
    order += sorted(present - {HELD_OUT, DIALOGUES})
    parts = {
        name: summarise_set(
            [row for row in rows if row.set == name], seed=seed, resamples=resamples, confidence=confidence
        )
        for name in order
    }
    return {
        "set": order[0],
        **parts[order[0]],
        "confidence": confidence,
        "resamples": resamples,
        "sets": {name: parts[name] for name in order[1:]},
    }


def summarise_set(
    rows: Sequence[RowScore], *, seed: int, resamples: int, confidence: float
) -> dict[str, Any]:
    """Return the figures of some rows: those of each contestant, and the paired differences."""
    answers = _columns([row.answers for row in rows], {BASE, TUNED})
    cleaned = _columns([row.cleaned for row in rows])
    ours = {name: answer_figures.statistics(rows, column) for name, column in answers.items()}
    trimmed = {
        name: answer_figures.statistics(rows, column, answer_figures.of_trimmed())
        for name, column in cleaned.items()
    }
    true = answer_figures.statistics(rows, [row.reference for row in rows], answer_figures.of_references())
    comparators = [name for name in answers if name not in (BASE, TUNED)]
    compared = {
        name: _pair(ours[TUNED], ours[name], _share_tokens(answers[TUNED], answers[name]))
        for name in (BASE, *comparators)
    }
    looked_up, base_looked_up = TUNED + WITH_SOURCES, BASE + WITH_SOURCES
    if {looked_up, base_looked_up} <= {*answers}:
        same_tokens = _share_tokens(answers[looked_up], answers[base_looked_up])
        compared[OVER_BASE] = _pair(ours[looked_up], ours[base_looked_up], same_tokens)
    gained = {name: _pair(trimmed[name], ours[name], True) for name in trimmed}

    bootstrap = Bootstrap([row.item for row in rows], resamples=resamples, confidence=confidence, seed=seed)
    scores = _ask_at_once(bootstrap.intervals, {**ours, **_prefix(trimmed), "/": true})
    difference = _ask_at_once(bootstrap.differences, {**compared, **_prefix(gained)})
    asked = [row for row in rows if BASE in row.answers]
    tokens = [count for row in asked if (count := row.answers[BASE].tokens) is not None]
    return {
        "base": scores[BASE],
        "tuned": scores[TUNED],
        "difference": difference[BASE],
        "reference": scores["/"],
        "comparators": {
            name: {
                "scores": scores[name],
                "difference": difference[name],
                **(
                    {OVER_BASE: difference[OVER_BASE]}
                    if name == looked_up and OVER_BASE in difference
                    else {}
                ),
            }
            for name in comparators
        },
        "cleaned": {
            name: {"scores": scores[f"/{name}"], "difference": difference[f"/{name}"]} for name in trimmed
        },
        "rows": len(asked),
        "recordings": len({row.item for row in asked}),
        "tokens": sum(tokens) if tokens else None,
        "resampled": bootstrap.unit,
    }


def _columns(
    answers: Sequence[Mapping[str, AnswerScore]], always: Iterable[str] = ()
) -> dict[str, answer_figures.Scores]:
    """Return contestant -> the scores of its answers, one for each question, or None where it has no answer."""
    names = sorted({name for row in answers for name in row}.union(always))
    return {name: [row.get(name) for row in answers] for name in names}


def _share_tokens(ours: answer_figures.Scores, theirs: answer_figures.Scores) -> bool:
    """Tell whether both were measured on the same tokens, without which likelihoods per token cannot be compared."""
    both = [(a, b) for a, b in zip(ours, theirs, strict=True) if a is not None and b is not None]
    return all(a.tokens == b.tokens for a, b in both if None not in (a.tokens, b.tokens))


def _pair(ours: Figures, theirs: Figures, same_tokens: bool) -> dict[str, tuple[Statistic, Statistic]]:
    """Pair the figures that both have and that can be compared."""
    left_out = [] if same_tokens else answer_figures.of_tokens()
    names = [name for name in ours if name in theirs and name not in left_out]
    return {name: (ours[name], theirs[name]) for name in names}


def _prefix(groups: Mapping[str, T]) -> dict[str, T]:
    """Put a slash before the names, so that they differ from those of contestants."""
    return {f"/{name}": group for name, group in groups.items()}


def _ask_at_once(
    ask: Callable[[Mapping[str, T]], Mapping[str, Interval]], groups: Mapping[str, Mapping[str, T]]
) -> dict[str, Summary]:
    """Call `ask` once for all members of all groups, so that the draws are made only once."""
    found = ask(
        {f"{group} {name}": one for group, members in groups.items() for name, one in members.items()}
    )
    intervals = {group: {name: found[f"{group} {name}"] for name in groups[group]} for group in groups}
    return {
        group: {name: one.as_dict() for name, one in members.items() if math.isfinite(one.value)}
        for group, members in intervals.items()
    }
