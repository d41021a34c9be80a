"""Tables of ready pairs as a source: what a cell is, how a table becomes items, and rows to examples."""

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from lectern.core import io, items
from lectern.core.errors import LecternError
from lectern.core.schema import Example, Provenance, Source
from lectern.formats import table_files
from lectern.formats.table_rows import TableRow, read_row
from lectern.settings.corpus import Corpus
from lectern.settings.examples import Examples
from lectern.settings.housekeeping import Housekeeping
from lectern.settings.transcribe import Transcribe
from stages import examples, fetch, transcribe
from tests.settings import configure

PAIRS = [(f"What is thing {n}?", f"Thing {n} is so, and not otherwise; naïve 山 {n}.") for n in range(40)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "tables"
    folder.mkdir()
    return folder


def run(folder: Path, root: Path, **options: Any) -> items.SyncResult:
    sources = [{"kind": "table", "path": str(folder), **options}]
    return fetch.main(configure(Corpus, name="test", sources=sources), root / "raw")


def build(root: Path) -> items.SyncResult:
    items.sync(
        [], root / "conversations", lambda: lambda item, path: None, suffix=".json", params={}, code=()
    )
    inputs = (root / "raw", root / "conversations")
    params = configure(Examples)
    return examples.main(params, configure(Housekeeping), *inputs, root / "examples", root / "examples.json")


def rows(root: Path) -> dict[int, TableRow]:
    found = [r for p in sorted(root.glob("raw/*/table.jsonl")) for r in io.read_jsonl(p, TableRow)]
    assert len({row.row for row in found}) == len(found)
    return {row.row: row for row in found}


def pairs(root: Path) -> list[tuple[str, str]]:
    found = rows(root)
    return [(found[n].messages[-2].content, found[n].messages[-1].content) for n in sorted(found)]


def quoted(*cells: str, mark: str = ",") -> str:
    return mark.join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\r\n"


def write_csv(path: Path, chosen: list[tuple[str, str]], mark: str = ",", encoding: str = "utf-8") -> None:
    text = quoted("question", "answer", mark=mark) + "".join(quoted(*pair, mark=mark) for pair in chosen)
    path.write_bytes(text.encode(encoding))


@pytest.mark.parametrize(
    "written", ["csv", "semicolon", "tab", "bar", "caret", "utf-16", "utf-8-sig", "jsonl", "json", "parquet"]
)
def test_each_format_gives_the_same_rows(folder: Path, tmp_path: Path, written: str) -> None:
    objects = [{"question": q, "answer": a, "more": n} for n, (q, a) in enumerate(PAIRS)]
    options: dict[str, Any] = {}
    marks = {"csv": ",", "semicolon": ";", "tab": "\t", "bar": "|", "caret": "^"}
    if written in marks:
        write_csv(folder / "faq.csv", PAIRS, marks[written])
        options = {"delimiter": "^"} if written == "caret" else {}
    elif written.startswith("utf"):
        write_csv(folder / "faq.csv", PAIRS, encoding=written)
    elif written == "jsonl":
        (folder / "faq.jsonl").write_text("\n\n".join(json.dumps(o) for o in objects), encoding="utf-8")
    elif written == "json":
        (folder / "faq.json").write_text(json.dumps(objects), encoding="utf-8")
    else:
        parquet.write_table(pyarrow.Table.from_pylist(objects), folder / "faq.parquet")
    run(folder, tmp_path, **options)
    assert pairs(tmp_path) == PAIRS
    assert sorted(rows(tmp_path)) == list(range(1, 41))


def test_an_old_encoding_is_told_or_named(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = "Потому что снег лежит на крыше, и никто его не убирает. Весной он растает сам."
    chosen = [("Почему это так?", answer)] * 9
    write_csv(folder / "faq.csv", chosen, encoding="cp1251")
    run(folder, tmp_path)
    assert pairs(tmp_path) == chosen
    assert "faq.csv is not UTF-8 and was read as cp1251" in capfd.readouterr().err
    run(folder, tmp_path / "named", encoding="cp1251")
    assert pairs(tmp_path / "named") == chosen
    with pytest.raises(LecternError, match=r"faq.csv is not utf-8 .*`encoding`"):
        run(folder, tmp_path, encoding="utf-8")


def test_a_cell_is_the_text_that_stands_in_it(folder: Path, tmp_path: Path) -> None:
    # Property: no formula, number, empty value or path is anything but text.
    texts = [
        "=cmd|' /C calc'!A0",
        "NA",
        "null",
        "007",
        "1e5",
        "../../etc/passwd",
        "{0.__class__}",
        'a "b", c',
        "x\r\ny",
    ]
    write_csv(folder / "faq.csv", [(text, text) for text in texts])
    run(folder, tmp_path)
    assert [q for q, _ in pairs(tmp_path)] == [text.replace("\r\n", "\n") for text in texts]
    kinds = [{"question": 7, "answer": 2.5}, {"question": True, "answer": "a\ud800b\u0000"}]
    (folder / "faq.csv").unlink()
    (folder / "n.jsonl").write_text("\n".join(json.dumps(k) for k in kinds))
    run(folder, tmp_path)
    assert pairs(tmp_path) == [("7", "2.5"), ("True", "ab")]


def outputs(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted((root / "examples").glob("*.jsonl"))}


def test_a_table_becomes_items_and_an_edited_row_changes_one(folder: Path, tmp_path: Path) -> None:
    # Property: rows that ask the same are in one item, and the other items stay when a row is edited.
    chosen = [*PAIRS, *((q.upper(), "Another answer to it.") for q, _ in PAIRS[:5])]
    write_csv(folder / "faq.csv", chosen)
    run(folder, tmp_path)
    assert str(build(tmp_path)) == "made 17, kept 0, removed 0, failed 0"  # the others of 20 have no row
    before = outputs(tmp_path)
    where = {r.row: p for p, text in before.items() for r in _provenances(text)}
    assert sorted(where) == list(range(1, 46))
    assert all(where[n + 1] == where[n + 41] for n in range(5))
    chosen[7] = (chosen[7][0], "It is not so after all.")
    write_csv(folder / "faq.csv", chosen)
    run(folder, tmp_path)
    assert str(build(tmp_path)) == "made 1, kept 16, removed 0, failed 0"
    assert {p for p in before if before[p] != outputs(tmp_path)[p]} == {where[8]}
    run(folder, tmp_path / "clean")
    build(tmp_path / "clean")
    assert outputs(tmp_path / "clean") == outputs(tmp_path)
    assert str(run(folder, tmp_path, parts=3)) == "made 3, kept 0, removed 17, failed 0"


def _provenances(text: bytes) -> list[Any]:
    return [Example.model_validate_json(line).provenance for line in text.decode().splitlines()]


def test_rows_become_examples_that_know_their_row(folder: Path, tmp_path: Path) -> None:
    lines = [
        quoted("Frage", "Antwort", "Rolle", "Seite"),
        quoted("Why?", "So.", "Be kind.", "https://e.org/a?b=1"),
        quoted("How?", "Like this.", "", "javascript:alert(1)"),
    ]
    (folder / "faq.csv").write_text("".join(lines))
    (folder / "faq.info.json").write_text(
        json.dumps({"title": "FAQ", "url": "https://e.org", "license": "CC0"})
    )
    columns = {"question": "Frage", "answer": "Antwort", "system": "Rolle", "url": "Seite"}
    run(folder, tmp_path, columns=columns, parts=1, language="de")
    build(tmp_path)
    one, two = io.read_jsonl(tmp_path / "examples/faq-1.jsonl", Example)
    assert [(m.role, m.content) for m in one.messages] == [
        ("system", "Be kind."),
        ("user", "Why?"),
        ("assistant", "So."),
    ]
    assert [m.role for m in two.messages] == ["user", "assistant"]
    assert (one.provenance.method, one.provenance.row, one.provenance.url) == (
        "table",
        1,
        "https://e.org/a?b=1",
    )
    assert (two.provenance.item, two.provenance.row, two.provenance.url) == ("faq-1", 2, "https://e.org")
    source = io.read_json(tmp_path / "raw/faq-1/item.json", Source)
    assert (source.title, source.licence, source.language) == ("FAQ, part 1", "CC0", "de")
    counts = io.read_plain(tmp_path / "examples.json")
    assert counts["by_method"]["table"]["rows"] == counts["rows"] == 2
    assert counts["answer_words"]["count"] == 2


def test_a_group_is_an_item(folder: Path, tmp_path: Path) -> None:
    lines = [
        {"question": q, "answer": a, "page": f"https://e.org/{n % 3}/../x"} for n, (q, a) in enumerate(PAIRS)
    ]
    lines.append({"question": "Whose?", "answer": "Nobody's."})
    (folder / "faq.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    run(folder, tmp_path, group="page", columns={"question": "question", "answer": "answer", "url": "page"})
    titles = {io.read_json(p / "item.json", Source).title for p in items.read(tmp_path / "raw").values()}
    assert titles == {"faq: ", *(f"faq: https://e.org/{n}/../x" for n in range(3))}
    assert all("/" not in name and ".." not in name for name in items.read(tmp_path / "raw"))


CHAT = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (CHAT, None),
        (json.dumps(CHAT), None),
        ([{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}], None),
        ([{"from": "system", "value": "Be kind."}, *CHAT, *CHAT], None),
        (CHAT[:1], "ends_without_answer"),
        ([*CHAT, CHAT[0]], "ends_without_answer"),
        ([CHAT[1], *CHAT], "turns_not_in_order"),
        ([CHAT[0], *CHAT], "turns_not_in_order"),
        ([{"role": "system", "content": "Be kind."}], "ends_without_answer"),
        ([*CHAT, {"role": "tool", "content": "4"}], "unknown_role"),
        ([CHAT[0], {"role": "assistant", "content": " \u200b"}], "empty_message"),
        ([CHAT[0], {"role": "assistant", "content": [{"type": "text"}]}], "empty_message"),
        ([CHAT[0], {"role": ["x"]}], "unknown_role"),
        ("[" * 100_000, "broken_messages"),
        ("Why?", "broken_messages"),
        ([], "broken_messages"),
        ([1], "broken_messages"),
        (None, "broken_messages"),
    ],
)
def test_a_chat_is_read_or_says_why_not(cell: Any, expected: str | None) -> None:
    row = read_row(3, {"conversations": cell}, {"messages": "conversations"})
    assert row.problem == expected
    assert bool(row.messages) == (expected is None)
    if row.messages:
        assert [m.content for m in row.messages[-2:]] == ["Why?", "So."]
        assert Example.of(row.messages, Provenance(item="i", method="table"))


def test_what_is_broken_is_dropped_counted_and_named(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # Property: neither an empty cell nor a stray mark is fatal, and none takes its neighbours along.
    lines = [
        "question,answer",
        "Why?,So.",
        ",No question.",
        "No answer?,  ",
        'A "stray" mark?,It is text',
        '"Never closed,So it goes.',
        "",
        "Too,many,cells",
        "Trailing,Is fine,,",
        "Alone",
        *(f"Q{n}?," for n in range(7)),
        '"Over\ntwo lines?",Yes.',
    ]
    (folder / "faq.csv").write_text("\n".join(lines))
    run(folder, tmp_path, parts=1)
    build(tmp_path)
    kept = [row for row in rows(tmp_path).values() if not row.problem]
    assert [(row.row, row.messages[0].content) for row in kept] == [
        (1, "Why?"), (4, 'A "stray" mark?'), (7, "Trailing"), (16, "Over\ntwo lines?"),
    ]  # fmt: skip
    dropped = io.read_plain(tmp_path / "examples.json")["by_method"]["table"]["dropped"]
    assert dropped == {"broken_line": 2, "empty_answer": 9, "empty_question": 1}
    told = capfd.readouterr().err
    assert "examples: 9 rows of tables dropped as empty_answer: faq-1 row 3, faq-1 row 8" in told
    assert "examples: 2 rows of tables dropped as broken_line: faq-1 row 5, faq-1 row 6\n" in told


def test_broken_lines_of_json_are_dropped(folder: Path, tmp_path: Path) -> None:
    (folder / "faq.jsonl").write_text(
        '{"question": "Why?", "answer": "So."}\n{"question": \n[1]\n"x"\n' + "[" * 99_999
    )
    run(folder, tmp_path, parts=1)
    assert [row.problem for row in rows(tmp_path).values()] == [None, *["broken_line"] * 4]


@pytest.mark.parametrize("name", ["faq.csv", "faq.jsonl", "faq.parquet"])
def test_a_missing_column_names_those_that_are_there(folder: Path, tmp_path: Path, name: str) -> None:
    cells = {"prompt": "Why?", "reply": "So."}
    if name.endswith("csv"):
        (folder / name).write_text("prompt;reply\nWhy?;So.\n")
    elif name.endswith("jsonl"):
        (folder / name).write_text(json.dumps(cells))
    else:
        parquet.write_table(pyarrow.Table.from_pylist([cells]), folder / name)
    with pytest.raises(
        LecternError, match=rf"{name} has no column 'question'; its columns are 'prompt', 'reply'"
    ):
        run(folder, tmp_path)
    assert run(folder, tmp_path, columns={"question": "prompt", "answer": "reply"}).made == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("faq.parquet", b"PAR1 but not really", "is not a Parquet file"),
        ("faq.json", b'{"question": "Why?"}', "is not a JSON list"),
        ("faq.csv", b"question,answer\n", "has no rows"),
        ("faq.csv", b"", "no column 'question'; its columns are none"),
        ("faq.txt", b"question,answer\n", "is not and does not hold a table"),
    ],
)
def test_a_file_that_is_no_table_is_told(
    folder: Path, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(LecternError, match=message):
        run(folder, tmp_path)
    with pytest.raises(LecternError, match=message):
        run(folder / name, tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"columns": {"question": "q"}},
        {"columns": {"question": "q", "answer": "a", "page": "p"}},
        {"columns": {"messages": "m", "question": "q"}},
        {"parts": 0},
        {"delimiter": "::"},
        {"encoding": "klingon"},
    ],
)
def test_a_wrong_parameter_is_named(folder: Path, tmp_path: Path, wrong: dict[str, Any]) -> None:
    write_csv(folder / "faq.csv", PAIRS)
    with pytest.raises(LecternError, match=rf"corpus.sources\[0\].*{next(iter(wrong))}"):
        run(folder, tmp_path, **wrong)


