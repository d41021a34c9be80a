"""The stage `converse`: words, speakers, corrections, remembered voices and metadata become conversations."""

import functools
import json
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from lectern.conversations import voices_file
from lectern.core import io, items
from lectern.core.errors import LecternError
from lectern.core.schema import (
    Chapter,
    Conversation,
    Diarization,
    Source,
    SpeakerTurn,
    Transcript,
    Voice,
    Word,
)
from lectern.settings.converse import Converse, RoleRule
from lectern.settings.diarize import Diarize
from stages import converse, diarize
from tests.settings import configure

# speaker, start, end: the host, the guest, the host again, a cough, the guest
TURNS = [
    ("speaker_1", 0, 5),
    ("speaker_2", 5, 30),
    ("speaker_1", 30, 36),
    ("speaker_3", 36, 37),
    ("speaker_2", 37, 50),
]
ADA, RAM, COUGH = [1.0, 0.0], [0.0, 1.0], [0.6, 0.8]
SMOKE = Path("data/sources/smoke")


def load_copy() -> items.Make:
    return _copy


def _copy(item: items.Item, path: Path) -> None:
    shutil.copyfile(item.inputs["file"], path)


class Corpus:
    """A tree of inputs, and the stage run on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("raw", "transcripts", "diarization", "corrections"):
            (root / name).mkdir(parents=True)
        self.publish()

    def add(
        self,
        name: str,
        turns: Sequence[tuple[str, float, float]] = TURNS,
        embeddings: Mapping[str, list[float]] | None = None,
        failed: str = "",
        **known: Any,
    ) -> None:
        """A recording of 60 s in which a word is spoken each second until 50, and one at 55 that is nobody's."""
        embeddings = {"speaker_1": ADA, "speaker_2": RAM, "speaker_3": COUGH} | dict(embeddings or {})
        source = Source(item=name, kind="media", title=f"Talk {name}", media="recording.mp3", **known)
        io.write_json(self.root / "raw" / name / "item.json", source)
        words = [Word(text=f"{name}{i}.", start=i + 0.1, end=i + 0.9) for i in [*range(50), 55]]
        heard = Transcript(item=name, duration=60, language="en", words=words)
        labels = sorted({turn[0] for turn in turns})
        seconds = {label: sum(e - s for who, s, e in turns if who == label) for label in labels}
        found = Diarization(
            item=name,
            duration=60,
            model="m",
            turns=[SpeakerTurn(speaker=who, start=s, end=e) for who, s, e in turns],
            voices={
                label: Voice(
                    seconds=seconds[label],
                    longest=1,
                    share=0.1,
                    ghost=seconds[label] < 2,
                    embedding=embeddings[label],
                )
                for label in labels
            },
        )
        for stage, record in (("transcripts", heard), ("diarization", found)):
            if stage != failed:
                io.write_json(self.root / "staged" / stage / f"{name}.json", record)
        self.publish()

    def add_ready(self, name: str, text: str) -> None:
        folder = self.root / "raw" / name
        source = Source(item=name, kind="transcripts", title=name, transcript="transcript.vtt")
        io.write_json(folder / "item.json", source)
        (folder / "transcript.vtt").write_text(text, encoding="utf-8")

    def publish(self) -> None:
        for stage in ("transcripts", "diarization"):
            staged = sorted((self.root / "staged" / stage).glob("*.json"))
            items.sync(
                [items.Item(path.stem, {"file": path}) for path in staged],
                self.root / stage,
                functools.partial(load_copy),
                suffix=".json",
                params={},
                code=(),
            )

    def correct(self, name: str, text: str) -> None:
        path = self.root / "corrections/speakers" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def run(self, out: str = "conversations", **changes: Any) -> str:
        folders = [self.root / name for name in ("raw", "transcripts", "diarization", "corrections", out)]
        return str(converse.main(configure(Converse, **changes), *folders, self.root / f"{out}.metrics.json"))

    def told(self, name: str) -> Conversation:
        return io.read_json(self.root / "conversations" / f"{name}.json", Conversation)

    def facts(self, name: str) -> Mapping[str, Any]:
        return items.facts(self.root / "conversations")[name]

    def metrics(self) -> Any:
        return json.loads((self.root / "conversations.metrics.json").read_text())

    def outputs(self, out: str = "conversations") -> dict[str, bytes]:
        files = {path.name: path.read_bytes() for path in sorted((self.root / out).iterdir())}
        return files | {"metrics": (self.root / f"{out}.metrics.json").read_bytes()}


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    made = Corpus(tmp_path / "data")
    made.add("one")
    return made


