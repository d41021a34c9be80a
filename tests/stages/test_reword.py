"""The stage `reword` against a real server on 127.0.0.1."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lectern.answering import questions
from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import REWORDED, Example, Message, Provenance, Question
from lectern.settings.llm import LLM
from lectern.settings.reword import Reword
from stages import reword
from tests.settings import configure
from tests.support.teacher_server import FENCE, Teacher, serve


def row(item: str, question: str, answer: str = "The seed of each library.") -> Example:
    messages = [Message(role="user", content=question), Message(role="assistant", content=answer)]
    return Example.of(messages, Provenance(item=item, method="qa"))


ASKED = {
    "kept": "Who is responsible for closing the lab in the evening?",
    "same_words": "How often should a checkpoint be written?",
    "trained": "Where do the training logs of a run belong?",
    "other_meaning": "How many annotators are needed for each label?",
    "malformed": "Why should a baseline be simple?",
    "no_reply": "Which columns does the table of results have?",
}
"""What becomes of the rewording -> the question."""
REWORDINGS: dict[str, Any] = {
    ASKED["kept"]: {"question": "Whose job is it to lock up the lab at night?"},
    ASKED["same_words"]: {"question": "How often should the checkpoint be written then?"},
    ASKED["trained"]: {"question": "Why should a baseline be simple enough?"},
    ASKED["other_meaning"]: {"question": "Do you enjoy gardening on a sunny Sunday morning?"},
    ASKED["malformed"]: {"question": "  "},
    ASKED["no_reply"]: None,
}
ROWS = [row(f"talk-{number}", question) for number, question in enumerate(ASKED.values())]


@pytest.fixture
def teacher() -> Iterator[Teacher]:
    with serve() as running:
        running.reply = lambda messages, _: REWORDINGS[
            {name: text for _, name, text in FENCE.findall(messages[-1]["content"])}["question"]
        ]
        yield running


def run(
    root: Path, teacher: Teacher | None, *, count: int = 10, rows: list[Example] = ROWS, **llm: Any
) -> str:
    io.write_jsonl(root / "train.jsonl", rows)
    url = teacher.url if teacher else "http://127.0.0.1:9/v1"  # nothing listens there
    told = {"max_tries": 1, "backoff": 0.01, "repair": False, "concurrency": 1, "allow_failed": 0.5, **llm}
    return reword.main(
        configure(Reword, count=count),
        configure(LLM, "test", "openai", "rewords", url, **told),
        root / "train.jsonl",
        root / "reworded/questions.jsonl",
        root / "replies",
        root / "metrics.json",
    )


def test_a_rewording_is_kept_only_if_it_asks_the_same_in_other_words(
    tmp_path: Path, teacher: Teacher
) -> None:
    said = run(tmp_path, teacher)
    assert said == "1 of 6 questions reworded, 6 calls"
    counts = io.read_plain(tmp_path / "metrics.json")
    assert {name: counts[name] for name in ASKED} == dict.fromkeys(ASKED, 1)
    [kept] = io.read_jsonl(tmp_path / "reworded/questions.jsonl", Question)
    assert kept.question == REWORDINGS[ASKED["kept"]]["question"]
    # property: it is scored against the answer that was trained, and says where that stands
    assert (kept.answer, kept.items, kept.rows) == (ROWS[0].messages[-1].content, ["talk-0"], [ROWS[0].id])


def test_what_is_kept_is_asked_as_a_set_of_its_own(tmp_path: Path, teacher: Teacher) -> None:
    run(tmp_path, teacher)
    [ask] = questions.collect([], [], tmp_path / "evals", tmp_path / "reworded/questions.jsonl")
    assert (ask.set, ask.provenance.item, ask.rows) == (REWORDED, "talk-0", (ROWS[0].id,))
    assert ask.reference == ROWS[0].messages[-1].content


def test_a_second_run_asks_nothing_and_nobody_is_asked_where_none_are_wanted(
    tmp_path: Path, teacher: Teacher
) -> None:
    run(tmp_path, teacher)
    before = (tmp_path / "reworded/questions.jsonl").read_bytes()
    asked = len(teacher.asked)
    run(tmp_path, teacher)
    assert (tmp_path / "reworded/questions.jsonl").read_bytes() == before
    # property: only the call that got no reply is tried again
    assert len(teacher.asked) == asked + 1
    assert run(tmp_path / "none", None, count=0) == "0 of 0 questions reworded, 0 calls"
    assert io.read_jsonl(tmp_path / "none/reworded/questions.jsonl", Question) == []


def test_dialogues_are_left_out(tmp_path: Path, teacher: Teacher) -> None:
    said = [
        Message(role=role, content=text)
        for role, text in (("user", "So?"), ("assistant", "Yes."), ("user", "And?"), ("assistant", "No."))
    ]
    rows = [*ROWS[:1], Example.of(said, Provenance(item="talk", method="dialogue"))]
    assert run(tmp_path, teacher, rows=rows) == "1 of 1 questions reworded, 1 calls"


def test_too_many_calls_without_a_reply_are_an_error_after_the_rest_is_written(tmp_path: Path) -> None:
    # property: whoever reads it finds the section of params.yaml whose server or limit is to be changed
    said = r"6 of 6 calls to the teacher got no reply: .*correct teacher\.base_url.*, or raise teacher\.allow_failed"
    with pytest.raises(LecternError, match=said):
        run(tmp_path, None, allow_failed=0.0)
    assert io.read_plain(tmp_path / "metrics.json")["no_reply"] == 6
