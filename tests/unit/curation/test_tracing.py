import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from lectern.core import io, printing
from lectern.core.errors import LecternError
from lectern.core.schema import (
    Decision,
    Example,
    GeneralRow,
    Message,
    Passage,
    Prediction,
    Provenance,
    Rating,
    Source,
    TokenRow,
    passage_id,
)
from lectern.curation import tracing
from lectern.curation.decisions import drop
from lectern.tools.main import lectern
from tests.support import expected

TEXT = "Chance is drawn anew in each run.\nA seed fixes what is drawn, and two runs agree.\n"
PASSAGE = passage_id("guide", TEXT)
PLACE = Provenance(
    item="guide",
    url="https://example.org/guide.pdf",
    page=4,
    heading="Runs > Seeds",
    span=(120, 204),
    passage=PASSAGE,
    evidence="a seed fixes what is drawn",
    method="qa",
    prompt="qa@0011aabb",
    model="teacher-1",
)


def made(question: str, answer: str, **where: object) -> Example:
    messages = [Message(role="user", content=question), Message(role="assistant", content=answer)]
    return Example.of(messages, PLACE.model_copy(update=where))


KEPT = made("What does a seed fix?", "What is drawn.")
REPEAT = made("What is it that a seed fixes?", "What is drawn.")
OLD = made("What is drawn?", "Chance \x1b]0;owned\x07is \x1b[31mred\x1b[0m \u202edrawn.\n\nrating\n  5 of 5")
NEW = made("What is drawn in each run?", "Chance is drawn anew.", corrected=OLD.id)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    source = Source(
        item="guide",
        kind="documents",
        title="A guide to runs",
        document="guide.pdf",
        url="https://example.org/",
    )
    io.write_json(root / "raw/guide/item.json", source)
    passage = Passage(id=PASSAGE, item="guide", text=TEXT, tokens=20, page=4, headings=["Runs", "Seeds"])
    io.write_jsonl(root / "passages/guide.jsonl", [passage])
    io.write_jsonl(root / "taught/guide.jsonl", [KEPT, REPEAT, OLD])
    io.write_jsonl(root / "ratings/guide.jsonl", [_rate(KEPT, 5), _rate(REPEAT, 3), _rate(OLD, None)])
    edit = f'{{"id": "{OLD.id}", "action": "edit", "reason": "it was no answer", "messages": '
    messages = io.to_json([message.model_dump() for message in NEW.messages], indent=None)
    io.write_text(root / "corrections/examples.jsonl", f"\n{edit}{messages}}}\n")
    io.write_jsonl(root / "curated.jsonl", [KEPT, NEW])
    stays: dict[str, str] = {"outcome": "kept"}
    decisions: list[Decision] = [
        drop(KEPT, "kept").model_copy(update=stays),
        drop(REPEAT, "semantic_duplicate", KEPT, 0.93, "same meaning"),
        drop(OLD, "kept", NEW, detail="edited by a person: it was no answer").model_copy(update=stays),
    ]
    io.write_jsonl(root / "curation_decisions.jsonl", decisions)
    io.write_jsonl(root / "splits/train.jsonl", [KEPT])
    io.write_jsonl(root / "splits/test.jsonl", [NEW])
    for name, row in (("train", KEPT), ("test", NEW)):
        tokens = TokenRow(
            id=row.id,
            example=row.id,
            input_ids=[1, 2, 3, 4, 5],
            assistant_masks=[0, 0, 0, 1, 1],
            provenance=row.provenance,
        )
        io.write_jsonl(root / f"sft/{name}.jsonl", [tokens])
    for name in ("base", "tuned"):
        said = Prediction(
            id=NEW.id,
            set="held_out",
            messages=NEW.messages[:1],
            reference=NEW.messages[1].content,
            prediction=f"So says {name}.",
            finished=name == "tuned",
            nll=9.0,
            tokens=4,
            provenance=NEW.provenance,
        )
        io.write_jsonl(root / f"predictions/{name}.jsonl", [said])
    return root


def _rate(row: Example, score: int | None) -> Rating:
    if score is None:
        return Rating(id=row.id, method="qa", prompt="judge@1", model="judge-1", problem="no reply")
    return Rating(
        id=row.id,
        method="qa",
        scores={"faithful": score},
        reasons={"faithful": "all of it stands there"},
        overall=score,
        prompt="judge@1",
        model="judge-1",
    )


def show(data: Path, row: str) -> str:
    """What `lectern trace` prints; its error is raised with the words that a user reads."""
    done = CliRunner().invoke(lectern, ["trace", row, "--data", str(data)], catch_exceptions=False)
    if done.exit_code:
        raise LecternError(done.stderr)
    return done.stdout.rstrip("\n")


