"""Say how far chance moves the figures, and what more items would change: what `lectern seeds` and `curve` measured."""

import math
from collections.abc import Mapping
from typing import Any

from lectern.evaluation.answer_figures import FIGURES, MAIN
from lectern.evaluation.figure_type import Figure
from lectern.report import wording
from lectern.report.figures import show

TABLE = ("nll", "rougeL", "similarity", "length_ratio", "finished", "repetition4")
"""The figures of the table of seeds."""


def tabulate_seeds(seeds: Mapping[str, Any]) -> str:
    """Return a table for a terminal: a line for each seed, then their mean and standard deviation.

    Args:
        seeds: the content of metrics/noise/seeds.json.
    """
    figures = seeds["sets"][seeds["set"]]
    keys = [key for key in TABLE if key in figures]
    lines = [["seed", *(FIGURES[key].name for key in keys)]]
    for seed in map(str, seeds["seeds"]):
        values = [figures[key]["values"].get(seed) for key in keys]
        shown = [
            "" if value is None else _show_finely(FIGURES[key], value)
            for key, value in zip(keys, values, strict=True)
        ]
        lines.append([seed, *shown])
    for name, field in (("mean", "mean"), ("standard deviation", "deviation")):
        lines.append([name, *(_show_finely(FIGURES[key], figures[key][field]) for key in keys)])
    return _align(lines)


def tell_seeds(scores: Mapping[str, Any], seeds: Mapping[str, Any]) -> str:
    """Say how far the main figure varies over seeds, and what is left of the tuning's effect.

    Args:
        scores: metrics/scores.json as `reruns.widen` returns it.
        seeds: the content of metrics/noise/seeds.json.
    """
    figures = seeds["sets"][seeds["set"]]
    key = next((key for key in MAIN if key in figures and key in scores["difference"]), None)
    if key is None:
        return f"{wording.count(len(seeds['seeds']), 'training')} have no figure by which they could be compared."
    spread, figure, name = figures[key], FIGURES[key], wording.name_figure(key)
    if spread["runs"] < 2:
        return "One training says nothing of the spread over seeds. The command lectern seeds trains others."
    sure = wording.percent(seeds["confidence"])
    both, rows = scores["difference"][key], scores.get("over_rows", {}).get(key)
    if key == "nll" and spread["deviation"] and both["low"] is not None and rows is not None:
        return _tell_seeds_by_factor(spread, both, rows, sure)
    digits = wording.places(spread["deviation"])
    text = f"{wording.count(spread['runs'], 'training')} that differ in their seed alone have a {name} of "
    text += f"{spread['mean']:.{digits}f}{wording.unit_of(key)} on average"
    if not spread["deviation"]:
        return f"{text}, and do not differ in it."
    text += (
        f", with a standard deviation of {spread['deviation']:.{digits}f} ({sure} interval {spread['low']:.{digits}f} "
        f"to {spread['high']:.{digits}f})."
    )
    if both["low"] is None or rows is None:
        return f"{text} There are too few answers for an interval of what the tuning changed."
    digits = wording.places(min(abs(both["value"]), (both["high"] - both["low"]) / 2) or both["value"])
    verdict = wording.judge(both, bool(figure.lower_is_better))
    return (
        f"{text} The tuning changed it by {wording.signed(both['value'], digits)}, with an interval over answers and "
        f"seeds together from {_bounds(both, digits)} (over answers alone from {_bounds(rows, digits)})"
        + ("." if verdict != "unclear" else ", which may well be chance.")
    )