def speakers(told: Conversation) -> list[tuple[str, str, int]]:
    return [(u.speaker, u.role, len(u.words)) for u in told.utterances]


def test_words_become_utterances_of_roles_and_ghosts_and_strays_have_none(corpus: Corpus) -> None:
    assert corpus.run() == "made 1, kept 0, removed 0, failed 0"
    assert speakers(corpus.told("one")) == [
        ("speaker_1", "host", 5),
        ("speaker_2", "main", 25),
        ("speaker_1", "host", 6),
        ("speaker_3", "unknown", 1),
        ("speaker_2", "main", 13),
        ("unknown", "unknown", 1),
    ]
    assert corpus.metrics() == {
        "items": 1,
        "dropped_items": 0,
        "left_out_items": 0,
        "hours": 0.017,
        "hours_by_kind": {"media": 0.017},
        "words": 51,
        "unknown_words": 1,
        "ghost_words": 1,
        "turns_without_words": 0,
        "utterances": 6,
        "cut_words": {},
        "speakers": {"host": 1, "main": 1},
        "rules_without_speaker": {},
        "recognised_voices": 0,
        "near_misses": 0,
        "corrections": {},
        "ready_transcripts": {},
    }


@pytest.mark.parametrize(
    ("text", "cough"),
    [
        ("merge: {speaker_3: speaker_2}", None),
        ("rename: {speaker_3: Eve}", ("Eve", "host", 1)),
        ("roles: {speaker_3: audience}", ("speaker_3", "audience", 1)),
        ("rename: {speaker_1: Ada}", ("speaker_3", "unknown", 1)),
    ],
)
def test_a_ghost_is_somebody_only_if_a_person_says_so(
    corpus: Corpus, text: str, cough: tuple[str, str, int] | None
) -> None:
    corpus.correct("one", text)
    corpus.run()
    found = speakers(corpus.told("one"))
    assert (cough in found) if cough else found[3] == ("speaker_2", "main", 14)
    assert corpus.metrics()["ghost_words"] == (1 if cough == ("speaker_3", "unknown", 1) else 0)


def test_an_empty_corrections_file_changes_no_byte(corpus: Corpus) -> None:
    corpus.run()
    before = corpus.outputs()
    corpus.correct("one", "# nothing to correct\n")
    corpus.run()
    after = corpus.outputs()
    assert after["one.json"] == before["one.json"]
    assert after["metrics"] == before["metrics"]


def test_corrections_name_merge_cut_and_give_roles(corpus: Corpus) -> None:
    corpus.correct(
        "one",
        """
merge: {speaker_3: speaker_1}
rename: {speaker_1: Ram, speaker_2: Ada}
roles: {Ram: main, speaker_2: audience}
split: [{speaker: unknown, start: 50, to: speaker_2}]
cut: [{end: 2, reason: jingle}]
""",
    )
    corpus.run()
    assert speakers(corpus.told("one")) == [
        ("Ram", "main", 3),
        ("Ada", "audience", 25),
        ("Ram", "main", 7),
        ("Ada", "audience", 14),
    ]
    assert corpus.metrics()["corrections"] == {"split": 1, "merge": 1, "cut": 1, "rename": 2, "roles": 2}
    assert corpus.metrics()["cut_words"] == {"corrections": 2}


def test_a_correction_makes_its_own_item_again_and_no_other(corpus: Corpus) -> None:
    corpus.add("two")
    corpus.run()
    corpus.correct("two", "rename: {speaker_1: Ram}")
    assert corpus.run() == "made 1, kept 1, removed 0, failed 0"
    assert corpus.run() == "made 0, kept 2, removed 0, failed 0"
    corpus.correct("two", "rename: {speaker_1: Eve}")
    assert corpus.run() == "made 1, kept 1, removed 0, failed 0"
    assert corpus.told("two").utterances[0].speaker == "Eve"


