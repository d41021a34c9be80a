"""The report as a real browser shows it."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from lectern.core import io
from lectern.settings.report import Report
from stages import report
from tests.settings import configure
from tests.support import made_up_run
from tests.support.made_up_run import EVERYTHING

SPILLED = """() => {
  const wide = document.documentElement.clientWidth
  return [...document.querySelectorAll("body *")]
    .filter(e => e.getBoundingClientRect().right > wide + 1 && !e.closest(".scroll, pre"))
    .map(e => e.outerHTML.slice(0, 120))
}"""
"""Elements that reach past the right edge, those excepted that scroll by themselves."""
BROKEN = """() => [...document.querySelectorAll(".values th")].flatMap(e => [...e.childNodes]).map(node => {
  const range = document.createRange()
  range.selectNodeContents(node)
  return [node.textContent, new Set([...range.getClientRects()].map(box => box.top)).size]
})"""
"""The parts of the names of what is compared, and over how many lines each is broken."""
CONTRAST = """() => {
  const light = text => {
    const [r, g, b] = text.match(/[\\d.]+/g).slice(0, 3)
      .map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const ground = e => {
    for (; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor
      if (!color.endsWith(", 0)")) return color
    }
    return getComputedStyle(document.body).backgroundColor
  }
  const found = []
  for (const e of document.querySelectorAll("body *")) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || e.closest("svg")) continue
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))]
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (ratio < 4.5 && !e.closest(".was, .arrow")) found.push([e.className, e.textContent.slice(0, 40), ratio])
  }
  return found
}"""
"""Text that is less legible than WCAG 2.2 asks (contrast 4.5); the base's figure beside a larger one is large text."""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {}
    for name in ("full", "hostile"):
        root = tmp_path_factory.mktemp(name)
        made_up_run.make(root, dataclasses.replace(EVERYTHING, hostile=name == "hostile"))
        likeness = io.read_plain(root / "metrics/likeness.json")
        sides = likeness["contestants"]
        sides |= {f"{side}+sources": sides[side] for side in ("base", "tuned")}
        io.write_json(root / "metrics/likeness.json", likeness)
        report.main(configure(Report, samples=6), root / "metrics", root / "data", root / "params.yaml")
        found[name] = root / "metrics/report.html"
    return found


def open_page(chromium: Any, file: Path, width: int, scheme: str) -> tuple[Any, list[str]]:
    """The page, and what went wrong: messages of the console, errors, and whatever it asks for besides itself."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, wrong = context.new_page(), list[str]()
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.on("requestfailed", lambda asked: wrong.append(asked.url))
    page.on("request", lambda asked: wrong.append(asked.url) if asked.url != file.as_uri() else None)
    page.goto(file.as_uri())
    return page, wrong


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [("full", 360, "dark"), ("full", 1200, "light"), ("hostile", 360, "light"), ("hostile", 1200, "dark")],
)
def test_the_page_fits_and_is_legible(
    chromium: Any, pages: dict[str, Path], name: str, width: int, scheme: str
) -> None:
    page, wrong = open_page(chromium, pages[name], width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    # property: nothing is asked for, nothing fails, nothing is wider than the window, all text can be read
    assert wrong == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(SPILLED) == []
    assert page.evaluate(CONTRAST) == []
    page.context.close()


@pytest.mark.parametrize("width", [390, 1200])
def test_a_name_stands_on_one_line_and_a_long_figure_within_its_card(
    chromium: Any, pages: dict[str, Path], width: int
) -> None:
    page, _ = open_page(chromium, pages["full"], width, "light")
    # property: a contestant that the pipeline itself names is broken after the plus, if anywhere
    names = page.evaluate(BROKEN)
    assert {"base", "tuned", "base+", "sources", "difference"} <= {part for part, _ in names}
    assert [
        part for part, lines in names if lines > 1 and part in ("base+", "tuned+", "sources", "difference")
    ] == []
    # property: a perplexity of any length wraps in its card
    for pair in page.locator(".tile .pair").all():
        pair.evaluate("e => { e.firstChild.textContent = '987,654,321,012.3' }")
        pair.evaluate("e => { e.lastChild.textContent = '12,345,678,901.2' }")
    assert page.locator(".tile .pair").count() > 0
    assert page.evaluate(SPILLED) == []
    assert (
        page.evaluate(
            "[...document.querySelectorAll('.tile, .tile .pair')].filter(e => e.scrollWidth > e.clientWidth).length"
        )
        == 0
    )
    page.context.close()


def test_everything_folded_opens_by_keyboard_and_in_print(chromium: Any, pages: dict[str, Path]) -> None:
    page, wrong = open_page(chromium, pages["full"], 1200, "light")
    folded = page.locator("details").count()
    for summary in page.locator("summary").all():
        summary.focus()
        page.keyboard.press("Enter")
    # property: each part that is folded can be reached and opened without a mouse
    assert folded > 4
    assert page.locator("details[open]").count() == folded
    page.reload()
    page.emulate_media(media="print")
    # property: on paper nothing stays folded, and nothing is cut at the right
    assert page.evaluate(
        "[...document.querySelectorAll('details > :last-child')].every(e => e.checkVisibility())"
    )
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 less its margins
    assert page.evaluate(SPILLED) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 718
    assert wrong == []
    page.context.close()
