"""The order in which folders are listed, which a file system may choose: from Z to A."""

import os
from collections.abc import Iterator
from typing import Any


class _Reversed:
    """Stands for what os.scandir returns."""

    def __init__(self, entries: Any) -> None:
        with entries:
            self._entries: Iterator[Any] = iter(sorted(entries, key=lambda entry: entry.name, reverse=True))

    def __iter__(self) -> Iterator[Any]:
        return self._entries

    def __next__(self) -> Any:
        return next(self._entries)

    def __enter__(self) -> "_Reversed":
        return self

    def __exit__(self, *_: Any) -> None: ...

    def close(self) -> None: ...


def reverse() -> None:
    """List every folder in reverse order of its names, in this process and in those that it forks."""
    scan, name_all = os.scandir, os.listdir
    os.scandir = lambda path=".": _Reversed(scan(path))  # type: ignore[assignment,misc]
    os.listdir = lambda path=".": sorted(name_all(path), reverse=True)  # type: ignore[assignment,misc]
