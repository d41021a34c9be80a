"""By what drawn files differ, and which drawn search spaces are accepted, is committed case by case."""

import json
import random
from pathlib import Path
from typing import Any

from lectern.core.errors import LecternError
from lectern.tools.searching import space
from lectern.tools.verifying import differences
from tests.support import expected

VALUES: tuple[Any, ...] = (1, 1.0, "a", "b" * 80, None, True, [1, 2], [1], {"x": 1}, {"x": 2, "y": [3]}, {})


def draw_file(draw: random.Random, kind: str) -> bytes:
    if kind == ".json":
        rows: Any = {draw.choice("abc"): draw.choice(VALUES) for _ in range(3)}
        return json.dumps(rows, indent=draw.choice([None, 1])).encode()[: draw.choice([None, None, None, 5])]
    if kind == ".jsonl":
        lines = (json.dumps({"id": n, "v": draw.choice(VALUES)}) for n in range(draw.randrange(4)))
        return "".join(f"{line}\n" for line in lines).encode() + draw.choice([b"", b"", b"{"])
    text = "\n".join(draw.choice(["one", "two", "x" * 90]) for _ in range(draw.randrange(5))).encode()
    return text + draw.choice([b"", b"\xff\xfe", b"\n"])


def test_files(tmp_path: Path) -> None:
    found: dict[str, Any] = {}
    for case in range(150):
        draw = random.Random(case)
        kind = draw.choice([".json", ".jsonl", ".txt"])
        committed, rebuilt = (tmp_path / f"{name}{kind}" for name in ("before", "after"))
        committed.write_bytes(draw_file(draw, kind))
        rebuilt.write_bytes(draw_file(draw, kind))
        found[str(case)] = differences.describe_file(committed, rebuilt)
    for case in range(20):
        draw = random.Random(case)
        folders = [tmp_path / f"{name}-{case}" for name in ("committed", "rebuilt")]
        for folder in folders:
            for name in draw.sample("abcdefg", 5):
                (folder / name).mkdir(parents=True)
                (folder / name / "x.txt").write_bytes(draw_file(draw, ".txt"))

        def copy(path: str, to: Path, source: Path = folders[0], fails: bool = case % 7 == 0) -> bool:
            if fails:
                raise LecternError("it is gone")
            source.rename(to)
            return True

        told = differences.describe_output("data/x", folders[1], copy, tmp_path / f"copy-{case}")
        found[f"folder {case}"] = list(told)
    expected.check_many("drawn/differences.json", found)


def test_spaces(tmp_path: Path) -> None:
    found: dict[str, Any] = {}
    fields: dict[str, tuple[Any, ...]] = {
        "kind": ("float", "int", "choice", "text"),
        "low": (None, 0.0, 1.0, 1.5, -1.0),
        "high": (None, 1.0, 2.0, 2.5),
        "log": (False, False, True),
        "choices": ([], [], ["a", "b"], ["a", "a"], [1, None, True], [["x"]]),
    }
    for case in range(150):
        draw = random.Random(case)
        values = {name: draw.choice(choices) for name, choices in fields.items()}
        try:
            found[str(case)] = [str(values), space.Dimension(**values).ends()]
        except ValueError as error:
            found[str(case)] = [str(values), str(error)]
    good = {
        "name": "a",
        "trials": 3,
        "seed": 0,
        "metric": "metrics/train.json:best.loss",
        "direction": "minimize",
        "target": None,
        "space": {
            "train.seed": {"kind": "int", "low": 1, "high": 3},
            "train.r": {"kind": "choice", "choices": [4, 8]},
        },
    }
    path = tmp_path / "search.yaml"
    for name, value in (
        ("name", "-a"),
        ("trials", 0),
        ("direction", "up"),
        ("metric", "x"),
        ("metric", "metrics/scores.json:a"),
        ("space", {}),
        ("seed", 1),
        ("space", {"a": {"kind": "int"}}),
        ("unknown", 1),
    ):
        path.write_text(json.dumps({**good, name: value}))
        try:
            read = space.load(path, trials=7) if name == "seed" else space.load(path)
            found[f"{name} {value}"] = [read, read.dimensions()]
        except LecternError as error:
            found[f"{name} {value}"] = str(error).replace(str(tmp_path), "")
    expected.check_many("drawn/spaces.json", found)
