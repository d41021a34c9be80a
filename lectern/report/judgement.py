"""Show the figures of the judge and its agreement with people, and the same for the judge of the curation."""

from collections.abc import Mapping
from typing import Any

from lectern.core.schema import BASE, HELD_OUT, TUNED
from lectern.evaluation.judge_figures import CALIBRATION, FLIP_RATE, RUBRIC, WIN_RATE
from lectern.report import drawing, wording
from lectern.report.figures import show, show_change, show_change_interval, show_interval, tell
from lectern.report.scores import name_set

PAIR = "tuned_vs_base"
UNSURE = {"unclear": "may be chance", "unknown": "no interval"}
KINDS = {"pairs": "Pairs, base against tuned", "rubric": "Rubric, one answer at a time"}


def find_trusted(judge: Mapping[str, Any], headline_set: str) -> Mapping[str, Any] | None:
    """Return the judge's figures on pairs of the headline set; None if the judge is not trusted or has none."""
    found = judge.get("pairs", {}).get(PAIR, {}).get(headline_set)
    return found if found and found["win_rate"] and is_trusted(judge, "pairs") else None


def is_trusted(judge: Mapping[str, Any], kind: str) -> bool:
    """Tell whether a judge agrees with people well enough; False if this is not recorded."""
    return bool(judge.get("trusted", {}).get(kind, False))