def test_a_small_table_leaves_large_cells_readable_elsewhere(folder: Path, tmp_path: Path) -> None:
    write_csv(folder / "faq.csv", PAIRS[:3])
    before = csv.field_size_limit()
    run(folder, tmp_path)
    # property: the limit is the whole process's, and other libraries read files with larger cells
    assert csv.field_size_limit() >= before


def test_nobody_listens_to_a_table(folder: Path, tmp_path: Path) -> None:
    write_csv(folder / "faq.csv", PAIRS)
    run(folder, tmp_path)
    result = transcribe.main(configure(Transcribe), tmp_path / "raw", tmp_path / "transcripts")
    assert str(result) == "made 0, kept 0, removed 0, failed 0"


@given(
    cells=st.lists(st.tuples(st.text(), st.text()), min_size=1, max_size=8),
    mark=st.sampled_from(",;\t|"),
    damage=st.text(alphabet='",\n\r;x', max_size=6),
    place=st.floats(0, 1),
)
@settings(max_examples=150, deadline=None)
def test_any_csv_is_read_and_a_sound_one_is_read_right(
    tmp_path_factory: pytest.TempPathFactory,
    cells: list[tuple[str, str]],
    mark: str,
    damage: str,
    place: float,
) -> None:
    # Property: cells come back as they were written; a damaged file gives rows or broken ones, but no exception.
    path = tmp_path_factory.getbasetemp() / "any.csv"
    header, body = (
        quoted("question", "answer", mark=mark),
        "".join(quoted(*pair, mark=mark) for pair in cells),
    )
    path.write_bytes((header + body).encode("utf-8", "surrogatepass"))
    needed = ("question", "answer")
    if not any("\ud800" <= c <= "\udfff" for c in body):
        found = [tuple(row.values()) for row in table_files.read(path, needed, mark, "utf-8") if row]
        assert found == [pair for pair in cells if any(cell.strip() for cell in pair)]
    at = round(place * len(body))
    path.write_bytes((header + body[:at] + damage + body[at:]).encode("utf-8", "replace"))
    for row in table_files.read(path, needed, mark, "utf-8"):
        assert row is None or set(row) <= set(needed)


