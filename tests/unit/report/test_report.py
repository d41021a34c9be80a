import dataclasses
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.evaluation.answer_figures import FIGURES
from lectern.evaluation.rows import AnswerScore, RowScore
from lectern.report import drawing, figures, marking, origin, render, samples, wording
from lectern.report.inputs import Answers
from lectern.settings.report import Report
from stages import report
from tests.settings import configure
from tests.support import made_up_run
from tests.support.made_up_run import EVERYTHING, MARKUP, Run

VOID = {"meta", "br", "img", "line", "circle", "path", "rect", "link", "input", "hr", "wbr"}


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


PLAIN = Run()


def build(root: Path, run: Run = PLAIN) -> tuple[Page, str]:
    made_up_run.make(root, run)
    return rebuild(root)


def rebuild(root: Path, samples: int = 12) -> tuple[Page, str]:
    report.main(configure(Report, samples=samples), root / "metrics", root / "data", root / "params.yaml")
    page = Page((root / "metrics/report.html").read_text(encoding="utf-8"))
    return page, (root / "metrics/report.md").read_text(encoding="utf-8")


def shown(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("good")
    made_up_run.make(root, Run(gain=0.7))
    return root


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("full")
    made_up_run.make(root, EVERYTHING)
    return root


HOSTILE = dataclasses.replace(EVERYTHING, hostile=True)


@pytest.mark.parametrize("run", [Run(), EVERYTHING, HOSTILE])
def test_the_page_loads_nothing_and_runs_nothing(tmp_path: Path, run: Run) -> None:
    page, _ = build(tmp_path, run)
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
                assert re.match(r"https?://|#[a-z]+$", value or "")
            if name == "style":
                assert re.fullmatch(r"(left|bottom|width|flex):[\d.]+%?", value or "")
    assert not re.search(r"url\(|@import|@font-face", page.style)


def test_untrusted_text_is_shown_as_text(tmp_path: Path) -> None:
    page, markdown = build(tmp_path, HOSTILE)
    text = shown(page.text)
    # property: markup, template syntax, paths and closing tags in whatever others wrote are seen as written
    written = MARKUP[:25]
    for who in ("judge", "because", "Talk 14,", "Ada", "talks", "Welcome to programme 0."):
        assert f"{who} {written}" in text, who
    assert '<img src=x onerror="alert(2)"> {{ 7 * 7 }} {% raw %} ../../etc </style></pre>' in text
    assert "</pre><script>alert(4)" in text
    outside = markdown[: markdown.index("## Parameters")]
    assert "<script>alert(1)" not in outside
    assert "<img" not in outside
    assert r"\[click\](javascript:alert(3))" in outside
    assert [
        link
        for link in re.findall(r"\]\(<(.*?)>\)", markdown)
        if not re.fullmatch(r"https?://[^<>\s\"]+", link)
    ] == []


def test_a_long_answer_is_shortened_and_says_by_how_much(tmp_path: Path) -> None:
    page, markdown = build(tmp_path, HOSTILE)
    # property: of an answer of a million characters on one line only the beginning is there, in both formats
    assert "998,5" in page.text
    assert "more characters" in markdown
    assert "long" * 400 not in page.text
    assert "long" * 400 not in markdown
    assert (tmp_path / "metrics/report.html").stat().st_size < 1_000_000


def test_where_it_was_computed_is_not_shown(tmp_path: Path) -> None:
    # Property: another number of workers leaves the report's bytes as they are.
    build(tmp_path)
    pages = {path: path.read_bytes() for path in (tmp_path / "metrics").glob("report.*")}
    with (tmp_path / "params.yaml").open("a") as file:
        file.write("compute:\n  workers: 4\n")
    report.main(configure(Report), tmp_path / "metrics", tmp_path / "data", tmp_path / "params.yaml")
    assert pages == {path: path.read_bytes() for path in pages}


def test_links_go_to_the_second_and_only_to_the_web(tmp_path: Path) -> None:
    page, _ = build(tmp_path, Run(hostile=True))
    links = [
        attributes["href"]
        for tag, attributes in page.elements
        if tag == "a" and not (attributes["href"] or "").startswith("#")
    ]
    # property: javascript:, data: and no address at all become plain text
    assert set(links) == {'https://example.org/"><script>alert(5)</script>'}
    page, markdown = build(tmp_path / "plain")
    assert (
        "a",
        {"href": "https://example.org/talks/talk-01-notes?t=24", "rel": "noopener noreferrer"},
    ) in page.elements
    assert "[talk-01-notes, 0:24](<https://example.org/talks/talk-01-notes?t=24>)" in markdown
    assert "[talk-01-notes, page 4](<https://example.org/guide.pdf#page=4>)" in markdown


def test_the_same_inputs_give_the_same_bytes_and_no_path_or_time(good: Path, tmp_path: Path) -> None:
    made_up_run.make(tmp_path, Run(gain=0.7))
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
    # property: headline and table hold the metric's numbers, in both formats
    for text in (
        f"{scores['tuned']['nll']['value']:.2f} nats per token against {scores['base']['nll']['value']:.2f} for ",
        f"{-difference['value']:.2f} lower (95 % interval {-difference['high']:.2f} to {-difference['low']:.2f})",
        "On 11 held-out answers from 2 sources",
        "nearly the same words as a row that was kept",
        "train 38 from 7 sources",
        "8.2 %",
        "1 cut into 3 rows",
        "learning_rate: 0.0002",
    ):
        assert text in shown(page.text)
        assert text in shown(markdown)


SECTIONS = {
    "speech": "How well the recordings were heard",
    "train/": "Loss while training",
    "judge": "Pairs, base against tuned",
    "ratings": "The judge that curates",
    "episodes": "Episodes that the models wrote",
}


@pytest.mark.parametrize(
    "missing", [*SECTIONS, "examples", "curation", "leakage", "preflight", "generation", "conversations", ""]
)
def test_a_missing_optional_metric_leaves_its_part_out(full: Path, tmp_path: Path, missing: str) -> None:
    shutil.copytree(full, tmp_path, dirs_exist_ok=True)
    for path in (tmp_path / "metrics").rglob("*"):
        name = path.relative_to(tmp_path / "metrics").as_posix()
        if path.is_file() and name != "scores.json" and name.startswith(missing):
            path.unlink()
    page, markdown = rebuild(tmp_path)
    # property: the rest is shown, and no empty section is; `missing` of "" takes all
    for name, heading in SECTIONS.items():
        assert (
            (heading in page.text)
            == (heading in markdown)
            == (not name.startswith(missing) if missing else False)
        )
    assert ("## Where the rows went" in markdown) == bool(missing)
    assert "Answers side by side" in page.text


def test_a_run_without_judge_episodes_and_comparators_says_nothing_of_them(tmp_path: Path) -> None:
    page, markdown = build(tmp_path)
    for text in (page.text, markdown):
        # property: what was not asked for is no section, no column and no tile
        for absent in ("judge", "Episodes", "Compared with another model", "Cleaned", "reported separately"):
            assert absent not in text.replace("rated too low by the judge", "").replace(
                "rated by the judge", ""
            )


def test_curation_is_shown_by_reason_method_and_source(good: Path) -> None:
    page, markdown = rebuild(good)
    text_shown = "".join(page.text.split())
    # property: the funnel has the rows that an LLM wrote, what fell and why, and what people and the judge said
    for text in (
        "Gathered 67 with those from text · 6 by qa",
        "Kept 57 from 25 of 26 sources · 1 accepted by people · 2 rejected by people "
        "· 1 correction of rows that no longer exist · 5 of 6 rated by the judge",
        "−4 rated too low by the judge",
        "−2 rejected by a person",
    ):
        assert "".join(text.split()) in text_shown
    # property: both tables have the same rows in both formats; of many sources those that lost most are named
    for cells in (
        ("qa", "6", "2", "4 low rating"),
        ("talk-25", "3", "0", "3 near duplicate"),
        ("guide <b>", "6", "2", "4 low rating"),
        ("14 other sources", "28", "28", ""),
    ):
        assert "| " + " | ".join(cells).replace("<b>", "&lt;b&gt;") in markdown
        assert "".join("".join(cells).split()) in text_shown


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
    made_up_run.make(tmp_path, Run(rows=1, recordings=1))
    io.write_json(tmp_path / "metrics/speech.json", {"items": 0})
    io.write_json(tmp_path / "metrics/examples.json", {"items": 0, "rows": 0, "by_method": {}, "dropped": {}})
    made_up_run.write_curve(tmp_path, "train_loss", {4: 2.5})
    made_up_run.write_curve(tmp_path, "validation_loss", {3: float("nan")})
    page, markdown = rebuild(tmp_path)
    # property: one row, one loss, no speech: no interval is invented and nothing divides by zero
    assert "How well the recordings were heard" not in page.text
    assert "with too few rows for an interval" in markdown
    assert "train: 2.500 at the end" in page.text


def test_samples_are_counted_and_say_why(tmp_path: Path) -> None:
    made_up_run.make(tmp_path, Run(rows=30))
    page, markdown = rebuild(tmp_path, samples=8)
    # property: as many as asked for, and the page says which were taken for what
    assert sum(tag == "article" for tag, _ in page.elements) == 8 + len(("least", "middle", "most"))
    how = re.search(r"8 of 30 questions of the held-out answers: (.*)\.", markdown)
    assert how is not None
    assert sum(int(n) for n in re.findall(r"(\d+) (?:among|drawn)", how[1])) == 8
    assert shown(page.text).count("among the largest gains in likelihood") == 2 + 1
    assert "## Answers side by side" not in rebuild(tmp_path, samples=0)[1]


def rows_with_gains(gains: list[float]) -> list[Answers]:
    def score(nll: float) -> AnswerScore:
        return AnswerScore(
            nll=nll, tokens=10, words=1, distinct1=1.0, distinct2=None, fourgrams=0, repeated_fourgrams=0,
            copied_words=0, longest_copy=0, finished=True,
        )  # fmt: skip

    return [
        Answers(
            RowScore(
                id=str(i), set="held_out", item="a", reference_words=1, reference_bytes=1,
                answers={"base": score(20 + 10 * gain), "tuned": score(20)},
            ),
            {},
        )
        for i, gain in enumerate(gains)
    ]  # fmt: skip


def test_samples_are_the_largest_gains_and_losses_and_an_even_rest() -> None:
    gains = [0.1, -0.5, 0.9, 0.2, 0.3, -0.1, 0.8, 0.0, 0.05, 0.06, 0.07, 0.08]
    chosen = samples.choose(rows_with_gains(gains), 8)
    # property: two of each end, largest first, and four more from the first to the last of the others
    assert chosen[:4] == [(2, samples.GAIN), (6, samples.GAIN), (1, samples.LOSS), (5, samples.LOSS)]
    assert [i for i, _ in chosen[4:]] == [0, 4, 9, 11]
    assert {why for _, why in chosen[4:]} == {samples.EVENLY}
    # property: a gain is never shown as a loss, and no row twice
    only_gains = samples.choose(rows_with_gains([0.1 * i for i in range(1, 13)]), 8)
    assert samples.LOSS not in {why for _, why in only_gains}
    assert len({i for i, _ in only_gains}) == 8


@pytest.mark.parametrize(
    ("said", "true", "marked"),
    [
        ("Fix the seed, then run.", "You fix a seed and run", "Fix| the |seed|, then |run|."),
        ("Фикс Seed!", "фикс, SEED?", "Фикс Seed|!"),
        ("种子要固定", "种子先固定", "种子|要|固定"),
        ("nothing alike", "Кот", "nothing alike"),
        ("", "word", ""),
        ("हिन्दी में", "हिन्दी है", "हिन्दी| में"),
    ],
)
def test_words_that_both_say_are_marked(said: str, true: str, marked: str) -> None:
    runs = marking.mark(said, true)
    # property: the longest common word sequence, whatever the script, case and punctuation
    assert "|".join(str(run["text"]) for run in runs) == marked
    assert [run["same"] for run in runs] == [
        bool(runs) and runs[0]["same"] != bool(k % 2) for k in range(len(runs))
    ]
    assert all(run["same"] == (str(run["text"]).strip(" .,!?") != "" and run["same"]) for run in runs)


@given(st.text(alphabet="ab c.,'é漢字ก\n"), st.text(alphabet="ab c.,'é漢字ก\n"))
def test_marking_changes_no_character(said: str, true: str) -> None:
    # property: the runs joined are the text, and a text shares all its words with itself
    assert "".join(str(run["text"]) for run in marking.mark(said, true)) == said
    left_out = [run["text"] for run in marking.mark(said, said) if not run["same"]]
    assert not re.search(r"\w", "".join(map(str, left_out)))


def test_marked_words_are_those_that_rouge_l_counts() -> None:
    from rouge_score.rouge_scorer import RougeScorer

    said, true = "the cat sat on the mat and then the dog", "on the mat the cat and the dog sat"
    same = " ".join(str(run["text"]) for run in marking.mark(said, true) if run["same"])
    overlap = RougeScorer(["rougeL"]).score(true, said)["rougeL"]
    # property: as many words as the longest common subsequence of ROUGE-L, by the library that scores use
    assert len(same.split()) == round(overlap.precision * 10) == round(overlap.recall * 9)


def test_scores_of_other_predictions_are_an_error(tmp_path: Path) -> None:
    made_up_run.make(tmp_path)
    path = tmp_path / "data/predictions/tuned.jsonl"
    path.write_text("\n".join(path.read_text().splitlines()[1:]) + "\n")
    # property: a report never mixes two runs
    with pytest.raises(LecternError, match="the predictions of tuned do not"):
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
            "On 11 held-out answers from 2 sources the tuned model's negative log-likelihood is 1.92 nats per token "
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
            "On 1 held-out answer from 1 source the tuned model's negative log-likelihood is 2.21 nats per token "
            "against 2.71 for the base: 0.50 lower, with too few rows for an interval.",
        ),
        (
            scores_of(-0.0123, -0.02, -0.004),
            "2.6977 nats per token against 2.7100 for the base: 0.0123 lower",
        ),
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
    assert all(
        float(scale.label(tick).replace(",", "")) == pytest.approx(tick, abs=1e-9 + 1e-6 * abs(tick))
        for tick in scale.ticks
    )


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


