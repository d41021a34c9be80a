"""Prompts: one file each, versioned by its text, and filled with values that are never read as a template.

lectern/llm/prompts/<name>.jinja is a Jinja template. A line `--- user` separates the system message from the user's.
"""

import hashlib
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from lectern.core.errors import LecternError
from lectern.core.schema import Message
from lectern.llm import marks
from lectern.settings import checks

DIVIDER = re.compile(r"^--- user[ \t]*\n", re.MULTILINE)
INVISIBLE = r"[\s\u00ad\u034f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]*"
LOOKALIKE = re.compile(rf"<(?={INVISIBLE}(?:/{INVISIBLE})?{INVISIBLE.join('passage')}\b)", re.IGNORECASE)
"""The `<` of text that looks like the fence's own tag, whatever invisible characters it holds."""


@dataclass(frozen=True)
class Prompt:
    """A prompt as read from its file."""

    name: str
    system: str
    """Template of the system message."""
    user: str
    """Template of the user's message. It begins with empty lines, so that line numbers are those of the file."""
    version: str
    """The name, @ and the first 8 hex digits of the sha256 of the file's text."""

    def render(self, **values: Any) -> list[Message]:
        """The messages: the system's, unless it is empty, and the user's. No value is read as a template.

        Raises:
            LecternError: the template uses a value that is not given, or the user's message is empty.
        """
        return list(self._render(values))

    def _render(self, values: dict[str, Any]) -> Iterator[Message]:
        from jinja2 import TemplateError

        where = f"the prompt {self.name}.jinja"
        parts: tuple[tuple[Literal["system", "user"], str], ...] = (
            ("system", self.system),
            ("user", self.user),
        )
        for role, template in parts:
            try:
                text = _compile(template).render(values).strip()
            except TemplateError as error:
                raise LecternError(
                    f"{where}: {error}. The given values are {', '.join(sorted(values))}."
                ) from error
            if text:
                yield Message(role=role, content=text)
            elif role == "user":
                raise LecternError(f"{where} asks nothing: the part after `--- user` is empty once rendered.")


def load(name: str) -> Prompt:
    """The prompt lectern/llm/prompts/<name>.jinja.

    Raises:
        LecternError: there is no such file, or its text is not a prompt (see `parse`).
    """
    for problem in checks.prompt("the prompt", name):
        raise LecternError(problem)
    return parse(name, (checks.PROMPTS / f"{name}.jinja").read_text(encoding="utf-8"))


def parse(name: str, text: str) -> Prompt:
    """A prompt from the text of its file.

    Raises:
        LecternError: it does not have exactly one line `--- user`, or is not a Jinja template.
    """
    from jinja2 import TemplateSyntaxError

    parts = DIVIDER.split(text)
    if len(parts) != 2:
        raise LecternError(
            f"the prompt {name}.jinja has {len(parts) - 1} lines `--- user`; it needs exactly one, between the system "
            "message and the user's"
        )
    system, user = parts
    version = f"{name}@{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    prompt = Prompt(name, system, "\n" * (system.count("\n") + 1) + user, version)
    for part in (prompt.system, prompt.user):
        try:
            _compile(part)
        except TemplateSyntaxError as error:
            raise LecternError(f"the prompt {name}.jinja, line {error.lineno}: {error.message}") from error
    return prompt


def fence(text: str, id: str) -> str:
    """Put untrusted text between two tags that it cannot close. Prompts may call this function too.

    The tag's name ends in 64 bits computed from the text, so no text can contain it. The text itself is left as it
    is, because evidence is quoted from it; only the `<` of what looks like such a tag becomes `‹`, and likewise the
    first character of what chat templates put around messages (`marks`).
    """
    tag = f"passage-{_spell(hashlib.sha256(text.encode(errors='replace')).digest()[:8])}"
    return f'<{tag} id="{html.escape(id)}">\n{marks.disarm(LOOKALIKE.sub("‹", text))}\n</{tag}>'


def _spell(number: bytes) -> str:
    """Write a number in letters, of which a tokenizer makes fewer tokens than of digits."""
    left, letters = int.from_bytes(number), ""
    while left:
        left, letter = divmod(left, 26)
        letters += chr(ord("a") + letter)
    return letters


@cache
def _compile(template: str) -> Any:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["fence"] = fence
    return environment.from_string(template)