def build(judge: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the judge's figures and its calibration; None if no judge was asked."""
    if not judge:
        return None
    return {
        "model": wording.short(str(judge.get("model", ""))),
        "engine": wording.short(str(judge.get("engine", ""))),
        "prompts": [wording.short(str(name)) for _, name in sorted(judge.get("prompts", {}).items())],
        "kinds": [
            {
                "name": title,
                "trusted": is_trusted(judge, kind),
                "why": "" if is_trusted(judge, kind) else wording.distrust(judge.get("why", {}).get(kind)),
                "calibration": _calibration(judge.get("calibration", {}).get(kind, {})),
                "pairs": [
                    _pairs(name, part, judge.get("corrected", {}).get(name))
                    for name, part in _in_order(judge.get("pairs", {}).get(PAIR, {}))
                ]
                if kind == "pairs"
                else [],
                "rubric": [
                    _rubric(name, part, is_trusted(judge, kind))
                    for name, part in _in_order(judge.get("rubric", {}))
                ]
                if kind == "rubric"
                else [],
            }
            for kind, title in KINDS.items()
        ],
    }


def _in_order(sets: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted(sets.items(), key=lambda entry: (entry[0] != HELD_OUT, entry[0]))


def _pairs(name: str, part: Mapping[str, Any], corrected: Mapping[str, Any] | None = None) -> dict[str, Any]:
    counts = [(what, part[what]) for what in ("wins", "ties", "losses")]
    rate, flips = part["win_rate"], part.get("flip_rate")
    return {
        "set": name_set(name),
        "parts": [{"name": what, "n": n} for what, n in counts],
        "n": wording.count(sum(n for _, n in counts), "pair"),
        "rate": show(WIN_RATE, rate["value"]) if rate else "",
        "interval": show_interval(WIN_RATE, rate) if rate else "",
        "verdict": UNSURE.get(wording.judge_rate(rate), "") if rate else "",
        "flips": show(FLIP_RATE, flips["value"]) if flips else "",
        "flips_interval": show_interval(FLIP_RATE, flips) if flips else "",
        "notes": [
            *_corrected(corrected),
            *([f"{part['same']:,} of the ties are identical answers"] if part.get("same") else []),
            *_useless(part),
        ],
    }


def _corrected(found: Mapping[str, Any] | None) -> list[str]:
    """Say the win rate that people's labels correct."""
    if not found:
        return []
    span = show_interval(WIN_RATE, found)
    return [
        f"corrected by {wording.count(found['n'], 'label')} of people: {show(WIN_RATE, found['value'])}"
        + (f" ({span})" if span else "")
        + f", with a weight of {found['weight']:.2f} for the judge"
    ]


def _useless(part: Mapping[str, Any]) -> list[str]:
    """Count the replies that cannot be used."""
    parts = (("malformed", part.get("malformed", 0)), ("without a reply", part.get("no_reply", 0)))
    return [f"{n:,} {what}" for what, n in parts if n]


def _rubric(name: str, part: Mapping[str, Any], trusted: bool) -> dict[str, Any]:
    rated = {who: found for who, found in part.items() if who != "difference"}
    difference = part.get("difference")
    return {
        "set": name_set(name),
        "contestants": [
            {
                "name": who,
                "side": who if who in (BASE, TUNED) else "other",
                "score": show(RUBRIC, found["score"]["value"]),
                "interval": show_interval(RUBRIC, found["score"]),
                "n": f"{found['score']['n']:,}",
                "bars": _bars(found.get("histogram", {})),
                "notes": _useless(found),
            }
            for who, found in sorted(
                rated.items(), key=lambda one: ({BASE: 0, TUNED: 1}.get(one[0], 2), one[0])
            )
            if found.get("score")
        ],
        "change": "" if not difference else show_change(RUBRIC, difference["value"]),
        "change_interval": "" if not difference else show_change_interval(RUBRIC, difference),
        "verdict": "" if not difference or not trusted else tell(RUBRIC, difference)["verdict"],
    }


def _bars(histogram: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return five bars, with heights in percent of the tallest one."""
    counts = [histogram.get(str(score), 0) for score in range(1, 6)]
    tallest = max(counts) or 1
    return [
        {"score": score, "n": n, "height": round(100 * n / tallest, 1)} for score, n in enumerate(counts, 1)
    ]


def _calibration(found: Mapping[str, Any]) -> dict[str, Any] | None:
    if not found.get("judged"):
        return None
    people = found.get("people") or {}
    kappa = people.get("kappa")
    return {
        "on": f"{wording.count(found['judged'], 'label')} of {found['labels']:,} judged",
        "rows": [
            {
                "name": figure.name,
                "about": figure.about,
                "text": show(figure, part["value"]),
                "interval": show_interval(figure, part),
            }
            for figure in CALIBRATION
            if (part := found.get(figure.key)) and part.get("value") is not None
        ],
        "people": ""
        if not kappa
        else f"People agree with one another by kappa {kappa['value']:.2f} (n {kappa['n']:,}).",
    }


CURVES = (
    ("kappa", "other", "kappa"),
    ("tpr", "tuned", "share of good rows that are kept"),
    ("tnr", "base", "share of bad rows that are left out"),
)
"""Curves of the curation judge: key, style and label."""


def build_curation(ratings: Mapping[str, Any]) -> dict[str, Any] | None:
    """Show what each threshold of the curation judge keeps and drops, by people's verdicts; None without verdicts."""
    found = ratings.get("calibration") or {}
    points = found.get("curve") or []
    if not points:
        return None
    x = drawing.scale([point["threshold"] for point in points])
    values = {
        key: [
            (point["threshold"], value) for point in points if (value := _number(point.get(key))) is not None
        ]
        for key, _, _ in CURVES
    }
    y = drawing.scale([0.0, 1.0, *(value for curve in values.values() for _, value in curve)])
    best, auc = found.get("best"), _number(found.get("auc"))
    threshold = best["threshold"] if best else None
    return {
        "n": wording.count(found["rated"], "row"),
        "trusted": bool(found.get("calibrated")),
        "note": wording.short(str(found.get("note") or ""), 300),
        "auc": "" if auc is None else f"{auc:.2f}",
        "best": "" if threshold is None else f"{threshold:g}",
        "model": wording.short(str(ratings.get("model", ""))),
        "x": [{"at": x.at(tick), "text": x.label(tick)} for tick in x.ticks],
        "y": [{"at": y.at(tick), "text": y.label(tick)} for tick in y.ticks],
        "curves": [
            {"name": name, "side": side, "path": drawing.path(x, y, values[key]), "dots": []}
            for key, side, name in CURVES
            if values[key]
        ],
        "rows": [
            {
                "threshold": f"{point['threshold']:g}",
                "cells": ["" if v is None else f"{v:.2f}" for v in (_number(point.get(k)) for k, _, _ in CURVES)],
                "kept": "" if (kept := _number(point.get("kept"))) is None else wording.share(kept),
            }
            for point in (points[i] for i in drawing.spread(len(points), 10))
        ],
    }  # fmt: skip


def _number(figure: Mapping[str, Any] | None) -> float | None:
    return None if figure is None else figure["value"]
