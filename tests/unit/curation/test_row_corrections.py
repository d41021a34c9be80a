import json
import subprocess
from pathlib import Path

import pytest

from lectern.core.errors import LecternError
from lectern.core.schema import Message, example_id
from lectern.curation import row_corrections
from tests.support.made_up_rows import row

OTHER = [{"role": "user", "content": "Why seeds?"}, {"role": "assistant", "content": "To repeat a run."}]


def write(folder: Path, *entries: dict | str) -> Path:
    path = folder / "examples.jsonl"
    path.write_text("".join((e if isinstance(e, str) else json.dumps(e)) + "\n" for e in entries))
    return folder


def write_file(folder: Path, entry: dict, name: str | None = None) -> Path:
    path = folder / "examples" / f"{name or entry['id']}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(entry, indent=1))
    return path


def edit(id: str, messages: list[dict] = OTHER) -> dict:
    return {"id": id, "action": "edit", "reason": "clearer", "messages": messages}


def id_of(messages: list[dict]) -> str:
    return example_id([Message(**message) for message in messages])


def test_no_file_and_an_empty_one_correct_nothing(tmp_path: Path) -> None:
    # property: as shipped, every row stays as it is
    assert row_corrections.read(tmp_path) == {}
    assert row_corrections.read(write(tmp_path)) == {}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"examples\.jsonl:3: Correction"),
        (
            {"id": "a" * 16, "action": "delete", "reason": "x"},
            r":3: Correction\.action: .*'accept', 'reject' or 'edit'",
        ),
        ({"id": "a" * 15, "action": "accept", "reason": "x"}, r":3: Correction\.id"),
        ({"id": "a" * 16, "action": "accept"}, r":3: Correction\.reason"),
        ({"id": "a" * 16, "action": "accept", "reason": ""}, r":3: Correction\.reason"),
        ({"id": "a" * 16, "action": "edit", "reason": "x"}, r":3: .*`messages` belong to `edit`"),
        ({**edit("a" * 16), "action": "accept"}, r":3: .*`messages` belong to `edit`"),
        (edit("a" * 16, OTHER[:1]), r":3: .*the assistant's is the last"),
        (edit(id_of(OTHER)), r":3: .*the edit changes nothing"),
        ({"id": "a" * 16, "action": "accept", "reason": "x", "note": ""}, r":3: Correction\.note"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: dict | str, message: str) -> None:
    path = write(tmp_path, {"id": "b" * 16, "action": "accept", "reason": "x"}, "", line)
    # property: file, line and field, blank lines counted; never a silent loss
    with pytest.raises(LecternError, match=message):
        row_corrections.read(path)


def test_two_corrections_of_one_row_are_both_named(tmp_path: Path) -> None:
    entry = {"id": "a" * 16, "action": "accept", "reason": "x"}
    path = write(tmp_path, entry, "", entry | {"action": "reject"})
    with pytest.raises(LecternError, match=r"examples\.jsonl:3: .*already corrected, at .*examples\.jsonl:1"):
        row_corrections.read(path)


def test_edits_in_a_circle_are_named(tmp_path: Path) -> None:
    made = row("Why?", "Because of chance.")
    back = [message.model_dump() for message in made.messages]
    path = write(tmp_path, edit(made.id), edit(id_of(OTHER), back))
    with pytest.raises(LecternError, match=r":1 and .*:2: these edits lead in a circle"):
        row_corrections.read(path)


def test_an_edited_row_can_be_corrected_again(tmp_path: Path) -> None:
    made = row("Why?", "Because of chance.")
    again = [OTHER[0], {"role": "assistant", "content": "To repeat a run, and to compare two."}]
    entries = [edit(made.id), edit(id_of(OTHER), again)]
    (found,) = row_corrections.apply([made], row_corrections.read(write(tmp_path, *entries)))
    # property: the last edit counts, and the row knows the id that it was made with
    assert found.row.id == id_of(again)
    assert (found.came_as, found.row.provenance.corrected) == (made.id, made.id)
    assert found.row.provenance.model_copy(update={"corrected": None}) == made.provenance
    # property: a rejection of the edited row rejects it
    entries[1] = {"id": id_of(OTHER), "action": "reject", "reason": "no"}
    (found,) = row_corrections.apply([made], row_corrections.read(write(tmp_path, *entries)))
    assert found.correction is not None
    assert found.correction.action == "reject"