def judged(tmp_path: Path, judge: str) -> tuple[Page, str]:
    return build(tmp_path, dataclasses.replace(EVERYTHING, judge=judge))


def test_a_trusted_judge_speaks_in_the_headline(tmp_path: Path) -> None:
    page, markdown = judged(tmp_path, "trusted")
    # property: with its agreement, its number of pairs and the interval
    sentence = (
        "The judge, whose agreement with people is kappa 0.62 on 60 labels, prefers the tuned model: the tuned one "
        "wins 71 % of 24 pairs (55 to 86 %), where a tie counts half."
    )
    assert sentence in shown(page.text)
    assert sentence in markdown
    assert "Preferred by the judge, of 24" in page.text
    assert not [at for tag, at in page.elements if "untrusted" in (at.get("class") or "")]


@pytest.mark.parametrize(
    ("judge", "why"),
    [("random", "agrees with people no better than chance"), ("new", "has not been compared with people")],
)
def test_an_untrusted_judge_is_grey_and_in_no_headline(tmp_path: Path, judge: str, why: str) -> None:
    page, markdown = judged(tmp_path, judge)
    html = (tmp_path / "metrics/report.html").read_text()
    header = html[: html.index("</header>")]
    # property: nothing of it above the first section, the reason in view, every figure of it inside a grey part
    assert "judge" not in header[header.index("<h1>") : header.index("<nav")]
    assert "prefer" not in markdown[: markdown.index("## Scores")]
    for text in (page.text, markdown):
        assert f"This judge {why}. Its figures are therefore grey, and no headline uses them." in shown(text)
    assert html.count('class="kind untrusted"') >= 2
    assert 'class="kind"' not in html
    assert '<span class="verdict">' not in html
    assert ", better" not in html[html.index("Rubric, one answer") : html.index("Answers side by side")]


