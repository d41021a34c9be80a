"""An index of all rows, in columns that are filtered together.

The record of a row is read from its file only when the row is shown.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lectern.core import io, items
from lectern.core.errors import LecternError
from lectern.core.manifest import MANIFEST
from lectern.core.schema import SPLITS, Decision, Example, Source
from lectern.curation import row_corrections

MADE = ("examples", "taught")
UNDECIDED = "not decided yet"


@dataclass(frozen=True)
class Filter:
    """Which rows are shown. A field that is None or empty does not filter."""

    text: str = ""
    """text that a message contains, in upper or lower case"""
    item: str | None = None
    method: str | None = None
    reason: str | None = None
    """why the row is kept or dropped, such as near_duplicate"""
    repeats: bool = False
    """show only rows that were dropped as duplicates of another row"""
    reviewed: bool | None = None
    least_score: float | None = None
    most_score: float | None = None
    least_words: int | None = None
    most_words: int | None = None
    order: str = "source"
    """source, score (the lowest first), longest or shortest"""


END = "\0"
"""The end of a row's text. No search contains it, since `select` removes it."""
ORDERS = ("source", "score", "longest", "shortest")


@dataclass(frozen=True)
class Rows:
    """All rows of one state of the outputs, in order of item and position."""

    root: Path
    ids: list[str]
    files: list[Path]
    places: Any
    """(rows, 3) int64: number of the file, first byte, number of bytes"""
    texts: str
    """all messages of all rows in lower case, with END after each row; one long text is searched much faster"""
    begins: Any
    """(rows + 1,) int64: where each row begins in `texts`"""
    item: Any
    """(rows,) int32: index in `items`"""
    items: list[str]
    titles: Mapping[str, str]
    """item -> title"""
    method: Any
    methods: list[str]
    reason: Any
    reasons: list[str]
    repeat: Any
    """(rows,) bool: whether the row was dropped as a duplicate of another row"""
    score: Any
    """(rows,) float32: the judge's overall rating; NaN without a rating"""
    words: Any
    """(rows,) int32: number of words"""
    dropped: Mapping[str, Decision]
    """id -> decision, for dropped rows"""
    where: Mapping[str, int]
    """id -> index of the row"""
    splits: Mapping[str, str]
    """id -> split"""
    stamp: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def read(self, number: int) -> Example:
        """Read the record of a row.

        Raises:
            LecternError: its file was replaced in the meantime.
        """
        file, first, size = (int(part) for part in self.places[number])
        try:
            with self.files[file].open("rb") as opened:
                opened.seek(first)
                return Example.model_validate_json(opened.read(size))
        except (OSError, ValueError) as error:
            raise LecternError(
                f"{self.files[file]} was replaced by a rebuild; load the page again."
            ) from error


def take_stamp(root: Path) -> tuple[Any, ...]:
    """Return times and sizes of files, which change whenever a rebuild changes rows or decisions about them."""
    data = root / "data"
    names = [f"{kind}/{MANIFEST}" for kind in (*MADE, "ratings", "raw")]
    names += ["curation_decisions.jsonl", *(f"splits/{split}.jsonl" for split in SPLITS)]
    found = []
    for name in names:
        try:
            state = (data / name).stat()
            found.append((state.st_mtime_ns, state.st_size))
        except FileNotFoundError:
            found.append((0, 0))
    return tuple(found)


