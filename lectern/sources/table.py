"""Ready question-answer pairs: CSV, JSON lines, a JSON list, Parquet or Excel, in a file or a folder.

faq.csv          a row for each pair; `columns` states the meaning of the columns
faq.info.json    title, url, licence (optional)

A table becomes several items, because whole items are either trained on or held out.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any

from lectern.core import io, limits
from lectern.core.errors import LecternError
from lectern.core.executors import processes
from lectern.core.item import Item
from lectern.core.limits import Limits
from lectern.core.printing import warn
from lectern.core.schema import Source
from lectern.formats import table_files, table_rows
from lectern.settings.sources import TableSource
from lectern.sources import folders

SUFFIXES = frozenset(table_files.READERS)
LIMITS = Limits(seconds=25, megabytes=1500, written=100)
"""What reading a table may take; a long one may take longer, by its number of rows."""
ROWS_A_SECOND = 20_000
"""So many rows read let the reading take a second more (`core.limits`)."""


def list_items(source: TableSource) -> Iterator[Item]:
    """Yield an item for each part of each table that has rows.

    Raises:
        LecternError: there is no table, one cannot be read, or a column is missing.
    """
    place = Path(source.path)
    tables = []
    for path in folders.find_files(place, "table", SUFFIXES, _is_table, may_be_file=True):
        name = path.stem if path == place else str(path.relative_to(place).with_suffix(""))
        values: dict[str, Any] = {
            "name": name,
            "columns": source.chosen,
            "parts": source.parts,
            "group": source.group,
            "delimiter": source.delimiter,
            "encoding": source.encoding,
            "language": source.language,
        }
        tables.append((path, values))
    listed = processes.call_each(_list_parts, tables, LIMITS)
    for (path, values), (parts, error) in zip(tables, listed, strict=True):
        if error is not None:
            named = error if str(path) in error else f"corpus.sources: {path}: {error}"
            raise LecternError(named)
        if not parts:
            raise LecternError(f"corpus.sources: {path} has no rows. Add some, or remove the file.")
        name = values["name"]
        for part in parts:
            yield Item(
                folders.item_id(f"{name}/{part}" if source.group else f"{name}-{part}"),
                folders.find_inputs("table", path, info=folders.INFO),
                values | {"part": part},
            )


def _list_parts(table: tuple[Path, Mapping[str, Any]]) -> list[str]:
    return sorted(_read(*table))


def fetch_item(item: Item, out: Path) -> Mapping[str, Any]:
    """Write one part of the table into the folder `out` as table.jsonl, one row a line, with `item.json`."""
    out.mkdir()
    with redirect_stderr(StringIO()):  # it was said when the table was listed
        rows, part = _read(item.inputs["table"], item.values)[item.values["part"]], item.values["part"]
    io.write_text(out / table_rows.FILE, "".join(rows))
    info = folders.read_info(item.inputs.get("info"))
    title = folders.read_title(item, info)
    source = Source(
        item=item.id,
        kind="table",
        title=f"{title}: {part}" if item.values["group"] else f"{title}, part {part}",
        url=folders.first_string(info, "webpage_url", "url"),
        licence=folders.first_string(info, "licence", "license"),
        table=table_rows.FILE,
        language=item.values["language"],
    )
    io.write_json(out / "item.json", source)
    return {"rows": len(rows)}


def _is_table(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.lower().endswith(folders.INFO)


def _read(path: Path, values: Mapping[str, Any]) -> Mapping[str, list[str]]:
    columns = tuple(values["columns"].items())
    options = (values["parts"], values["group"], values["delimiter"], values["encoding"])
    stat = path.stat()
    return _read_once(path, (stat.st_mtime_ns, stat.st_size), columns, *options)


@lru_cache(maxsize=1)  # the parts of a table are read one after the other
def _read_once(
    path: Path,
    _: tuple[int, int],
    columns: tuple[tuple[str, str], ...],
    parts: int,
    group: str | None,
    delimiter: str | None,
    encoding: str | None,
) -> Mapping[str, list[str]]:
    """Name of a part -> the lines of its table.jsonl."""
    needed = [*(column for _, column in columns), *([group] if group else [])]
    found: dict[str, list[str]] = {}
    unused: Counter[str] = Counter()
    number = 0
    for number, cells in enumerate(table_files.read(path, needed, delimiter, encoding), 1):
        if number % ROWS_A_SECOND == 0:
            limits.allow(1)
        row = table_rows.read_row(number, cells, dict(columns))
        if group:
            part = " ".join(table_rows.read_text((cells or {}).get(group)).split())
        else:
            digest = hashlib.sha256(table_rows.question_key(row).encode()).hexdigest()
            part = f"{int(digest[:13], 16) % parts + 1:0{len(str(parts))}d}"
        found.setdefault(part, []).append(io.to_lines([row]))
        unused.update(
            name for name, cell in (cells or {}).items() if name not in needed and table_rows.read_text(cell)
        )
    _name_forgotten(path, unused, number, dict(columns))
    return found


def _name_forgotten(path: Path, unused: Mapping[str, int], rows: int, columns: Mapping[str, str]) -> None:
    """Say which column that is not used seems to hold a part of the questions."""
    for name, count in sorted(unused.items()):
        meaning = table_files.EASILY_FORGOTTEN.get(name.lower())
        if meaning is not None and meaning not in columns and "messages" not in columns:
            warn(
                f"fetch: {path}: {count} of {rows} rows have text in the column `{name}`, which is not used. If their "
                f"questions need it, add `{meaning}: {name}` to `columns`."
            )
