"""How long the stage `extract` takes for a PDF of many pages, and how much memory.

Run: python tests/benchmarks/big_pdf.py [PAGES]
Makes a book of that many pages (1,000) with chapters, sections, running headers, page numbers and an outline, extracts
it in a process of its own, and prints the seconds, the peak memory and what was found beside what was written. An
empty process that loads the same libraries stands beside it.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from reportlab.lib.pagesizes import A5
from reportlab.lib.utils import simpleSplit
from reportlab.pdfgen.canvas import Canvas

ROOT = Path(__file__).parents[2]
EXTRACT = """
import sys
from pathlib import Path
from tests.settings import configure
from lectern.settings.extract import Extract
from stages.extract import main
if sys.argv[1] == "empty":
    from lectern.formats import pdf, pdf_layout
    import pypdfium2, pypdfium2.raw
else:
    print(main(configure(Extract), Path("raw"), Path("documents"), Path("documents.json")))
"""
SYLLABLES = [consonant + vowel for consonant in "bcdfghlmnprstvz" for vowel in "aeiou"]


def write_book(path: Path, pages: int) -> tuple[int, int]:
    """Write the book; return how many headings and words of text it has."""
    chance = random.Random(1)
    vocabulary = ["".join(chance.choices(SYLLABLES, k=chance.randint(1, 4))) for _ in range(5000)]
    canvas = Canvas(str(path), pagesize=A5, invariant=1, pageCompression=1)
    headings = written = chapter = 0
    waiting: list[str] = []
    for page in range(1, pages + 1):
        y = A5[1] - 60
        if page % 20 == 1:
            chapter, headings = chapter + 1, headings + 1
            title = f"Chapter {chapter} {' '.join(chance.sample(vocabulary, 3))}"
            canvas.bookmarkPage(title)
            canvas.addOutlineEntry(title, title, 0)
            canvas.setFont("Helvetica-Bold", 18)
            canvas.drawString(40, y, title[:34])
            y -= 40
        canvas.setFont("Times-Italic", 8)
        canvas.drawString(40, A5[1] - 25, f"The book of runs, chapter {chapter}")
        canvas.drawCentredString(A5[0] / 2, 20, str(page))
        while y > 60:
            if not waiting:
                if chance.random() < 0.15:
                    headings += 1
                    canvas.setFont("Helvetica-Bold", 12)
                    canvas.drawString(40, y - 8, " ".join(chance.sample(vocabulary, 3)).capitalize())
                    y -= 30
                words = chance.choices(vocabulary, k=chance.randint(40, 160))
                written += len(words)
                waiting = simpleSplit(" ".join(words).capitalize() + ".", "Times-Roman", 10, A5[0] - 80)
            canvas.setFont("Times-Roman", 10)
            canvas.drawString(40, y, waiting.pop(0))
            y -= 12 if waiting else 20
        canvas.showPage()
    canvas.save()
    return headings, written - sum(len(line.split()) for line in waiting)


def measure(folder: Path, what: str) -> tuple[float, float, float]:
    """Wall and CPU seconds and peak memory in MB of a process that extracts, or only loads what that needs."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", EXTRACT, what],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the extraction ended with {status}")
    unit = 1 if sys.platform == "darwin" else 1024
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e6


def main() -> None:
    """Print the figures of the command line's number of pages."""
    pages = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        item = folder / "raw" / "book"
        item.mkdir(parents=True)
        headings, words = write_book(item / "document.pdf", pages)
        record = {"item": "book", "kind": "documents", "title": "", "document": "document.pdf"}
        (item / "item.json").write_text(json.dumps(record))
        size = (item / "document.pdf").stat().st_size / 1e6
        print(f"{pages} pages, {size:.1f} MB, {headings} headings, {words} words beside them")
        for what in ("empty", "extract"):
            wall, cpu, memory = measure(folder, what)
            print(f"{what}: {wall:.1f} s ({cpu:.1f} s of CPU), peak memory {memory:.0f} MB")
        found = json.loads((folder / "documents.json").read_text())
        document = json.loads((folder / "documents" / "book.json").read_text())
        last = max(block["page"] for block in document["blocks"])
        print(
            f"found: {found['headings']} headings, {found['words']} words with the headings', last page {last}"
        )
        print(f"left out: {found['headers_removed']} headers and footers of {2 * pages}")


if __name__ == "__main__":
    main()
