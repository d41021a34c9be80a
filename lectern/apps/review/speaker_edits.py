"""Edit data/corrections/speakers/<item>.yaml in small changes that keep everything else that people wrote.

Each function changes a document of ruamel.yaml, which keeps comments and order. Entries are added to lists or removed
from them, so that additions of two tabs are both kept. A single value, such as a name, is changed only if it still is
the value that the tab showed.
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
    """Somebody else changed the same value; `theirs` is their value."""

    def __init__(self, what: str, theirs: str | None) -> None:
        super().__init__(
            f"{what} was changed in the meantime: it is {theirs!r} now"
            if theirs
            else f"{what} was removed in the meantime"
        )
        self.theirs = theirs


def read(text: str) -> Document:
    """Read a document from the text of a file.

    Raises:
        LecternError: the text is not a YAML mapping.
    """
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.error import YAMLError

    try:
        found = _yaml().load(text)
    except YAMLError as error:
        raise LecternError(f"it is not YAML: {first_line(error)}") from error
    if found is None:
        found = CommentedMap()
        if text.strip():  # only comments
            found.yaml_set_start_comment("\n".join(line.lstrip("# ") for line in text.splitlines()))
    if not isinstance(found, CommentedMap):
        raise LecternError("the file is not a mapping of corrections")
    return found


def write(document: Document) -> str | None:
    """Return the text of a document; None if the document is empty."""
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
    """Make a change that sets the value of a label in `section` (rename, merge or roles); None removes the value.

    Raises, when the change is applied:
        MeanwhileError: the current value is neither `seen`, which the tab showed, nor the new one.
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
    """Make a change that leaves the whole item out for a reason; None cancels that."""

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
    """Make a change that adds an entry to `split`, `swap` or `cut`."""

    def change(document: Document) -> None:
        if document.get(section) is None:
            document[section] = []
        document[section].append({key: _scalar(value) for key, value in entry.items()})

    return change


def take_away(section: str, entry: Mapping[str, Any]) -> Change:
    """Make a change that removes an entry from `split`, `swap` or `cut`, if it still exists."""

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
    """Normalise an entry for comparison: `12:30`, 750 and 750.0 are the same time."""
    return {key: parse_time(value) if key in ("start", "end") else str(value) for key, value in entry.items()}


def _scalar(value: Any) -> Any:
    """Return a value for the document: texts with single spaces, which ruamel.yaml quotes if necessary, and numbers."""
    if isinstance(value, str):
        if not value.strip():
            raise ItemError("the value is empty; type a name or a reason")
        return " ".join(value.split())
    return value
