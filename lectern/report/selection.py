"""Show how many rows of each method and each source the curation kept."""

from collections.abc import Mapping
from typing import Any

from lectern.report import wording

SOURCES = 12
"""How many sources are named: those that lost the most rows."""


def build(curation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the tables by method and by source; empty if nothing was dropped."""
    if not any(curation.get("dropped", {}).values()):
        return []
    tables = []
    for title, groups in (("method", curation.get("by_method", {})), ("source", curation.get("by_item", {}))):
        most = sorted(groups, key=lambda name: (groups[name]["out"] - groups[name]["in"], name))
        shown = most[:SOURCES] if title == "source" else sorted(groups)
        rows = [_row(wording.plain(name) if title == "method" else name, groups[name]) for name in shown]
        if rest := most[SOURCES:] if title == "source" else []:
            rows.append(_row(wording.count(len(rest), "other source"), _add([groups[name] for name in rest])))
        if rows:
            tables.append({"title": title, "rows": rows})
    return tables


def _row(name: str, group: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "in": f"{group['in']:,}",
        "out": f"{group['out']:,}",
        "dropped": "; ".join(
            f"{n:,} {wording.plain(reason)}" for reason, n in group.get("dropped", {}).items()
        ),
    }


def _add(groups: list[Mapping[str, Any]]) -> dict[str, Any]:
    dropped: dict[str, int] = {}
    for group in groups:
        for reason, n in group.get("dropped", {}).items():
            dropped[reason] = dropped.get(reason, 0) + n
    return {
        "in": sum(group["in"] for group in groups),
        "out": sum(group["out"] for group in groups),
        "dropped": dict(sorted(dropped.items())),
    }


def find_taught(curation: Mapping[str, Any], examples: Mapping[str, Any]) -> dict[str, int]:
    """Return method -> rows for methods that are not in `examples`, whose rows an LLM wrote from passages."""
    known = examples.get("by_method", {})
    by_method = curation.get("by_method", {})
    return {name: group["in"] for name, group in sorted(by_method.items()) if known and name not in known}


def list_notes(curation: Mapping[str, Any]) -> list[str]:
    """Return notes on the number of sources, people's decisions, and the judge's ratings."""
    notes = []
    if "items_out" in curation:
        notes.append(f"from {curation['items_out']:,} of {wording.count(curation['items_in'], 'source')}")
    corrections = curation.get("corrections", {})
    for action in ("accept", "edit", "reject"):
        if n := corrections.get(action, 0):
            notes.append(f"{n:,} {action}ed by people")
    if lost := len(corrections.get("unmatched", [])):
        notes.append(f"{wording.count(lost, 'correction')} of rows that no longer exist")
    ratings = curation.get("ratings", {})
    if asked := ratings.get("rated", 0) + ratings.get("failed", 0):
        notes.append(f"{ratings['rated']:,} of {asked:,} rated by the judge")
    return notes
