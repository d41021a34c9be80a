"""Show the accuracy of transcription and diarization."""

from collections.abc import Mapping
from typing import Any

from lectern.evaluation.speech import FIGURES
from lectern.report import drawing, wording


def build(metric: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the figures that were measured, each with its picture."""
    shown = []
    for figure in FIGURES.values():
        part = metric.get(figure.key)
        if not isinstance(part, Mapping) or part.get("value") is None:
            continue
        value, low, high = part["value"], part.get("low"), part.get("high")
        far = 0.1 if figure.lower_is_better else 1.0
        scale = drawing.scale([value, value if high is None else high, far], from_zero=True)
        bounds = "" if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f} %"
        shown.append(
            {
                "name": figure.name,
                "about": figure.about,
                "text": f"{100 * value:.1f} %",
                "interval": bounds,
                "ticks": [{"at": scale.at(tick), "text": f"{100 * tick:.3g} %"} for tick in scale.ticks],
                **drawing.dot(scale, {"value": value, "low": low, "high": high}),
            }
        )
    return shown


def describe(metric: Mapping[str, Any]) -> str:
    """Say how many recordings and words the figures are measured on."""
    parts = [
        wording.count(metric[key], noun)
        for key, noun in (("items", "recording"), ("words", "word"))
        if key in metric
    ]
    return ", ".join(parts)
