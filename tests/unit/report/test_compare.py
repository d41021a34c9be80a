"""Two revisions compared: made-up runs in a real repository of git and DVC."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.report.comparison import answers, differences, inputs, render, sides, view
from lectern.tools import compare
from tests.support import browsers, expected
from tests.support import made_up_runs as runs

QUESTIONS = [f"What is number {number}?" for number in range(8)]
HOSTILE = (
    "</td><script>alert(1)</script> | **bold** [x](http://evil.example) `code` <img src=x onerror=alert(2)>"
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`main`; `rate`, with another learning rate; `corpus`, with other questions; `part`, with some of each."""
    root = tmp_path_factory.mktemp("made") / "repository"
    runs.start(root)
    worse = {question: 4.0 + 0.01 * number for number, question in enumerate(QUESTIONS)}
    runs.write_run(
        root, questions=QUESTIONS, nll=worse, items=("talk", "old"), dropped=[("Twice?", "near_duplicate")]
    )
    runs.commit(root, "The first run")
    better = {question: value - 0.5 - 0.05 * number for number, (question, value) in enumerate(worse.items())}
    branches: dict[str, dict[str, Any]] = {
        "rate": {"questions": QUESTIONS, "nll": better, "learning_rate": 0.001, "rouge": 0.4, "seconds": 300.0,
                 "words": "Other words of the tuned model", "items": ("talk", "old"),
                 "dropped": [("Twice?", "near_duplicate")]},
        "corpus": {"questions": [f"Another question {n}?" for n in range(7)], "item": "lecture", "items": ("lecture",)},
        "part": {"questions": [*QUESTIONS[:7], "A new one?"], "nll": 4.5, "items": ("talk", "new"),
                 "dropped": [(QUESTIONS[7], "rejected"), ("New and twice?", "near_duplicate"),
                             (QUESTIONS[0], "exact_duplicate")]},
    }  # fmt: skip
    for name, what in branches.items():
        runs.call(root, "git", "checkout", "-q", "-b", name, "main")
        runs.write_run(root, **what)
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


def look(base: str, head: str | None, tmp_path: Path) -> dict[str, Any]:
    pair = sides.open_side(base, Path()), sides.open_side(head, Path())
    read = [inputs.read(side, tmp_path / str(n), with_outputs=True) for n, side in enumerate(pair)]
    return view.build(pair, *read)


def figure(shown: dict[str, Any], key: str, part: str = "tuned") -> dict[str, Any]:
    return next(row for row in shown["sets"][0][part] if row["key"] == key)


def test_another_learning_rate_is_compared_pair_by_pair(here: Path, tmp_path: Path) -> None:
    shown = look("main", "rate", tmp_path)
    nll = figure(shown, "nll")
    # property: the difference is the mean of the rows' own differences, over all rows in common
    assert nll["difference"]["value"] == pytest.approx(-0.5 - 0.05 * 3.5)
    assert nll["n"] == 8
    assert nll["difference"]["low"] <= nll["difference"]["value"] <= nll["difference"]["high"] < 0
    assert (nll["verdict"], figure(shown, "rougeL")["verdict"]) == ("better", "better")
    assert shown["headline"].startswith(
        "On the 8 held-out answers that both have, rate's tuned model is better than main's"
    )
    # property: a paired interval is far narrower than what two intervals of the same runs leave open
    own = [runs.read(here, "metrics/scores.json")["tuned"]["nll"]["high"], float(nll["b"]["text"])]
    assert nll["difference"]["high"] - nll["difference"]["low"] < 2 * abs(own[0] - own[1])
    assert shown["params"] == [{"name": "train.learning_rate", "a": "0.0002", "b": "0.001"}]
    assert shown["decisions"]["moves"] == []
    assert shown["sources"] == {"came": [], "went": [], "changed": [], "same": 2}
    assert [row["stage"] for row in shown["stages"]["rows"]] == ["generate", "score"]
    assert shown["sets"][0]["base"] == [], "the base is the same, and not shown twice"
    counted = {row["name"]: row for row in shown["answers"]["counts"]}
    assert counted["ROUGE-L"] == {"name": "ROUGE-L", "better": 8, "worse": 0, "equal": 0, "p": ".008"}
    assert counted["Negative log-likelihood"]["better"] == 8, "a lower loss is better"
    # the other way round all of it turns round
    back = look("rate", "main", tmp_path / "back")
    assert figure(back, "nll")["difference"]["value"] == pytest.approx(-nll["difference"]["value"])
    assert "main's tuned model is worse than rate's" in back["headline"]


