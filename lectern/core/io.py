"""Read and write records: validated on read and on write, in canonical JSON, never half written."""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lectern.core.errors import LecternError

R = TypeVar("R", bound=BaseModel)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`. It is moved to `path` if the block succeeds, and removed otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def to_json(value: Any, indent: int | None = 1) -> str:
    """Canonical JSON: sorted keys, no escapes of non-ASCII characters, no NaN (JSON has none)."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=indent, allow_nan=False)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text completely or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def holds(path: Path, text: str) -> bool:
    """Whether a file has exactly this text."""
    return path.is_file() and path.read_bytes() == text.encode()


def update_text(path: Path, text: str) -> None:
    """Write a text unless the file has it already: DVC hashes again whatever is written."""
    if not holds(path, text):
        write_text(path, text)


def write_json(path: Path, value: BaseModel | dict[str, Any] | list[Any]) -> None:
    """Write a record, or plain data such as a metric, as canonical JSON."""
    write_text(path, to_json(_to_plain(value)) + "\n")


def to_line(record: BaseModel | Mapping[str, Any]) -> str:
    """A record, or a plain object, as a line of JSON Lines, without its line end."""
    return to_json(_to_plain(record), indent=None)


def to_lines(records: Iterable[BaseModel | Mapping[str, Any]]) -> str:
    """Records as JSON Lines, in the given order."""
    return "".join(to_line(record) + "\n" for record in records)


def write_jsonl(path: Path, records: Iterable[BaseModel | Mapping[str, Any]]) -> None:
    """Write one record a line, in the given order."""
    write_text(path, to_lines(records))


def read_json(path: Path, record: type[R]) -> R:
    """Read one record.

    Raises:
        LecternError: the file is missing, is not JSON or does not fit the schema.
    """
    return _parse(_read(path), record, str(path))


def read_jsonl(path: Path, record: type[R]) -> list[R]:
    """Read one record a line; blank lines are skipped. Errors name the file and the line."""
    return [found for _, found in read_numbered(path, record)]


def read_numbered(
    path: Path, record: type[R], is_wanted: Callable[[str], object] = str.strip
) -> Iterator[tuple[int, R]]:
    """Read one record a line, each with the number of its line, from 1.

    Args:
        path: a file of JSON Lines.
        record: the type of its rows.
        is_wanted: whether to read a line, before it is parsed; by default all but blank ones.

    Raises:
        LecternError: the file is missing, or a line is not JSON or does not fit the schema; names file and line.
    """
    lines = _read(path).split("\n")  # not splitlines(): U+2028 is legal inside a JSON string
    for number, line in enumerate(lines, 1):
        if is_wanted(line):
            yield number, _parse(line, record, f"{path}:{number}")


def read_written(path: Path) -> str:
    """The text of a file that a person writes, in UTF-8 with or without a byte order mark.

    Raises:
        LecternError: it is in another encoding; the message names the line.
    """
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise LecternError(f"{path}:{line}: not UTF-8 ({error.reason}). Save the file as UTF-8.") from error


def parse_json(text: str | bytes, *, finite: bool = True) -> Any:
    """Parse JSON that a stranger may have written.

    Args:
        text: of the file.
        finite: whether a number that is infinite, or none at all, is an error.

    Raises:
        ValueError: it is not JSON, is nested too deeply, or holds such a number or half a surrogate pair. Python's own
            parser lets such values pass, and they could not be written again.
    """
    try:
        strict: Any = {"parse_constant": _refuse_constant, "parse_float": _read_number} if finite else {}
        found = json.loads(text, **strict)
        if "\\u" in text if isinstance(text, str) else b"\\u" in text:
            json.dumps(found, ensure_ascii=False).encode()
        return found
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("it holds half a surrogate pair, which is no character") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number in JSON")


def _read_number(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"the number {text[:20]} is too large")
    return number


def read_plain(path: Path) -> Any:
    """Read JSON that has no record type, such as a metric."""
    try:
        return parse_json(_read(path))
    except ValueError as error:
        raise LecternError(f"{path}: not JSON ({error})") from error


def _to_plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise LecternError(f"{path} does not exist. Run `dvc repro`, which makes what is missing.") from error
    except UnicodeDecodeError as error:
        raise LecternError(f"{path}: not UTF-8 ({error}). Save the file as UTF-8.") from error


def _parse(text: str, record: type[R], where: str) -> R:
    try:
        return record.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "record"
        value = repr(first.get("input"))
        shown = value if len(value) <= 80 else value[:77] + "..."
        raise LecternError(f"{where}: {record.__name__}.{field}: {first['msg']} (got {shown})") from error
