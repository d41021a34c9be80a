"""What is read out of drawn files, made of all that a format can hold, is committed case by case."""

import json
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lectern.core.errors import ItemError
from lectern.formats import captions, html, markdown, markup, pdf_layout, pdf_page, plain, raised, table_rows
from lectern.formats.pdf_boxes import Word
from lectern.formats.pdf_layout import Bookmark
from tests.support import expected

HEARD = "the seed of each run is noted in a file . Which one? It ends here. 1. a) • - 12 7"

SPOKEN = (
    "Why do we fix the seed?",
    "[Ada]: So. <i>Well</i>.",
    "Joe: It is.\nAda: Is it?",
    "- Yes.\n- No!",
    "<v Joe>Hm.</v> <v Ada>So?",
    ">> ADA: Again",
    "(music)",
    "&gt;&gt; and &amp; then",
    "{\\an8}Up here",
    "SPEAKER_00: a b c",
    "**Ann:** bold",
    "...",
    "  ",
    "<00:00:01.500><c>timed</c> <00:00:02.000>words",
    "Note: this is no name",
    "Joe (0:12): at last",
)


def write_cues(draw: random.Random) -> tuple[str, str]:
    """A file of captions and its suffix."""
    kind, at, cues = draw.choice([".vtt", ".srt", ".json"]), 0.0, []
    labelled = [draw.choice(SPOKEN) for _ in range(draw.randrange(1, 14))]
    for text in labelled:
        start = at + draw.choice([0.0, 0.0, 0.5, -0.2, 40.0])
        at = max(0.1, start + draw.choice([0.02, 1.5, 3.0]))
        cues.append((max(0.0, start), at, text))
    if kind == ".json":
        if draw.random() < 0.5:
            segments = [
                {
                    "start": a,
                    "end": b,
                    "text": text,
                    "speaker": draw.choice(["SPEAKER_00", None, "Ann"]),
                    "words": [{"word": word, "start": a, "end": b, "score": 0.5} for word in text.split()],
                }
                for a, b, text in cues
            ]
            return json.dumps({"segments": segments, "language": "en"}), kind
        segments = [{"startTime": a, "endTime": b, "body": text, "speaker": "Ann"} for a, b, text in cues]
        return json.dumps({"version": "1.0.0", "segments": segments}), kind
    point = "." if kind == ".vtt" else ","

    def clock(seconds: float) -> str:
        whole = round(seconds * 1000)
        return (
            f"{whole // 3600000:02}:{whole // 60000 % 60:02}:{whole // 1000 % 60:02}{point}{whole % 1000:03}"
        )

    head = (
        draw.choice(["WEBVTT\nLanguage: de\n\nNOTE no\nwords\n\n", "WEBVTT - talk\n\n"])
        if kind == ".vtt"
        else ""
    )
    blocks = [f"{n}\n{clock(a)} --> {clock(b)} align:start\n{text}" for n, (a, b, text) in enumerate(cues, 1)]
    return head + "\n\n".join(blocks) + "\n", kind


def test_captions(tmp_path: Path) -> None:
    found: dict[str, Any] = {}
    for case in range(150):
        text, suffix = write_cues(random.Random(case))
        path = tmp_path / f"talk{suffix}"
        path.write_text(text, encoding="utf-8")
        try:
            found[str(case)] = captions.read_ready(path, "talk", None)
        except ItemError as error:
            found[str(case)] = str(error).replace(str(tmp_path), "")
    assert sum(not isinstance(one, str) for one in found.values()) > 100
    expected.check_many("drawn/captions.json", found)


OPEN = (
    "<p>",
    "<div>",
    "<ul><li>",
    "<ol start=4><li>",
    "<h2>",
    "<table><tr><td>",
    "<pre>",
    "<b>",
    "<a href=#x>",
    "<dl><dt>",
    "<blockquote>",
    "<section>",
    "<nav>",
    "<span hidden>",
    "<sup>",
    "<sup><a href=#n>",
    "<code>",
    "<td>",
    "<li>",
    "<tr><th>",
    "<dd>",
    "<ruby>",
    "<article>",
    "<main>",
    "<aside>",
    "<caption>",
)
CLOSE = (
    "</p>",
    "</li>",
    "</ul>",
    "</ol>",
    "</h2>",
    "</table>",
    "</pre>",
    "</div>",
    "</a>",
    "</dl>",
    "</sup>",
    "<br>",
    "<br><br>",
    "</section>",
)
TEXTS = (
    "words of it",
    "1",
    "x 2",
    "¶",
    "a line\n  and more",
    "Ende. ",
    "&lt;b&gt;",
    "th",
    "[3]",
    "\u200b",
    "10",
    " ",
    "m",
)


def test_markup(tmp_path: Path) -> None:
    found: dict[str, Any] = {}
    for case in range(200):
        draw = random.Random(case)
        body = "".join(draw.choice((OPEN, CLOSE, TEXTS, TEXTS, TEXTS)[draw.randrange(5)]) for _ in range(40))
        body = "".join(draw.choice(draw.choice((OPEN, CLOSE, TEXTS, TEXTS))) for _ in range(30)) + body
        root = markup.parse(
            f"<html lang=de><head><title>A b | Site</title></head><body>x{body}</body></html>"
        )
        located = [(one.block, round(one.linked, 6)) for one in markup.locate(root)]
        path = tmp_path / "page.html"
        path.write_text(f"<html xml:lang=en><title>words of it | Site</title><body>x{body}", encoding="utf-8")
        found[str(case)] = [located, asdict(html.read(path)), markup.flat(root)]
    expected.check_many("drawn/markup.json", found)