def build(root: Path) -> Rows:
    """Read all rows, and the decisions of the curation about them.

    Raises:
        LecternError: an output is broken; the message names the file.
    """
    import numpy as np
    import orjson

    stamp, data = take_stamp(root), root / "data"
    edited = {
        id: entry.correction.new_id
        for id, entry in row_corrections.read(data / "corrections").items()
        if entry.correction.action == "edit"
    }
    decisions = _read_decisions(data / "curation_decisions.jsonl")
    files, places, ids, texts = [], [], [], []
    of_item, of_method, of_reason, repeat, score, words = [], [], [], [], [], []
    item_numbers, method_numbers, reason_numbers = _Numbers(), _Numbers(), _Numbers()
    seen: set[str] = set()
    dropped: dict[str, Decision] = {}
    for item, path in _list_files(data):
        files.append(path)
        first = 0
        for line in path.read_bytes().split(b"\n"):
            size = len(line)
            if size:
                try:
                    row = orjson.loads(line)
                    id, messages, method = row["id"], row["messages"], row["provenance"]["method"]
                    said = [message["content"] for message in messages]
                except (ValueError, KeyError, TypeError) as error:
                    raise LecternError(
                        f"{path}: a line is not an example ({error}). Run `dvc repro`."
                    ) from error
                if id not in seen:  # the same words from two sources are one row
                    seen.add(id)
                    decided = decisions.get(id) or decisions.get(_last(id, edited))
                    if decided and decided["outcome"] == "dropped":
                        dropped[id] = Decision.model_validate(decided)
                    ids.append(id)
                    places.append((len(files) - 1, first, size))
                    texts.append("\n".join(said).casefold().replace(END, " ") + END)
                    of_item.append(item_numbers.of(item))
                    of_method.append(method_numbers.of(method))
                    of_reason.append(reason_numbers.of(decided["reason"] if decided else UNDECIDED))
                    repeat.append(
                        bool(decided and decided.get("kept_id") and decided["outcome"] == "dropped")
                    )
                    overall = decided.get("overall") if decided else None
                    score.append(float("nan") if overall is None else overall)
                    words.append(sum(part.count(" ") + 1 for part in said))
            first += size + 1
    return Rows(
        root=root,
        ids=ids,
        files=files,
        places=np.array(places, np.int64).reshape(-1, 3),
        texts="".join(texts),
        begins=np.cumsum([0, *map(len, texts)], dtype=np.int64),
        item=np.array(of_item, np.int32),
        items=item_numbers.names,
        titles=_read_titles(data / "raw"),
        method=np.array(of_method, np.int32),
        methods=method_numbers.names,
        reason=np.array(of_reason, np.int32),
        reasons=reason_numbers.names,
        repeat=np.array(repeat, bool),
        score=np.array(score, np.float32),
        words=np.array(words, np.int32),
        dropped=dropped,
        where={id: number for number, id in enumerate(ids)},
        splits=_read_splits(data / "splits"),
        stamp=stamp,
    )


def select(rows: Rows, wanted: Filter, reviewed: set[str]) -> Any:
    """Return the indices of the rows that pass a filter, in its order, as an int64 array.

    Args:
        rows: the result of `build`.
        wanted: the filter.
        reviewed: ids of rows about which a person decided.
    """
    import numpy as np

    mask = np.ones(len(rows), bool)
    for chosen, column, names in (
        (wanted.item, rows.item, rows.items),
        (wanted.method, rows.method, rows.methods),
        (wanted.reason, rows.reason, rows.reasons),
    ):
        if chosen is not None:
            mask &= column == (names.index(chosen) if chosen in names else -1)
    if wanted.repeats:
        mask &= rows.repeat
    for least, most, column in (
        (wanted.least_score, wanted.most_score, rows.score),
        (wanted.least_words, wanted.most_words, rows.words),
    ):
        if least is not None:
            mask &= column >= least
        if most is not None:
            mask &= column <= most
    if wanted.reviewed is not None:
        known = np.zeros(len(rows), bool)
        known[[rows.where[id] for id in reviewed if id in rows.where]] = True
        mask &= known == wanted.reviewed
    if needle := wanted.text.casefold().replace(END, ""):
        mask &= _search(rows, needle)
    found = np.nonzero(mask)[0]
    if wanted.order == "score":
        return found[np.argsort(rows.score[found], kind="stable")]
    if wanted.order in ("longest", "shortest"):
        lengths = rows.words[found]
        return found[np.argsort(-lengths if wanted.order == "longest" else lengths, kind="stable")]
    return found


