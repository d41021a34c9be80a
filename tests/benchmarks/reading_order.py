"""How many blocks of a PDF file stand in another order than its author wrote them.

Run: python tests/benchmarks/reading_order.py FILE [FIRST LAST] [--of BLOCKS.json]
Use it for files that TeX made, which draw the text of a page in its reading order: figures that float to the top, then
the columns with their notes. Blocks of at least LEAST letters on the pages FIRST to LAST count. One is wrong if it has
to be moved to bring them into order, or if its own text runs back. It is not found if the file draws its text in other
pieces, as the labels of a figure. `--of` measures another reader: its blocks, as a list of [page, text].
"""

import argparse
import bisect
import json
import unicodedata
from pathlib import Path

import pypdfium2

from lectern.formats import extraction
from lectern.formats.pdf_words import HYPHEN_MARK

LEAST = 60
PIECE = 20
"""Letters that are looked up at once."""
FARTHEST = 9000
"""Letters between two pieces of a paragraph, which a table may part."""


def bare(text: str) -> str:
    """The letters and digits of a text."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))


def find(drawn: str, text: str, start: int, end: int) -> list[int]:
    """All places of a text."""
    places, place = [], drawn.find(text, start, end)
    while place >= 0:
        places.append(place)
        place = drawn.find(text, place + 1, end)
    return places


def measure(pages: list[str], blocks: list[tuple[int, str]]) -> tuple[int, list[str], list[str]]:
    """How many blocks were found in the pages as drawn, and those that are wrong and lost."""
    drawn = "".join(pages)
    starts = [sum(map(len, pages[:number])) for number in range(len(pages) + 1)]
    order: list[int] = []
    texts: list[str] = []
    runs_back: set[int] = set()
    lost: list[str] = []
    for page, text in blocks:
        letters = bare(text)
        if len(letters) < LEAST:
            continue
        start, end = starts[page - 1], starts[min(page + 1, len(pages))]
        pieces = [
            find(drawn, letters[n : n + PIECE], start, end) for n in range(0, len(letters) - PIECE + 1, PIECE)
        ]
        if sum(map(bool, pieces)) < 0.3 * len(pieces):
            lost.append(text)
            continue
        openings = (find(drawn, letters[:length], start, end) for length in (60, 40, 30, 20))
        place = first = next(
            (found[0] for found in openings if len(found) == 1), next(filter(None, pieces))[0]
        )
        for found in filter(None, pieces):
            nearest = min(found, key=lambda at: abs(at - place))
            if not -5 <= nearest - place <= FARTHEST:
                runs_back.add(len(order))
            place = nearest + PIECE
        order.append(first)
        texts.append(text)
    kept = in_order(order)
    return len(order), [text for n, text in enumerate(texts) if n not in kept or n in runs_back], lost


def in_order(places: list[int]) -> set[int]:
    """The indices of a longest rising sequence."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for n, place in enumerate(places):
        at = bisect.bisect_right(ends, place)
        ends[at : at + 1], last[at : at + 1] = [place], [n]
        before.append(last[at - 1] if at else -1)
    kept, n = set(), last[-1] if last else -1
    while n >= 0:
        kept.add(n)
        n = before[n]
    return kept


def main() -> None:
    """Print the figures, and the wrong blocks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("pages", nargs="*", type=int)
    parser.add_argument("--of", type=Path)
    given = parser.parse_args()
    texts = [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(given.file)]
    pages = [bare(text.replace("\ufffe", "").replace(HYPHEN_MARK, "")) for text in texts]
    if given.of:
        blocks = [(page, text) for page, text in json.loads(given.of.read_text())]
    else:
        blocks = [(block.page or 1, block.text) for block in extraction.read(given.file, 100.0).blocks]
    first, last = given.pages or (1, len(pages))
    found, wrong, lost = measure(pages, [block for block in blocks if first <= block[0] <= last])
    print(f"{found} blocks, {len(wrong)} in wrong order, {len(lost)} not found")
    for text in wrong:
        print(f"  {text[:100]!r}")


if __name__ == "__main__":
    main()