PLAIN = (
    "A title",
    "=======",
    "-----",
    "# One",
    "## Two ##",
    "- an item",
    "  - below it",
    "1. first",
    "2) second",
    "    code = 1",
    "",
    "",
    "A line that is wrapped and goes on to the",
    "next line, where it ends.",
    "re-",
    "producible",
    "| a | b |",
    "|---|---|",
    "> quoted",
    "```",
    "* * *",
    "Das ist \u201cso\u201d.",
    "\ttab",
)


def test_plain_text_and_markdown(tmp_path: Path) -> None:
    found: dict[str, Any] = {}
    for case in range(120):
        draw = random.Random(case)
        text = "\n".join(draw.choice(PLAIN) for _ in range(draw.randrange(1, 25)))
        path = tmp_path / "a.md"
        path.write_text("---\ntitle: T\nlang: de\n---\n" * (case % 2) + text, encoding="utf-8")
        found[str(case)] = [plain.blocks(text), asdict(markdown.read(path))]
    for before in ("x", "H", "10", "word", "word.", " ", ""):
        for up in ("2", "th", "3,4", "n", "[1]", "*", "10"):
            found[f"{before}^{up}"] = [raised.join(up, before), raised.join(up, before, is_note=True)]
    expected.check_many("drawn/plain.json", found)


def test_pages_of_words() -> None:
    found: dict[str, Any] = {}
    for case in range(60):
        draw = random.Random(case)
        pages = []
        for number in range(1, draw.randrange(2, 6)):
            words: list[Word] = []
            columns = draw.choice([(72.0,), (72.0, 320.0)])
            for left in columns:
                y = 700.0
                for row in range(draw.randrange(3, 16)):
                    size = draw.choice([10.0, 10.0, 10.0, 10.0, 14.0, 8.0])
                    at = left + draw.choice([0.0, 0.0, 0.0, 12.0])
                    bold, mono = draw.random() < 0.1, draw.random() < 0.1
                    texts = (
                        ["Header", "of", "it"]
                        if row == 0 and case % 2
                        else draw.choices(HEARD.split(), k=draw.randrange(1, 10))
                    )
                    for text in texts:
                        right = at + 0.5 * size * len(text)
                        words.append(
                            Word(
                                text,
                                at,
                                right,
                                y,
                                y + size,
                                size,
                                bold,
                                mono,
                                90 if draw.random() < 0.01 else 0,
                            )
                        )
                        at = right + draw.choice([3.0, 3.0, 3.0, 25.0])
                    y -= draw.choice([12.0, 12.0, 12.0, 14.0, 26.0])
            pages.append(pdf_page.order_lines(pdf_page.split_where_it_jumps(words), number))
        outline = [Bookmark("The seed", 1, 1), Bookmark("Which one?", 3, 2)]
        found[str(case)] = [pages, pdf_layout.blocks(pages), pdf_layout.blocks(pages, outline)]
    expected.check_many("drawn/pages.json", found)


def test_rows_of_tables() -> None:
    found: dict[str, Any] = {}
    cells: tuple[Any, ...] = (
        "Why?",
        " So. ",
        "",
        None,
        3,
        2.5,
        float("nan"),
        True,
        ["a"],
        [{"role": "user", "content": "Why?"}],
        "=SUM(A1)",
        [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}],
        "https://e.org/a",
        "no url",
        "https://e.org a",
        [
            {"role": "System", "content": "Be."},
            {"role": "user", "content": [{"type": "text", "text": "a"}, "b"]},
            {"role": "assistant", "content": "So."},
        ],
        '[{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]',
        "[{",
        [{"role": "judge"}],
        [{"role": "user", "content": [{"type": "image_url"}]}],
        [{"role": "assistant", "content": "So."}],
        [{"role": "system", "content": "a"}],
    )
    pair = {"question": "q", "answer": "a", "input": "i", "system": "s", "url": "u"}
    for case in range(200):
        draw = random.Random(case)
        row = {name: draw.choice(cells) for name in ("q", "a", "i", "s", "u", "m")}
        columns = pair if case % 2 else {"messages": "m", "url": "u"}
        read = table_rows.read_row(case + 1, row if case % 50 else None, columns)
        found[str(case)] = [read, table_rows.question_key(read)]
    facts = {
        f"t-{n}": {
            "dropped_rows": {reason: list(range(1, 1 + min(5, count))) for reason, count in kinds.items()},
            "by_method": {table_rows.METHOD: {"dropped": kinds}},
        }
        for n, kinds in enumerate(
            ({"empty_answer": 3}, {"empty_answer": 9, "broken_line": 1, "unknown_role": 5}, {})
        )
    }
    found["dropped"] = list(table_rows.describe_drops(facts))
    expected.check_many("drawn/tables.json", found)
