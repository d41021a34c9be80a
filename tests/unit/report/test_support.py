"""How the report marks the sentences of an answer by their sources."""

import html.parser
from pathlib import Path

import pytest

from lectern.core import io
from lectern.core.schema import AnswerSupport, Prediction, Provenance, Sentence, Support
from lectern.report import support
from lectern.report.marking import mark
from lectern.settings.report import Report
from stages import report
from tests.settings import configure
from tests.support import made_up_run
from tests.support.made_up_run import MARKUP

TEXT = "The seed is fixed. Is it? The moon is green. It ripens."


def sentence(text: str, said: str, where: Provenance | None = None, counts: bool = True) -> Sentence:
    begin = text.index(said)
    source = None if where is None else Support(text=f"as they say: {said}", provenance=where, score=0.9)
    return Sentence(span=(begin, begin + len(said)), counts=counts, source=source)


SECOND = Provenance(item="talk", start=83.4, end=90.0, url="https://example.org/talk?t=83", method="turn")
PAGE = Provenance(item="guide", page=4, method="passage")
SENTENCES = [
    sentence(TEXT, "The seed is fixed.", SECOND),
    sentence(TEXT, "Is it?", counts=False),
    sentence(TEXT, "The moon is green."),
    sentence(TEXT, "It ripens.", PAGE),
]


@pytest.mark.parametrize("other", ["", "The seed is fixed. Is it the moon?", "is green It ripens", TEXT])
def test_marks_stand_at_the_ends_of_sentences_and_no_character_is_lost(other: str) -> None:
    runs = mark(TEXT, other)
    pieces = support.divide(runs, SENTENCES)
    said = ["".join(run["text"] for run in piece["runs"]) for piece in pieces]
    assert "".join(said) == TEXT
    assert said == ["The seed is fixed.", " Is it? The moon is green.", " It ripens."]
    assert [(piece["mark"]["number"], piece["mark"]["short"]) for piece in pieces] == [
        (1, "1:23"),
        (3, "no source"),
        (4, "page 4"),
    ]
    # property: what is shared with the reference stays marked as it was
    flat = [(run["same"], run["text"]) for piece in pieces for run in piece["runs"]]
    assert sum(len(text) for same, text in flat if same) == sum(
        len(run["text"]) for run in runs if run["same"]
    )
    assert [piece["mark"]["link"] for piece in pieces] == ["https://example.org/talk?t=83", None, None]


def test_a_sentence_that_is_not_shown_has_no_mark() -> None:
    pieces = support.divide(mark(TEXT[:30], ""), SENTENCES)
    assert [piece["mark"] and piece["mark"]["number"] for piece in pieces] == [1, None]
    assert support.divide([], SENTENCES) == []
    assert support.divide(mark(TEXT, ""), []) == [{"runs": mark(TEXT, ""), "mark": None}]


def make_report(
    root: Path, run: made_up_run.Run, where: Provenance | None, about: dict[str, object]
) -> list[str]:
    """Write a report in which the first sentence of each answer has this source; return HTML and Markdown."""
    made_up_run.make(root, run)
    rows = [
        AnswerSupport(
            set=one.set,
            id=one.id,
            contestant=name,
            sentences=[
                Sentence(
                    span=(0, min(20, len(one.prediction))),
                    counts=True,
                    source=where and Support(text=f"said {MARKUP}", provenance=where, score=1.0),
                )
            ],
        )
        for name in run.contestants
        for one in io.read_jsonl(root / f"data/predictions/{name}.jsonl", Prediction)
    ]
    io.write_jsonl(root / "data/support.jsonl", rows)
    io.write_json(root / "metrics/support.json", about)
    report.main(configure(Report), root / "metrics", root / "data", root / "params.yaml")
    return [(root / f"metrics/report.{suffix}").read_text() for suffix in ("html", "md")]


class Links(html.parser.HTMLParser):
    """The tags of a page, and the attributes of its links and marks."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.marks: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if dict(attrs).get("class", "").startswith("from"):  # type: ignore[union-attr]
            self.marks.append({"tag": tag, **dict(attrs)})


def test_a_source_links_to_its_second_and_is_quoted(tmp_path: Path) -> None:
    page, markdown = make_report(tmp_path, made_up_run.Run(), SECOND, {"units": 6})
    marks = Links(page).marks
    assert marks
    assert {mark["tag"] for mark in marks} == {"a"}
    assert {mark["href"] for mark in marks} == {"https://example.org/talk?t=83"}
    assert {mark["rel"] for mark in marks} == {"noopener noreferrer"}
    assert all((mark["title"] or "").startswith("talk, 1:23: said <script>") for mark in marks)
    assert support.LEGEND in page
    assert "Sources: sentence 1: [talk, 1:23](<https://example.org/talk?t=83>)." in markdown
    assert "that no source was found" in markdown


def test_a_sentence_without_a_source_is_marked_too(tmp_path: Path) -> None:
    page, markdown = make_report(tmp_path, made_up_run.Run(), None, {"units": 6})
    assert {mark["class"] for mark in Links(page).marks} == {"from unfound"}
    assert "Sources: sentence 1: no source." in markdown


@pytest.mark.parametrize(
    "url", ["javascript://example.org/%0aalert(3)", 'https://example.org/"><script>alert(5)</script> x', None]
)
def test_a_hostile_source_stays_text(tmp_path: Path, url: str | None) -> None:
    where = SECOND.model_copy(update={"item": f"talk {MARKUP}", "url": url})
    page, markdown = make_report(tmp_path, made_up_run.Run(hostile=True), where, {"units": 6})
    read = Links(page)
    assert read.marks
    assert not read.tags & {"script", "img"}
    assert all((mark.get("href") or "https:").startswith("https:") for mark in read.marks)
    assert "<script" not in markdown.partition("```yaml")[0], "a code block shows the parameters as they are"
    assert "javascript:" not in markdown.replace("javascript:alert(3)", "")  # an answer's own words, escaped


def test_why_there_are_no_marks_is_said(tmp_path: Path) -> None:
    page, markdown = make_report(tmp_path, made_up_run.Run(), None, {"why": "There are no sources."})
    for text in (page, markdown):
        assert "No sentence is marked by its source. There are no sources." in text
    assert support.describe({}) == ""
