"""The fuzz benchmark reads each kind of file as its stage does: what is whole is read, and no error is unforeseen."""

import random
from pathlib import Path

import pytest

from lectern.core.errors import ItemError, LecternError
from tests.benchmarks import fuzz


@pytest.mark.parametrize("kind", sorted(set(fuzz.KINDS) - {"corrections", "manifests"}))
def test_whole_files_are_read_and_damaged_ones_read_or_refused(kind: str, tmp_path: Path) -> None:
    files = dict(sorted(fuzz.KINDS[kind].files().items(), key=lambda file: len(file[1]))[:3])
    made = [
        *files.items(),
        *(next(damaged) for damaged in [fuzz.damage(files, random.Random(1))] for _ in range(5)),
    ]
    for number, (name, data) in enumerate(made):
        path = tmp_path / str(number) / Path(name).name
        path.parent.mkdir()
        path.write_bytes(data)
        try:
            fuzz.KINDS[kind].read(path)
        except (ItemError, LecternError):
            assert number >= len(files), f"{name} is whole"