def test_rows_that_only_one_run_has_are_counted_and_left_out_of_the_pairs(here: Path, tmp_path: Path) -> None:
    shown = look("main", "part", tmp_path)
    found = shown["sets"][0]
    assert (found["common"], found["only_a"], found["only_b"]) == (7, 1, 1)
    # property: the rows that one run lacks decide nothing: 4.5 against the mean of the first seven
    assert figure(shown, "nll")["difference"]["value"] == pytest.approx(4.5 - 4.03)
    assert "On the 7 held-out answers that both have (1 only in main, 1 only in part)" in shown["headline"]
    moves = {(move["kind"], move["a"], move["b"]): move["rows"] for move in shown["decisions"]["moves"]}
    assert moves == {
        ("came", "", "kept"): 1,
        ("came", "", "nearly the same words as a row that was kept"): 1,
        # said a second time in the same item: a row of its own, beside the one that was kept
        ("came", "", "the same words as a row that was kept"): 1,
        ("went", "nearly the same words as a row that was kept", ""): 1,
        ("changed", "kept", "rejected by a person"): 1,
    }
    assert shown["sources"] == {"came": ["new"], "went": ["old"], "changed": [], "same": 1}
    test = next(row for row in shown["splits"] if row["name"] == "test")
    assert (test["a"], test["b"], test["common"], test["came"], test["went"]) == (8, 8, 7, "1 new", "1 gone")


def test_another_corpus_stands_beside_and_is_never_subtracted(here: Path, tmp_path: Path) -> None:
    shown = look("main", "corpus", tmp_path)
    assert "have no question in common (8 and 7)" in shown["headline"]
    found = shown["sets"][0]
    assert not found["paired"]
    # property: no change and no verdict stands where the questions differ, but both values with their intervals
    assert {(row["change"], row["verdict"]) for row in found["tuned"]} == {("", "not compared")}
    assert figure(shown, "nll")["b"]["text"] == "4.00"
    assert figure(shown, "nll")["a"]["interval"] != ""
    gain = figure(shown, "nll", "gains")
    assert (gain["a"]["text"], gain["b"]["text"]) == ("\u22120.96", "\u22121.00")


def test_the_same_run_does_the_same(here: Path, tmp_path: Path) -> None:
    shown = look("main", None, tmp_path)
    assert "both tuned models do the same" in shown["headline"]
    assert shown["params"] == shown["code"] == shown["stages"]["rows"] == shown["others"] == []
    assert shown["answers"]["differing"] == 0


def test_six_rows_that_scatter_cannot_be_told_apart(here: Path, tmp_path: Path) -> None:
    six = QUESTIONS[:6]
    scattered = {question: 4.0 + (-1) ** number for number, question in enumerate(six)}
    runs.write_run(here, questions=six, nll=scattered)
    shown = look("main", None, tmp_path)
    # property: no direction is claimed where the interval holds zero
    assert "the two tuned models cannot be told apart" in shown["headline"]
    assert figure(shown, "nll")["verdict"] == "may be chance"
    runs.write_run(here, questions=six[:3], nll=3.0)
    assert (
        "the difference between the two tuned models is uncertain"
        in look("main", None, tmp_path / "few")["headline"]
    )


def test_likelihoods_of_other_tokens_are_not_compared(here: Path, tmp_path: Path) -> None:
    runs.write_run(here, questions=QUESTIONS, nll=2.0, tokens=14)
    shown = look("main", None, tmp_path)
    keys = [row["key"] for row in shown["sets"][0]["tuned"]]
    # property: nats per token mean nothing between two tokenizers; bits per byte do, and the headline speaks of them
    assert not {"nll", "perplexity"} & set(keys)
    assert "Bits per byte" in shown["headline"]
    assert [row["name"] for row in shown["answers"]["counts"]] == ["ROUGE-L"]
    # 2 nats by 14 tokens for 40 bytes, against 4.035 by 10
    expected = (2.0 * 14 - 4.035 * 10) / 40 / 0.693147
    assert figure(shown, "bits_per_byte")["difference"]["value"] == pytest.approx(expected, abs=1e-3)


def test_nothing_runs_and_the_cache_is_enough(here: Path, tmp_path: Path) -> None:
    shown = look("main", "rate", tmp_path)
    shutil.rmtree(here / "data")
    # property: what lies in the working tree decides nothing between two commits
    again = look("main", "rate", tmp_path / "again")
    assert render.render_markdown(again) == render.render_markdown(shown)
    assert not (here / "data").exists()
    assert (
        "data/scores.jsonl of working tree is not there" in look("main", None, tmp_path / "tree")["headline"]
    )


