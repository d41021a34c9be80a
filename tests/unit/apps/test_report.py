import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from stages import report
from stages.apps.report import drawing, render, wording
from stages.core import io
from stages.core.errors import LecternError
from tests.unit.apps import made_up_run

VOID = {"meta", "br", "img", "line", "circle", "path", "link", "input", "hr"}


class Page(HTMLParser):
    """Elements with their attributes, the text that is shown, and whether every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.style, self.open = "", "", list[str]()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.text += data


def build(root: Path, **options: object) -> tuple[Page, str]:
    made_up_run.make(root, **options)  # type: ignore[arg-type]
    return rebuild(root)


def rebuild(root: Path, samples: int = 12) -> tuple[Page, str]:
    report.main(report.ReportParams(samples=samples), root / "metrics", root / "data", root / "params.yaml")
    page = Page((root / "metrics/report.html").read_text(encoding="utf-8"))
    return page, (root / "metrics/report.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("good")
    made_up_run.make(root, gain=0.7)
    return root


@pytest.mark.parametrize("hostile", [False, True])
def test_the_page_loads_nothing_and_runs_nothing(tmp_path: Path, hostile: bool) -> None:
    page, _ = build(tmp_path, hostile=hostile)
    # property: no element that fetches or runs, no attribute that does, links to http(s) only, nothing left open
    assert page.open == []
    assert {tag for tag, _ in page.elements} & {
        "script",
        "img",
        "link",
        "iframe",
        "object",
        "base",
        "form",
        "use",
    } == set()
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name not in {"src", "srcset", "xlink:href", "action"}
            if name == "href":
                assert tag == "a"
                assert re.match(r"https?://", value or "")
            if name == "style":
                assert re.fullmatch(r"(left|bottom|width|flex):[\d.]+%?", value or "")
    assert not re.search(r"url\(|@import|@font-face", page.style)


def test_untrusted_text_is_shown_as_text(tmp_path: Path) -> None:
    page, markdown = build(tmp_path, hostile=True)
    # property: markup, template syntax and closing tags in questions, answers and parameters are seen as written
    for text in (
        "<script>alert(1)</script> {{ 7 * 7 }}",
        '<img src=x onerror="alert(2)"> {% raw %}',
        "</pre><script>alert(4)",
    ):
        assert text in page.text
    outside = markdown[: markdown.index("## Parameters")]
    assert "<script>alert(1)" not in outside
    assert "<img" not in outside
    assert r"\[click\](javascript:alert(3))" in outside
    assert [
        link
        for link in re.findall(r"\]\(<(.*?)>\)", markdown)
        if not re.fullmatch(r"https?://[^<>\s\"]+", link)
    ] == []


def test_where_it_was_computed_is_not_shown(tmp_path: Path) -> None:
    # Property: another number of workers leaves the report's bytes as they are.
    build(tmp_path)
    pages = {path: path.read_bytes() for path in (tmp_path / "metrics").glob("report.*")}
    with (tmp_path / "params.yaml").open("a") as file:
        file.write("compute:\n  workers: 4\n")
    report.main(report.ReportParams(), tmp_path / "metrics", tmp_path / "data", tmp_path / "params.yaml")
    assert pages == {path: path.read_bytes() for path in pages}


def test_links_go_to_the_second_and_only_to_the_web(tmp_path: Path) -> None:
    page, _ = build(tmp_path, hostile=True)
    links = [attributes["href"] for tag, attributes in page.elements if tag == "a"]
    # property: javascript:, data: and no address at all become plain text
    assert set(links) == {'https://example.org/"><script>alert(5)</script>'}
    page, markdown = build(tmp_path / "plain")
    assert (
        "a",
        {"href": "https://example.org/talks/talk-01-notes?t=24", "rel": "noopener noreferrer"},
    ) in page.elements
    assert "[talk-01-notes, 0:24](<https://example.org/talks/talk-01-notes?t=24>)" in markdown


def test_the_same_inputs_give_the_same_bytes_and_no_path_or_time(good: Path, tmp_path: Path) -> None:
    made_up_run.make(tmp_path, gain=0.7)
    rebuild(good)
    rebuild(tmp_path)
    for name in ("report.html", "report.md"):
        once, again = ((root / "metrics" / name).read_bytes() for root in (good, tmp_path))
        # property: two builds in two places agree to the byte
        assert once == again
        assert str(good).encode() not in once
        assert not re.search(rb"20\d\d-\d\d-\d\d", once)


def test_what_is_shown_is_what_was_measured(good: Path) -> None:
    page, markdown = rebuild(good)
    scores = json.loads((good / "metrics/scores.json").read_text())
    difference = scores["difference"]["nll"]
    shown = " ".join(page.text.split())
    # property: headline and table hold the metric's numbers, in both formats
    for text in (
        f"{scores['tuned']['nll']['value']:.2f} nats a token against {scores['base']['nll']['value']:.2f} for the base",
        f"{-difference['value']:.2f} lower (95 % interval {-difference['high']:.2f} to {-difference['low']:.2f})",
        "On 11 held-out answers from 2 sources",
        "nearly the same words as a row that was kept",
        "train 38 from 7 sources",
        "8.2 %",
        "1 cut into 3 rows",
        "learning_rate: 0.0002",
    ):
        assert text in shown
        assert text in " ".join(markdown.split())


@pytest.mark.parametrize(
    "missing", ["speech", "examples", "curation", "leakage", "preflight", "curves", "all"]
)
def test_a_missing_optional_metric_leaves_its_part_out(tmp_path: Path, missing: str) -> None:
    made_up_run.make(tmp_path)
    for path in (tmp_path / "metrics").rglob("*"):
        name = path.relative_to(tmp_path / "metrics").with_suffix("").as_posix()
        kind = "curves" if name.startswith("train/") else name
        if path.is_file() and name != "scores" and missing in (kind, "all"):
            path.unlink()
    page, markdown = rebuild(tmp_path)
    # property: the rest is shown, and no empty section is
    assert ("How well the recordings were heard" in page.text) == (missing not in ("speech", "all"))
    assert ("## Loss while training" in markdown) == (missing not in ("curves", "all"))
    assert ("## Where the rows went" in markdown) == (missing != "all")
    assert "Answers side by side" in page.text


def test_curation_is_shown_by_reason_method_and_source(good: Path) -> None:
    page, markdown = rebuild(good)
    shown = "".join(page.text.split())
    # property: the funnel has the rows that an LLM wrote, what fell and why, and what people and the judge said
    for text in (
        "Gathered 67 with those from text · 6 by qa",
        "Kept 57 from 25 of 26 sources · 1 accepted by people · 2 rejected by people "
        "· 1 correction of rows that are gone · 5 of 6 rated by the judge",
        "−4 rated too low by the judge",
        "−2 rejected by a person",
    ):
        assert "".join(text.split()) in shown
    # property: both tables have the same rows in both formats; of many sources those that lost most are named
    for cells in (
        ("qa", "6", "2", "4 low rating"),
        ("talk-25", "3", "0", "3 near duplicate"),
        ("guide <b>", "6", "2", "4 low rating"),
        ("14 other sources", "28", "28", ""),
    ):
        assert "| " + " | ".join(cells).replace("<b>", "&lt;b&gt;") in markdown
        assert "".join("".join(cells).split()) in shown


def test_curation_of_an_older_run_is_no_crash(tmp_path: Path) -> None:
    made_up_run.make(tmp_path)
    old = {
        "rows_in": 61,
        "rows_out": 57,
        "dropped": {"near_duplicate": 4},
        "by_method": {"dialogue": {"in": 61, "out": 57}},
    }
    io.write_json(tmp_path / "metrics/curation.json", old)
    # property: what a metric does not have is not shown
    assert "| dialogue | 61 | 57 |  |" in rebuild(tmp_path)[1]


def test_metrics_of_nothing_are_no_crash(tmp_path: Path) -> None:
    made_up_run.make(tmp_path, rows=1, recordings=1)
    io.write_json(tmp_path / "metrics/speech.json", {"items": 0})
    io.write_json(tmp_path / "metrics/examples.json", {"items": 0, "rows": 0, "by_method": {}, "dropped": {}})
    made_up_run.write_curve(tmp_path, "train_loss", {4: 2.5})
    made_up_run.write_curve(tmp_path, "validation_loss", {3: float("nan")})
    page, markdown = rebuild(tmp_path)
    # property: one row, one loss, no speech: no interval is invented and nothing divides by zero
    assert "How well the recordings were heard" not in page.text
    assert "on too few rows for an interval" in markdown
    assert "train: 2.500 at the end" in page.text


def test_samples_are_drawn_evenly(tmp_path: Path) -> None:
    made_up_run.make(tmp_path, rows=30)
    page, _ = rebuild(tmp_path, samples=4)
    # property: as many as asked for, the first and the last among them, and the page says that they are not chosen
    assert sum(tag == "article" for tag, _ in page.elements) == 4
    assert "4 of 30 held-out questions, drawn evenly over all of them and not chosen" in page.text
    assert "## Answers side by side" not in rebuild(tmp_path, samples=0)[1]


def test_scores_of_other_predictions_are_an_error(tmp_path: Path) -> None:
    made_up_run.make(tmp_path)
    path = tmp_path / "data/predictions/tuned.jsonl"
    path.write_text("\n".join(path.read_text().splitlines()[1:]) + "\n")
    # property: a report never mixes two runs
    with pytest.raises(LecternError, match="the predictions of tuned have not"):
        rebuild(tmp_path)


def test_a_malformed_loss_table_is_named(tmp_path: Path) -> None:
    made_up_run.make(tmp_path)
    io.write_text(tmp_path / "metrics/train/plots/metrics/train_loss.tsv", "step\ttrain_loss\n1\thigh\n")
    # property: file and line
    with pytest.raises(LecternError, match=r"train_loss\.tsv:2: expected the columns"):
        rebuild(tmp_path)


def scores_of(
    value: float, low: float | None, high: float | None, rows: int = 11, recordings: int = 2
) -> dict:
    return {
        "base": {"nll": {"value": 2.71}},
        "tuned": {"nll": {"value": 2.71 + value}},
        "difference": {"nll": {"value": value, "low": low, "high": high}},
        "rows": rows,
        "recordings": recordings,
        "confidence": 0.95,
    }


@pytest.mark.parametrize(
    ("scores", "sentence"),
    [
        (
            scores_of(-0.79, -0.95, -0.61),
            "On 11 held-out answers from 2 sources the tuned model's negative log-likelihood is 1.92 nats a token "
            "against 2.71 for the base: 0.79 lower (95 % interval 0.61 to 0.95).",
        ),
        (scores_of(0.2, 0.1, 0.3), "0.20 higher (95 % interval 0.10 to 0.30), so the tuning made it worse."),
        (
            scores_of(-0.05, -0.12, 0.02),
            "0.050 lower, which may well be chance (95 % interval from 0.120 lower to 0.020 higher).",
        ),
        (
            scores_of(0.0, -0.1, 0.1),
            "no different, which may well be chance (95 % interval from 0.10 lower to 0.10 higher).",
        ),
        (
            scores_of(-0.5, None, None, 1, 1),
            "On 1 held-out answer from 1 source the tuned model's negative log-likelihood is 2.21 nats a token "
            "against 2.71 for the base: 0.50 lower, on too few rows for an interval.",
        ),
        (scores_of(-0.0123, -0.02, -0.004), "2.6977 nats a token against 2.7100 for the base: 0.0123 lower"),
    ],
)
def test_the_headline_says_no_more_than_the_figures(scores: dict, sentence: str) -> None:
    # property: an interval that holds zero is chance, a higher likelihood loss is worse, small differences keep digits
    assert sentence in wording.headline(scores)


@pytest.mark.parametrize(
    ("low", "high", "lower_is_better", "verdict"),
    [
        (-2, -1, True, "better"),
        (-2, -1, False, "worse"),
        (1, 2, True, "worse"),
        (0, 1, False, "unclear"),
        (-1, 1, True, "unclear"),
    ],
)
def test_verdicts(low: float, high: float, lower_is_better: bool, verdict: str) -> None:
    # property: the direction counts, and touching zero is unclear
    assert wording.judge({"low": low, "high": high}, lower_is_better) == verdict


@pytest.mark.parametrize("values", [[0.0], [2.0, 2.0], [0.1, 0.9], [-3, 1e6], [1e-9, 2e-9], [2.713, 1.92]])
@pytest.mark.parametrize("from_zero", [False, True])
def test_a_scale_holds_its_values_between_round_ticks(values: list[float], from_zero: bool) -> None:
    scale = drawing.scale(values, from_zero=from_zero)
    # property: every value lies inside, ticks are few, evenly apart, distinct as written, and reach both ends
    assert all(-1e-6 <= scale.at(value) <= 100 + 1e-6 for value in values)
    assert 2 <= len(scale.ticks) <= 7
    assert (scale.at(scale.ticks[0]), scale.at(scale.ticks[-1])) == (0, 100)
    assert len({scale.label(tick) for tick in scale.ticks}) == len(scale.ticks)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# heading", r"\# heading"),
        ("- list\nmore", r"\- list more"),
        ("a|b `c` *d* _e_ [f](g)", r"a\|b \`c\` \*d\* \_e\_ \[f\](g)"),
        ("see https://x.org and www.y.org", r"see https\://x.org and www\.y.org"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("plain - with. dots + 1.5!", "plain - with. dots + 1.5!"),
        ("+0.49 and #1", "+0.49 and #1"),
        ("8.2 %", "8.2 %"),
        ("2. second", r"2\. second"),
        ("---", r"\---"),
        ("===", r"\==="),
    ],
)
def test_markdown_is_escaped_where_it_would_act(text: str, shown: str) -> None:
    # property: nothing acts as markup, and plain prose stays legible
    assert render.escape_markdown(text) == shown


def test_parameters_cannot_close_their_block() -> None:
    # property: the fence is longer than any run of backticks inside
    assert render.fence_markdown("a: ```` \nb: 1").startswith("`````yaml\n")