def test_a_judge_without_a_word_on_trust_is_not_trusted(tmp_path: Path) -> None:
    made_up_run.make(tmp_path, dataclasses.replace(EVERYTHING, judge="trusted"))
    path = tmp_path / "metrics/judge.json"
    metric = json.loads(path.read_text())
    io.write_json(path, {key: value for key, value in metric.items() if key not in ("trusted", "why")})
    # property: a missing key is no trust
    assert "This judge has not been compared with people" in rebuild(tmp_path)[1]


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.4, 0.8, "does not clearly prefer either model"),
        (0.5, 0.8, "does not clearly prefer either model"),
        (0.2, 0.45, "prefers the base"),
        (0.55, 0.9, "prefers the tuned model"),
        (None, None, "too few for an interval"),
    ],
)
def test_a_preference_needs_an_interval_beside_a_half(
    low: float | None, high: float | None, said: str
) -> None:
    found = {"win_rate": made_up_run.interval(0.6, low, high, 9), "wins": 5, "ties": 1, "losses": 3}
    # property: never more than the interval says
    assert said in wording.preference(found, {"kappa": made_up_run.interval(0.6, 0.4, 0.8, 60)})


def test_each_set_is_reported_apart_with_its_n(full: Path) -> None:
    page, markdown = rebuild(full)
    # property: the headline set rests on its own rows only, and the others are named with theirs
    own = wording.headline(json.loads((full / "metrics/scores.json").read_text()))
    assert own.startswith(
        "On 24 held-out answers from 2 sources the tuned model's negative log-likelihood is "
    )
    assert own in markdown
    assert (
        "The model was shown 24 held-out answers from 2 sources (recordings or documents) that the training never saw"
        in markdown
    )
    for heading, rows in (
        ("## Scores on the held-out answers", "24 held-out answers from 2 sources."),
        ("## Scores on the held-out dialogues", "6 last answers of held-out dialogues from 2 sources."),
        ("## Scores on the talks", "8 answers of talks from 1 source."),
    ):
        assert f"{heading}\n\n{rows}" in markdown
        assert rows.removesuffix(".") in shown(page.text)
    # property: questions without a true answer are shown, and both answers compared with each other
    html = (full / "metrics/report.html").read_text()
    unknown = [article for article in html.split("<article")[1:] if "not known" in article]
    assert unknown
    assert any("<mark>" in article for article in unknown)


