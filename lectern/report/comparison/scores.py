"""Compare the figures of two runs: paired if they answered the same questions, else side by side."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lectern.core.schema import BASE, HELD_OUT, TUNED
from lectern.evaluation import answer_figures, noise, reruns
from lectern.evaluation.answer_figures import FIGURES, MAIN
from lectern.evaluation.bootstrap import Bootstrap
from lectern.evaluation.figure_type import Figure
from lectern.evaluation.noise import Source
from lectern.evaluation.rows import RowScore
from lectern.report import wording
from lectern.report.comparison.inputs import SCORES, Key, Run, explain
from lectern.report.figures import show, show_change, show_change_interval, show_interval, tell

SAME = "the same"
ADAPTER = "models/adapter"
SEED = 0
RESAMPLES, CONFIDENCE = 10_000, 0.95
"""Values that are used if a run does not record its own."""


def compare_scores(a: Run, b: Run) -> dict[str, Any]:
    """Compare each set of questions: a headline, the figures, and what tuning gained over each run's own base model.

    Figures over the questions that both runs answered are compared by a paired bootstrap over these rows. Figures that
    are only in metrics/scores.json are shown side by side and are never subtracted.
    """
    if missing := [run.name for run in (a, b) if not run.metrics.get("scores")]:
        lacking = f"{' and '.join(missing)}: there is no metrics/scores.json, so no score can be compared."
        return {"sets": [], "headline": lacking}
    sides = [run.metrics["scores"] for run in (a, b)]
    main = sides[1].get("set", HELD_OUT)
    sets = [_compare_set(name, a, b) for name in _list_sets(sides, main)]
    return {"sets": sets, "headline": _headline(sets[0], a, b)}


@dataclass(frozen=True)
class Chance:
    """What moves the figures of two trainings besides the rows."""

    sources: Mapping[str, Sequence[Source]]
    """figure -> the parts of the variance of a difference that come from seeds; empty if they are unknown or none"""
    text: str
    """a sentence that says which intervals are used, and why"""


def find_chance(name: str, a: Run, b: Run) -> Chance:
    """Find what is known of the spread over seeds, for the differences between two runs in a set of questions."""
    adapters = [run.lock.get("train", {}).get(ADAPTER) for run in (a, b)]
    if adapters[0] and adapters[0] == adapters[1]:
        return Chance({}, "Both runs have the same tuned model, so that no seed comes between them.")
    spreads = {run.name: reruns.read_spreads(run.seeds, name) for run in (a, b)}
    known = {
        run: figures for run, figures in spreads.items() if any(one.runs > 1 for one in figures.values())
    }
    if not known:
        return Chance(
            {},
            "Intervals cover other questions, but not other seeds: two trainings that differ in their seed alone may "
            "differ as clearly. The command lectern seeds measures how far.",
        )
    sources = {
        figure: [Source(figures[figure], 2 / len(known)) for figures in known.values() if figure in figures]
        for figure in FIGURES
        if all(figure in figures for figures in known.values())
    }
    counted = " and ".join(
        f"{max(one.runs for one in figures.values())} of {run}" for run, figures in known.items()
    )
    same = "" if len(known) == 2 else ", whose spread is taken for both"
    return Chance(
        sources,
        f"Intervals cover other questions and other seeds, by trainings that differ in their seed alone: {counted}"
        f"{same}.",
    )


def _list_sets(sides: Sequence[Mapping[str, Any]], main: str) -> list[str]:
    names = {name for side in sides for name in (side.get("set", HELD_OUT), *side.get("sets", {}))}
    return [main, *sorted(names - {main})]


def _figures_of(run: Run, name: str) -> Mapping[str, Any]:
    """Return the part of metrics/scores.json about a set; empty if the run has no such set."""
    scores = run.metrics["scores"]
    return scores if scores.get("set", HELD_OUT) == name else scores.get("sets", {}).get(name, {})


def _compare_set(name: str, a: Run, b: Run) -> dict[str, Any]:
    ours, theirs = ({_key(row): row for row in run.scores or [] if row.set == name} for run in (a, b))
    common = [key for key in ours if key in theirs]
    pairs = [(ours[key], theirs[key]) for key in common]
    scored = a.scores is not None and b.scores is not None
    described = _figures_of(a, name), _figures_of(b, name)
    confidence = float(b.metrics["scores"].get("confidence", CONFIDENCE))
    bootstrap = Bootstrap(
        [row.item for _, row in pairs],
        resamples=int(b.metrics["scores"].get("resamples", RESAMPLES)),
        confidence=confidence,
        seed=SEED,
    )
    chance = find_chance(name, a, b)
    tuned = list(_pair(pairs, TUNED, bootstrap, chance))
    units = "whole sources" if bootstrap.unit == "recordings" else "answers"
    base = list(_pair(pairs, BASE, bootstrap))
    rows = [side.get("rows", 0) for side in described]
    return {
        "name": name,
        "common": len(common),
        "only_a": len(ours) - len(common) if scored else rows[0],
        "only_b": len(theirs) - len(common) if scored else rows[1],
        "scored": scored,
        "why": explain(SCORES, a, b),
        "other_tokens": _has_other_tokens(pairs),
        "confidence": wording.percent(confidence),
        "unit": f"{units} and seeds" if chance.sources else units,
        "chance": chance.text,
        "tuned": tuned or list(_beside(*(side.get(TUNED, {}) for side in described))),
        "base": base if any(row["difference"]["value"] for row in base) else [],
        "gains": list(_beside(*(side.get("difference", {}) for side in described), change=True)),
        "paired": bool(tuned),
    }


def _key(row: RowScore) -> Key:
    return row.set, row.id


def _has_other_tokens(pairs: Sequence[tuple[RowScore, RowScore]]) -> bool:
    """Tell whether the runs divide the true answers into different tokens, so likelihoods per token do not compare."""
    counts = [[row.answers[TUNED].tokens for row in pair if TUNED in row.answers] for pair in pairs]
    return any(None not in pair and len(set(pair)) > 1 for pair in counts)


def _pair(
    pairs: Sequence[tuple[RowScore, RowScore]],
    contestant: str,
    bootstrap: Bootstrap,
    chance: "Chance | None" = None,
) -> Iterator[dict[str, Any]]:
    """`b` minus `a` for every figure that both measure on the same questions, with what chance moves besides rows."""
    left_out = answer_figures.of_tokens() if _has_other_tokens(pairs) else []
    names = [name for name in FIGURES if name not in left_out]
    sides = [
        answer_figures.statistics(rows, [row.answers.get(contestant) for row in rows], names)
        for rows in (list(side) for side in zip(*pairs, strict=True))
    ] or [{}, {}]
    both = {name: (sides[1][name], sides[0][name]) for name in names if name in sides[0] and name in sides[1]}
    values = [bootstrap.intervals({name: side[name] for name in both}) for side in sides]
    for name, difference in bootstrap.differences(both).items():
        if difference.n and math.isfinite(difference.value):
            if chance and name in chance.sources:
                units = bootstrap.units if bootstrap.unit == "recordings" else difference.n
                difference = noise.join(difference, units, chance.sources[name], bootstrap.confidence)
            before, after = (side[name].as_dict() for side in values)
            yield _row(FIGURES[name], before, after, difference.as_dict())


def _beside(a: Mapping[str, Any], b: Mapping[str, Any], *, change: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the figures of metrics/scores.json that a run has, side by side."""
    for figure in FIGURES.values():
        if figure.key in a or figure.key in b:
            yield _row(figure, a.get(figure.key), b.get(figure.key), None, change=change)