def test_the_page_and_the_markdown_show_foreign_text_as_text(here: Path, tmp_path: Path) -> None:
    other = f"Say what {HOSTILE}"
    runs.write_run(here, questions=[*QUESTIONS[:7], other], rouge=0.3, words=f"{HOSTILE} new", item="talk")
    (here / "params.yaml").write_text("train:\n  note: '</td><script>alert(3)</script>|x'\n")
    (here / "stages").mkdir()
    (here / "stages/new.py").write_text("one\ntwo\n")
    shown = look("main", None, tmp_path)
    assert shown["code"] == [{"path": "stages/new.py", "added": 2, "removed": 0}]
    page, text = render.render_html(shown), render.render_markdown(shown)
    # property: no markup of a question, an answer or a parameter is markup here
    assert "&lt;script&gt;alert(1)" in page
    assert not re.findall(r"<(script|img|iframe|link (?!rel=.icon))", page)
    for line in text.splitlines():
        if line.startswith("| train.note"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 4, "a bar in a value opens no column"
    shown_by_a_forge = MarkdownIt("commonmark").enable("table").render(text)
    assert "alert(1)" in shown_by_a_forge
    assert not re.findall(r"<(script|img|iframe|a)\b", shown_by_a_forge)
    assert "<strong>bold" not in shown_by_a_forge
    assert "<code>" not in shown_by_a_forge


@pytest.mark.parametrize(
    ("words", "before", "after"),
    [
        (
            "Other words of the model",
            "<b>Some</b> words of the <b>tuned</b> model",
            "<b>Other</b> words of the model",
        ),
        ("\nwords of the tuned model", "<b>Some</b> words of the tuned model", "words of the tuned model"),
        ("", "<b>Some words of the tuned model</b>", "*(nothing)*"),
    ],
)
def test_the_words_that_changed_are_bold_in_markdown_and_no_others(
    here: Path, tmp_path: Path, words: str, before: str, after: str
) -> None:
    runs.write_run(here, questions=QUESTIONS, rouge=0.4, words=words)
    text = render.render_markdown(look("main", None, tmp_path))
    assert [line for line in text.splitlines() if line.startswith("> ")][:2] == [f"> {before}", f"> {after}"]


@browsers.needs_chromium
def test_the_page_opens_without_errors_or_a_network_and_fits_a_phone(here: Path) -> None:
    compare.main("main", "part", here / "out")
    file = here / "out/comparison.html"
    wrong = list[str]()
    with browsers.start() as chromium:
        page = chromium.new_context(viewport={"width": 390, "height": 800}, offline=True).new_page()
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda asked: wrong.append(asked.url) if asked.url != file.as_uri() else None)
        page.goto(file.as_uri())
        # property: wide tables scroll in their own boxes, the page does not
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator("h2").count() >= 5
    assert wrong == []


def test_the_tool_writes_both_files_and_says_the_gist(here: Path) -> None:
    said = compare.main("main", "rate", here / "out")
    assert "rate's tuned model is better" in said
    assert re.search(
        r"Negative log-likelihood +4\.03 → 3\.36 +−0\.68 +better|Negative log-likelihood +4\.04", said
    )
    assert "parameters that differ: train.learning_rate" in said
    assert "8 better, 0 worse, 0 equal (sign test p .008)" in said
    markdown = (here / "out/comparison.md").read_text()
    # property: each table is one: every line has as many columns as its head
    for table in re.findall(r"(?:^\|.*\n)+", markdown, re.M):
        columns = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(columns) == 1, table
        assert re.fullmatch(r"\|(-+:?\|)+|\|(:?-+:?\|)+", table.splitlines()[1]), table
    assert markdown.count("<details>") == markdown.count("</details>")
    assert "100.0 s | 5.0 min" in markdown.replace("1.7 min", "100.0 s")
    # property: the same bytes for the same two commits
    first = (here / "out/comparison.html").read_bytes()
    compare.main("main", "rate", here / "out")
    assert (here / "out/comparison.html").read_bytes() == first


def test_the_times_of_a_revision_that_was_made_elsewhere_are_not_those_of_this_machine(here: Path) -> None:
    def take(pair: tuple[str, str]) -> str:
        compare.main(*pair, here / "out", with_outputs=False)
        return (here / "out/comparison.md").read_text()

    shutil.rmtree(here / "metrics/runtime/history")
    assert "main and rate: not measured on this machine" in take(("main", "rate"))
    # commits of older versions have the times in git
    old = here / "metrics/runtime/score.json"
    io.write_json(old, {"seconds": 7.0})
    runs.call(here, "git", "add", "--force", str(old))
    runs.call(here, "git", "commit", "-qm", "with times")
    assert "| score | 7.0 s | not measured here |" in take(("main", "rate"))