def test_another_tokenizers_likelihood_gets_no_verdict(full: Path) -> None:
    _, markdown = rebuild(full)
    tables = {
        name: markdown[markdown.index(f"Compared with another model, {name}") :]
        for name in ("before", "qwen")
    }
    # property: an adapter of the same base is compared by likelihood, another model is not
    assert re.search(r"Negative log-likelihood .* other tokens \|", tables["qwen"].split("\n\n")[1])
    assert "other tokens" not in tables["before"].split("\n\n")[1]


def test_what_has_no_interval_is_grey(tmp_path: Path) -> None:
    page, _ = build(tmp_path, Run(rows=4))
    classes = [(attributes.get("class") or "").split() for _, attributes in page.elements]
    # property: with four rows nothing has an interval, and everything is grey
    assert all("unsure" in names for names in classes if "figure" in names or "tile" in names)
    page, _ = build(tmp_path, Run(rows=24, gain=0.7))
    classes = [(attributes.get("class") or "").split() for _, attributes in page.elements]
    assert not any("unsure" in names for names in classes)


@pytest.mark.parametrize(
    ("name", "said"), [("held_out", "sources that it never saw"), ("talks", "answers of talks")]
)
def test_the_title_names_what_was_asked(name: str, said: str) -> None:
    # property: an evaluation set is never called held out
    assert said in wording.title({**scores_of(-0.5, -0.6, -0.4), "set": name})
    few = wording.title({**scores_of(-0.5, None, None), "set": name})
    assert ("held-out answers" if name == "held_out" else said) in few