def test_a_kept_row_is_told_from_its_page_to_its_tokens(data: Path) -> None:
    told = show(data, KEPT.id)
    # property: each step that the outputs know of is there
    for text in (
        "A guide to runs (documents)",
        "https://example.org/guide.pdf",
        str(data / "raw/guide/guide.pdf"),
        "page 4, Runs > Seeds, characters 120 to 204",
        "method qa, prompt qa@0011aabb, model teacher-1",
        "    | [[A seed fixes what is drawn,]] and two runs agree.",
        "5.0 of 5 by judge-1, prompt judge@1",
        "faithful 5: all of it stands there",
        "decisions\n  kept\n",
        f"kept in place of {REPEAT.id} (guide): dropped: semantic_duplicate",
        "split\n  train",
        "5 tokens, 2 of them trained",
        "corrections\n  none",
        "answers\n  none",
    ):
        assert text in told, text


def test_the_whole_of_what_is_told(data: Path) -> None:
    expected.check(
        "traced.txt",
        "\n".join(show(data, row.id) for row in (KEPT, REPEAT, OLD, NEW)).replace(str(data), "data"),
    )


def test_a_part_of_a_dialogue_leads_to_the_whole(data: Path) -> None:
    # the model saw the parts, and whoever looks one up in data/sft has its id alone
    [whole] = io.read_jsonl(data / "sft/train.jsonl", TokenRow)
    ids = ("feed00000000beef", "feed11111111beef")
    parts = [whole.model_copy(update={"id": id, "part": (number, 2)}) for number, id in enumerate(ids, 1)]
    io.write_jsonl(data / "sft/train.jsonl", parts)
    for id in ids:
        assert tracing.resolve(id[:10], data) == tracing.resolve(id[:10].upper(), data) == KEPT.id
    lines = tracing.trace(KEPT.id, data)
    for number in (1, 2):
        assert f"  part {number} of 2: 5 tokens, 2 of them trained ({data / 'sft/train.jsonl'})" in lines
    with pytest.raises(LecternError, match="there is no row 'feed2'"):
        tracing.resolve("feed2", data)


def test_a_dropped_row_says_why_and_what_stands_in_its_place(data: Path) -> None:
    told = show(data, REPEAT.id)
    assert f"dropped: semantic_duplicate of {KEPT.id} (guide); similarity 0.93; same meaning" in told
    assert "split\n  none" in told


def test_an_edited_row_is_found_by_either_id(data: Path) -> None:
    old, new = show(data, OLD.id), show(data, NEW.id)
    # property: both lead to the same way: what was made, who changed it and what became of it
    assert old.split("\n")[1:] == new.split("\n")[1:]
    for text in (
        f"examples.jsonl:2: edited by a person: it was no answer ({OLD.id} to {NEW.id})",
        f"kept as {NEW.id}; edited by a person: it was no answer",
        "| Chance is drawn anew.",
        "split\n  test",
        "5 tokens, 2 of them scored",
        "base, 2.25 nats per token for the true answer, cut off\n    | So says base.",
        "tuned, 2.25 nats per token for the true answer\n    | So says tuned.",
        "failed: no reply, by judge-1",
    ):
        assert text in old, text


def test_untrusted_text_is_shown_and_does_nothing(data: Path) -> None:
    told = show(data, OLD.id)
    # property: no escape reaches the terminal, and no line of a text can be taken for a line of ours
    assert not any(char in told for char in "\x1b\x07\u202e\r")
    assert "\nrating\n    | " not in told
    assert "    | rating\n    |   5 of 5" in told


@given(st.text(max_size=40))
def test_text_is_printable(text: str) -> None:
    shown = [printing.one_line(text), *printing.indent(text, "| ")]
    # property: what is left can be encoded, and holds no control character; each line has its margin
    for line in shown:
        line.encode()
        assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in line)
    assert all(line.startswith("|") for line in shown[1:])
    assert printing.one_line("half \ud800 a pair") == "half a pair"
    # property: plain text is shown as it is
    assert printing.one_line("Zoë, 東京: a < b") == "Zoë, 東京: a < b"