def test_what_no_row_matches_is_found(tmp_path: Path) -> None:
    made, second = row("Why?", "Because of chance."), row("How?", "With care.")
    gone = {"id": "0" * 16, "action": "reject", "reason": "wrong"}
    follow_up = {"id": id_of(OTHER), "action": "accept", "reason": "checked"}
    corrections = row_corrections.read(write(tmp_path, gone, edit(made.id), follow_up))
    rows = row_corrections.apply([made, second], corrections)
    unmatched = row_corrections.find_unmatched(rows, corrections)
    # property: exactly those whose row is gone; a correction of an edited row has its row
    assert [entry.correction.id for entry in unmatched] == ["0" * 16]
    assert row_corrections.count(corrections, unmatched) == {
        "accept": 1,
        "reject": 0,
        "edit": 1,
        "unmatched": ["0" * 16],
    }
    # property: without the first row both corrections of it are unmatched
    left = row_corrections.apply([second], corrections)
    assert len(row_corrections.find_unmatched(left, corrections)) == 3


def test_a_file_for_each_row_says_the_same_as_lines(tmp_path: Path) -> None:
    entries = [{"id": letter * 16, "action": "accept", "reason": letter} for letter in "abc"]
    write(tmp_path, entries[0])
    for entry in entries[1:]:
        write_file(tmp_path, entry)
    found = row_corrections.read(tmp_path)
    assert {id: entry.correction.reason for id, entry in found.items()} == {c * 16: c for c in "abc"}
    assert found["b" * 16].where == str(tmp_path / "examples" / f"{'b' * 16}.json")
    write_file(tmp_path, entries[0])
    with pytest.raises(
        LecternError, match=r"examples/a+\.json: row a+ is already corrected, at .*examples\.jsonl:1"
    ):
        row_corrections.read(tmp_path)


def test_a_file_has_the_name_of_its_row(tmp_path: Path) -> None:
    write_file(tmp_path, {"id": "a" * 16, "action": "accept", "reason": "x"}, name="b" * 16)
    with pytest.raises(LecternError, match=r"b+\.json: it is about row a+\. Rename it to a+\.json"):
        row_corrections.read(tmp_path)


def git(folder: Path, *command: str, fine: bool = True) -> str:
    own = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", *command]
    done = subprocess.run(own, cwd=folder, capture_output=True, text=True)
    assert not fine or done.returncode == 0, done.stderr
    return done.stdout


def test_two_people_who_decided_on_different_rows_merge_and_on_the_same_row_read_both(tmp_path: Path) -> None:
    git(tmp_path, "init", "-qb", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "start")
    said = {"ann": ("accept", "a", "b"), "ben": ("reject", "c", "d")}
    for name, (action, *letters) in said.items():
        git(tmp_path, "checkout", "-qb", name, "main")
        for letter in letters:
            write_file(tmp_path, {"id": letter * 16, "action": action, "reason": f"{name}'s"})
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-qm", name)
    git(tmp_path, "merge", "-q", "ann", "-m", "both")
    assert sorted(row_corrections.read(tmp_path)) == [letter * 16 for letter in "abcd"]

    for name, action in (("ann", "reject"), ("ben", "accept")):  # each now about a row of the other
        git(tmp_path, "checkout", "-q", name)
        write_file(tmp_path, {"id": "a" * 16, "action": action, "reason": f"{name} thinks so"})
        git(tmp_path, "commit", "-qam", "again")
    assert "CONFLICT" in git(tmp_path, "merge", "ann", fine=False)
    path = tmp_path / "examples" / f"{'a' * 16}.json"
    assert "ann thinks so" in path.read_text()
    assert "ben thinks so" in path.read_text()
    with pytest.raises(
        LecternError, match=r"a+\.json: two people decided differently here.*Keep the lines of one"
    ):
        row_corrections.read(tmp_path)