def _row(
    figure: Figure,
    a: Mapping[str, Any] | None,
    b: Mapping[str, Any] | None,
    difference: Mapping[str, Any] | None,
    *,
    change: bool = False,
) -> dict[str, Any]:
    show = _show_change if change else _show
    told = _tell(figure, difference)
    return {
        "key": figure.key,
        "name": figure.name,
        "about": figure.about,
        "lower_is_better": figure.lower_is_better,
        "a": show(figure, a),
        "b": show(figure, b),
        "difference": difference,
        "change": show_change(figure, difference["value"]) + _unit(figure) if difference else "",
        "interval": show_change_interval(figure, difference) if difference else "",
        "n": difference["n"] if difference else None,
        **told,
    }  # fmt: skip


def _tell(figure: Figure, difference: Mapping[str, Any] | None) -> dict[str, str]:
    if difference is None:
        return {"verdict": "not compared", "tone": "unknown"}
    if difference["value"] == difference["low"] == difference["high"] == 0:
        return {"verdict": SAME, "tone": "neutral"}
    return tell(figure, difference)


def _unit(figure: Figure) -> str:
    return " points" if figure.is_share else ""


def _show(figure: Figure, part: Mapping[str, Any] | None) -> dict[str, str]:
    return {"text": "", "interval": ""} if part is None else {
        "text": show(figure, part["value"]), "interval": show_interval(figure, part)
    }  # fmt: skip


def _show_change(figure: Figure, part: Mapping[str, Any] | None) -> dict[str, str]:
    return {"text": "", "interval": ""} if part is None else {
        "text": show_change(figure, part["value"]), "interval": show_change_interval(figure, part)
    }  # fmt: skip


def _headline(found: Mapping[str, Any], a: Run, b: Run) -> str:
    """Say which tuned model is better, on how many questions, and how certain that is."""
    asked = wording.asked(found["name"], found["common"])
    if not found["scored"]:
        return (
            f"The answers cannot be paired ({found['why']}), so the figures are shown side by side, each with its own "
            "interval."
        )
    if not found["common"]:
        return (
            f"{a.name} and {b.name} have no question in common ({found['only_a']:,} and {found['only_b']:,}), so their "
            "figures are shown side by side, each with its own interval, and do not say which model is better."
        )
    row = next((row for key in MAIN for row in found["tuned"] if row["key"] == key), None)
    where = f"On the {asked} that both have" + _describe_others(found, a, b)
    if row is None:
        return f"{where}, there is no figure that both measured."
    verdict = row["tone"]
    values = f"{row['name'].lower() if row['key'] == 'nll' else row['name']} {row['a']['text']} → {row['b']['text']}"
    both = " over answers and seeds" if found["unit"].endswith("seeds") else ""
    sure = (
        f"{found['confidence']} interval{both} {row['interval']}"
        if row["interval"]
        else "too few rows for an interval"
    )
    if row["verdict"] == SAME:
        return f"{where}, both tuned models do the same: {values}."
    amount = f"{values}, {row['change']} ({sure})"
    if verdict in ("better", "worse"):
        return f"{where}, {b.name}'s tuned model is {verdict} than {a.name}'s: {amount}."
    if verdict == "unclear":
        return f"{where}, the two tuned models cannot be told apart: {amount}."
    return f"{where}, the difference between the two tuned models is uncertain: {amount}."


def _describe_others(found: Mapping[str, Any], a: Run, b: Run) -> str:
    """Write ` (2 only in main, 1 only in the branch)`, or nothing if both have the same questions."""
    parts = [
        f"{number:,} only in {run.name}"
        for run, number in ((a, found["only_a"]), (b, found["only_b"]))
        if number
    ]
    return f" ({', '.join(parts)})" if parts else ""