def _tell_seeds_by_factor(
    spread: Mapping[str, Any], both: Mapping[str, Any], rows: Mapping[str, Any], sure: str
) -> str:
    """Say in factors how far trainings differ in the likelihood of a token, and what is left of the tuning's effect.

    Args:
        spread: of the negative log-likelihood over seeds.
        both: what the tuning changed, with the interval over answers and seeds.
        rows: the same with the interval over answers alone.
        sure: the confidence of the intervals.
    """
    # A deviation of d nats multiplies the likelihood of a token by e to the power of d.
    low, at, high = (f"{100 * math.expm1(spread[key]):.2g}" for key in ("low", "deviation", "high"))
    alone = wording.times(rows).partition("(")[2].removesuffix(")")
    together = wording.times(both, tie=f"; over answers alone {alone}")
    return (
        f"{wording.count(spread['runs'], 'training')} that differ in chance alone (their random seed) typically "
        f"differ by {at} % in how likely they find each token of the true answers (standard deviation, {sure} interval "
        f"{low} to {high} %). Over "
        f"answers and trainings together, the tuning makes each token {together}"
        + (", which may well be chance." if both["low"] <= 0 <= both["high"] else ".")
    )


def tabulate_curve(curve: Mapping[str, Any]) -> str:
    """Return a table for a terminal: the figure of each training, and what the law says of so many items.

    Args:
        curve: the content of metrics/noise/curve.json.
    """
    if curve["figure"] is None:
        return ""
    figure = FIGURES[curve["figure"]]
    law = {one["items"]: one for one in curve["predictions"]}
    sizes = sorted({*(one["items"] for one in curve["points"]), *law})
    sure = wording.percent(curve["confidence"])
    lines = [["items", figure.name, f"the law, {sure} of trainings"]]
    for size in sizes:
        values = [_show_finely(figure, one["value"]) for one in curve["points"] if one["items"] == size]
        told = law.get(size)
        bounds = (
            f"{_show_finely(figure, told['low'])} to {_show_finely(figure, told['high'])}" if told else ""
        )
        lines.append([str(size), " ".join(values) or "-", bounds])
    return _align(lines)


def tell_curve(curve: Mapping[str, Any]) -> str:
    """Say what more items would change, with its interval.

    Args:
        curve: the content of metrics/noise/curve.json.
    """
    more = wording.count(curve["more"], "more source")
    change = curve["change"]
    if change is None:
        return f"What {more} would change cannot be told: {curve.get('why', 'nothing was tried')}."
    key = curve["figure"]
    figure, name, unit = FIGURES[key], wording.name_figure(key), wording.unit_of(key)
    sure = wording.percent(curve["confidence"])
    sizes = sorted({one["items"] for one in curve["points"]})
    tried = f"{', '.join(map(str, sizes[:-1]))} and {sizes[-1]} sources"
    digits = wording.places(
        min(abs(change["value"]), (change["high"] - change["low"]) / 2) or change["value"]
    )
    law = f"by a power law through {wording.count(len(curve['points']), 'training')} on {tried}"
    if change["low"] <= 0 <= change["high"]:
        return (
            f"Whether {more} would help cannot be told: {law}, the {name} would change by between "
            f"{_bounds(change, digits).replace(' to ', ' and ')}{unit} ({sure} interval)."
        )
    helps = (change["value"] < 0) == figure.lower_is_better
    opening = f"{more[0].upper()}{more[1:]} would {'help' if helps else 'do harm'}:"
    if key == "nll":
        factor = wording.times(change, digits=2)
        now = "as it is now, after the tuning"
        return f"{opening} each token of a true answer would be {factor} {now}, projected {law}."
    near, far = sorted((abs(change["low"]), abs(change["high"])))
    verb = "lower" if change["value"] < 0 else "raise"
    return (
        f"{opening} they would {verb} the {name} by "
        f"{abs(change['value']):.{digits}f}{unit} ({sure} interval {near:.{digits}f} to {far:.{digits}f}), {law}."
    )


def _bounds(part: Mapping[str, Any], digits: int) -> str:
    return f"{wording.signed(part['low'], digits)} to {wording.signed(part['high'], digits)}"


def _show_finely(figure: Figure, value: float) -> str:
    """With a decimal more than elsewhere, since trainings differ by little."""
    return (
        show(figure, value) if figure.is_share else f"{value:,.{figure.digits + 2}f}".replace("-", "\u2212")
    )


def _align(lines: list[list[str]]) -> str:
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
