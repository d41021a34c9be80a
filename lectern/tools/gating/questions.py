"""How the answer to one of the report's six questions differs between two runs.

Where both runs answered the same questions, the difference is the comparison's own, paired and over answers and seeds.
Elsewhere each run has a figure with its interval: the tuned model's gain over its own base. The interval of the
difference is then recovered from both (MOVER: Zou and Donner 2008, "Construction of confidence limits about effect
measures: a general approach", Statistics in Medicine 27, 1693-1702). It takes the runs as independent, so that runs
with questions in common get an interval that is too wide rather than too narrow.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lectern.core.schema import BASE, REWORDED, TUNED, WITH_SOURCES
from lectern.evaluation import forgetting, reruns
from lectern.evaluation.answer_figures import FIGURES
from lectern.evaluation.figure_type import Figure
from lectern.evaluation.knowledge import TRAINED
from lectern.evaluation.likeness_figures import LIKENESS
from lectern.report import figures, retrieval, wording
from lectern.report.comparison import scores
from lectern.report.comparison.inputs import Run
from lectern.tools.gating.conditions import Question

Part = Mapping[str, Any]
"""A figure with its value and interval."""


@dataclass(frozen=True)
class Finding:
    """What two runs say of a question or a figure."""

    tone: str
    """`better`, `worse`, `unclear`, `neutral` or `unknown`, as the comparison gives it to its rows"""
    text: str
    """values, difference and interval; or why nothing can be said"""


NOT_MEASURED = Finding("unknown", "not both runs have figures for it")


def compare(question: Question, a: Run, b: Run, shown: Mapping[str, Any]) -> Finding:
    """Compare two runs by a question.

    Args:
        question: which.
        a: the first run.
        b: the second run.
        shown: what `report.comparison.view.build` made of them.
    """
    if question == "certainty":
        return _read_certainty(b, shown)
    if not shown["sets"]:
        return NOT_MEASURED
    found = shown["sets"][0]
    if question == "carrying over":
        return read_row(found, ("nll", "bits_per_byte"))
    if question == "knowledge":
        return _compare_knowledge(a, b)
    compare_by = {"likeness": _likeness, "looking it up": _looking_up, "forgetting": _forgetting}[question]
    return compare_by(a, b, other_tokens=found["other_tokens"])


def read_row(found: Mapping[str, Any], keys: Sequence[str]) -> Finding:
    """Read the verdict of the comparison on the first of these figures that both runs measured in a set."""
    row = next((row for key in keys for row in found["tuned"] if row["key"] == key), None)
    if row is None:
        return NOT_MEASURED
    if row["tone"] == "unknown":
        few = "too few answers for an interval" if found["paired"] else "the answers cannot be paired"
        return Finding("unknown", f"{row['name']}: {few}")
    where = wording.asked(found["name"], row["n"])
    values = f"{row['name']} {row['a']['text']} → {row['b']['text']}, {row['change']}"
    return Finding(
        row["tone"],
        f"{values} ({found['confidence']} interval over {found['unit']} {row['interval']}), on {where}",
    )


def subtract(before: Part, after: Part) -> dict[str, Any]:
    """Return the difference of two independent figures, with its interval by MOVER; None if one has no interval."""
    value = after["value"] - before["value"]
    low, high = None, None
    if None not in (before["low"], before["high"], after["low"], after["high"]):
        low = value - math.hypot(after["value"] - after["low"], before["high"] - before["value"])
        high = value + math.hypot(after["high"] - after["value"], before["value"] - before["low"])
    return {"value": value, "low": low, "high": high}


def _compare_gains(what: str, figure: Figure, parts: Sequence[Part], confidence: float) -> Finding:
    """Compare two runs' gains over their own base."""
    difference = subtract(*parts)
    tone = figures.tell(figure, difference)["tone"]
    if tone == "unknown":
        return Finding(tone, f"{what}: too few rows for an interval")
    unit = " points" if figure.is_share else ""
    before, after = (figures.show_change(figure, part["value"]) for part in parts)
    change = figures.show_change(figure, difference["value"])
    interval = figures.show_change_interval(figure, difference)
    return Finding(
        tone,
        f"{what} {before} → {after}{unit}, {change}{unit} ({wording.percent(confidence)} interval {interval})",
    )


