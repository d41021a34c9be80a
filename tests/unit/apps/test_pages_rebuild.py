"""The page of the rebuild in this process, over a job that only says what it would do."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lectern.apps import torn
from lectern.apps.review import pages as app
from lectern.apps.review import rebuild_page, rebuilding
from lectern.apps.review.changes import Changes
from lectern.apps.review.rebuilding import Due, Job
from lectern.core.errors import LecternError
from tests.support import pages
from tests.support.pages import Visitor

TOP = ["Rebuild", "Stop", "Open the report"]


class Builder:
    """Keeps what it was asked to do."""

    def __init__(self) -> None:
        self.job: Any = None
        self.started: list[str | None] = []
        self.stopped = self.closed = 0

    def start(self, target: str | None) -> None:
        if target == "curate":
            raise LecternError("a rebuild is already running; this page shows it")
        self.started.append(target)
        self.job = Job(["fetch", "curate", "split"], began=100.0)

    def stop(self) -> None:
        self.stopped += 1

    def close(self) -> None:
        self.closed += 1


def visit(monkeypatch: pytest.MonkeyPatch, root: Path, builder: Builder, act: Any, *due: Any) -> None:
    told = iter(due)

    def find(asked: Path) -> Any:
        assert asked == root
        if isinstance(found := next(told), str):
            raise LecternError(found)
        return found

    monkeypatch.setattr(rebuild_page, "Builder", lambda _: builder)
    monkeypatch.setattr(rebuilding, "find_due", find)
    monkeypatch.setattr(rebuilding, "time", SimpleNamespace(monotonic=lambda: 107.0))
    pages.visit(lambda: rebuild_page.define(root), act)


@pytest.mark.parametrize(
    ("due", "told"),
    [
        ([], ["Everything is up to date."]),
        ("`dvc status` failed: no git", ["`dvc status` failed: no git"]),
        (
            [Due("fetch", "source.txt modified", 99.4), Due("split", "follows fetch", None), Due("x", "new", 6000.0)],
            [
                "3 stages are out of date. Their last runs took 102 min; now only items that changed are made again.",
                "fetch", "99 s", "source.txt modified", "split", "follows fetch", "x", "100 min", "new",
            ],
        ),
    ],
)  # fmt: skip
def test_it_says_what_is_out_of_date_and_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, due: Any, told: list[str]
) -> None:
    builder = Builder()

    async def act(page: Visitor) -> None:
        from nicegui import ui

        await page.open("/rebuild")
        await page.see(told[0])
        assert page.texts == [*TOP, *told]
        assert page.find(ui.select, "Rebuild").options == {
            None: "everything, including the report", "curate": "up to the rows", "converse": "only the conversations"
        }  # fmt: skip
        await page.press("Stop")
        assert builder.stopped == 1

    visit(monkeypatch, tmp_path, builder, act, due)
    assert builder.closed == 1, "the end of the app ends the job"


def test_a_file_of_dvc_that_was_cut_off_is_mended_and_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / torn.RUNNING).write_text('{"write": ')

    async def act(page: Visitor) -> None:
        await page.open("/rebuild")
        await page.see("Everything is up to date.")
        [said] = page.told
        assert said.startswith(".dvc/tmp/rwlock, in which DVC lists")
        assert not (tmp_path / torn.RUNNING).exists()

    visit(monkeypatch, tmp_path, Builder(), act, [])


def test_a_job_is_followed_to_its_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    builder = Builder()

    async def act(page: Visitor) -> None:
        from nicegui import ui

        def enabled() -> list[bool]:
            return [page.find(ui.button, name).enabled for name in ("Rebuild", "Stop")]

        await page.open("/rebuild")
        await page.see("Everything is up to date.")
        await page.tick()
        assert enabled() == [True, False]
        await page.fill(page.find(ui.select, "Rebuild"), "curate")
        await page.press("Rebuild")
        await pages.until(lambda: page.told)
        assert page.told == ["a rebuild is already running; this page shows it"]
        await page.fill(page.find(ui.select, "Rebuild"), None)
        await page.press("Rebuild")
        await pages.until(lambda: builder.started)
        assert builder.started == [None]
        await page.tick()
        assert enabled() == [False, True]
        assert page.texts == [*TOP, "Running 7 s", "Output of DVC"]
        for line in (
            "Stage 'fetch' didn't change",
            "Running stage 'curate':",
            "> python -m stages.curate",
            "curate: 7 rows",
        ):
            builder.job.read(line)
        await page.tick()
        output = [
            "Stage 'fetch' didn't change",
            "Running stage 'curate':",
            "> python -m stages.curate",
            "curate: 7 rows",
        ]
        assert page.texts == [
            *TOP, "Running 7 s", "· fetch", "unchanged", "▶ curate", "running", "curate: 7 rows",
            "Output of DVC", *output,
        ]  # fmt: skip
        builder.job.read("Stage 'split' is cached - skipping run")
        builder.job.read("ERROR: failed to reproduce 'split': x")
        builder.job.end(1, None)
        builder.job.seconds = 130.0
        await page.tick()
        output += ["Stage 'split' is cached - skipping run", "ERROR: failed to reproduce 'split': x"]
        await page.see(
            "1 stages are out of date. Their last runs took 0 s; now only items that changed are made again."
        )
        shown = page.texts
        assert shown[-(len(output) * 2 + 10) :] == [
            "split failed. Work that was finished before is kept. 2 min", "· fetch", "unchanged", "✓ curate", "done",
            "✗ split", "failed", "curate: 7 rows", "Last lines of the output", *output, "Output of DVC", *output,
        ]  # fmt: skip
        assert enabled() == [True, False]

    visit(monkeypatch, tmp_path, builder, act, [], [Due("split", "always", None)])


def test_what_a_rebuild_changed_is_listed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    builder = Builder()
    builder.job = Job(["curate"])
    found = Changes(
        outputs={"curate": ["data/a", "data/b"], "score": ["m"]},
        rows=[("1", "talk", "", "kept"), ("2", "talk", "kept", ""), ("3", "talk", "kept", "")],
        counts={("", "kept"): 1, ("kept", ""): 2},
        figures=[("zz", "", "1"), ("curation: rows", "3", ""), ("scores: tuned f1", "1", "2")],
        questions={"1": "Why?"},
    )

    async def act(page: Visitor) -> None:
        builder.job.end(0, found)
        builder.job.seconds = 12.0
        await page.open("/rebuild")
        await page.see("Everything is up to date.")
        assert page.texts == [
            *TOP, "Everything is up to date.", "Done. 12 s", "What changed", "curate: data/a, data/b", "score: m",
            "3 rows", "2: kept → gone", "1: not there → kept", "The rows", "1 of talk: not there → kept", "Why?",
            "2 of talk: kept → gone", "3 of talk: kept → gone",
            "3 figures changed", "curation: rows: 3 → none", "scores: tuned f1: 1 → 2", "zz: none → 1", "Output of DVC",
        ]  # fmt: skip
        builder.job.found = Changes()
        await page.open("/rebuild")
        await page.see("Nothing changed: every output has the same bytes as before.")
        assert page.texts[-3:-1] == [
            "What changed",
            "Nothing changed: every output has the same bytes as before.",
        ]

    visit(monkeypatch, tmp_path, builder, act, [], [])


def test_a_running_job_asks_dvc_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    builder = Builder()
    builder.job = Job(["curate"], began=100.0)

    async def act(page: Visitor) -> None:
        await page.open("/rebuild")
        await page.see("Running 7 s")
        assert page.texts == [*TOP, "Running 7 s", "Output of DVC"]

    visit(monkeypatch, tmp_path, builder, act)  # there is no answer of DVC to be had


def test_the_report_is_given_as_a_page_and_the_first_page_is_that_of_the_speakers(tmp_path: Path) -> None:
    async def act(page: Visitor) -> None:
        client = page.user.http_client
        missing = await client.get("/report")
        assert (missing.status_code, missing.json()) == (
            404, {"detail": "There is no report yet. Rebuild everything to make it."}
        )  # fmt: skip
        (tmp_path / "metrics").mkdir()
        (tmp_path / "metrics/report.html").write_text("<p>told</p>")
        given = await client.get("/report")
        assert (given.text, given.headers["cache-control"]) == ("<p>told</p>", "no-store")
        assert given.headers["content-type"].startswith("text/html")
        await page.open("/")
        await page.see("There are no recordings yet. `make run` fetches and transcribes them.")
        from nicegui import ui

        links = [(link.text, link.props["href"]) for link in page.elements(ui.link)]
        assert links == [(name, f"/{name.lower()}") for name in ("Speakers", "Examples", "Labels", "Rebuild")]

    pages.visit(lambda: app.build(tmp_path, "x"), act)
