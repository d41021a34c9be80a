"""Draw general rows from people's tables and texts, to be trained beside the corpus (`mix`).

A model that is tuned on one speaker alone forgets some of what it knew. Rows of another kind in the same training keep
it nearer to what it was: rehearsal (Robins 1995), of which little is needed (Scialom et al. 2022, arXiv:2205.12393).
What the model is asked afterwards must not be among them, or the figures would measure memory.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lectern.core.errors import LecternError
from lectern.core.executors import processes
from lectern.core.limits import Limits
from lectern.core.schema import Example, GeneralRow, Message, Provenance, Question
from lectern.curation import decontamination
from lectern.formats import table_files, table_rows
from lectern.text import encoding
from lectern.text.sentences import find_sentences

METHOD = "mix"
LIMITS = Limits(seconds=300, megabytes=4000, written=100)
"""What reading a file may take."""
TEXTS = (".txt", ".md")
COLUMNS: Mapping[str, Sequence[str]] = {
    "messages": ("messages", "conversations", "conversation"),
    "question": ("question", "instruction", "prompt", "query"),
    "answer": ("answer", "output", "response", "completion"),
    **{
        meaning: tuple(name for name, means in table_files.EASILY_FORGOTTEN.items() if means == meaning)
        for meaning in ("input", "system")
    },
}
"""Meaning of a column -> the names that it may have, in lower case, the first that a table has."""


class Chosen(NamedTuple):
    """The rows that were drawn, and why others were not."""

    rows: list[GeneralRow]
    dropped: Counter[str]
    """what a row has of what will be asked -> number of rows"""


def read(folder: Path, names: Sequence[str], words: int) -> list[GeneralRow]:
    """Read every row of some files of a folder, each in a process under limits. A row that stands twice is read once.

    Args:
        folder: data/mix.
        names: of files in it.
        words: see `Mix.words`.

    Raises:
        LecternError: a file is missing, of another kind, malformed, has no column that is known, or no usable row.
    """
    paths = [_find(folder, name) for name in names]
    rows: dict[str, GeneralRow] = {}
    found = processes.call_each(_read_file, [(path, words) for path in paths], LIMITS)
    for path, (made, error) in zip(paths, found, strict=True):
        if error is not None:
            raise LecternError(f"mix.files: {path}: {error.removeprefix(f'{path}: ')}")
        rows |= {row.id: row for row in made if row.id not in rows}
    return list(rows.values())


def _find(folder: Path, name: str) -> Path:
    path = folder / name
    known = (*TEXTS, *sorted(table_files.READERS))
    if Path(name).name != name or path.suffix.lower() not in known:
        raise LecternError(
            f"mix.files has {name!r}; name a file in {folder} that ends with one of {', '.join(known)}"
        )
    if not path.is_file():
        there = sorted(
            one.name for one in folder.glob("*") if one.suffix.lower() in known and one.name != "README.md"
        )
        raise LecternError(
            f"mix.files: {path} does not exist. In {folder} are: {', '.join(there) or 'no such files'}."
        )
    return path


def _read_file(of: tuple[Path, int]) -> list[GeneralRow]:
    path, words = of
    rows = list(_read_text(path, words) if path.suffix.lower() in TEXTS else _read_table(path))
    if not rows:
        raise LecternError(
            "no row in it can be used: it is empty, or every row lacks a question or an answer"
        )
    return rows


def _read_table(path: Path) -> Iterator[GeneralRow]:
    columns: dict[str, str] | None = None
    for number, cells in enumerate(table_files.read(path, (), None, None), 1):
        if columns is None and cells is not None:
            columns = _find_columns(cells)
        row = table_rows.read_row(number, cells, columns or {})
        if row.problem is None:
            id = Example.of(row.messages, origin := Provenance(item=path.name, row=number, method=METHOD)).id
            yield GeneralRow(id=id, messages=row.messages, provenance=origin)


def _find_columns(cells: Mapping[str, object]) -> dict[str, str]:
    """Return meaning -> the column's name in the table."""
    there = {name.lower(): name for name in reversed(list(cells))}
    found = {
        meaning: there[next(name for name in names if name in there)]
        for meaning, names in COLUMNS.items()
        if any(name in there for name in names)
    }
    if "messages" in found or {"question", "answer"} <= set(found):
        return found
    raise LecternError(
        f"it has the columns {', '.join(list(cells)[:12])}, but none that hold a chat "
        f"({', '.join(COLUMNS['messages'])}) or a question ({', '.join(COLUMNS['question'])}) and an answer "
        f"({', '.join(COLUMNS['answer'])}): rename them"
    )


def _read_text(path: Path, words: int) -> Iterator[GeneralRow]:
    """Yield passages of at least so many words that end where a sentence does; a shorter end is left out."""
    text = encoding.clean(encoding.decode(path.read_bytes()).text)
    begin, number = 0, 0
    for _, end in find_sentences(text):
        passage = text[begin:end].strip()
        if len(passage.split()) >= words:
            begin, number = end, number + 1
            id = hashlib.sha256(passage.encode()).hexdigest()[:16]
            yield GeneralRow(
                id=id, text=passage, provenance=Provenance(item=path.name, row=number, method=METHOD)
            )


def count(share: float, trained: int) -> int:
    """Return how many general rows make up this share of all rows, beside so many of the corpus."""
    return round(share * trained / (1 - share))


def draw(
    rows: Sequence[GeneralRow],
    wanted: int,
    seed: int,
    asked: Mapping[str, Sequence[Question]],
    threshold: float,
) -> Chosen:
    """Draw rows at random that hold nothing of what the model will be asked.

    Args:
        rows: all that there are.
        wanted: how many are drawn, if there are as many.
        seed: of the draw; which row comes before which depends on it and on their ids alone.
        asked: name of a set -> its questions and true answers (`decontamination.drop`).
        threshold: Jaccard similarity of word triples from which two questions count as the same.
    """
    order = sorted(rows, key=lambda row: hashlib.sha256(f"{seed} {row.id}".encode()).hexdigest())
    chosen, dropped, at = list[GeneralRow](), Counter[str](), 0
    while len(chosen) < wanted and at < len(order):
        tried = order[at : (at := at + wanted - len(chosen))]
        kept, decisions = decontamination.drop(
            [_as_example(row) for row in tried], asked, {}, threshold=threshold
        )
        names = {example.provenance.heading for example in kept}
        chosen += [row for row in tried if row.id in names]
        dropped.update(str(decision.detail).partition(":")[0] for decision in decisions)
    return Chosen(chosen, dropped)


def _as_example(row: GeneralRow) -> Example:
    """Return a row as the example that is searched; the heading of its provenance is the row's id."""
    said = row.messages or [Message(role=role, content=row.text or "") for role in ("user", "assistant")]
    return Example.of(said, Provenance(item=row.provenance.item, heading=row.id, method=METHOD))


def list_asked(held_out: Sequence[Example]) -> list[Question]:
    """Return every question of held-out rows, with its answer."""
    return [
        Question(question=asked.content, answer=said.content)
        for row in held_out
        for asked, said in zip(row.messages, row.messages[1:], strict=False)
        if (asked.role, said.role) == ("user", "assistant")
    ]
