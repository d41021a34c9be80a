"""`lectern compare --fail-if`: conditions on two revisions, and the Markdown as a comment of a pull request."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import BASE, TUNED, WITH_SOURCES
from lectern.evaluation import reruns
from lectern.evaluation.answer_figures import FIGURES
from lectern.evaluation.reruns import Rerun, RerunFigure
from lectern.evaluation.rows import RowScore
from lectern.tools import compare
from lectern.tools import main as cli
from lectern.tools.gating import comment, conditions, questions
from tests.support import made_up_runs as runs

QUESTIONS = [f"What is number {number}?" for number in range(8)]
NLL = {question: 4.0 + 0.01 * number for number, question in enumerate(QUESTIONS)}
SHIFTED = {question: value + 0.3 + 0.02 * number for number, (question, value) in enumerate(NLL.items())}
SCATTERED = {question: value + (-1) ** number for number, (question, value) in enumerate(NLL.items())}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`main`; `worse`, by likelihood and ROUGE; `scattered`, which is both by turns."""
    root = tmp_path_factory.mktemp("gated") / "repository"
    runs.start(root)
    runs.write_run(root, questions=QUESTIONS, nll=NLL)
    runs.commit(root, "The first run")
    branches: dict[str, dict[str, Any]] = {
        "worse": {"nll": SHIFTED, "rouge": 0.1},
        "scattered": {"nll": SCATTERED},
    }
    for name, what in branches.items():
        runs.call(root, "git", "checkout", "-q", "-b", name, "main")
        runs.write_run(root, questions=QUESTIONS, **what)
        runs.commit(root, f"The run of {name}")
    runs.call(root, "git", "checkout", "-q", "main")
    runs.call(root, "dvc", "checkout", "-q")
    return root


