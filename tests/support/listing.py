"""The order in which folders are listed, which a file system may choose: from Z to A, or from A to Z."""

import os
from collections.abc import Iterator
from typing import Any

import pytest


class _Listed:
    """Stands for what os.scandir returns."""

    def __init__(self, entries: Any, backwards: bool) -> None:
        with entries:
            self._entries: Iterator[Any] = iter(
                sorted(entries, key=lambda entry: entry.name, reverse=backwards)
            )

    def __iter__(self) -> Iterator[Any]:
        return self._entries

    def __next__(self) -> Any:
        return next(self._entries)

    def __enter__(self) -> "_Listed":
        return self

    def __exit__(self, *_: Any) -> None: ...

    def close(self) -> None: ...


def reverse() -> None:
    """List every folder in reverse order of its names, in this process and in those that it forks."""
    os.scandir, os.listdir = _listing(backwards=True)


def straighten(monkeypatch: pytest.MonkeyPatch) -> None:
    """List every folder in the order of its names until the test ends."""
    for name, function in zip(("scandir", "listdir"), _listing(backwards=False), strict=True):
        monkeypatch.setattr(os, name, function)


def _listing(*, backwards: bool) -> tuple[Any, Any]:
    scan, name_all = os.scandir, os.listdir
    return (
        lambda path=".": _Listed(scan(path), backwards),
        lambda path=".": sorted(name_all(path), reverse=backwards),
    )
