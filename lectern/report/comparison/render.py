"""Fill the two templates, in the style of the report. Texts of people and models are always escaped, never markup."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from lectern.report import wording
from lectern.report.render import TEMPLATES as REPORT
from lectern.report.render import escape_markdown, make_environment

TEMPLATES = Path(__file__).parent / "templates"


def render_html(view: Mapping[str, Any]) -> str:
    """Render the comparison as one HTML file that loads nothing else."""
    return _environment(autoescape=True).get_template("comparison.html.j2").render(view)


def render_markdown(view: Mapping[str, Any]) -> str:
    """Render the comparison as Markdown for a pull request."""
    return _environment(autoescape=False).get_template("comparison.md.j2").render(view)


def _environment(*, autoescape: bool) -> jinja2.Environment:
    filters: dict[str, Callable[..., str]] = {
        "marks": _mark_markdown,
        "count": wording.count,
        "short": lambda text: wording.short(str(text), 120),
    }
    return make_environment(TEMPLATES, REPORT, autoescape=autoescape, filters=filters)


def _mark_markdown(runs: Sequence[Mapping[str, Any]]) -> str:
    """Write runs of words as one block quote, with the words that the other text does not have in bold."""
    parts = []
    for run in runs:
        # The text must be on one line, and spaces at its ends must stand outside the bold text.
        inner = escape_markdown(run["text"])
        text = inner if run["same"] or not inner else f"<b>{inner}</b>"
        parts.append(f"{' ' * run['text'][:1].isspace()}{text}{' ' * run['text'][-1:].isspace()}")
    joined = " ".join("".join(parts).split())
    return f"> {joined or '*(nothing)*'}"