@pytest.fixture
def here(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to work in."""
    root = tmp_path / "repository"
    shutil.copytree(repository, root, symlinks=True)
    monkeypatch.chdir(root)
    return root


def check(*fail_if: str, base: str = "main", head: str | None = None) -> list[str]:
    """The sentences on the conditions that failed."""
    return compare.check(base, head, Path("metrics/comparison"), fail_if)[1]


def call(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["compare", *arguments])
    return ended.value.code


def test_a_regression_ends_with_a_status_of_its_own_and_a_sentence(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = (
        "--fail-if",
        "Likelihood  worse",
        "--fail-if",
        "rouge-l not better",
        "--fail-if",
        "finished worse",
    )
    assert call("main", "worse", *wanted) == compare.FAILED
    *_, likelihood, rouge = capsys.readouterr().out.splitlines()
    # property: one sentence for each condition that failed, with both values and the interval
    assert re.fullmatch(
        r"likelihood worse: failed; worse is worse than main: Negative log-likelihood 4\.0\d → 4\.41, \+0\.37 "
        r"\(95 % interval over answers \+0\.3\d to \+0\.4\d\), on 8 held-out answers\.",
        likelihood,
    )
    assert rouge.startswith("rouge-l not better: failed; worse is worse than main: ROUGE-L 0.200 → 0.100")
    markdown = (here / "metrics/comparison/comparison.md").read_text()
    assert markdown.index("## Conditions") < markdown.index("## Scores")
    assert "finished worse: passed" in markdown
    assert call("worse", "main", *wanted[:4]) == 0


def test_chance_is_not_worse_and_not_better_either(here: Path) -> None:
    assert check("likelihood worse", head="scattered") == []
    (sentence,) = check("likelihood not better", head="scattered")
    assert "the difference between main and scattered may be chance" in sentence


def test_a_condition_says_what_the_comparison_says(here: Path) -> None:
    directed = [figure for figure in FIGURES.values() if figure.lower_is_better is not None]
    failed = check(*(f"{figure.name} worse" for figure in directed), head="worse")
    table = (here / "metrics/comparison/comparison.md").read_text().partition("## Scores")[2]
    said = re.findall(r"(?m)^\| ([^|]+) \|.*\| worse \| \d+ \|$", table.partition("\n## ")[0])
    # property: the same verdict on every figure, from the same rows
    assert [one.partition(" worse: failed")[0] for one in failed] == [name.lower() for name in said]
    assert len(said) >= 5


def test_seeds_that_scatter_take_a_regression_back(here: Path) -> None:
    runs.write_run(here, questions=QUESTIONS, nll=SHIFTED)
    assert len(check("likelihood worse", "carrying over worse")) == 2
    content = (here / "metrics/scores.json").read_bytes()
    scores = runs.read(here, "metrics/scores.json")
    value = scores[TUNED]["nll"]["value"]
    others = [
        Rerun(run="x", seed=seed, sets={"held_out": {"nll": RerunFigure(value=value + (-1) ** seed, n=8)}})
        for seed in (1, 2, 3)
    ]
    summary = reruns.summarise_seeds(scores, reruns.name_scores(content), 0, others)
    io.write_json(here / reruns.SEEDS, summary)
    # property: beyond rows is not enough where trainings differ by more
    assert check("likelihood worse", "carrying over worse") == []


def write(root: Path, name: str, content: dict[str, Any]) -> None:
    io.write_json(root / f"metrics/{name}.json", {"confidence": 0.95, **content})


def part(value: float, by: float) -> dict[str, Any]:
    return {"value": value, "low": value - by, "high": value + by, "n": 20}


def write_gains(root: Path, likeness: float, loss: float) -> None:
    """What the tuning gained in likeness, and what it cost in the likelihood of general text."""
    apart = {"told_apart": {**part(0.9, 0.05)}}
    write(root, "likeness", {"difference": {TUNED: part(likeness, 0.05)}, **apart})
    write(root, "forgetting", {"text": {"difference": {"nll": part(loss, 0.01)}}})


def test_the_questions_are_judged_by_the_gains_of_both_runs(here: Path) -> None:
    assert check("likeness worse", "forgetting worse") == [], "nothing was measured"
    assert len(check("likeness not better", "forgetting not better")) == 2
    write_gains(here, 0.4, 0.02)
    runs.commit(here, "Measure more")
    write_gains(here, 0.2, 0.2)
    likeness, forgetting = check("likeness worse", "forgetting worse", base="HEAD")
    assert (
        "likeness above the base +40 → +20 points, −20 points (95 % interval −27 to −13 points)" in likeness
    )
    assert "general text, change by the tuning +0.020 → +0.200, +0.180" in forgetting
    # property: likeness by passages of another length is another figure
    found = runs.read(here, "metrics/likeness.json")
    write(here, "likeness", {**found, "pool_words": 300})
    assert len(check("likeness worse", "forgetting worse", base="HEAD")) == 1
    # property: two intervals that leave zero open are no regression
    write_gains(here, 0.36, 0.025)
    assert check("likeness worse", "forgetting worse", base="HEAD") == []


def test_what_is_known_is_compared_on_the_questions_of_both(here: Path) -> None:
    rows = [runs.example(question, "talk").id for question in QUESTIONS]
    write(here, "knowledge", {"trained": {"questions": [["held_out", id] for id in rows[:7]]}})
    runs.commit(here, "Ask about what was trained")
    runs.write_run(here, questions=QUESTIONS, nll={**NLL, **{one: 4.5 for one in QUESTIONS[:6]}})
    write(here, "knowledge", {"trained": {"questions": [["held_out", id] for id in rows[:6]]}})
    (sentence,) = check("knowledge worse", base="HEAD")
    # property: of 8 questions the six count that both runs were trained on
    assert "on 6 held-out answers" in sentence


def test_what_is_known_counts_in_every_set_that_has_such_a_question(here: Path) -> None:
    def measure(shift: float) -> None:
        """Two sets that name their rows alike, of eight and of four."""
        runs.write_run(here, questions=QUESTIONS, nll={name: nll + shift for name, nll in NLL.items()})
        rows = io.read_jsonl(here / "data/scores.jsonl", RowScore)
        more = [row.model_copy(update={"set": "people"}) for row in rows[:4]]
        io.write_jsonl(here / "data/scores.jsonl", [*rows, *more])
        asked = [[row.set, row.id] for row in [*rows[:6], *more]]
        write(here, "knowledge", {"trained": {"questions": asked}})

    measure(0.0)
    runs.commit(here, "Ask two sets about what was trained")
    measure(0.5)
    (sentence,) = check("knowledge worse", base="HEAD")
    assert "+0.50" in sentence
    assert "on 10 held-out answers" in sentence


@pytest.mark.parametrize(
    ("tokens", "by"), [(10, "Negative log-likelihood beyond"), (12, "ROUGE-L beyond the base with a search")]
)
def test_looking_it_up_is_compared_by_a_figure_that_both_runs_share(here: Path, tokens: int, by: str) -> None:
    def measure(nll: float, rouge: float) -> None:
        """By how much the tuned model alone is ahead of the base with a search."""
        ahead = {"difference": {"nll": part(nll, 0.01), "rougeL": part(rouge, 0.01)}}
        write(here, "knowledge", {"trained": {"comparators": {BASE + WITH_SOURCES: ahead}}})

    measure(-0.5, 0.3)
    runs.commit(here, "Compare with a search")
    # property: a likelihood per token says nothing where the two models have other tokens
    runs.write_run(here, questions=QUESTIONS, nll=NLL, tokens=tokens)
    measure(-0.1, 0.1)
    (sentence,) = check("looking it up worse", base="HEAD")
    assert by in sentence


@pytest.mark.parametrize(("tokens", "key"), [(10, "nll"), (12, "bits_per_byte")])
def test_what_was_forgotten_is_compared_by_a_figure_that_both_runs_share(
    here: Path, tokens: int, key: str
) -> None:
    def measure(**losses: float) -> None:
        lost = {"difference": {name: part(value, 0.01) for name, value in losses.items()}}
        write(here, "forgetting", {"text": lost})

    measure(nll=0.1, bits_per_byte=0.1)
    runs.commit(here, "Ask what was forgotten")
    runs.write_run(here, questions=QUESTIONS, nll=NLL, tokens=tokens)
    measure(**{"nll": 0.1, "bits_per_byte": 0.1, key: 0.3})
    (sentence,) = check("forgetting worse", base="HEAD")
    assert "+0.100 → +0.300" in sentence


def test_certainty_is_what_the_report_of_the_second_run_says(here: Path) -> None:
    assert check("certainty worse") == []
    (sentence,) = check("certainty not better")
    assert "it was trained once" in sentence


def test_runs_without_a_question_in_common_are_not_worse(here: Path) -> None:
    runs.write_run(here, questions=["Something else?"], nll=9.0)
    assert check("likelihood worse", "carrying over worse", "knowledge worse", "looking it up worse") == []
    (sentence,) = check("likelihood not better")
    assert "cannot be compared" in sentence


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("likelyhood worse", "nothing is called 'likelyhood'"),
        ("likelihood", "is no condition"),
        ("likelihood better", "is no condition"),
        ("Words worse", "is neither better nor worse when it is higher"),
    ],
)
def test_a_wrong_condition_is_refused_with_the_names(text: str, message: str) -> None:
    with pytest.raises(LecternError, match=message) as refused:
        conditions.read([text])
    for name in (*conditions.QUESTIONS, "likelihood", "ROUGE-L", "Similarity", "With a source"):
        assert name in str(refused.value)


def test_the_interval_of_a_difference_is_that_of_two_independent_errors() -> None:
    # As of normal distributions: the half widths 3 and 4 give 5.
    found = questions.subtract(part(1.0, 3.0), part(7.0, 4.0))
    assert (found["low"], found["high"]) == pytest.approx((1.0, 11.0))
    # property: each side takes the sides that can push it there
    found = questions.subtract({"value": 0, "low": -3, "high": 0}, {"value": 0, "low": 0, "high": 4})
    assert (found["low"], found["high"]) == pytest.approx((0.0, 5.0))


def test_nobody_is_notified_by_a_comment(here: Path) -> None:
    hostile = "Ask @octocat or @org/team about #17, GH-18, org/repo#19 \u202egnp.exe"
    runs.write_run(here, questions=[*QUESTIONS[:7], hostile], words=f"{hostile}?", rouge=0.3)
    check()
    page = (
        MarkdownIt("commonmark")
        .enable("table")
        .render((here / "metrics/comparison/comparison.md").read_text())
    )
    assert "octocat" in page
    # property: no at sign stands before a name, no hash before a number
    assert not re.search(r"@\w|#\d|GH-\d", page)
    assert "\u202e" not in page


def test_a_comment_keeps_whole_sections_within_its_room() -> None:
    long = "## Long\n\n" + "word " * 100 + "\n"
    written = comment.write(f"# Title\n\n{long}## Short\n\nAll of it.\n", room=200)
    assert "## Short\n\nAll of it." in written
    assert "word" not in written
    assert "Only comparison.html has: Long." in written
    assert comment.write("# Title\n\n## Short\n") == "# Title\n\n## Short\n"
