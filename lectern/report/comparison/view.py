"""Compute everything that the templates show of two runs."""

from typing import Any

from lectern.evaluation import reruns
from lectern.report import six
from lectern.report.comparison import answers, costs, differences, figures, rows, scores
from lectern.report.comparison.inputs import Run, explain
from lectern.report.comparison.sides import Side
from lectern.report.inputs import Evidence
from lectern.report.scores import name_set

EXAMPLES = 3
"""How many rows are shown as examples for each reason."""
ANSWERS = 5
"""How many answers are shown of those that improved most, and of those that got worse most."""


def build(sides: tuple[Side, Side], a: Run, b: Run) -> dict[str, Any]:
    """Return all values that the templates need."""
    compared = scores.compare_scores(a, b)
    return {
        "title": f"{a.name} → {b.name}",
        "headline": compared["headline"],
        "a": a,
        "b": b,
        "six": compare_replies(a, b),
        "sets": [{**found, "title": name_set(found["name"])} for found in compared["sets"]],
        "judge": figures.compare_judge(a, b),
        "others": figures.compare_others(a, b),
        "params": differences.compare_params(a, b),
        "code": differences.compare_code(*sides),
        "libraries": differences.compare_libraries(a, b),
        "stages": differences.compare_stages(a, b),
        "decisions": rows.compare_decisions(a, b, examples=EXAMPLES),
        "splits": rows.compare_splits(a, b),
        "sources": rows.compare_sources(a, b),
        "answers": answers.compare_answers(a, b, shown=ANSWERS),
        "costs": costs.compare_costs(a, b),
        "problems": [explain(path, a, b) for path in sorted({*a.problems, *b.problems})],
    }


def compare_replies(a: Run, b: Run) -> list[dict[str, Any]]:
    """Return the replies of both runs to the questions with which a report opens.

    Empty if a run has no scores, or its metrics were written by another version of the pipeline.
    """
    if not all(run.metrics.get("scores") for run in (a, b)):
        return []
    try:
        ours, theirs = (six.build(_gather(run)) for run in (a, b))
    except (KeyError, TypeError):
        return []
    return [
        {"question": second.question, "replies": (first, second)}
        for first, second in zip(ours, theirs, strict=True)
    ]


def _gather(run: Run) -> Evidence:
    scores = reruns.widen(run.metrics["scores"], run.seeds)
    return Evidence(scores, run.metrics, seeds=run.seeds, curve=run.curve)


def summarise(shown: dict[str, Any]) -> str:
    """Summarise the comparison in a few lines for a terminal."""
    lines = [shown["headline"]]
    rows = shown["sets"][0]["tuned"] if shown["sets"] else []
    moved = [row for row in rows if row["verdict"] != scores.SAME]
    width = max((len(row["name"]) for row in moved), default=0)
    for row in moved:
        values = f"{row['a']['text'] or '-':>9} → {row['b']['text'] or '-':<9}"
        lines.append(f"  {row['name']:<{width}}  {values} {row['change']:>12}  {row['verdict']}")
    if len(moved) < len(rows):
        lines.append(f"  the same: {len(rows) - len(moved)} more figures")
    if moved and shown["sets"][0]["chance"]:
        lines.append(shown["sets"][0]["chance"])
    named = ", ".join(row["name"] for row in shown["params"][:8])
    more = f" and {len(shown['params']) - 8} more" if len(shown["params"]) > 8 else ""
    lines.append(f"parameters that differ: {named + more if named else 'none'}")
    lines.append(
        f"files of code that differ: {len(shown['code'])}; "
        f"stages whose outputs differ: {', '.join(row['stage'] for row in shown['stages']['rows']) or 'none'}"
    )
    if shown["decisions"]:
        kinds = {kind: 0 for kind in ("came", "went", "changed")}
        for move in shown["decisions"]["moves"]:
            kinds[move["kind"]] += move["rows"]
        lines.append("rows: " + ", ".join(f"{number:,} {kind}" for kind, number in kinds.items()))
    for counted in (shown["answers"] or {}).get("counts", []):
        lines.append(
            f"answers by {counted['name']}: {counted['better']} better, {counted['worse']} worse, "
            f"{counted['equal']} equal (sign test p {counted['p']})"
        )
    return "\n".join(lines)
