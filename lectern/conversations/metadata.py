"""Read what a table says about episodes: a CSV or JSON file in data/corrections with a row for each episode.

The first of the columns `item`, `url`, `guid` and `title` that is filled in tells which item a row belongs to, by the
item's id, its address (`guid` is often the address too), or its title. The columns `host`, `guest` and `main` give
names (several are separated by `;`), the columns `intro_end` and `outro_start` give times.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from lectern.conversations.cuts import parse_time
from lectern.core.errors import LecternError
from lectern.core.io import parse_json
from lectern.core.schema import Source

KEYS = ("item", "url", "guid", "title")
NAMES = ("host", "guest", "main")
TIMES = ("intro_end", "outro_start")


class Row(NamedTuple):
    """A row of the table."""

    where: str
    """file and line, for errors"""
    keys: Mapping[str, str]
    """values of the columns by which the row is matched with an item"""
    values: dict[str, Any]
    """names as lists, times in seconds; empty fields are left out"""


def read(text: str, name: str) -> tuple[list[Row], list[str]]:
    """Return the rows of the table, and the columns that are not used.

    Args:
        text: text of the file.
        name: name of the file. A .json file is a list of objects; any other file is CSV with a header.

    Raises:
        LecternError: the file is not such a table, a row has no column that names its item, or a time cannot be read.
    """
    rows = list(_read_json(text, name) if name.lower().endswith(".json") else _read_csv(text, name))
    known = {*KEYS, *NAMES, *TIMES}
    others = {column: None for _, fields in rows for column in fields if column not in known}
    return [_parse(where, fields, name) for where, fields in rows], list(others)


def match(rows: Iterable[Row], sources: Mapping[str, Source]) -> tuple[dict[str, dict[str, Any]], list[Row]]:
    """Return item -> the values of its row, and the rows that belong to no item.

    Raises:
        LecternError: two rows belong to one item, or one row to two items.
    """
    indexes: dict[str, dict[str, list[str]]] = {key: {} for key in KEYS}
    for item, source in sources.items():
        for key, value in (
            ("item", item),
            ("url", source.url),
            ("guid", source.url),
            ("title", source.title),
        ):
            indexes[key].setdefault(_fold(value or ""), []).append(item)
    found: dict[str, Row] = {}
    strays = []
    for row in rows:
        key = next(key for key in KEYS if key in row.keys)
        items = indexes[key].get(_fold(row.keys[key]), [])
        if len(items) > 1:
            raise LecternError(
                f"{row.where}: {len(items)} items have the {key} {row.keys[key]!r} ({', '.join(items[:3])}). "
                "Fill in the column `item` to name one of them."
            )
        for item in items:
            if item in found:
                raise LecternError(
                    f"{found[item].where} and {row.where} both belong to the item {item}. Delete one of them."
                )
            found[item] = row
        strays += [] if items else [row]
    return {item: row.values for item, row in found.items()}, strays


def _read_csv(text: str, name: str) -> Iterable[tuple[str, dict[str, Any]]]:
    header = text.split("\n", 1)[0]
    reader = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count), strict=True
    )
    try:
        for fields in reader:
            where = f"{name}:{reader.line_num}"
            if None in fields:
                raise LecternError(
                    f"{where}: the row has more fields than the header. Put a field that holds commas in quotes."
                )
            if any(fields.values()):  # a spreadsheet ends with rows of commas
                yield where, {_column(column): value for column, value in fields.items()}
    except csv.Error as error:
        raise LecternError(f"{name}:{reader.line_num}: not CSV ({error})") from error


def _read_json(text: str, name: str) -> Iterable[tuple[str, dict[str, Any]]]:
    try:
        rows = parse_json(text)
    except ValueError as error:
        raise LecternError(f"{name}: not JSON ({error})") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise LecternError(f"{name}: the file must be a list of objects, one for each episode")
    for number, row in enumerate(rows, 1):
        yield f"{name}: row {number}", {_column(column): value for column, value in row.items()}


def _parse(where: str, fields: Mapping[str, Any], name: str) -> Row:
    texts = {column: _join(value) for column, value in fields.items()}
    keys = {key: texts[key] for key in KEYS if texts.get(key)}
    if not keys:
        raise LecternError(
            f"{where}: the row does not say which item it belongs to. Fill in {', '.join(KEYS[:-1])} or title."
        )
    values: dict[str, Any] = {}
    for column in NAMES:
        people = [person.strip() for person in texts.get(column, "").split(";") if person.strip()]
        values |= {column: people} if people else {}
    for column in TIMES:
        if texts.get(column):
            try:
                values[column] = parse_time(texts[column])
            except ValueError as error:
                raise LecternError(f"{where}: {column}: {error}") from error
    if values.get("intro_end", 0.0) > values.get("outro_start", float("inf")):
        raise LecternError(f"{where}: the intro ends at {texts['intro_end']}, after the outro starts")
    return Row(where, keys, values)


def _join(value: Any) -> str:
    if isinstance(value, list):
        return ";".join(map(_join, value))
    return "" if value is None else str(value).strip()


def _column(name: Any) -> str:
    return "_".join(str(name).strip().lower().split())


def _fold(text: str) -> str:
    return " ".join(text.split()).casefold()
