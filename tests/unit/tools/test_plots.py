"""The page of plots, opened in a real browser that has no network, and the table that its scores are drawn from."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from lectern.core.errors import LecternError
from lectern.evaluation import plotting
from lectern.tools import plots
from tests.support.made_up_runs import call

ROOT = Path(__file__).parents[3]
TEMPLATE = ROOT / ".dvc/plots/scores.json"
DEFINED = [
    {"loss": {"x": "step", "y": {"metrics/loss.tsv": "train_loss"}, "title": "Loss by step"}},
    {
        "scores": {
            "template": "scores",
            "x": "value",
            "y": {"metrics/scores.tsv": "contestant"},
            "title": "Scores",
        }
    },
]
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def make_scores(nll: float, *, few: bool = False, **comparators: Any) -> dict[str, Any]:
    bounds = (None, None) if few else (nll - 0.25, nll + 0.25)
    figures = {"nll": {"value": nll, "low": bounds[0], "high": bounds[1], "n": 10}}
    worse = {
        "nll": {"value": nll + 1, "low": nll, "high": nll + 2, "n": 10},
        "rougeL": {"value": 0.1, "low": 0.0, "high": 0.2, "n": 9},
    }
    return {"base": worse, "tuned": figures, "comparators": comparators}  # fmt: skip


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`main` and `other`, which did better; the working tree has few answers."""
    root = tmp_path_factory.mktemp("made") / "repository"
    (root / "metrics").mkdir(parents=True)
    call(root, "git", "init", "-q", "-b", "main")
    for key, value in (("user.name", "Test"), ("user.email", "test@example.org")):
        call(root, "git", "config", key, value)
    call(root, "dvc", "init", "-q")
    (root / ".dvc/plots").mkdir()
    shutil.copy(TEMPLATE, root / ".dvc/plots")
    (root / "dvc.yaml").write_text(yaml.safe_dump({"plots": DEFINED}))
    for branch, nll in (("main", 4.0), ("other", 3.5)):
        if branch != "main":
            call(root, "git", "checkout", "-q", "-b", branch)
        (root / "metrics/loss.tsv").write_text(f"step\ttrain_loss\n1\t{nll + 1}\n2\t{nll}\n")
        plotting.write_plot(root / "metrics/scores.tsv", make_scores(nll))
        call(root, "git", "add", "-A")
        call(root, "git", "commit", "-qm", branch)
    plotting.write_plot(root / "metrics/scores.tsv", make_scores(3.0, few=True))
    return root


@pytest.fixture
def here(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to work in."""
    root = tmp_path / "repository"
    shutil.copytree(repository, root, symlinks=True)
    monkeypatch.chdir(root)
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    return root


def open_offline(chromium: Any, file: Path) -> tuple[Any, list[str]]:
    """The page, and what went wrong: errors, dialogs, and whatever it asks for besides itself."""
    context = chromium.new_context(offline=True)
    page, wrong = context.new_page(), list[str]()
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda asked: wrong.append(asked.url) if asked.url != file.as_uri() else None)
    page.goto(file.as_uri())
    page.wait_for_function(f"document.querySelectorAll('.vega-embed svg').length == {len(DEFINED)}")
    return page, wrong


def test_the_page_draws_every_revision_without_a_network(here: Path, chromium: Any) -> None:
    with (here / "metrics/scores.tsv").open("a") as file:
        file.write(f"nll\t{HOSTILE}\t4.5\t4.1\t4.9\t10\n")
    assert plots.main(["main", "other"], Path("metrics/plots/index.html")) == "metrics/plots/index.html"
    page, wrong = open_offline(chromium, here / "metrics/plots/index.html")
    # property: nothing is asked for, nothing fails, and foreign text in a file is no markup
    assert wrong == []
    assert page.locator("script").count() == 2
    # property: each revision is a line of the loss, and a point of each score with the interval that it has
    colours = "nodes => nodes.map(node => node.getAttribute('stroke'))"
    lines = page.locator("#plot0 path[aria-roledescription='line mark'][d*='L']").evaluate_all(colours)
    assert len(set(lines)) == 3
    marks = "nodes => nodes.map(node => node.getAttribute('aria-label'))"
    points = page.locator("#plot1 [aria-roledescription='point']").evaluate_all(marks)
    labels = (dict(re.findall(r"(\w+): ([^;]*)", label)) for label in points)
    found = {(label["revision"], label["contestant"], label["value"]) for label in labels}
    assert {("main", "tuned", "4"), ("other", "tuned", "3.5"), ("workspace", "tuned", "3")} <= found
    assert {("main", "base", "5"), ("main", "base", "0.1")} <= found
    intervals = page.locator("#plot1 line[aria-roledescription='rule mark']").count()
    assert intervals == len(points) - 1, "few answers have no interval"


def test_without_names_the_working_tree_is_shown_alone(here: Path) -> None:
    plots.main([], Path("page.html"))
    assert '"rev": "workspace"' in (here / "page.html").read_text()
    assert '"rev": "main"' not in (here / "page.html").read_text()


def test_a_revision_that_lacks_a_file_is_named(here: Path) -> None:
    call(here, "git", "rm", "-q", "--cached", "metrics/scores.tsv")
    call(here, "git", "commit", "-qm", "without")
    said = plots.main(["HEAD"], Path("page.html"))
    assert said.splitlines()[1:] == ["HEAD has no metrics/scores.tsv"]
    assert "<p>HEAD has no metrics/scores.tsv</p>" in (here / "page.html").read_text()


@pytest.mark.parametrize("name", ["nowhere", "--json"])
def test_a_name_that_is_no_revision_never_reaches_dvc(here: Path, name: str) -> None:
    with pytest.raises(LecternError, match=f"git knows no revision '{name}'"):
        plots.main([name], Path("page.html"))


def test_a_pipeline_without_plots_is_named(tmp_path: Path) -> None:
    with pytest.raises(LecternError, match=r"dvc.yaml does not exist"):
        plots.list_plots(tmp_path / "dvc.yaml")
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    with pytest.raises(LecternError, match="defines no plots"):
        plots.list_plots(tmp_path / "dvc.yaml")


def test_the_table_holds_each_figure_and_contestant_once(tmp_path: Path) -> None:
    other = {"scores": {"nll": {"value": 2.0, "low": 1.0, "high": 3.0, "n": 4}}, "difference": {}}
    scores = make_scores(4.0, few=True, qwen=other)
    plotting.write_plot(tmp_path / "scores.tsv", scores)
    # property: a figure that nobody measured has no row, a missing interval is blank
    assert (tmp_path / "scores.tsv").read_text().splitlines() == [
        "figure\tcontestant\tvalue\tlow\thigh\tn",
        "nll\tbase\t5.0\t4.0\t6.0\t10",
        "nll\ttuned\t4.0\t\t\t10",
        "nll\tqwen\t2.0\t1.0\t3.0\t4",
        "rougeL\tbase\t0.1\t0.0\t0.2\t9",
    ]


def test_the_figures_stand_in_one_order_on_the_page_and_in_the_table() -> None:
    assert json.loads(TEMPLATE.read_text())["facet"]["sort"] == list(plotting.DRAWN)
