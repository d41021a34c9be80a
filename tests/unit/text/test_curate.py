import json
from pathlib import Path

import pytest

from stages import curate
from stages.core import io, items
from stages.core.errors import LecternError
from stages.core.schema import Example
from stages.text.dedupe import Decision
from tests.unit.text.made_up_rows import row, sentence

LONG = sentence(*range(40))


def write_items(root: Path, rows: dict[str, list[Example]]) -> Path:
    for name, found in rows.items():
        io.write_jsonl(root / "rows" / f"{name}.jsonl", found)
    items.sync(
        [items.Item(name, {"rows": root / "rows" / f"{name}.jsonl"}) for name in rows],
        root / "examples",
        lambda: lambda item, path: io.write_text(path, item.inputs["rows"].read_text()),
        suffix=".jsonl",
        params={},
        code=(),
    )
    return root / "examples"


def run(root: Path, rows: dict[str, list[Example]]) -> dict[str, bytes]:
    paths = [root / name for name in ("curated.jsonl", "decisions.jsonl", "curation.json")]
    curate.main(curate.CurateParams(), write_items(root, rows), *paths)
    return {path.name: path.read_bytes() for path in paths}


ROWS = {
    "b": [row("Why?", LONG + " yes", "b"), row("How?", "Slowly and with care.", "b", start=9)],
    "a": [
        row("Why?", LONG, "a"),
        row("How?", "slowly, and with care", "a", start=3),
        row("Who?", "Joe.", "a"),
    ],
    "empty": [],
}


def test_each_row_is_kept_or_explained(tmp_path: Path) -> None:
    run(tmp_path, ROWS)
    kept = io.read_jsonl(tmp_path / "curated.jsonl", Example)
    decisions = io.read_jsonl(tmp_path / "decisions.jsonl", Decision)
    metric = json.loads((tmp_path / "curation.json").read_text())
    given = {r.id for rows in ROWS.values() for r in rows}
    # property: rows in = rows out + decisions, each decision names a row that was kept, and the metric agrees
    assert {r.id for r in kept} | {d.id for d in decisions} == given
    assert {d.kept_id for d in decisions} <= {r.id for r in kept}
    assert (metric["rows_in"], metric["rows_out"]) == (5, 3)
    assert metric["dropped"] == {"exact_duplicate": 1, "near_duplicate": 1}
    assert metric["by_method"] == {"description_questions": {"in": 5, "out": 3}}
    # property: the rows come in order of recording and second
    assert [(r.provenance.item, r.provenance.start) for r in kept] == [("a", 0), ("a", 3), ("b", 0)]


def test_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    # property: neither the run nor the order in which items were made shows in the output
    assert run(tmp_path / "1", ROWS) == run(tmp_path / "2", dict(reversed(ROWS.items())))


def test_no_rows_at_all(tmp_path: Path) -> None:
    # property: a corpus of another kind leaves an empty file, not an error
    assert run(tmp_path, {"a": []})["curated.jsonl"] == b""


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    examples = write_items(tmp_path, ROWS)
    (examples / "b.jsonl").write_text("{}\n")
    # property: the error names file, line and field
    with pytest.raises(LecternError, match=r"b\.jsonl:1: Example"):
        curate.main(curate.CurateParams(), examples, *(tmp_path / n for n in "xyz"))


@pytest.mark.parametrize("value", [0.0, 0.29, 1.01])
def test_a_threshold_out_of_bounds_says_what_to_choose(value: float) -> None:
    # property: the error names the parameter, its value and the bounds
    with pytest.raises(ValueError, match=rf"near_duplicate_threshold is {value}; choose 0.3 to 1"):
        curate.CurateParams(near_duplicate_threshold=value)
