"""Read tables as rows of cells: CSV with any delimiter, JSON lines, a JSON list, Parquet, Excel.

CSV is read by Python's csv, so that each cell is the text in the file. pandas would read `NA`, `null` and `None` as
empty cells, and convert numbers.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from lectern.core.errors import ItemError, LecternError
from lectern.core.printing import first_line, warn
from lectern.formats import excel
from lectern.text import encoding as encodings

SEPARATOR = re.compile(r"\s*\"?sep=(.)\"?[ \t]*\r?\n", re.I)
DELIMITERS = (",", ";", "\t", "|")
EASILY_FORGOTTEN: Mapping[str, str] = {
    "input": "input",
    "context": "input",
    "system": "system",
    "system_prompt": "system",
}
"""Names of columns, in lower case, that hold a part of the question -> their meaning. Alpaca, Dolly and OpenOrca have
them. They are read although they are not needed, so that one with text in it can be named."""
Rows = Iterator[Mapping[str, Any] | None]


def read(path: Path, needed: Collection[str], delimiter: str | None, encoding: str | None) -> Rows:
    """Yield the cells of each row by column name, or `None` for a row that cannot be read. Blank lines are skipped.

    Args:
        path: of a file whose suffix is one of READERS.
        needed: the columns that must exist; rows may lack any others.
        delimiter: of CSV; `None` chooses the usual one that gives the needed columns.
        encoding: of CSV and JSON; `None` detects it.

    Raises:
        LecternError: the file is malformed, or lacks a needed column; the message names its columns.
    """
    return READERS[path.suffix.lower()](path, needed, delimiter, encoding)


def _read_csv(path: Path, needed: Collection[str], delimiter: str | None, encoding: str | None) -> Rows:
    text = _decode(path, encoding)
    if stated := SEPARATOR.match(text):  # for Excel, which does not show this line
        text, delimiter = text[stated.end() :], delimiter or stated[1]
    headers = {
        mark: [cell.strip() for cell in next((r for r in _records(text, mark) if r), [])]
        for mark in ([delimiter] if delimiter else DELIMITERS)
    }
    mark, header = max(headers.items(), key=lambda entry: (set(needed) <= set(entry[1]), len(entry[1])))
    _check(
        path, needed, header, "The first line must name the columns; `delimiter` states what separates them."
    )
    records = _records(text, mark)
    next(record for record in records if record)
    for record in records:
        if record is None or any(cell.strip() for cell in record[len(header) :]):
            yield None  # more cells than columns, so a text was split in the wrong place
        else:
            yield dict(zip(header, record, strict=False))


def _records(text: str, delimiter: str) -> Iterator[list[str] | None]:
    """Yield the cells of each record, or `None` for a malformed line, after which reading continues.

    So a quotation mark that is never closed only loses its own line, not the rest of the file.
    """
    csv.field_size_limit(
        max(csv.field_size_limit(), len(text) + 1)
    )  # the limit holds for the whole process, so it is never lowered
    lines = io.StringIO(text, newline="").readlines()
    at = 0

    def feed() -> Iterator[str]:
        nonlocal at
        while at < len(lines):
            at += 1
            yield lines[at - 1]

    reader = csv.reader(feed(), delimiter=delimiter, strict=True)
    while True:
        begin = at
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error:
            at = begin + 1
            reader = csv.reader(feed(), delimiter=delimiter, strict=True)
            yield None
            continue
        if any(cell.strip() for cell in record):
            yield record


def _read_json_lines(path: Path, needed: Collection[str], _: str | None, encoding: str | None) -> Rows:
    lines = _decode(path, encoding).split("\n")  # not splitlines(): U+2028 is legal inside a JSON string
    return _objects(path, [_parse(line) for line in lines if line.strip()], needed)


def _read_json(path: Path, needed: Collection[str], _: str | None, encoding: str | None) -> Rows:
    text = _decode(path, encoding)
    rows = _parse(text)
    if isinstance(rows, dict) and not all(column in rows for column in needed):
        # {"data": [...]}: one list under any name
        lists = [value for value in rows.values() if isinstance(value, list)]
        rows = lists[0] if len(lists) == 1 else None
    if isinstance(rows, dict):
        rows = _turn(rows, needed)
    if isinstance(rows, list):
        return _objects(path, rows, needed)
    lines = [_parse(line) for line in text.split("\n") if line.strip()]  # as pandas and datasets write .json
    if not any(isinstance(line, dict) and set(needed) <= set(line) for line in lines):
        raise LecternError(
            f"corpus.sources: {path} is not a JSON list of rows, nor one object a line with the columns "
            f"{', '.join(needed)}. Correct the file or `columns`."
        )
    return _objects(path, lines, needed)


def _turn(columns: Mapping[str, Any], needed: Collection[str]) -> list[Any] | None:
    """The rows of an object that holds a list for each column, as pandas and datasets write it; else `None`."""
    cells = {
        name: list(values.values()) if isinstance(values, dict) else values
        for name, values in columns.items()
        if isinstance(values, dict | list)
    }
    lengths = {len(cells.get(name, ())) for name in needed}
    if len(needed) < 2 or len(lengths) > 1 or not max(lengths):
        return None
    same = {name: values for name, values in cells.items() if len(values) in lengths}
    return [dict(zip(same, row, strict=True)) for row in zip(*same.values(), strict=True)]


def _objects(path: Path, rows: list[Any], needed: Collection[str]) -> Rows:
    objects = [row if isinstance(row, dict) else None for row in rows]
    names = sorted({str(name) for row in objects if row for name in row})
    if any(objects):  # if no line is readable, each one counts as broken instead
        _check(path, needed, names, "Correct `columns`.")
    return iter(objects)


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _read_parquet(path: Path, needed: Collection[str], _: str | None, __: str | None) -> Rows:
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(path)
        _check(path, needed, table.schema_arrow.names, "Correct `columns`.")
        names = table.schema_arrow.names
        wanted = [*needed, *(name for name in names if name.lower() in EASILY_FORGOTTEN)]
        for batch in table.iter_batches(batch_size=4096, columns=list(dict.fromkeys(wanted))):
            yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise LecternError(
            f"corpus.sources: {path} is not a Parquet file ({first_line(error)}). Correct or remove it."
        ) from error


def _read_excel(path: Path, needed: Collection[str], _: str | None, __: str | None) -> Rows:
    """Yield the rows of the first sheet that has the needed columns."""
    names: list[str] = []
    try:
        for header, *rows in excel.read(path):
            columns = [cell.strip() for cell in header]
            if set(needed) <= set(columns):
                for row in rows:
                    yield {name: cell for name, cell in zip(columns, row, strict=False) if name}
                return
            names = names or columns
    except ItemError as error:
        raise LecternError(f"corpus.sources: {path}: {error}") from error
    _check(path, needed, names, "The first row of a sheet must name the columns.")


READERS: Mapping[str, Callable[[Path, Collection[str], str | None, str | None], Rows]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".jsonl": _read_json_lines,
    ".json": _read_json,
    ".parquet": _read_parquet,
    ".xlsx": _read_excel,
}


def _decode(path: Path, encoding: str | None) -> str:
    data = path.read_bytes()
    try:
        if encoding is None:
            found = encodings.decode(data)
            if not found.encoding.startswith("utf"):
                warn(
                    f"fetch: {path} is not UTF-8 and was read as {found.encoding}; if its letters look wrong, name its "
                    "`encoding` in corpus.sources"
                )
            return found.text
        return data.decode(encoding).removeprefix("\ufeff")
    except ItemError as error:
        raise LecternError(f"corpus.sources: {path}: {error}") from error
    except UnicodeDecodeError as error:
        raise LecternError(
            f"corpus.sources: {path} is not {encoding} ({error}). Correct `encoding`, or leave it out."
        ) from error


def _check(path: Path, needed: Collection[str], names: Collection[str], remedy: str) -> None:
    if missing := [name for name in needed if name not in names]:
        there = ", ".join(repr(name[:40]) for name in list(names)[:20]) or "none"
        raise LecternError(
            f"corpus.sources: {path} has no column {missing[0]!r}; its columns are {there}. {remedy}"
        )