def test_one_broken_line_does_not_hide_that_a_column_is_missing(folder: Path, tmp_path: Path) -> None:
    (folder / "faq.jsonl").write_text('{"question": \n{"prompt": "Why?", "answer": "So."}\n')
    with pytest.raises(LecternError, match=r"no column 'question'; its columns are 'answer', 'prompt'"):
        run(folder, tmp_path)


def test_where_no_line_can_be_read_each_is_broken_and_no_column_is_missing(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "faq.jsonl").write_text('{"question": \nnot JSON\n')
    run(folder, tmp_path, parts=1)
    assert [row.problem for row in rows(tmp_path).values()] == ["broken_line", "broken_line"]


ALPACA = [
    {
        "instruction": "Find the perimeter of a triangle.",
        "input": "Side 1 = 4\nSide 2 = 6",
        "output": "It is 18.",
    },
    {"instruction": "", "input": "What is a tokenizer?", "output": "It splits text."},
    {"instruction": "Name a colour.", "input": "", "output": "Blue."},
]
PAIRED = {"question": "instruction", "answer": "output"}


def test_the_input_of_an_instruction_belongs_to_the_question(
    folder: Path, tmp_path: Path, capfd: Any
) -> None:
    (folder / "alpaca.json").write_text(json.dumps(ALPACA))
    run(folder, tmp_path, columns={**PAIRED, "input": "input"}, parts=1)
    assert pairs(tmp_path) == [
        ("Find the perimeter of a triangle.\n\nSide 1 = 4\nSide 2 = 6", "It is 18."),
        ("What is a tokenizer?", "It splits text."),
        ("Name a colour.", "Blue."),
    ]
    assert "not used" not in capfd.readouterr().err


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".parquet"])
def test_an_input_that_is_left_out_is_named(folder: Path, tmp_path: Path, capfd: Any, suffix: str) -> None:
    path = folder / f"alpaca{suffix}"
    if suffix == ".parquet":
        parquet.write_table(pyarrow.Table.from_pylist(ALPACA), path)
    else:
        path.write_text("\n".join(map(json.dumps, ALPACA)))
    run(folder, tmp_path, columns=PAIRED, parts=1)
    told = capfd.readouterr().err
    assert "2 of 3 rows have text in the column `input`" in told
    assert "add `input: input`" in told


