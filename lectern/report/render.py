"""Fill the two templates. What people said and what models wrote is text here, never markup."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2

TEMPLATES = Path(__file__).parent / "templates"


def render_html(view: Mapping[str, Any]) -> str:
    """The report as one file that loads nothing."""
    return _environment(autoescape=True).get_template("report.html.j2").render(view)


def render_markdown(view: Mapping[str, Any]) -> str:
    """The report as Markdown that a forge or an editor shows."""
    return _environment(autoescape=False).get_template("report.md.j2").render(view)


def make_environment(
    *folders: Path, autoescape: bool, filters: Mapping[str, Callable[..., str]]
) -> jinja2.Environment:
    """An environment over the templates in these folders, in which a name that is not given is an error.

    Args:
        folders: the first that has a template counts.
        autoescape: whether values are text to HTML; of Markdown the templates' own filters see to it.
        filters: by name, besides `md` and `quote`.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"md": escape_markdown, "quote": quote_markdown, **filters}
    return environment


def _environment(*, autoescape: bool) -> jinja2.Environment:
    filters = {"fence": fence_markdown, "linkmd": _link_target}
    return make_environment(TEMPLATES, autoescape=autoescape, filters=filters)


def escape_markdown(text: object) -> str:
    """Text on one line that Markdown shows as it is: no markup, no HTML, no automatic link."""
    line = " ".join(str(text).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*_{}\[\]|~$])", r"\\\1", line)
    line = re.sub(r"(?i)(?<=http)(s?)://|(?<=ftp)()://", r"\1\\://", line)
    line = re.sub(r"(?i)\b(www)\.", r"\1\\.", line)
    # A heading, a list, a rule or an underline opens at the beginning only.
    line = re.sub(r"^(?=#{1,6}(?:\s|$)|[-+](?:\s|$)|-{2,}|=+$)", r"\\", line)
    return re.sub(r"^(\d+)(?=[.)](?:\s|$))", r"\1\\", line)


def _link_target(url: str) -> str:
    """`url` inside `<...>` of a Markdown link, unable to end it."""
    return "".join(f"%{ord(c):02X}" if c in '<>\\\r\n\t "`' else c for c in url)


def quote_markdown(text: object) -> str:
    """Text as a block quote, its lines kept."""
    lines = [escape_markdown(line) for line in str(text).splitlines()] or [""]
    return "\n".join(f"> {line}  ".rstrip() if not line else f"> {line}  " for line in lines)


def fence_markdown(text: object) -> str:
    """Text as a code block, with a fence longer than any in it."""
    longest = max((len(run) for run in re.findall(r"`+", str(text))), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}yaml\n{text}\n{fence}"