@pytest.mark.parametrize(
    ("bounds", "verdict"),
    [
        ((-0.2, -0.1), "better"),
        ((0.1, 0.2), "worse"),
        ((-0.1, 0.2), "may be chance"),
        ((0.0, 0.0), "no difference"),
        ((None, None), "no interval"),
    ],
)
def test_what_is_said_of_a_difference(bounds: tuple[float | None, float | None], verdict: str) -> None:
    difference = made_up_run.interval(0.0, *bounds, 9)
    # property: a verdict only from an interval beside zero, and no better or worse where no direction is good
    assert figures.tell(FIGURES["nll"], difference)["verdict"] == verdict
    assert figures.tell(FIGURES["words"], difference)["verdict"] not in ("better", "worse")


def test_speakers_and_hours_are_shown_by_source(full: Path) -> None:
    page, markdown = rebuild(full)
    # property: the longest first, each speaker's own time, the rest summed up
    assert (
        "| Talk 14: what it takes to know | 6.3 min | Joe (main) 2.2 min; Ada (host) 40 s | 0 |" in markdown
    )
    assert "| Talk 5: what it takes to know | 3.3 min |" in markdown
    assert "| 4 other recordings | 10.0 min |  | 9 |" in markdown
    assert "14 recordings, 58.3 min" in shown(page.text)


