"""Monologues become passages that know their seconds."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lectern.core import io, items
from lectern.core.schema import Conversation, Passage
from lectern.models import tokens
from lectern.passages import lecture
from lectern.settings.housekeeping import Housekeeping, HousekeepingRule
from lectern.settings.parse import Parse
from lectern.text.sentences import split_sentences
from stages import parse
from tests.settings import configure
from tests.unit.examples.test_examples import HOST, MAIN, read_truth, talk

COUNT = tokens.counter("smollm2_135m")
CHOICES: dict[str, Any] = {"min_share": 0.8, "least": 30, "most": 70, "overlap": 0}
TRUTHS = sorted(Path("data/sources/demo").glob("*.truth.json"))
SPEECH = " ".join(q["answer"] for path in TRUTHS[:3] for q in read_truth(path)[1])


def cut(conversation: Conversation, **more: Any) -> list[Passage]:
    return lecture.cut(conversation, COUNT, **(CHOICES | more))[0]


def test_a_monologue_is_cut_into_passages_within_the_range() -> None:
    # Property: all words in order, each passage whole sentences, its times and link those of its words.
    conversation = talk((MAIN, SPEECH))
    passages = cut(conversation)
    assert " ".join(passage.text for passage in passages) == SPEECH
    words = conversation.utterances[0].words
    at = 0
    for passage in passages:
        count = len(passage.text.split())
        assert passage.tokens == COUNT([passage.text])[0]
        assert 30 <= passage.tokens <= 70
        assert passage.language == "en"
        assert passage.text[-1] in ".?"
        assert (passage.start, passage.end) == (words[at].start, words[at + count - 1].end)
        assert passage.url == f"https://example.org/v?id=7&t={at}"
        at += count
    assert len({passage.id for passage in passages}) == len(passages)
    assert passages == cut(conversation)


@pytest.mark.parametrize("overlap", [1, 2])
def test_passages_repeat_the_last_sentences_where_there_is_room(overlap: int) -> None:
    # Property: the overlap is the end of the passage before, and makes none longer than allowed.
    plain, lapped = (cut(talk((MAIN, SPEECH)), overlap=n) for n in (0, overlap))
    assert len(plain) == len(lapped)
    repeated = 0
    for before, own, passage in zip(plain, plain[1:], lapped[1:], strict=False):
        assert passage.text.endswith(own.text)
        extra = passage.text.removesuffix(own.text).strip()
        assert before.text.endswith(extra)
        assert extra.count(".") <= overlap
        assert passage.tokens <= 70
        repeated += bool(extra)
    assert repeated


def test_only_a_monologue_is_a_lecture() -> None:
    # Property: the share counts all words; what others say in between is in no passage.
    question = "And what about the naps at noon?"
    conversation = talk((MAIN, SPEECH), (HOST, question), (MAIN, SPEECH), ("unknown", "noise " * 5))
    assert " ".join(p.text for p in cut(conversation)) == f"{SPEECH} {SPEECH}"
    assert cut(talk((MAIN, SPEECH), (HOST, SPEECH))) == []
    assert cut(talk((MAIN, "I sleep."), ("unknown", "noise " * 50))) == []
    assert cut(talk(("unknown", "noise " * 50))) == []
    assert cut(talk()) == []


def test_no_passage_crosses_a_chapter_and_its_title_is_the_heading() -> None:
    sentences = [
        " ".join(w.text for w in s) for s in split_sentences(talk((MAIN, SPEECH)).utterances[0].words, "en")
    ]
    middle = len(" ".join(sentences[: len(sentences) // 2]).split())
    chapters = ((0, middle, "First"), (middle, middle + 9_000, "Second"))
    passages = cut(talk((MAIN, SPEECH), chapters=chapters), overlap=1)
    assert {p.heading for p in passages} == {"First", "Second"}
    for passage in passages:
        assert passage.end is not None
        assert passage.start is not None
        assert (passage.end <= middle) == (passage.heading == "First")
        assert (passage.start >= middle) == (passage.heading == "Second")


def test_speech_without_sentences_still_keeps_the_range() -> None:
    draw = random.Random(1)
    text = " ".join(draw.choice(SPEECH.lower().replace(".", "").replace(",", "").split()) for _ in range(400))
    passages = cut(talk((MAIN, text)))
    assert " ".join(p.text for p in passages) == text
    assert all(p.tokens <= 70 for p in passages)
    assert all(p.tokens >= 10 for p in passages)
    (endless,) = cut(talk((MAIN, "hm" * 500)))  # a word is never cut
    assert endless.tokens > 70


def test_a_dialogue_is_told_without_a_tokenizer() -> None:
    def refuse(texts: Sequence[str]) -> list[int]:
        raise AssertionError("loaded for nothing")

    assert lecture.cut(talk((MAIN, SPEECH), (HOST, SPEECH)), refuse, **CHOICES)[0] == []


def build(root: Path) -> str:
    rules = configure(Housekeeping, rules=[HousekeepingRule("hear", "can you hear me")])
    params = configure(Parse, min_tokens=30, max_tokens=70)
    items.sync([], root / "documents", lambda: lambda item, path: None, suffix=".json", params={}, code=())
    inputs = (root / "documents", root / "conversations")
    return str(parse.main(params, rules, *inputs, root / "passages", root / "parse.json"))


def write(root: Path, conversations: dict[str, Conversation]) -> None:
    for name, conversation in conversations.items():
        io.write_json(root / "in" / f"{name}.json", conversation)

    def copy(item: items.Item, path: Path) -> None:
        path.write_bytes(item.inputs["c"].read_bytes())

    found = [items.Item(p.stem, {"c": p}) for p in sorted((root / "in").glob("*.json"))]
    items.sync(found, root / "conversations", lambda: copy, suffix=".json", params={}, code=())


def test_the_stage_makes_what_changed_and_the_same_bytes_as_a_clean_run(tmp_path: Path) -> None:
    one, other = talk((MAIN, f"Can you hear me? {SPEECH}")), talk(*(2 * [(HOST, "Why?"), (MAIN, "So.")]))
    write(tmp_path / "a", {"one": one, "other": other})
    assert build(tmp_path / "a") == "made 2, kept 0, removed 0, failed 0"
    assert build(tmp_path / "a") == "made 0, kept 2, removed 0, failed 0"
    write(tmp_path / "a", {"new": one})
    assert build(tmp_path / "a") == "made 1, kept 2, removed 0, failed 0"
    write(tmp_path / "b", {"one": one, "other": other, "new": one})
    build(tmp_path / "b")
    made = [{p.name: p.read_bytes() for p in (tmp_path / run / "passages").iterdir()} for run in "ab"]
    assert made[0] == made[1]
    assert io.read_jsonl(tmp_path / "a/passages/other.jsonl", Passage) == []
    assert "hear me" not in io.read_jsonl(tmp_path / "a/passages/one.jsonl", Passage)[0].text
    counts = io.read_plain(tmp_path / "a/parse.json")
    assert (counts["items"], counts["lectures"]) == (3, 2)
    assert counts["passages"] == 2 * len(io.read_jsonl(tmp_path / "a/passages/one.jsonl", Passage))


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_tokens": 19, "min_tokens": 9},
        {"boilerplate_share": 0.0},
        {"boilerplate_pages": 1},
        {"min_share": 0.5},
        {"min_share": 1.1},
        {"min_tokens": 301},
        {"min_tokens": 0},
        {"overlap": -1},
    ],
)
def test_a_wrong_parameter_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        configure(Parse, **wrong)