def _read_certainty(b: Run, shown: Mapping[str, Any]) -> Finding:
    """The last question is about the second run alone: whether its own gain is beyond chance."""
    if not shown["six"]:
        return NOT_MEASURED
    reply = shown["six"][-1]["replies"][1]
    return Finding(reply.tone, f"of its own gain over the base, the report of {b.name} says: {reply.verdict}")


def _compare_knowledge(a: Run, b: Run) -> Finding:
    """Compare the likelihoods of the true answers to the questions that both runs count as trained, pair by pair."""
    for group in (TRAINED, REWORDED):
        asked = [run.metrics.get("knowledge", {}).get(group, {}).get("questions", []) for run in (a, b)]
        common = set(map(tuple, asked[0])) & set(map(tuple, asked[1]))
        if common:
            name = Counter(name for name, _ in sorted(common)).most_common(1)[0][0]
            sets = scores.compare_scores(*(_keep(run, common, name) for run in (a, b)))["sets"]
            found = next((one for one in sets if one["name"] == name), None)
            return read_row(found, ("nll", "bits_per_byte")) if found else NOT_MEASURED
    return NOT_MEASURED


def _keep(run: Run, keys: set[tuple[str, ...]], name: str) -> Run:
    """Keep the rows of these questions alone, as one set of this name, whose spread over seeds is known if any is."""
    if run.scores is None:
        return run
    kept = [row for row in run.scores if (row.set, row.id) in keys]
    renamed = [row.model_copy(update={"set": name, "id": f"{row.set}/{row.id}"}) for row in kept]
    return replace(run, scores=renamed)


def _likeness(a: Run, b: Run, *, other_tokens: bool) -> Finding:
    found = [run.metrics.get("likeness", {}) for run in (a, b)]
    if not all(TUNED in one.get("difference", {}) for one in found):
        return NOT_MEASURED
    if not all((one["told_apart"] or {}).get("low") and one["told_apart"]["low"] > 0.5 for one in found):
        return Finding("unknown", "the method cannot tell the speaker's own answers from the base model's")
    if found[0].get("pool_words") != found[1].get("pool_words"):
        return Finding(
            "unknown", "longer passages are told apart better, and the two runs have other lengths"
        )
    gains = [one["difference"][TUNED] for one in found]
    return _compare_gains("likeness above the base", LIKENESS, gains, found[1]["confidence"])


def _looking_up(a: Run, b: Run, *, other_tokens: bool) -> Finding:
    """Compare by how much the tuned model alone is ahead of the base with a search."""
    runs = [
        (
            run.metrics.get("knowledge", {}).get(TRAINED, {}),
            reruns.widen(run.metrics["scores"], run.seeds),
        )
        for run in (a, b)
    ]
    keys = [key for key in retrieval.COMPARED if not (other_tokens and FIGURES[key].needs_same_tokens)]
    for parts in zip(*runs, strict=True):
        ahead = [
            part.get("comparators", {}).get(BASE + WITH_SOURCES, {}).get("difference", {}) for part in parts
        ]
        key = next((key for key in keys if all(key in one for one in ahead)), None)
        if key and all(one[key]["low"] is not None for one in ahead):
            what = f"{FIGURES[key].name} beyond the base with a search"
            return _compare_gains(
                what, FIGURES[key], [one[key] for one in ahead], runs[1][1].get("confidence", 0.95)
            )
    return NOT_MEASURED


def _forgetting(a: Run, b: Run, *, other_tokens: bool) -> Finding:
    found = [run.metrics.get("forgetting", {}) for run in (a, b)]
    text = forgetting.BITS if other_tokens else forgetting.TEXT
    for name, figure in (("text", text), ("questions", forgetting.RIGHT)):
        if all(name in one for one in found):
            losses = [one[name]["difference"][figure.key] for one in found]
            what = {
                "text": "general text, change by the tuning",
                "questions": "general questions answered right",
            }
            return _compare_gains(what[name], figure, losses, found[1]["confidence"])
    return NOT_MEASURED
