"""Show the loss curves of the training, and the checks of its rows."""

from collections.abc import Mapping
from typing import Any

from lectern.report import drawing, wording
from lectern.report.inputs import LossPoint


def build(points: list[LossPoint], train: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the curves, and some of their points as a table; None if nothing was measured."""
    curves = {
        name: [(float(p.step), value) for p in points if (value := getattr(p, name)) is not None]
        for name in ("train", "validation")
    }
    values = [value for curve in curves.values() for _, value in curve]
    if not values:
        return None
    x = drawing.scale([0.0, *(step for curve in curves.values() for step, _ in curve)], intervals=5)
    y = drawing.scale(values)
    counts = [
        wording.count(train[f"{noun}s"], noun) for noun in ("epoch", "step", "row") if f"{noun}s" in train
    ]
    if "trained_tokens" in train:
        counts.append(f"{train['trained_tokens']:,} trained tokens")
    return {
        "note": ", ".join(counts),
        "x": [{"at": x.at(tick), "text": x.label(tick)} for tick in x.ticks],
        "y": [{"at": y.at(tick), "text": y.label(tick)} for tick in y.ticks],
        "curves": [
            {
                "name": name,
                "side": name,
                "path": drawing.path(x, y, curve),
                "dots": [{"x": x.at(a), "y": round(100 - y.at(b), 2)} for a, b in curve]
                if len(curve) <= 40
                else [],
                "last": f"{curve[-1][1]:.3f}",
                "best": f"{min(b for _, b in curve):.3f}",
                "best_step": f"{min(curve, key=lambda point: point[1])[0]:,.0f}",
            }
            for name, curve in curves.items()
            if curve
        ],
        "rows": [
            {
                "step": p.step,
                **{n: "" if (v := getattr(p, n)) is None else f"{v:.3f}" for n in ("train", "validation")},
            }
            for p in (points[i] for i in drawing.spread(len(points), 12))
        ],
    }


def describe_preflight(preflight: Mapping[str, Any]) -> str:
    """Describe the training rows by what `render` found; empty if it did not run."""
    part = preflight.get("train", {})
    if not part.get("tokens"):
        return ""
    trained = part.get("trained_tokens", 0)
    parts = [
        f"{wording.count(preflight.get('checks_passed', 0), 'check')} of the rows passed before training",
        f"{part['tokens']:,} tokens in {wording.count(part.get('rows', 0), 'row')}",
        f"{trained:,} of them trained ({wording.share(trained / part['tokens'])})",
        f"the longest row {part.get('longest', 0):,}",
    ]
    if mixed := preflight.get("mixed", {}).get("rows"):
        parts.append(f"and {wording.count(mixed, 'general row')} of data/mix beside them")
    return ", ".join(parts) + "."