def test_episodes_stand_side_by_side(full: Path) -> None:
    page, markdown = rebuild(full)
    text = shown(page.text)
    turns = [at for _, at in page.elements if (at.get("class") or "").startswith("turn ")]
    # property: of two episodes the first 16 turns by each model; figures in both formats, ends and cut turns said
    assert "| **Role tags** (stray or unclosed ones in a turn; lower is better) | 0.400 | 0.050 |" in markdown
    assert len(turns) == 2 * 2 * 16
    for said in (
        "Welcome to programme 0. with Joe",
        "… 4 more turns. 20 turns, ended with a closing.",
        "20 turns, stopped at the limit of turns.",
        "guest, cut at the length limit",
    ):
        assert said in text


def test_git_finds_the_commit_of_a_report(good: Path, tmp_path: Path) -> None:
    rebuild(good)
    html = (good / "metrics/report.html").read_text()
    repository = tmp_path / "repository"
    (repository / "metrics").mkdir(parents=True)

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "core.autocrlf=false")
        return subprocess.run(
            ["git", *who, *arguments], cwd=repository, check=True, capture_output=True, text=True
        ).stdout

    git("init", "--quiet")
    for subject, content in (
        ("before", b"{}\n"),
        ("this run", (good / "metrics/scores.json").read_bytes()),
        ("after", b"[]\n"),
    ):
        (repository / "metrics/scores.json").write_bytes(content)
        git("add", ".")
        git("commit", "--quiet", "-m", subject)
    command = re.search(r"<pre>git (log --all --oneline --find-object=[0-9a-f]{40})</pre>", html)
    assert command is not None
    # property: the command of the page names the commit that brought these scores (and the one that replaced them)
    assert [line.split(" ", 1)[1] for line in git(*command[1].split()).splitlines()] == ["after", "this run"]


def test_versions_are_those_that_are_installed(good: Path) -> None:
    page, markdown = rebuild(good)
    versions = dict(origin.list_versions())
    # property: python and the libraries, in both formats
    assert {"Python", "torch", "transformers", "dvc"} <= set(versions)
    for name, version in versions.items():
        assert f"{name} {version}" in shown(page.text)
        assert name in markdown


@pytest.mark.parametrize(
    ("whole", "kept", "more"),
    [
        ("short", "short", ""),
        ("a" * 50_000, "a" * 100, "49,900 more characters"),
        ("a\n" * 60, "a\n" * 39 + "a", "41 more characters"),
        ("a" * 101, "a" * 100, "1 more character"),
        ("a" * 100 + "\n\n", "a" * 100, ""),
        ("", "", ""),
    ],
)
def test_texts_are_shortened_with_a_count(whole: str, kept: str, more: str) -> None:
    # property: what is left out is counted, and blank ends are nothing
    assert wording.shorten(whole, 100) == {"text": kept, "more": more}


@pytest.mark.parametrize(
    ("value", "text_"), [(0.364, "36 %"), (0.025, "2.5 %"), (0, "0 %"), (1, "100 %"), (0.0996, "10 %")]
)
def test_shares_have_no_false_digits(value: float, text_: str) -> None:
    assert wording.share(value) == text_
