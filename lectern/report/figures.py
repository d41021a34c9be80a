"""A figure's values as the report, the comparison and the cards show them; what figures there are: `evaluation`."""

from collections.abc import Mapping
from typing import Any

from lectern.evaluation.figure_type import Figure
from lectern.report import wording


def show(figure: Figure, value: float) -> str:
    """A value with its unit."""
    text = wording.share(value) if figure.is_share else f"{value:,.{figure.digits}f}"
    return text.replace("-", "\u2212")


def show_change(figure: Figure, value: float) -> str:
    """A difference with its sign; of shares in points."""
    if figure.is_share:
        return wording.signed(100 * value, 0 if abs(value) >= 0.0995 or value == 0 else 1)
    return wording.signed(value, figure.digits)


def show_interval(figure: Figure, part: Mapping[str, Any]) -> str:
    """`1.80 to 2.00`, `36 to 91 %`, or nothing where there are too few rows for one."""
    if part.get("low") is None or part.get("high") is None:
        return ""
    return f"{show(figure, part['low']).removesuffix(' %')} to {show(figure, part['high'])}"


def show_change_interval(figure: Figure, part: Mapping[str, Any]) -> str:
    """`−0.85 to −0.67`, of shares `+50 to +100 points`."""
    if part.get("low") is None or part.get("high") is None:
        return ""
    bounds = f"{show_change(figure, part['low'])} to {show_change(figure, part['high'])}"
    return bounds + (" points" if figure.is_share else "")


def tell(figure: Figure, difference: Mapping[str, Any]) -> dict[str, str]:
    """What may be said of a difference, in words and as a tone for its colour."""
    if difference["low"] == difference["high"] == 0:
        return {"verdict": "no difference", "tone": "unclear"}
    verdict = wording.judge(difference, bool(figure.lower_is_better))
    if figure.lower_is_better is None and verdict in ("better", "worse"):
        return {"verdict": "higher" if difference["value"] > 0 else "lower", "tone": "neutral"}
    return {"verdict": wording.VERDICTS[verdict], "tone": verdict}
