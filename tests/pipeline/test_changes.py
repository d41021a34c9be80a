"""What comes, goes, breaks or is killed: only that is made again, and the bytes are those of an undisturbed run."""

import json
import shutil
import signal

import pytest
from omegaconf import OmegaConf

from tests.pipeline.conftest import ROOT, Checkout
from tests.pipeline.test_smoke import PER_ITEM

pytestmark = pytest.mark.slow
TALK = ROOT / "data/sources/demo/talk-01-seeds"


def add_talk(checkout: Checkout, name: str) -> None:
    for suffix in (".mp3", ".description.txt", ".info.json", ".truth.json"):
        shutil.copy(f"{TALK}{suffix}", checkout.root / f"data/sources/smoke/{name}{suffix}")


def test_a_recording_added_is_the_only_one_made_and_a_removed_one_leaves_no_trace(fork: Checkout) -> None:
    before = fork.outputs()
    add_talk(fork, "Ünïcode talk 日本語 " + "x" * 150)
    ran = fork.repro()
    assert {stage: ran[stage] for stage in PER_ITEM} == dict.fromkeys(
        PER_ITEM, "made 1, kept 4, removed 0, failed 0"
    )
    assert any(b"nicode-talk" in content for content in fork.outputs().values())
    for path in (fork.root / "data/sources/smoke").glob("Ünïcode*"):
        path.unlink()
    ran = fork.repro()
    assert {stage: ran[stage] for stage in PER_ITEM} == dict.fromkeys(
        PER_ITEM, "made 0, kept 4, removed 1, failed 0"
    )
    assert fork.outputs() == before


def test_a_rebuild_from_nothing_that_is_killed_twice_ends_with_the_same_bytes(fork: Checkout) -> None:
    undisturbed = fork.outputs()
    fork.run("python", "-m", "lectern", "clean")
    assert not (fork.root / "models/adapter").exists()
    assert not (fork.root / ".dvc/cache").exists()
    for path in (fork.root / "metrics").iterdir():
        if path.name not in ("noise", "export.json"):  # are committed, and no stage writes them
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    # the second transcript stands in its place, but the journal does not know of it yet
    killed = fork.run("dvc", "repro", check=False, KILL_AT_OPEN="data/transcripts/_journal.jsonl:2")
    assert killed.returncode == -signal.SIGKILL
    # the second checkpoint is half written
    killed = fork.run("dvc", "repro", check=False, KILL_AT_OPEN="trainer_state.json:2")
    assert killed.returncode == -signal.SIGKILL
    assert "transcribe: made 3, kept 1, removed 0, failed 0" in killed.stdout, "what was finished is kept"
    ran = fork.repro()
    assert next(iter(ran)) == "train", "what was finished before is not done again"
    rebuilt = fork.outputs()
    assert sorted(rebuilt) == sorted(undisturbed)
    assert [name for name in undisturbed if undisturbed[name] != rebuilt[name]] == []
    assert fork.run("git", "status", "--porcelain").stdout == "", (
        "a run of the committed revision dirties nothing"
    )


def test_a_committed_run_is_verified_output_by_output(fork: Checkout) -> None:
    told = fork.run("python", "-m", "lectern", "verify").stdout
    total = sum(
        len(entry.get("outs", [])) for entry in OmegaConf.load(fork.root / "dvc.lock").stages.values()
    )
    assert told.splitlines()[-1] == f"{total} of {total} outputs have the committed bytes."
    assert "Note:" not in told
    # Other words of one transcript: that stage is found, by the file.
    lock = (fork.root / "dvc.lock").read_text()
    transcript = fork.root / "data/transcripts/smoke-02-backups.json"
    before = transcript.read_text()
    transcript.write_text(before.replace("the", "teh"))
    fork.run("dvc", "commit", "-f", "transcribe")
    assert (fork.root / "dvc.lock").read_text() != lock
    fork.commit("tampered with")
    done = fork.run("python", "-m", "lectern", "verify", "--until", "transcribe", check=False)
    assert done.returncode == 1
    assert "The stage transcribe differs first: 1 of 2 of its outputs." in done.stdout
    assert "data/transcripts: 1 of 5 files differ\n    smoke-02-backups.json: " in done.stdout


def test_an_output_that_was_tampered_with_is_made_again(fork: Checkout) -> None:
    before = fork.outputs()
    victim = fork.root / "data/transcripts/smoke-02-backups.json"
    victim.write_text(victim.read_text().replace("the", "teh"))
    assert fork.repro()["transcribe"] == "made 1, kept 3, removed 0, failed 0"
    assert fork.outputs() == before


def test_another_description_renews_one_item_from_there_on(fork: Checkout) -> None:
    path = fork.root / "data/sources/smoke/smoke-01-logs.description.txt"
    path.write_text("No questions here, only a link: https://example.org\n")
    ran = fork.repro()
    # transcribe and diarize hear the same sound; converse and examples have one item to make
    assert ran["fetch"] == ran["converse"] == ran["examples"] == "made 1, kept 3, removed 0, failed 0"
    assert {ran["transcribe"], ran["diarize"]} == {"made 0, kept 4, removed 0, failed 0"}
    by_method = json.loads((fork.root / "metrics/examples.json").read_text())["by_method"]
    assert by_method["description_questions"]["dropped"] == {"no_questions": 1}
    assert by_method["question_turns"]["items"] == 1, "what nobody stamped is found in the dialogue"


def test_broken_recordings_are_named_and_the_others_go_on(fork: Checkout) -> None:
    folder = fork.root / "data/sources/smoke"
    (folder / "empty.mp3").write_bytes(b"")
    (folder / "letter.mp3").write_text("Dear listener, this is no recording.\n" * 50)
    failed = fork.run("dvc", "repro", check=False)
    assert failed.returncode != 0
    message = failed.stdout + failed.stderr
    assert "transcribe: error: made 0, kept 4, removed 0, failed 2" in message
    assert "empty (" in message
    assert "letter (" in message
    assert "Traceback" not in message
    # With a share allowed to fail the run goes through, and both are still named.
    fork.run(
        "python",
        "-m",
        "lectern",
        "params",
        "recipe=smoke",
        "transcribe.allow_failed=0.5",
        "diarize.allow_failed=0.5",
    )
    done = fork.run("dvc", "repro")
    assert "transcripts: empty failed: " in done.stdout + done.stderr
    assert sorted(p.stem for p in (fork.root / "data/conversations").glob("smoke*")) == [
        "smoke-01-logs",
        "smoke-02-backups",
        "smoke-03-names",
        "smoke-04-reviews",
    ]


def test_own_talks_in_three_steps(fork: Checkout) -> None:
    # As the README says: the recordings under DVC, the corpus chosen, everything brought up to date.
    mine = fork.root / "data/sources/mine"
    mine.mkdir()
    for path in (fork.root / "data/sources/smoke").glob("smoke-0[123]*"):
        shutil.copy(path, mine)
    fork.run("dvc", "add", "data/sources/mine")
    fork.run("python", "-m", "lectern", "params", "recipe=smoke", "corpus=mine", "diarize.max_speakers=3")
    assert fork.repro()["fetch"] == "made 0, kept 3, removed 1, failed 0", (
        "the same recordings, from another place"
    )
    fork.commit("own talks")
    assert "data/sources/mine.dvc" in fork.run("git", "ls-files").stdout
    assert ".mp3" not in fork.run("git", "ls-files", "data/sources/mine").stdout
    # A colleague, or another branch and back: git brings the pointers, DVC the rest.
    shutil.rmtree(mine)
    fork.run("dvc", "checkout")
    assert fork.repro() == {}