def test_an_output_that_is_gone_is_an_error_that_names_it_and_git_alone_still_tells(here: Path) -> None:
    shutil.rmtree(here / ".dvc/cache")
    with pytest.raises(LecternError, match=r"of revision \w{10} is neither in DVC's cache nor in a remote"):
        compare.main("main", "rate", here / "out")
    said = compare.main("main", "rate", here / "out", with_outputs=False)
    assert "data/scores.jsonl of main is left out" in said
    assert "train.learning_rate" in said


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        ("nowhere", None, "git knows no revision 'nowhere'"),
        ("main", "--output=x", "git knows no revision '--output=x'"),
        ("empty", None, "empty has no dvc.lock, so there is no run to compare"),
        ("main", "empty", "empty has no dvc.lock, so there is no run to compare"),
    ],
)
def test_what_cannot_be_compared_is_named(here: Path, base: str, head: str | None, expected: str) -> None:
    tree = runs.call(here, "git", "hash-object", "-w", "-t", "tree", os.devnull).strip()
    runs.call(here, "git", "branch", "empty", runs.call(here, "git", "commit-tree", "-m", "x", tree).strip())
    with pytest.raises(LecternError, match=re.escape(expected)):
        compare.main(base, head, here / "out")


def test_scores_of_an_older_version_fall_back_on_the_metrics(here: Path, tmp_path: Path) -> None:
    io.write_text(here / "data/scores.jsonl", '{"id": "x", "item": "talk", "base": {}, "tuned": {}}\n')
    io.write_text(here / "data/predictions/tuned.jsonl", '{"id": "x", "prediction": "y"}\n')
    shown = look("main", None, tmp_path)
    why = "data/scores.jsonl of working tree was written by another version of the pipeline"
    assert why in shown["headline"]
    assert why in shown["problems"]
    assert shown["answers"] is None
    assert figure(shown, "nll")["verdict"] == "not compared"


def test_a_judge_that_people_do_not_agree_with_is_not_shown(here: Path, tmp_path: Path) -> None:
    rate = {"value": 0.7, "low": 0.6, "high": 0.8, "n": 20}
    judge = {
        "pairs": {"tuned_vs_base": {"held_out": {"win_rate": rate}}},
        "trusted": {"pairs": True},
        "why": {"pairs": None},
    }
    io.write_json(here / "metrics/judge.json", judge)
    runs.commit(here, "Ask a judge")
    judge["trusted"] = {"pairs": False}
    judge["why"] = {"pairs": "agrees with people no better than chance"}
    io.write_json(here / "metrics/judge.json", judge)
    # property: one side without trust is enough to hide the figure, with the reason
    pairs, rubric = look("main", None, tmp_path)["judge"]
    assert (pairs["rows"], pairs["why"]) == ([], "working tree: agrees with people no better than chance")
    assert "has not been compared with people" in rubric["why"]
    pairs, _ = look("main", "main", tmp_path / "same")["judge"]
    assert pairs["rows"] == [
        {"name": "held_out", "a": "70 % (60 to 80 %), n 20", "b": "70 % (60 to 80 %), n 20"}
    ]


def test_parameters_are_compared_by_dotted_key() -> None:
    a, b = ({"corpus": {"sources": [{"path": path}], "tags": tags}, "x": x} for path, tags, x in
            (("one", [1, 2], None), ("two", [1, 3], {})))  # fmt: skip
    assert dict(differences.flatten(a)) == {
        "corpus.sources[0].path": '"one"',
        "corpus.tags": "[1, 2]",
        "x": "null",
    }
    assert dict(differences.flatten(b))["x"] == "{}"


@pytest.mark.parametrize(("better", "worse"), [(0, 0), (1, 0), (8, 0), (3, 9), (60, 40), (5000, 4000)])
def test_the_sign_test_is_scipys(better: int, worse: int) -> None:
    from scipy.stats import binomtest

    # property: the p that is written is the exact binomial one, to three places
    p = binomtest(better, better + worse).pvalue if better + worse else 1.0
    written = answers.sign_test(better, worse)
    assert written == "below .001" if p < 0.001 else float(written) == pytest.approx(p, abs=6e-4)


def test_each_side_is_told_by_its_own_commit(here: Path) -> None:
    # property: a revision by its commit, not by the one that is checked out; the files here by that one
    assert re.fullmatch(r"[0-9a-f]{7,} The run of rate", sides.open_side("rate", Path()).about)
    assert re.fullmatch(r"on [0-9a-f]{7,} The first run", sides.open_side(None, Path()).about)


def test_everything_that_is_shown(here: Path, tmp_path: Path) -> None:
    for head in ("rate", "corpus", "part"):
        shown = look("main", head, tmp_path / head)
        parts = {name: part for name, part in shown.items() if name not in ("a", "b")}
        told = {**parts, "told": view.summarise(shown).splitlines()}
        (expected.check if head == "rate" else expected.check_many)(f"comparison/{head}.json", told)
