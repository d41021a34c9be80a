"""Fill the two templates. Texts of people and models are always escaped, never markup."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2

TEMPLATES = Path(__file__).parent / "templates"


def render_html(view: Mapping[str, Any]) -> str:
    """Render the report as one HTML file that loads nothing else."""
    return _environment(autoescape=True).get_template("report.html.j2").render(view)


def render_markdown(view: Mapping[str, Any]) -> str:
    """Render the report as Markdown that GitHub or an editor can show."""
    return _environment(autoescape=False).get_template("report.md.j2").render(view)


def make_environment(
    *folders: Path, autoescape: bool, filters: Mapping[str, Callable[..., str]]
) -> jinja2.Environment:
    """Make an environment for the templates in these folders, in which an undefined name is an error.

    Args:
        folders: folders of templates; the first that has a template is used.
        autoescape: whether values are escaped for HTML. In Markdown, the templates' filters do the escaping.
        filters: name -> filter, in addition to `md` and `quote`.
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
    """Escape a text so that Markdown shows it on one line as it is, without markup, HTML or automatic links."""
    line = " ".join(str(text).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*_{}\[\]|~$])", r"\\\1", line)
    line = re.sub(r"(?i)(?<=http)(s?)://|(?<=ftp)()://", r"\1\\://", line)
    line = re.sub(r"(?i)\b(www)\.", r"\1\\.", line)
    # Headings, lists, rules and underlines can only begin at the start of a line.
    line = re.sub(r"^(?=#{1,6}(?:\s|$)|[-+](?:\s|$)|-{2,}|=+$)", r"\\", line)
    return re.sub(r"^(\d+)(?=[.)](?:\s|$))", r"\1\\", line)


def _link_target(url: str) -> str:
    """Escape `url` for `<...>` in a Markdown link, so that it cannot end the link."""
    return "".join(f"%{ord(c):02X}" if c in '<>\\\r\n\t "`' else c for c in url)


def quote_markdown(text: object) -> str:
    """Write a text as a block quote with its lines."""
    lines = [escape_markdown(line) for line in str(text).splitlines()] or [""]
    return "\n".join(f"> {line}  ".rstrip() if not line else f"> {line}  " for line in lines)


def fence_markdown(text: object) -> str:
    """Write a text as a code block, with a fence longer than any in the text."""
    longest = max((len(run) for run in re.findall(r"`+", str(text))), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}yaml\n{text}\n{fence}"