def test_a_bad_correction_fails_its_item_only_and_says_where(corpus: Corpus) -> None:
    corpus.add("two")
    corpus.correct("two", "rename:\n  speaker_9: Ram")
    with pytest.raises(
        LecternError, match=r"two \(data/corrections/speakers/two\.yaml:2: rename\.speaker_9: there is"
    ):
        corpus.run()
    assert corpus.told("one").utterances
    assert corpus.run(allow_failed=0.5) == "made 0, kept 1, removed 0, failed 1"
    (corpus.root / "corrections/speakers/two.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(LecternError, match=r"two\.yaml: not UTF-8"):
        corpus.run()


def test_a_dropped_item_is_gone_and_counted(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    corpus.add("two")
    corpus.run()
    corpus.correct("two", "drop: the sound is broken")
    assert corpus.run() == "made 0, kept 1, removed 1, failed 0"
    assert corpus.metrics()["dropped_items"] == 1
    assert "1 dropped by a correction: two (the sound is broken)" in capsys.readouterr().err


def test_what_belongs_to_nothing_is_said_and_stops_nothing(
    corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus.add("two", failed="diarization")
    corpus.add("six", failed="transcripts")
    corpus.correct("onne", "rename: {speaker_1: Ram}")
    (corpus.root / "corrections/speakers/one.yml").write_text("")
    assert corpus.run() == "made 1, kept 0, removed 0, failed 0"
    said = capsys.readouterr().err
    assert "onne.yaml: there is no item 'onne'; did you mean one?" in said
    assert "one.yml is not read: its name must end in .yaml" in said
    assert "2 left out: six (no transcript), two (no diarization)" in said
    assert corpus.metrics()["left_out_items"] == 2


@pytest.mark.parametrize(
    ("speakers", "said"),
    [
        (
            ("Guest", "Host", "Guest"),
            "Nobody repeats anything any more.",
        ),  # begins with a piece of the answer
        (("Announcer", "Ann Lee", "Bob Ray"), "You are listening to the Science Hour with Ann Lee."),
        (("Bob Ray", "Ann", "Bob Ray"), "Nobody repeats anything any more."),
    ],
)
def test_a_podcast_s_host_is_the_one_who_asks_whoever_begins(
    corpus: Corpus, speakers: tuple[str, ...], said: str
) -> None:
    # Property: the rules of conf/converse/podcast.yaml, without metadata.
    shipped = yaml.safe_load(Path("conf/converse/podcast.yaml").read_text())
    texts = (said, "Welcome. Why do seeds matter?", "Because nobody can repeat a run without them.")
    cues = zip(speakers, texts, strict=True)
    lines = [f"00:0{n}.000 --> 00:0{n + 1}.000\n<v {who}>{text}" for n, (who, text) in enumerate(cues)]
    corpus.add_ready("show", "\n\n".join(["WEBVTT", *lines]))
    corpus.run(roles=[RoleRule(**rule) for rule in shipped["roles"]], others=shipped["others"])
    told = corpus.told("show").utterances
    assert {one.speaker for one in told if one.role == "host"} == {speakers[1]}


def test_a_changed_record_alone_makes_its_conversation_anew(corpus: Corpus) -> None:
    corpus.add("two")
    corpus.run()
    path = corpus.root / "raw/two/item.json"
    io.write_json(path, io.read_json(path, Source).model_copy(update={"title": "Another title"}))
    assert corpus.run() == "made 1, kept 1, removed 0, failed 0"


def test_a_ready_transcript_needs_neither_transcription_nor_diarization(corpus: Corpus) -> None:
    corpus.add_ready(
        "ready",
        "WEBVTT\n\n00:00.000 --> 00:04.000\n[Guest 2]: Welcome to the network.\n\n"
        "00:04.000 --> 00:09.000\n[Amit Varma]: Why is that?\n\n"
        "00:09.000 --> 00:20.000\n[Guest 1]: Because it rains.\n",
    )
    corpus.correct("ready", "rename: {Guest 1: Asha, Amit Varma: A. V.}\ncut: [{end: 4}]")
    corpus.run(roles=[RoleRule("host", "name", "a. v.")], others="guest")
    told = corpus.told("ready")
    assert [(u.speaker, u.role, u.text) for u in told.utterances] == [
        ("A. V.", "host", "Why is that?"),
        ("Asha", "guest", "Because it rains."),
    ]
    assert corpus.metrics()["hours_by_kind"] == {"media": 0.017, "transcripts": 0.006}
    assert corpus.metrics()["ready_transcripts"]["cues"] == 3
    assert corpus.metrics()["rules_without_speaker"] == {"host: name a. v.": 1}  # of the recording


LATE = """WEBVTT

00:00:00.000 --> 00:00:04.000
<v Ann>Bob, is this something that you have to keep in mind and

00:00:04.000 --> 00:00:08.000
<v Bob>think about? Yeah, as if it had been

00:00:08.000 --> 00:00:09.000
<v Unknown>there forever.

00:00:09.000 --> 00:00:12.000
<v Bob>But it was not.
"""


def test_a_cue_that_changes_the_speaker_too_early_or_names_nobody_cuts_no_sentence(corpus: Corpus) -> None:
    corpus.add_ready("late", LATE)
    corpus.run()
    assert [(u.speaker, u.text) for u in corpus.told("late").utterances] == [
        ("Ann", "Bob, is this something that you have to keep in mind and think about?"),
        ("Bob", "Yeah, as if it had been there forever. But it was not."),
    ]


def test_what_a_person_says_of_a_sentence_overrides_the_vote(corpus: Corpus) -> None:
    corpus.add_ready("late", LATE.replace("<v Unknown>", "<v Bob>"))
    corpus.correct("late", "split: [{speaker: Ann, to: Bob, start: 3, end: 4}]")
    corpus.run()
    assert [(u.speaker, u.text[-20:]) for u in corpus.told("late").utterances] == [
        ("Ann", "ing that you have to"),
        ("Bob", "keep in mind and"),
        ("Ann", "think about?"),
        ("Bob", "ver. But it was not."),
    ]
    # a split that was made before, of words which the vote now gives to the same person, is no mistake
    corpus.correct("late", "split: [{speaker: Bob, to: Ann, start: 4.1, end: 4.3}]")
    corpus.run()
    assert corpus.told("late").utterances[0].text.endswith("think about?")


PODCAST = [
    RoleRule("host", "metadata"),
    RoleRule("guest", "metadata"),
    RoleRule("host", "label", fallback=True),
    RoleRule("guest", "label"),
    RoleRule("host", "regular", fallback=True),
    RoleRule("host", "asks_most", fallback=True),
    RoleRule("host", "first_voice", fallback=True),
]


def captions(*said: str) -> str:
    return "WEBVTT\n" + "".join(
        f"\n00:{n:02}.000 --> 00:{n + 1:02}.000\n<v {line.split(': ')[0]}>{line.split(': ')[1]}\n"
        for n, line in enumerate(said)
    )


def hosts(corpus: Corpus, name: str) -> set[str]:
    return {u.speaker for u in corpus.told(name).utterances if u.role == "host"}


def test_whoever_is_in_most_transcripts_is_the_host_and_there_may_be_two(corpus: Corpus) -> None:
    # Property: in each episode the guest speaks first and asks; Ann is in all four, Cy in three, and they are hosts.
    for n, guest in enumerate(("Bob", "Eve", "Dan", "Fay")):
        second = "Cy" if n < 3 else f"Extra{n}"
        corpus.add_ready(f"e{n}", captions(f"{guest}: Shall I begin?", "Ann: Please do.", f"{second}: Yes."))
    corpus.run(roles=PODCAST, others="guest")
    assert [hosts(corpus, f"e{n}") for n in range(4)] == [{"Ann", "Cy"}] * 3 + [{"Ann"}]


def test_two_transcripts_are_no_corpus_and_a_label_or_the_metadata_say_who_is_who(corpus: Corpus) -> None:
    corpus.add_ready("one", captions("Bob: It is cold.", "Ann: Why is it cold?", "Bob: It rains."))
    corpus.add_ready("two", captions("Guest: It is cold.", "Host: Fine.", "Guest: Is it?"))
    corpus.run(roles=PODCAST, others="guest")
    assert (hosts(corpus, "one"), hosts(corpus, "two")) == ({"Ann"}, {"Host"})
    (corpus.root / "corrections/table.csv").write_text("item,guest\none,Ann\n")
    corpus.run(roles=PODCAST, others="guest", metadata="table.csv")
    assert hosts(corpus, "one") == {"Bob"}


def test_one_question_mark_in_the_mouth_of_the_guest_makes_it_no_host(corpus: Corpus) -> None:
    # Property: where recognition lost the marks, one that it kept changes nobody's role.
    for name, mark in (("none", ""), ("one", " right?")):
        said = [
            part
            for number in ("one", "two", "three")
            for part in (f"Ann: why does {number} matter", f"Bob: well {number} matters because people count")
        ]
        said[3] += mark
        corpus.add_ready(name, captions(*said))
    corpus.run(roles=PODCAST, others="guest")
    assert hosts(corpus, "none") == hosts(corpus, "one") == {"Ann"}


def test_reversed_roles_are_said(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    said = [
        "Ann: It is cold.",
        "Bob: Why is it cold?",
        "Ann: It rains.",
        "Bob: Does it rain?",
        "Ann: It does.",
    ]
    corpus.add_ready("turned", captions(*said))
    corpus.run(roles=[RoleRule("host", "first_voice")], others="guest")
    assert "turned: those who answer ask 2 questions, those who ask 0" in capsys.readouterr().err
    corpus.run(roles=[RoleRule("host", "name", "bob")], others="guest")
    assert "turned" not in capsys.readouterr().err


def remember(corpus: Corpus, item: str, speaker: str, name: str) -> None:
    voices_file.remember(item, speaker, name, corpus.root)


def test_a_voice_named_once_is_recognised_in_another_item(
    corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus.add("two", embeddings={"speaker_1": RAM, "speaker_2": [0.96, 0.28]})
    corpus.add("six", embeddings={"speaker_1": [0.8, -0.6], "speaker_2": [-1.0, 0.0]})
    remember(corpus, "one", "speaker_1", "Ada")
    corpus.run(voice_threshold=0.9)
    assert [u.speaker for u in corpus.told("one").utterances][:2] == ["Ada", "speaker_2"]
    assert [u.speaker for u in corpus.told("two").utterances][:2] == ["speaker_1", "Ada"]
    assert corpus.facts("two")["voices"] == {"speaker_2": {"name": "Ada", "similarity": 0.96}}
    assert corpus.facts("six")["near_misses"] == [
        {"speaker": "speaker_1", "name": "Ada", "similarity": 0.8, "reason": "below the threshold"}
    ]
    assert "six: speaker_1 may be Ada (0.80; below the threshold)" in capsys.readouterr().err
    assert (corpus.metrics()["recognised_voices"], corpus.metrics()["near_misses"]) == (2, 1)
    # a person knows better about a voice, and the name is free for another
    corpus.add("ten", embeddings={"speaker_1": ADA, "speaker_2": [0.96, 0.28]})
    corpus.correct("ten", "rename: {speaker_1: Ram}")
    corpus.run(voice_threshold=0.9)
    assert [u.speaker for u in corpus.told("ten").utterances][:2] == ["Ram", "Ada"]
    # and about a name
    corpus.correct("two", "rename: {speaker_1: Ada}")
    corpus.run(voice_threshold=0.9)
    assert [u.speaker for u in corpus.told("two").utterances][:2] == ["Ada", "speaker_2"]


def test_a_name_that_a_voice_has_serves_the_rules(corpus: Corpus) -> None:
    remember(corpus, "one", "speaker_1", "Ada")
    corpus.run(roles=[RoleRule("main", "name", "Ada")], others="audience")
    assert speakers(corpus.told("one"))[:2] == [("Ada", "main", 5), ("speaker_2", "audience", 25)]


def test_voices_of_another_model_are_said_and_a_broken_file_stops_the_stage(
    corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    remember(corpus, "one", "speaker_1", "Ada")
    path = corpus.root / "corrections/voices.yaml"
    path.write_text(path.read_text().replace('"m"', '"older"'))
    corpus.run()
    assert corpus.told("one").utterances[0].speaker == "speaker_1"
    assert "1 remembered voices were embedded by another model" in capsys.readouterr().err
    path.write_text("- {name: Ada}")
    with pytest.raises(LecternError, match=r"voices\.yaml:1: \[0\]\.model"):
        corpus.run()


def test_the_metadata_cut_name_and_remake_only_the_item_whose_row_changed(
    corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus.add("two")
    table = corpus.root / "corrections/episodes.csv"
    changes = {"metadata": "episodes.csv", "roles": [RoleRule("host", "first_voice")], "others": "guest"}
    rows = "title,guest,intro_end,outro_start,views\nTalk one,Asha,0:02,0:48,7\nTalk two,Eve,,,8\nTalk nine,,,,9\n"
    table.write_text(rows)
    corpus.run(**changes)
    assert speakers(corpus.told("one"))[:2] == [("speaker_1", "host", 3), ("Asha", "guest", 25)]
    assert corpus.metrics()["cut_words"] == {"metadata": 5}
    said = capsys.readouterr().err
    assert "1 rows of the metadata that match no item" in said
    assert "(Talk nine)" in said
    assert "columns that are not used: views" in said
    table.write_text(rows.replace("Asha", "Ruth").replace(",8", ",99"))
    assert corpus.run(**changes) == "made 1, kept 1, removed 0, failed 0"
    assert corpus.told("one").utterances[1].speaker == "Ruth"
    table.write_text(rows.replace("0:48", "1:48"))
    with pytest.raises(LecternError, match="outro_start as 108 s, but the recording ends at 60 s"):
        corpus.run(**changes)
    table.unlink()
    with pytest.raises(LecternError, match=r"episodes\.csv does not exist"):
        corpus.run(**changes)


def test_chapters_and_the_first_gap_are_cut_when_asked_for(corpus: Corpus) -> None:
    gone = Chapter(start=20, end=30, title="Sponsors")
    corpus.add("two", chapters=[Chapter(start=0, end=20, title="Why ads work"), gone])
    corpus.run()
    assert corpus.metrics()["cut_words"] == {}
    corpus.run(cut_chapters=["^sponsors?$"], first_gap=4.0)
    assert corpus.metrics()["cut_words"] == {"chapter": 10, "first_gap": 90}  # the last word is after the gap
    texts = {name: [w.text for u in corpus.told(name).utterances for w in u.words] for name in ("one", "two")}
    assert texts == {"one": ["one55."], "two": ["two55."]}


def test_who_speaks_most_is_who_speaks_most_in_what_is_left(corpus: Corpus) -> None:
    # Property: whoever reads a long advert is not the main speaker for it.
    corpus.correct("one", "cut: [{start: 6, end: 30}, {start: 38, end: 50}]")
    corpus.run()
    assert {u.speaker: u.role for u in corpus.told("one").utterances}["speaker_1"] == "main"


def test_a_recording_that_also_has_a_published_transcript_is_heard(corpus: Corpus) -> None:
    corpus.add("two", transcript="transcript.vtt")
    (corpus.root / "raw/two/transcript.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:04.000\nNo.\n")
    corpus.run()
    assert corpus.facts("two")["words"] == corpus.facts("one")["words"]


def test_a_long_turn_in_which_no_word_was_heard_is_counted(corpus: Corpus) -> None:
    # speaker_2 speaks from 50 on too, where only one word was heard, at 55
    corpus.add("two", turns=[*TURNS, ("speaker_2", 50.95, 54), ("speaker_2", 54, 57), ("speaker_1", 57, 58)])
    corpus.run()
    assert corpus.facts("two")["turns_without_words"] == 1


def test_every_word_is_told_or_counted_as_cut(corpus: Corpus) -> None:
    corpus.add("two")
    corpus.correct("two", "cut: [{start: 3, end: 8}]\nswap: [{speakers: [speaker_1, speaker_2], start: 30}]")
    corpus.run(first_gap=4.0, first_gap_within=10.0)
    for name in ("one", "two"):
        heard = io.read_json(corpus.root / "transcripts" / f"{name}.json", Transcript).words
        told = [word for utterance in corpus.told(name).utterances for word in utterance.words]
        cut = sum(corpus.facts(name)["cut_words"].values())
        assert Counter(w.text for w in told) <= Counter(w.text for w in heard)
        assert len(told) + cut == len(heard)


def test_an_incremental_run_leaves_the_bytes_of_a_clean_one(corpus: Corpus) -> None:
    corpus.run()
    corpus.add("two", embeddings={"speaker_2": ADA})
    corpus.run()
    corpus.correct("one", "drop: true")
    remember(corpus, "one", "speaker_1", "Ada")
    corpus.run()
    corpus.correct("two", "rename: {speaker_1: Ram}")
    corpus.correct("one", "cut: [{start: 1, end: 2}]")
    corpus.add_ready("ready", "WEBVTT\n\n00:00.000 --> 00:04.000\n<v Ram>Hello there.\n")
    corpus.run()
    corpus.run(out="clean")
    assert corpus.outputs() == corpus.outputs("clean")
    (corpus.root / "corrections/speakers/two.yaml").unlink()
    shutil.rmtree(corpus.root / "raw/ready")
    corpus.run()
    shutil.rmtree(corpus.root / "clean")
    corpus.run(out="clean")
    assert corpus.outputs() == corpus.outputs("clean")


def test_a_corpus_without_speech_gives_an_empty_result(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path / "data")
    assert corpus.run() == "made 0, kept 0, removed 0, failed 0"
    assert corpus.metrics()["items"] == 0
    shutil.rmtree(corpus.root / "raw")
    with pytest.raises(LecternError, match="raw does not exist"):
        corpus.run()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"others": "main"}, "host, guest, audience"),
        ({"reach": -1.0}, "reach is -1"),
        ({"voice_threshold": 0.0}, "cosine"),
        ({"cut_chapters": ["("]}, "not a regular expression"),
        ({"first_gap": 0.0}, "first_gap is 0"),
        ({"metadata": "../secret.csv"}, "without the folder"),
    ],
)
def test_a_wrong_parameter_says_what_to_use(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        configure(Converse, **values)


def test_a_real_voice_is_recognised_in_another_recording(tmp_path: Path) -> None:
    # Two recordings of the same two people, through the real diarization.
    corpus = Corpus(tmp_path / "data")
    for name in ("smoke-01-logs", "smoke-02-backups"):
        folder = corpus.root / "raw" / name
        source = Source(item=name, kind="media", title=name, media="recording.mp3")
        io.write_json(folder / "item.json", source)
        shutil.copyfile(SMOKE / f"{name}.mp3", folder / "recording.mp3")
        truth = json.loads((SMOKE / f"{name}.truth.json").read_text())["turns"]
        words = [Word(text=turn["speaker"], start=turn["start"], end=turn["end"]) for turn in truth]
        heard = Transcript(item=name, duration=truth[-1]["end"], language="en", words=words)
        io.write_json(corpus.root / "staged/transcripts" / f"{name}.json", heard)
    corpus.publish()
    diarize.main(configure(Diarize), corpus.root / "raw", corpus.root / "diarization")
    corpus.run()
    for utterance in {u.speaker: u for u in corpus.told("smoke-01-logs").utterances}.values():
        remember(corpus, "smoke-01-logs", utterance.speaker, utterance.words[0].text)
    corpus.run()
    told = corpus.told("smoke-02-backups").utterances
    assert len(told) == 4
    assert all(utterance.speaker == utterance.text for utterance in told)
    assert {voice["name"] for voice in corpus.facts("smoke-02-backups")["voices"].values()} == {
        "host",
        "expert",
    }
