"""Corrections of speakers: small changes that leave the rest of the file alone, and what git makes of two people's."""

import subprocess
from pathlib import Path

import pytest

from lectern.apps.review import recordings, speaker_edits
from lectern.apps.review.speaker_edits import MeanwhileError, add, drop, put, take_away
from lectern.conversations import speaker_corrections, voice_matching
from lectern.core.errors import ItemError, LecternError
from tests.support import review_repo

BY_HAND = """# written by hand
rename:
  speaker_1: Ann   # the host

cut:
  - start: 12:30
    end: 15:00   # advert
"""


def change(text: str, *changes: speaker_edits.Change) -> str | None:
    document = speaker_edits.read(text)
    for each in changes:
        each(document)
    return speaker_edits.write(document)


def test_what_people_wrote_beside_it_stays() -> None:
    after = change(
        BY_HAND, put("rename", "speaker_2", "Ben: #1", None), add("cut", {"start": 0.0, "end": 3.5})
    )
    assert after is not None
    for comment in ("# written by hand", "# the host", "# advert", "start: 12:30"):
        assert comment in after
    found, _ = speaker_corrections.read(after, "x")
    assert found.rename == {"speaker_1": "Ann", "speaker_2": "Ben: #1"}
    assert [(cut.start, cut.end) for cut in found.cut] == [(750.0, 900.0), (0.0, 3.5)]
    assert (
        change(after, put("rename", "speaker_2", None, "Ben: #1"), take_away("cut", {"start": 0, "end": 3.5}))
        == BY_HAND
    )


def test_an_entry_is_taken_away_however_its_time_is_written() -> None:
    after = change(BY_HAND, take_away("cut", {"start": 750.0, "end": 900.0}))
    assert after is not None
    assert "cut" not in after


def test_the_last_correction_takes_the_file_with_it() -> None:
    one = change("", put("merge", "a", "b", None), drop("silent", None))
    assert one is not None
    assert change(one, put("merge", "a", None, "b"), drop(None, "silent")) is None


@pytest.mark.parametrize(
    "name", ["No", "null", "1:30", "- x", "{a}", "яна", "a: b", "'", '"', "#", "&x", "*"]
)
def test_any_name_is_read_as_it_was_given(name: str) -> None:
    after = change("", put("rename", "speaker_1", name, None))
    assert after is not None
    assert speaker_corrections.read(after, "x")[0].rename == {"speaker_1": name}


def test_a_value_that_somebody_else_changed_is_not_overwritten() -> None:
    with pytest.raises(MeanwhileError) as caught:
        change(BY_HAND, put("rename", "speaker_1", "Eve", None))
    assert caught.value.theirs == "Ann"
    assert change(BY_HAND, put("rename", "speaker_1", "Ann", None)) == BY_HAND, (
        "the same by both is no conflict"
    )


def test_what_cannot_be_laid_over_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    review_repo.make(tmp_path, recordings=1, documents=0)
    path = recordings.corrections_file(tmp_path, "talk-0000")
    for wrong, said in (
        (put("rename", "speaker_9", "Eve", None), "there is no speaker 'speaker_9'"),
        (add("cut", {"start": 0, "end": 9_000}), "beyond the end"),
        (
            add("split", {"speaker": "speaker_1", "start": 5, "end": 5, "to": "speaker_2"}),
            "not after its start",
        ),
    ):
        with pytest.raises(LecternError, match=said):
            recordings.apply(tmp_path, "talk-0000", wrong)
        assert not path.exists()
    with pytest.raises(LecternError, match="there is no recording"):
        recordings.apply(tmp_path, "../talk-0000", put("rename", "speaker_1", "Eve", None))


def test_a_file_that_a_person_has_to_mend_is_shown_and_kept(tmp_path: Path) -> None:
    review_repo.make(tmp_path, recordings=1, documents=0)
    path = recordings.corrections_file(tmp_path, "talk-0000")
    path.parent.mkdir(parents=True)
    path.write_text("rename:\n<<<<<<< HEAD\n  speaker_1: Ann\n=======\n  speaker_1: Eve\n>>>>>>> ben\n")
    shown = recordings.load(tmp_path, "talk-0000")
    assert "talk-0000.yaml:2: this is a merge conflict" in shown.problem
    assert {segment.name for segment in shown.segments} == {"speaker_1", "speaker_2"}
    before = path.read_text()
    with pytest.raises(LecternError, match=r"talk-0000\.yaml:2"):
        recordings.apply(tmp_path, "talk-0000", put("rename", "speaker_2", "Ben", None))
    assert path.read_text() == before


def git(folder: Path, *command: str, fine: bool = True) -> str:
    own = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", *command]
    done = subprocess.run(own, cwd=folder, capture_output=True, text=True)
    assert not fine or done.returncode == 0, done.stderr
    return done.stdout


def test_two_reviewers_merge_by_git_and_a_contradiction_can_be_read(tmp_path: Path) -> None:
    review_repo.make(tmp_path, recordings=2, documents=0)
    (tmp_path / ".gitattributes").write_bytes((review_repo.ROOT / ".gitattributes").read_bytes())
    git(tmp_path, "init", "-qb", "main")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "start")
    for name, item in (("ann", "talk-0000"), ("ben", "talk-0001")):
        git(tmp_path, "checkout", "-qb", name, "main")
        recordings.apply(tmp_path, item, put("rename", "speaker_1", name, None))
        known = voice_matching.Remembered(
            name=name, model="made-up", item=item, speaker="speaker_1", embedding=[1.0, 0.0]
        )
        path = tmp_path / "data/corrections/voices.yaml"
        path.write_text(voice_matching.write_entry(known))
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-qm", name)
    git(tmp_path, "merge", "-q", "ann", "-m", "both")
    assert recordings.load(tmp_path, "talk-0000").edits.rename == {"speaker_1": "ann"}
    assert recordings.load(tmp_path, "talk-0001").edits.rename == {"speaker_1": "ben"}
    remembered = voice_matching.read((tmp_path / "data/corrections/voices.yaml").read_text())
    assert sorted(voice.name for voice in remembered) == ["ann", "ben"], "each remembered a voice"

    for name in ("ann", "ben"):
        git(tmp_path, "checkout", "-q", name)
        recordings.apply(tmp_path, "talk-0000", put("rename", "speaker_2", f"{name} again", None))
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-qm", "again")
    assert "CONFLICT" in git(tmp_path, "merge", "ann", fine=False)
    text = recordings.corrections_file(tmp_path, "talk-0000").read_text()
    assert "ann again" in text
    assert "ben again" in text
    with pytest.raises(ItemError, match="this is a merge conflict"):
        speaker_corrections.read(text, "talk-0000")
