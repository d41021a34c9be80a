"""A person's way through the browser: name a speaker, mend a row, label answers, rebuild, see what changed, chat.

Run: python -m tests.pipeline.walk FOLDER        (in a copy of a repository whose demo has run; writes docs/images)
It changes the repository in FOLDER as a person would: use a copy.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import browsers
from tests.support.web_app import running

SHOTS = Path(__file__).parents[2] / "docs/images"
LONG = 900_000
"""Milliseconds that a rebuild may take."""


@dataclass(frozen=True)
class Seen:
    """What the person saw."""

    labelled: int
    rebuilt: str
    """all that the page of the rebuild said at its end"""
    report: str
    """the words of the report after it; empty where only the rows were rebuilt"""
    answer: str
    """of the tuned model"""


def review(root: Path, item: str, shots: Path | None, target: str | None, labels: int = 10) -> Seen:
    """Go through the review and the chat of the repository at `root`.

    Args:
        root: of a repository that has run.
        item: a recording of it, whose second voice is named and whose first row is mended.
        shots: folder for pictures; None for none.
        target: of the rebuild, as the page calls it; None for everything.
        labels: answers to label.
    """
    with browsers.start() as browser:
        context = browser.new_context(viewport={"width": 1200, "height": 820})
        context.set_default_timeout(60_000)
        page = context.new_page()

        def shoot(name: str) -> None:
            if shots is not None:
                page.wait_for_timeout(3_500)  # until notices have gone
                page.screenshot(path=shots / f"{name}.png")

        with running("lectern review", root, "--by", "Asha Rao") as address:
            _name_a_voice(page, address, item)
            shoot("review-speakers")
            _mend_a_row(page, address, item)
            shoot("review-examples")
            labelled = _label(page, address, labels)
            shoot("review-labels")
            rebuilt = _rebuild(page, address, target)
            shoot("review-rebuild")
            report = ""
            if target is None:
                page.goto(f"{address}/report")
                report = page.inner_text("body")
        with running("lectern chat", root) as address:
            answer = _chat(page, address)
            shoot("chat")
        context.close()
    return Seen(labelled, rebuilt, report, answer)


def _name_a_voice(page: Any, address: str, item: str) -> None:
    browsers.open_page(page, f"{address}/speakers/{item}")
    page.get_by_label("Name of speaker_2").fill("Joe")
    page.get_by_label("Name of speaker_2").press("Enter")
    page.locator(".who b", has_text="Joe").first.wait_for()
    page.locator(".segment").nth(1).locator(".word").nth(6).click()
    page.get_by_text("words from").wait_for()


def _mend_a_row(page: Any, address: str, item: str) -> None:
    browsers.open_page(page, f"{address}/examples?item={item}")
    page.get_by_role("button", name="Accept").wait_for()
    page.keyboard.press("e")
    field = page.get_by_label("assistant").first
    field.fill("Because chance enters in many places, and each of them wants a seed of its own.")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("1 of them reviewed").wait_for()
    page.keyboard.press("k")
    page.get_by_text("edited", exact=True).wait_for()


def _label(page: Any, address: str, most: int) -> int:
    browsers.open_page(page, f"{address}/labels")
    page.get_by_text("0 of ").wait_for()
    number = 0
    while number < most and page.get_by_role("button", name="Left is better").count():
        page.keyboard.press("120"[number % 3])
        number += 1
        page.get_by_text(f"{number} of ").first.wait_for()
    return number


def _rebuild(page: Any, address: str, target: str | None) -> str:
    browsers.open_page(page, f"{address}/rebuild")
    page.get_by_text("stages are out of date").wait_for()
    if target is not None:
        page.get_by_label("Rebuild", exact=True).first.click()
        page.get_by_role("option", name=target).click()
    page.get_by_role("button", name="Rebuild").click()
    page.get_by_text("What changed", exact=True).or_(
        page.get_by_text("Last lines of the output")
    ).first.wait_for(timeout=LONG)
    return str(page.inner_text("body"))


def _chat(page: Any, address: str) -> str:
    browsers.open_page(page, address)
    page.get_by_label("Ask something").fill("Why does my model score differently every morning?")
    page.get_by_label("Ask something").press("Enter")
    page.get_by_role("button", name="Show similar").nth(1).wait_for(timeout=240_000)
    answer = page.locator(".q-card").nth(1).inner_text()
    page.get_by_role("button", name="Show similar").nth(1).click()
    page.get_by_text("lectern trace").first.wait_for(timeout=120_000)
    return str(answer)


if __name__ == "__main__":
    seen = review(Path(sys.argv[1]), "talk-01-seeds", SHOTS, "up to the rows")
    print(json.dumps(vars(seen), indent=1))