@pytest.mark.parametrize(
    ("column", "meaning"), [("context", "input"), ("Input", "input"), ("system_prompt", "system")]
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_other_data_sets_call_an_input_is_named_too(
    folder: Path, tmp_path: Path, capfd: Any, column: str, meaning: str, suffix: str
) -> None:
    lines = [
        {"question": q, "answer": a, column: "a text" if q == "Why?" else ""}
        for q, a in (("Why?", "So."), *PAIRS)
    ]
    if suffix == ".parquet":
        parquet.write_table(pyarrow.Table.from_pylist(lines), folder / "faq.parquet")
    else:
        with (folder / "faq.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(lines[0]))
            writer.writeheader()
            writer.writerows(lines)
    run(folder, tmp_path, parts=1)
    told = capfd.readouterr().err
    assert f"1 of 41 rows have text in the column `{column}`" in told
    assert f"add `{meaning}: {column}`" in told


def test_a_chat_may_be_in_parts_and_have_a_developer(folder: Path, tmp_path: Path) -> None:
    def part(text: str, kind: str = "text") -> dict[str, str]:
        return {"type": kind, "text": text}

    chats = [
        [
            ("system", "Be kind."),
            ("user", [part("What is"), part("this?", "input_text")]),
            ("assistant", [part("A.")]),
        ],
        [("developer", "Be kind."), ("user", ["What is it?"]), ("assistant", "B.")],
        [("user", [part("What?"), {"type": "image_url", "image_url": "x"}]), ("assistant", "C.")],
        [("user", []), ("assistant", "D.")],
    ]
    lines = [{"messages": [{"role": role, "content": said} for role, said in chat]} for chat in chats]
    (folder / "chats.jsonl").write_text("\n".join(map(json.dumps, lines)))
    run(folder, tmp_path, columns={"messages": "messages"}, parts=1)
    found = rows(tmp_path)
    assert [[(m.role, m.content) for m in found[n].messages] for n in (1, 2)] == [
        [("system", "Be kind."), ("user", "What is\nthis?"), ("assistant", "A.")],
        [("system", "Be kind."), ("user", "What is it?"), ("assistant", "B.")],
    ]
    assert [found[n].problem for n in (3, 4)] == ["not_only_text", "empty_message"]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(json.dumps({"question": q, "answer": a}) for q, a in PAIRS),
        json.dumps({"version": 1, "data": [{"question": q, "answer": a} for q, a in PAIRS]}),
        json.dumps([{"question": q, "answer": a} for q, a in PAIRS]),
        # column by column, as pandas and datasets write it
        json.dumps(
            {"question": dict(enumerate(q for q, _ in PAIRS)), "answer": dict(enumerate(a for _, a in PAIRS))}
        ),
        json.dumps({"question": [q for q, _ in PAIRS], "answer": [a for _, a in PAIRS], "info": {}}),
    ],
)
def test_json_is_a_list_an_object_around_it_or_one_object_a_line(
    folder: Path, tmp_path: Path, text: str
) -> None:
    (folder / "faq.json").write_text(text)
    run(folder, tmp_path)
    assert pairs(tmp_path) == PAIRS


