"""Edits of data/corrections/speakers/<item>.yaml, one small change at a time; what people wrote beside it stays.

Each function changes a document as ruamel.yaml reads it: comments and order survive. Lists are added to and taken
from, so what two tabs add is both there. A single value, such as a name, is changed only from what the tab showed.
"""

import io as text_io
from collections.abc import Callable, Mapping
from typing import Any

from lectern.conversations.cuts import parse_time
from lectern.core.errors import ItemError, LecternError
from lectern.core.printing import first_line

Document = Any
"""A mapping of ruamel.yaml."""
Change = Callable[[Document], None]


class MeanwhileError(LecternError):
    """Somebody else gave the value that is to be changed another one; `theirs` is it."""

    def __init__(self, what: str, theirs: str | None) -> None:
        super().__init__(f"{what} was changed meanwhile, to {theirs or 'nothing'}")
        self.theirs = theirs


def read(text: str) -> Document:
    """A document from the text of a file.

    Raises:
        LecternError: it is no YAML mapping.
    """
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.error import YAMLError

    try:
        found = _yaml().load(text)
    except YAMLError as error:
        raise LecternError(f"it is not YAML: {first_line(error)}") from error
    if found is None:
        found = CommentedMap()
        if text.strip():  # comments alone
            found.yaml_set_start_comment("\n".join(line.lstrip("# ") for line in text.splitlines()))
    if not isinstance(found, CommentedMap):
        raise LecternError("it is no mapping of corrections")
    return found


def write(document: Document) -> str | None:
    """The text of a document; None where it says nothing."""
    if not document:
        return None
    stream = text_io.StringIO()
    _yaml().dump(document, stream)
    return stream.getvalue()


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()  # round trip
    yaml.preserve_quotes = True
    yaml.width = 10_000
    yaml.allow_unicode = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def put(section: str, key: str, value: str | None, seen: str | None) -> Change:
    """Give `section` (rename, merge or roles) a value for a label; None takes it away.

    Raises, when it is applied:
        MeanwhileError: it has neither the value that the tab showed, `seen`, nor the new one.
    """

    def change(document: Document) -> None:
        found = document.get(section) or {}
        now = found.get(key)
        if now not in (seen, value):
            raise MeanwhileError(f"{section} of {key}", None if now is None else str(now))
        if value is None:
            found.pop(key, None)
        else:
            document.setdefault(section, {})
            document[section] = document[section] or {}
            document[section][key] = _scalar(value)
        if section in document and not document[section]:
            del document[section]

    return change


def drop(reason: str | None, seen: str | None) -> Change:
    """Leave the whole item out, with the reason; None takes it back."""

    def change(document: Document) -> None:
        now = document.get("drop")
        if now is not None and str(now) not in (seen, reason):
            raise MeanwhileError("drop", str(now))
        if reason is None:
            document.pop("drop", None)
        else:
            document["drop"] = _scalar(reason)

    return change


def add(section: str, entry: Mapping[str, Any]) -> Change:
    """Add an entry to `split`, `swap` or `cut`."""

    def change(document: Document) -> None:
        if document.get(section) is None:
            document[section] = []
        document[section].append({key: _scalar(value) for key, value in entry.items()})

    return change


def take_away(section: str, entry: Mapping[str, Any]) -> Change:
    """Take an entry away from `split`, `swap` or `cut`; nothing where it is gone already."""

    def change(document: Document) -> None:
        wanted = _plain(entry)
        for index, found in enumerate(document.get(section) or []):
            if _plain(found) == wanted:
                del document[section][index]
                break
        if section in document and not document[section]:
            del document[section]

    return change


def _plain(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry to compare with another: `12:30`, 750 and 750.0 are one time."""
    return {key: parse_time(value) if key in ("start", "end") else str(value) for key, value in entry.items()}


def _scalar(value: Any) -> Any:
    """Text that YAML would read as something else is quoted; times stay numbers."""
    if isinstance(value, str):
        if not value.strip():
            raise ItemError("it is empty")
        return " ".join(value.split())
    return value
