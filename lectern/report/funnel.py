"""Show the steps that rows went through, and how many were dropped at each step for which reason."""

from collections.abc import Mapping
from typing import Any

from lectern.core.schema import SPLITS
from lectern.report import selection, wording

NOT_ROWS = {
    "no_questions": "{} in which no question was found",
    "no_dialogue": "{} without a dialogue",
}
"""Reasons that count recordings, not rows: they tell why a recording gave no rows."""
TRAINED = {"train": "train", "mixed": "and general rows beside it"}
"""Part of metrics/preflight.json that is trained -> what it is called."""


def build(metrics: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the steps in order, without those that were not run. `metrics` maps names of files to their content."""
    steps: list[dict[str, Any]] = []
    if examples := metrics["examples"]:
        by_method = {name: _rows(part) for name, part in sorted(examples.get("by_method", {}).items())}
        notes = [f"from {wording.count(examples.get('items', 0), 'source')}"]
        notes += [f"{rows:,} by {wording.plain(name)}" for name, rows in by_method.items()]
        steps.append(_step("Found", examples.get("rows", 0), notes, examples.get("dropped", {})))
    if curation := metrics["curation"]:
        taught = selection.find_taught(curation, metrics["examples"])
        if taught:
            notes = [f"{rows:,} by {wording.plain(name)}" for name, rows in taught.items()]
            steps.append(_step("Gathered", curation.get("rows_in", 0), ["with those from text", *notes], {}))
        notes = selection.list_notes(curation)
        steps.append(_step("Kept", curation.get("rows_out", 0), notes, curation.get("dropped", {})))
    if leakage := metrics["leakage"]:
        rows = {name: leakage["rows"][name] for name in SPLITS if name in leakage.get("rows", {})}
        items = leakage.get("items", {})
        notes = [
            f"{name} {n:,} from {wording.count(items.get(name, 0), 'source')}" for name, n in rows.items()
        ]
        notes.append("no leak between them" if not leakage.get("leaks_total") else "leaks found and left out")
        steps.append(
            _step("Split", sum(rows.values()), notes, {"leak": sum(leakage.get("dropped", {}).values())})
            | {"parts": [{"name": name, "rows": n} for name, n in rows.items()]}
        )
    rendered = {name: part for name, part in metrics["preflight"].items() if isinstance(part, Mapping)}
    if rendered:
        cut, chunks = (
            sum(part.get(name, 0) for part in rendered.values()) for name in ("examples_divided", "chunks")
        )
        notes = [
            f"{TRAINED[name]} {part.get('rows', 0):,} ({part.get('trained_tokens', 0):,} trained tokens)"
            for name, part in rendered.items()
            if name in TRAINED
        ]
        notes += [f"{cut:,} cut into {chunks:,} rows"] if cut else []
        dropped = sum(part.get("dropped_too_long", 0) for part in rendered.values())
        steps.append(
            _step("Rendered", sum(p.get("rows", 0) for p in rendered.values()), notes, {"too_long": dropped})
        )
    most = max([step["rows"] for step in steps] or [0]) or 1
    return [step | {"width": round(100 * step["rows"] / most, 2)} for step in steps]


def _rows(part: int | Mapping[str, int]) -> int:
    return part if isinstance(part, int) else part.get("rows", 0)


def _step(name: str, rows: int, notes: list[str], dropped: Mapping[str, int]) -> dict[str, Any]:
    falls = [
        {"rows": f"{n:,}", "reason": wording.reason(reason)}
        for reason, n in sorted(dropped.items())
        if n and reason not in NOT_ROWS
    ]
    notes = notes + [
        text.format(wording.count(dropped[reason], "recording"))
        for reason, text in NOT_ROWS.items()
        if dropped.get(reason)
    ]
    return {"name": name, "rows": rows, "text": f"{rows:,}", "notes": notes, "dropped": falls, "parts": []}
