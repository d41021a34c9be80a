"""What is read from data/general, which lines are refused, and that the files there belong to no corpus."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lectern.answering import general
from lectern.core import io
from lectern.core.errors import LecternError
from lectern.text.words import words

SHIPPED = Path("data/general")
ALL: dict[str, Any] = {"words": None, "questions": None, "refusals": None, "seed": 0}


def write(folder: Path, **lines: list[Any]) -> None:
    """Files in which each line is JSON of a value, or a text as it is."""
    rows: dict[str, list[Any]] = {
        "passages": [{"id": "a", "domain": "law", "source": "here", "text": "All are free."}],
        "questions": [{"question": "One and one?", "answers": ["two", "2"]}],
        "refusals": [{"request": "Do harm."}],
        **lines,
    }
    for name, some in rows.items():
        text = "".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in some)
        io.write_text(folder / f"{name}.jsonl", text)


def test_each_part_is_read_where_it_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path)
    found = general.read(tmp_path, **ALL)
    assert found.passages[0].text == "All are free."
    assert found.questions[0].answers == ["two", "2"]
    assert found.requests[0].request == "Do harm."
    for name in ("passages", "questions", "refusals"):
        (tmp_path / f"{name}.jsonl").unlink()
    assert general.read(tmp_path, words=0, questions=0, refusals=0, seed=0) == general.General([], [], [])
    with pytest.raises(LecternError, match=r"refusals\.jsonl does not exist"):
        general.read(tmp_path, words=0, questions=0, refusals=1, seed=0)


PASSAGE = {"id": "a", "domain": "law", "source": "here", "text": "All are free."}


@pytest.mark.parametrize(
    ("name", "lines", "said"),
    [
        ("questions", [], "questions.jsonl is empty, so there is nothing to ask"),
        ("passages", ["", " "], "passages.jsonl is empty"),
        ("questions", [{"question": "Why?"}], "questions.jsonl:1: Question.answers: Field required"),
        ("questions", [{"question": "Why?", "answers": []}], "questions.jsonl:1: Question.answers"),
        ("questions", [{"question": "Why?", "answers": ["so", " "]}], "questions.jsonl:1: it holds a blank"),
        ("questions", ["", '{"question": "Why?", '], "questions.jsonl:2: Question"),
        ("refusals", [{"request": "Do harm."}] * 2, "refusals.jsonl:2: the same request as in line 1"),
        ("passages", [PASSAGE, {**PASSAGE, "text": "Other."}], "passages.jsonl:2: the same id as in line 1"),
        ("passages", [{**PASSAGE, "author": "me"}], "passages.jsonl:1: Passage.author: Extra inputs"),
    ],
)
def test_a_line_that_does_not_fit_is_named(tmp_path: Path, name: str, lines: list[Any], said: str) -> None:
    write(tmp_path, **{name: lines})
    with pytest.raises(LecternError) as caught:
        general.read(tmp_path, **ALL)
    assert str(tmp_path / said.split(":")[0].split(" ")[0]) in str(caught.value)
    assert said in str(caught.value)


def make_passages(counts: dict[str, int], length: int = 10) -> list[general.Passage]:
    return [
        general.Passage(id=f"{domain}-{n}", domain=domain, source="here", text="word " * length)
        for domain, count in counts.items()
        for n in range(count)
    ]


def test_passages_are_drawn_evenly_from_the_domains() -> None:
    some = make_passages({"law": 20, "fiction": 10, "letters": 2})
    drawn = general.draw(some, 90, seed=0)
    # property: each domain gives the same number of words, as long as it has any
    assert Counter(one.domain for one in drawn) == {"law": 3, "fiction": 4, "letters": 2}
    assert drawn == [one for one in some if one in drawn], "they keep their order"
    assert general.draw(some, 1, seed=0)
    assert general.draw(some, None, seed=0) == some
    assert general.draw(some, 10_000, seed=0) == some


def test_more_words_are_the_same_passages_and_some_more() -> None:
    some = make_passages({"law": 20, "fiction": 10})
    smaller, larger = (general.draw(some, words, seed=1) for words in (60, 120))
    assert {one.id for one in smaller} < {one.id for one in larger}
    assert general.draw(some, 60, seed=1) == smaller
    assert general.draw(some, 60, seed=2) != smaller


def test_so_many_questions_are_drawn_in_their_own_order() -> None:
    ten, twenty = (general.read(SHIPPED, words=0, questions=count, refusals=3, seed=0) for count in (10, 20))
    assert [len(ten.questions), len(twenty.questions), len(ten.requests)] == [10, 20, 3]
    every = general.read(SHIPPED, words=0, questions=None, refusals=0, seed=0).questions
    assert every == io.read_jsonl(SHIPPED / "questions.jsonl", general.Question)
    assert [one for one in every if one in ten.questions] == list(ten.questions)
    assert all(one in twenty.questions for one in ten.questions)
    other = general.read(SHIPPED, words=0, questions=10, refusals=0, seed=1)
    assert other.questions != ten.questions


def test_the_shipped_files_have_what_their_page_says() -> None:
    found = general.read(SHIPPED, **ALL)
    page = (SHIPPED / "README.md").read_text()
    counts = Counter[str]()
    for one in found.passages:
        counts[one.domain] += general.count_words(one.text)
        assert 100 <= general.count_words(one.text) <= 300, one.id
    assert counts.total() >= 20_000
    assert len(counts) == 8
    for domain, count in counts.items():
        assert f"| {domain} | {count:,} |" in page
    assert f"{len(found.passages)} passages" in page
    assert f"{counts.total():,} words" in page
    assert (len(found.questions), len(found.requests)) == (60, 30)


def find_runs(text: str, length: int = 10) -> set[str]:
    said = words(text)
    return {" ".join(said[at : at + length]) for at in range(len(said) - length + 1)}


def test_the_shipped_text_stands_in_no_corpus_of_the_repository() -> None:
    corpora = [
        path
        for folder in ("data/sources", "data/evals", "data/openings", "tests/support")
        for path in Path(folder).rglob("*")
        if path.suffix in (".txt", ".json", ".jsonl", ".yaml", ".csv", ".html", ".md", ".py")
    ]
    assert len(corpora) > 30
    found = general.read(SHIPPED, **ALL)
    ours = {run for one in found.passages for run in find_runs(one.text)}
    asked = {*(one.question for one in found.questions), *(one.request for one in found.requests)}
    for path in corpora:
        text = path.read_text(encoding="utf-8", errors="replace")
        assert not ours & find_runs(text), path
        assert not any(one in text for one in asked), path
