"""How quickly the review opens and filters over many rows, in a real browser, and what memory it takes.

Run: python -m tests.benchmarks.review [--rows 100000] [--items 1000]
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil

from lectern.core import io
from lectern.core.manifest import MANIFEST
from lectern.core.schema import Decision, Diarization, Example, Source, Transcript, Voice
from tests.support import browsers, review_repo
from tests.support.web_app import running

WORDS = (Path(__file__).parent / "paraphrases.txt").read_text(encoding="utf-8").split()
FILTERS = (
    ("search", "Search in the rows", "oil filter"),
    ("search cleared", "Search in the rows", ""),
    ("score", "Score from", "4"),
    ("words", "Words from", "60"),
    ("repeats", "Only duplicates, with the row they repeat", None),
)
"""What it is called, the field's label, and what is typed; None for a switch."""
ACT = """([label, typed, shown]) => new Promise(done => {
  const count = () => [...document.querySelectorAll("div")].find(
    e => !e.children.length && e.textContent.includes(shown))?.textContent
  const before = count(), began = performance.now()
  const watch = new MutationObserver(() => {
    const now = count()
    if (now && now !== before) { watch.disconnect(); requestAnimationFrame(() => done(performance.now() - began)) }
  })
  watch.observe(document.body, {subtree: true, childList: true, characterData: true})
  const field = document.querySelector(typed === null ? "[role=switch]" : `[aria-label="${label}"]`)
  if (typed === null) return field.click()
  field.value = typed
  field.dispatchEvent(new Event("input", {bubbles: true}))
})"""
"""In the page itself, so that only what a person waits for counts: from the key to the picture after the change."""
TRIES = 5


def make(root: Path, rows: int, items: int) -> None:
    """A repository of so many rows of so many recordings, without sound."""
    review_repo.make(root, recordings=1, documents=0)
    each = rows // items
    names = [f"talk-{number:05}" for number in range(items)]
    for name in names:
        source = Source(
            item=name, kind="media", title=f"A talk about {name}", media="a.mp3", licence="CC0-1.0"
        )
        io.write_json(root / f"data/raw/{name}/item.json", source)
        io.write_json(
            root / f"data/transcripts/{name}.json", Transcript(item=name, duration=1, language="en", words=[])
        )
        voice = Voice(seconds=1, longest=1, share=1, ghost=False, embedding=[1.0])
        found = Diarization(item=name, duration=1, model="m", turns=[], voices={"speaker_1": voice})
        io.write_json(root / f"data/diarization/{name}.json", found)
    decisions = []
    for number, name in enumerate(names):
        made = [_row(name, number * each + n) for n in range(each)]
        io.write_jsonl(root / f"data/examples/{name}.jsonl", made)
        decisions += [_decide(row, number * each + n) for n, row in enumerate(made)]
    io.write_jsonl(root / "data/curation_decisions.jsonl", decisions)
    for folder, suffix in (
        ("raw", ""),
        ("transcripts", ".json"),
        ("diarization", ".json"),
        ("examples", ".jsonl"),
    ):
        review_repo.write_manifest(root / "data" / folder, names, suffix)
    facts = {"speakers": 2, "seconds": 3600.0, "kind": "media"}
    entries = {name: {"file": f"{name}.json", "facts": facts, "key": "0", "sha256": "0"} for name in names}
    io.write_json(root / "data/conversations" / MANIFEST, {"items": entries})


def _row(item: str, number: int) -> Example:
    at = number * 7 % (len(WORDS) - 90)
    question = f"{' '.join(WORDS[at : at + 12])} {number}?"
    return review_repo.row(
        item, question, " ".join(WORDS[at + 12 : at + 40 + number % 50]), start=float(number % 3600)
    )


def _decide(row: Example, number: int) -> Decision:
    dropped = number % 10 == 0
    return Decision(
        id=row.id,
        item=row.provenance.item,
        start=row.provenance.start,
        page=None,
        method=row.provenance.method,
        outcome="dropped" if dropped else "kept",
        reason="near_duplicate" if dropped else "kept",
        kept_id=row.id if dropped else None,
        overall=1 + number % 9 / 2,
    )


def measure(root: Path) -> None:
    """Print a table."""
    with (
        running("lectern review", root, "--by", "x", python=sys.executable) as address,
        browsers.start() as browser,
    ):
        page = browser.new_page()
        began = time.perf_counter()
        page.goto(f"{address}/examples")
        page.get_by_role("button", name="Accept").wait_for(timeout=120_000)
        print(f"{'the first time, with all rows read':40}{time.perf_counter() - began:8.2f} s")
        for title, path, shown in (
            ("rows open", "/examples", page.get_by_role("button", name="Accept")),
            ("recordings open", "/speakers", page.get_by_role("link", name="A talk about").first),
        ):
            times = []
            for _ in range(TRIES):
                began = time.perf_counter()
                page.goto(address + path)
                shown.wait_for()
                times.append(time.perf_counter() - began)
            print(f"{title:40}{statistics.median(times):8.2f} s")
        page.goto(f"{address}/speakers")
        page.get_by_text("recordings,").wait_for()
        waited = page.evaluate(ACT, ["Search titles", "00123", " shown"])
        print(f"{'recordings filtered by title':40}{waited:8.0f} ms")
        page.goto(f"{address}/examples")
        page.get_by_role("button", name="Accept").wait_for()
        for title, label, typed in FILTERS:
            waited = page.evaluate(ACT, [label, typed, "rows shown"])
            print(f"{'rows filtered by ' + title:40}{waited:8.0f} ms")
        server = next(
            p
            for p in psutil.process_iter(["cmdline"])
            if "lectern review" in " ".join(p.info["cmdline"] or [])
        )
        print(f"{'memory of the server':40}{server.memory_info().rss / 1e9:8.2f} GB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=1_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lectern-") as folder:
        make(Path(folder) / "repo", given.rows, given.items)
        print(f"{given.rows:,} rows of {given.items:,} recordings")
        measure(Path(folder) / "repo")