@pytest.mark.parametrize("text", ["[1", "{}", '{"a": [], "b": []}', "7\n8"])
def test_json_without_rows_is_refused_by_name(folder: Path, tmp_path: Path, text: str) -> None:
    (folder / "faq.json").write_text(text)
    with pytest.raises(LecternError, match=r"faq\.json"):
        run(folder, tmp_path)


@pytest.mark.parametrize(
    ("head", "mark"), [("sep=;\r\n", ";"), ("\ufeffsep=|\n", "|"), ('"sep=;"\n', ";"), ("SEP=\t\n", "\t")]
)
def test_the_line_that_tells_excel_the_delimiter_is_no_header(
    folder: Path, tmp_path: Path, head: str, mark: str
) -> None:
    (folder / "faq.csv").write_text(
        f'{head}question{mark}answer\n"What{mark} is, it?"{mark}"A thing"\n', encoding="utf-8", newline=""
    )
    run(folder, tmp_path, parts=1)
    assert pairs(tmp_path) == [
        (f"What{mark} is, it?".replace("\t", " ") if mark != "\t" else "What\t is, it?", "A thing")
    ]


def excel(path: Path, *sheets: list[str], strings: str = "") -> None:
    """An Excel file whose sheets have these rows, as XML."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    link = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    names = "".join(f'<sheet name="s{n}" sheetId="{n}" r:id="rId{n}"/>' for n in range(len(sheets)))
    links = "".join(f'<Relationship Id="rId{n}" Target="worksheets/s{n}.xml"/>' for n in range(len(sheets)))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{link}"><sheets>{names}</sheets></workbook>',
        )
        archive.writestr("xl/_rels/workbook.xml.rels", f"<Relationships>{links}</Relationships>")
        archive.writestr("xl/sharedStrings.xml", f'<sst xmlns="{main}">{strings}</sst>')
        for n, found in enumerate(sheets):
            data = "".join(f"<row>{cells}</row>" for cells in found)
            archive.writestr(
                f"xl/worksheets/s{n}.xml",
                f'<worksheet xmlns="{main}"><sheetData>{data}</sheetData></worksheet>',
            )


def test_an_excel_file_is_read_by_the_first_sheet_with_the_columns(folder: Path, tmp_path: Path) -> None:
    rich = "<r><t>What </t></r><r><t>is it?</t></r><rPh><t>no</t></rPh>"
    strings = f"<si><t>question</t></si><si><t>answer</t></si><si>{rich}</si>"
    table = [
        '<c r="A1" t="s"><v>0</v></c><c r="C1" t="s"><v>1</v></c>',
        '<c r="A2" t="s"><v>2</v></c><c r="B2"><v>9</v></c><c r="C2" t="inlineStr"><is><t>A thing.</t></is></c>',
        '<c r="A3"><v></v></c>',
        '<c r="A4" t="str"><f>A1</f><v>How many?</v></c><c r="C4"><v>12</v></c>',
        '<c r="A5" t="b"><v>1</v></c><c r="C5" t="e"><v>#REF!</v></c>',
    ]
    excel(folder / "faq.xlsx", ['<c r="A1" t="str"><v>notes</v></c>'], table, strings=strings)
    run(folder, tmp_path, parts=1)
    found = rows(tmp_path)
    assert [(found[n].messages[0].content, found[n].messages[1].content) for n in (1, 2)] == [
        ("What is it?", "A thing."),
        ("How many?", "12"),
    ]
    assert found[3].problem == "empty_answer"


def test_what_is_no_excel_file_or_lacks_the_columns_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    path = folder / "faq.xlsx"
    excel(path, ['<c r="A1" t="str"><v>notes</v></c>'])
    with pytest.raises(LecternError, match=r"faq\.xlsx has no column 'question'; its columns are 'notes'"):
        run(folder, tmp_path)
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")  # an old .xls under a new name
    with pytest.raises(LecternError, match=r"faq\.xlsx: .*old or encrypted"):
        run(folder, tmp_path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    with pytest.raises(LecternError, match=r"faq\.xlsx: .*not an Excel file"):
        run(folder, tmp_path)


def test_a_table_that_unpacks_to_more_than_memory_holds_is_named(folder: Path, tmp_path: Path) -> None:
    once = pyarrow.array(["word " * 20_000])
    cells = pyarrow.DictionaryArray.from_arrays(pyarrow.nulls(50_000, pyarrow.int8()).fill_null(0), once)
    parquet.write_table(pyarrow.table({"question": cells, "answer": cells}), folder / "faq.parquet")
    assert (folder / "faq.parquet").stat().st_size < 100_000
    with pytest.raises(LecternError, match=r"faq\.parquet: reading it takes more memory than there is"):
        run(folder, tmp_path)