def _search(rows: Rows, needle: str) -> Any:
    """Return which rows contain a text, as a bool array of shape (rows,)."""
    import numpy as np

    held = np.zeros(len(rows), bool)
    begins = rows.begins.tolist()
    at = rows.texts.find(needle)
    while at >= 0:
        number = bisect_right(begins, at) - 1
        held[number] = True
        at = rows.texts.find(needle, begins[number + 1])
    return held


def count_reviewed(rows: Rows, found: Any, reviewed: Iterable[str]) -> int:
    """Count the rows with these indices about which a person decided."""
    import numpy as np

    numbers = [rows.where[id] for id in reviewed if id in rows.where]
    return int(np.isin(numbers, found).sum()) if numbers else 0


def parse(query: Mapping[str, str]) -> Filter:
    """Read a filter from the query of an address; invalid values are ignored."""
    found: dict[str, Any] = {
        name: query[name] for name in ("text", "item", "method", "reason") if query.get(name)
    }
    if query.get("order") in ORDERS:
        found["order"] = query["order"]
    found["repeats"] = query.get("repeats") == "yes"
    found["reviewed"] = {"yes": True, "no": False}.get(query.get("reviewed", ""))
    for name, kind in (("score", float), ("words", int)):
        for bound in (f"least_{name}", f"most_{name}"):
            try:
                found[bound] = kind(query[bound])
            except (KeyError, ValueError):
                continue
    return replace(Filter(), **found)


def to_query(wanted: Filter) -> dict[str, str]:
    """Write a filter as a query that `parse` reads; fields with default values are left out."""
    shown = {True: "yes", False: "no"}
    return {
        name: shown[value] if isinstance(value, bool) else str(value)
        for name, value in vars(wanted).items()
        if value != getattr(Filter(), name)
    }


def _last(id: str, edited: Mapping[str, str]) -> str:
    """Return the id of a row after all edits."""
    for _ in range(len(edited)):
        if id not in edited:
            break
        id = edited[id]
    return id


class _Numbers:
    """Numbers names in order of their first occurrence."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._known: dict[str, int] = {}

    def of(self, name: str) -> int:
        if name not in self._known:
            self._known[name] = len(self.names)
            self.names.append(name)
        return self._known[name]


def _list_files(data: Path) -> list[tuple[str, Path]]:
    found = [pair for kind in MADE if (data / kind).is_dir() for pair in items.read(data / kind).items()]
    return sorted(found, key=lambda pair: pair[0])


def _read_decisions(path: Path) -> dict[str, dict[str, Any]]:
    import orjson

    if not path.is_file():
        return {}
    found: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if line:
            try:
                decision = orjson.loads(line)
                if decision["id"] not in found or decision["outcome"] == "kept":
                    found[decision["id"]] = decision
            except (ValueError, KeyError, TypeError) as error:
                raise LecternError(
                    f"{path}:{number}: the line is not a decision ({error}). Run `dvc repro`."
                ) from error
    return found


def _read_titles(raw: Path) -> dict[str, str]:
    return {path.parent.name: io.read_json(path, Source).title for path in sorted(raw.glob("*/item.json"))}


def _read_splits(folder: Path) -> dict[str, str]:
    import orjson

    found: dict[str, str] = {}
    for split in SPLITS:
        path = folder / f"{split}.jsonl"
        if path.is_file():
            found |= {orjson.loads(line)["id"]: split for line in path.read_bytes().split(b"\n") if line}
    return found


def list_reasons(rows: Rows) -> Sequence[str]:
    """Return the reasons why rows are kept or dropped, the most frequent first."""
    import numpy as np

    counts = np.bincount(rows.reason, minlength=len(rows.reasons))
    return [rows.reasons[number] for number in np.argsort(-counts, kind="stable")]