@given(st.text("ab ", max_size=12), st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=4))
def test_marks_change_nothing_but_what_they_add(text: str, spans: list[tuple[int, int]]) -> None:
    marked = tracing.mark(text, [(a, b) for a, b in spans if b <= len(text)])
    # property: without the marks it is the text, and each that opens is closed before the next
    assert marked.replace("[[", "").replace("]]", "") == text
    inside = "".join(char for char in marked if char in "[]")
    assert inside == "[[]]" * (len(inside) // 4)


def test_a_prefix_is_enough_and_case_does_not_matter(data: Path) -> None:
    assert show(data, KEPT.id[:9].upper()) == show(data, KEPT.id)


def test_an_unknown_id_is_an_error_that_names_those_near_it(data: Path) -> None:
    wrong = KEPT.id[:15] + ("0" if KEPT.id[15] != "0" else "1")
    with pytest.raises(LecternError, match=rf"no row '{wrong}' among the 4 of .*near: {KEPT.id}"):
        show(data, wrong)
    # property: in capitals too, even where no digit is right
    letters = made("Why?", "So.").model_copy(update={"id": "feedfacedeadbeef"})
    io.write_jsonl(data / "examples/guide.jsonl", [letters])
    with pytest.raises(LecternError, match="near: feedfacedeadbeef"):
        show(data, "FEEDFACEDEADBEEA")
    # property: what was typed is shown as harmlessly as anything else
    with pytest.raises(LecternError, match=r"no row '\[31m\.\./x'"):
        show(data, "\x1b[31m../x")
    with pytest.raises(LecternError, match="no row ''"):
        show(data, "")


def test_an_ambiguous_prefix_names_the_rows(data: Path) -> None:
    first = KEPT.id[0]
    others = [made(f"Question {i}?", "So it is.") for i in range(99)]
    other = next(row for row in others if row.id[0] == first)
    io.write_jsonl(data / "examples/guide.jsonl", [other])
    with pytest.raises(LecternError, match=rf"begins? with '{first}': .*{other.id}"):
        show(data, first)


@pytest.mark.parametrize(
    "missing",
    [
        "raw",
        "passages",
        "ratings",
        "corrections",
        "curated.jsonl",
        "curation_decisions.jsonl",
        "splits",
        "sft",
    ],
)
def test_it_works_where_an_output_is_missing(data: Path, missing: str) -> None:
    path = data / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    told = show(data, KEPT.id)
    # property: the rest is told, and what is missing is not passed off as nothing
    assert "What does a seed fix?" in told
    if missing in ("curation_decisions.jsonl", "splits", "sft"):
        assert f"{path} is not there" in told


def test_evidence_is_shown_where_the_passage_is_gone(data: Path) -> None:
    io.write_jsonl(data / "passages/guide.jsonl", [])
    told = show(data, KEPT.id)
    assert "guide.jsonl does not have" in told
    assert "  evidence\n    | a seed fixes what is drawn" in told


def test_a_byte_that_is_no_text_hides_no_row(data: Path) -> None:
    for name in ("curation_decisions.jsonl", "sft/train.jsonl"):
        with (data / name).open("ab") as file:
            file.write(b"\xff\n")
    assert tracing.resolve(KEPT.id[:8], data) == KEPT.id


def test_a_broken_file_is_named(data: Path) -> None:
    with (data / "ratings/guide.jsonl").open("a") as file:
        file.write(f'{{"id": "{KEPT.id}"}}\n')
    with pytest.raises(LecternError, match=r"ratings/guide\.jsonl:4: Rating"):
        show(data, KEPT.id)


def test_an_item_is_never_a_way_out_of_the_folder(data: Path) -> None:
    io.write_json(data / "secret/item.json", Source(item="x", kind="documents", title="SECRET"))
    passage = Passage(id=PASSAGE, item="secret", text="SECRET", tokens=1)
    io.write_jsonl(data / "secret.jsonl", [passage])
    outside = made("Where?", "There.", item="../secret")
    io.write_jsonl(data / "taught/other.jsonl", [outside])
    assert "SECRET" not in show(data, outside.id)


@pytest.mark.parametrize(("rows", "rest"), [(8, ""), (9, " and 1 more")])
def test_of_many_rows_the_first_eight_are_named(data: Path, rows: int, rest: str) -> None:
    by_digit: dict[str, list[Example]] = {}
    for number in range(999):
        row = made(f"Question {number}?", "So it is.")
        by_digit.setdefault(row.id[0], []).append(row)
    digit = next(d for d, alike in sorted(by_digit.items()) if d != KEPT.id[0] and len(alike) >= rows)
    io.write_jsonl(data / "examples/guide.jsonl", by_digit[digit][:rows])
    with pytest.raises(LecternError) as caught:
        show(data, digit)
    assert f"{rows} rows have an id that begins with '{digit}'" in str(caught.value)
    named = sorted(row.id for row in by_digit[digit][:rows])[:8]
    assert f": {', '.join(named)}{rest}. Give more of it." in str(caught.value)


def test_a_general_row_is_traced_to_its_file(data: Path) -> None:
    origin = Provenance(item="chats.csv", row=7, method="mix")
    chat = made("What is tea?", "A drink.")
    rows = [
        GeneralRow(id=chat.id, messages=chat.messages, provenance=origin),
        GeneralRow(id="0123456789abcdef", text="All of \x1b]0;owned\x07it.", provenance=origin),
    ]
    io.write_jsonl(data / "mixed/rows.jsonl", rows)
    told = tracing.trace(tracing.resolve(chat.id[:6], data), data)
    assert "  row 7 of data/mix/chats.csv, which belongs to no corpus" in told
    assert any("What is tea?" in line for line in told)
    told = tracing.trace(tracing.resolve("0123", data), data)
    assert not any("\x1b" in line for line in told), "a stranger's text controls no terminal"
    assert any("it." in line for line in told)
