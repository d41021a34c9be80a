"""PDF: reading order, paragraphs, headings, pages, and what is left out or refused."""

import io
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from lectern.core.errors import ItemError
from lectern.core.schema import Block
from lectern.formats import extraction
from lectern.formats.extracted import Extracted
from lectern.text import lines

Drawn = tuple[float, float, str, str, float]
"""x and y in points from the lower left, text, font and size."""
SENTENCES = [
    f"The {name} group noted {count} runs in its log, and none of them was left out of the report that year."
    for count, name in enumerate(
        ["first", "second", "third", "northern", "southern", "older", "younger", "last"], 3
    )
]


def text(y: float, content: str, x: float = 72, size: float = 10, font: str = "Times-Roman") -> Drawn:
    return x, y, content, font, size


def wrapped(
    y: float, content: str, x: float = 72, width: float = 450, size: float = 10, font: str = "Times-Roman"
) -> list[Drawn]:
    """A paragraph's lines from `y` downwards."""
    rows: list[str] = []
    for word in content.split():
        if rows and pdfmetrics.stringWidth(f"{rows[-1]} {word}", font, size) <= width:
            rows[-1] += f" {word}"
        else:
            rows.append(word)
    return [text(y - 1.2 * size * n, row, x, size, font) for n, row in enumerate(rows)]


def make(
    path: Path, pages: list[list[Drawn]], outline: tuple[tuple[str, int, int], ...] = (), **options: object
) -> Path:
    """A PDF file of these pages; `outline` is title, level from 0, and number of the page."""
    canvas = Canvas(str(path), pagesize=A4, invariant=1, **options)
    for number, page in enumerate(pages, 1):
        for title, level, target in outline:
            if target == number:
                canvas.bookmarkPage(title)
                canvas.addOutlineEntry(title, title, level)
        for x, y, content, font, size in page:
            canvas.setFont(font, size)
            canvas.drawString(x, y, content)
        canvas.showPage()
    canvas.save()
    return path


def read(path: Path) -> Extracted:
    return extraction.read(path, 5)


def shown(blocks: list[Block]) -> list[tuple[str, int | None, str]]:
    return [(block.kind + str(block.level or ""), block.page, block.text) for block in blocks]


def test_a_paragraph_divided_by_lines_and_pages_is_one_and_stands_where_it_begins(tmp_path: Path) -> None:
    long = " ".join(SENTENCES)
    rows = wrapped(700, long)
    second = [text(760 - 12 * n, content) for n, (_, _, content, _, _) in enumerate(rows[3:])]
    path = make(
        tmp_path / "a.pdf", [rows[:3], [*second, *wrapped(600, SENTENCES[0])], wrapped(700, SENTENCES[1])]
    )
    assert shown(read(path).blocks) == [
        ("paragraph", 1, long),
        ("paragraph", 2, SENTENCES[0]),
        ("paragraph", 3, SENTENCES[1]),
    ]
    first = read(path).blocks[0]
    turned = first.text.index(second[0][2])  # each character knows its page
    assert [first.page_at(place) for place in (0, turned - 2, turned, len(long))] == [1, 1, 2, 2]


def test_lines_that_end_where_another_word_had_room_are_not_joined(tmp_path: Path) -> None:
    verses = ["Roses are red", "Violets are blue", "Seeds are noted", "And runs are too"]
    page = [
        *wrapped(700, " ".join(SENTENCES[:3])),
        *(text(600 - 12 * n, verse) for n, verse in enumerate(verses)),
    ]
    assert [block.text for block in read(make(tmp_path / "a.pdf", [page])).blocks] == [
        " ".join(SENTENCES[:3]),
        *verses,
    ]


def test_the_order_of_drawing_does_not_count(tmp_path: Path) -> None:
    # browsers draw boxes after the text around them, and links apart from their sentence
    page = [
        *wrapped(700, SENTENCES[0] + " " + SENTENCES[1]),
        *wrapped(640, SENTENCES[2]),
        text(600, "A title", size=16),
    ]
    page += wrapped(570, SENTENCES[3])
    expected = shown(read(make(tmp_path / "a.pdf", [page])).blocks)
    assert [block[2] for block in expected] == [
        SENTENCES[0] + " " + SENTENCES[1],
        SENTENCES[2],
        "A title",
        SENTENCES[3],
    ]
    for seed in range(5):
        shuffled = random.Random(seed).sample(page, len(page))
        assert shown(read(make(tmp_path / "b.pdf", [shuffled])).blocks) == expected


def test_a_link_drawn_after_its_sentence_stands_in_it(tmp_path: Path) -> None:
    before, link, after = "If you want to use it on ", "Windows", ", ask the group."
    width = pdfmetrics.stringWidth(before, "Times-Roman", 10)
    more = pdfmetrics.stringWidth(link, "Times-Roman", 10)
    page = [
        text(700, before),
        text(700, after, 72 + width + more),
        text(650, SENTENCES[0]),
        text(700, link, 72 + width),
    ]
    assert read(make(tmp_path / "a.pdf", [page])).blocks[0].text == before + link + after


def test_columns_are_read_one_after_the_other(tmp_path: Path) -> None:
    left, right = " ".join(SENTENCES[:4]), " ".join(SENTENCES[4:])
    rows = [wrapped(700, left, 60, 220), wrapped(700, right, 310, 220)]
    both = [row for pair in zip(*rows, strict=False) for row in pair]  # drawn line by line across the page
    both += [row for column in rows for row in column if row not in both]
    page = [text(740, "A title above both of the columns of this page", 60, 18, "Helvetica-Bold"), *both]
    page += wrapped(400, SENTENCES[0], 60, 480)
    assert [block.text for block in read(make(tmp_path / "a.pdf", [page])).blocks] == [
        "A title above both of the columns of this page",
        left,
        right,
        SENTENCES[0],
    ]


def body_pages(count: int) -> Iterator[list[Drawn]]:
    for number in range(1, count + 1):
        yield [
            text(810, "Handbook of runs" if number % 2 else f"Chapter {number // 6 + 1}", size=8),
            *wrapped(740, f"Page {number} begins so. {SENTENCES[number % 8]}"),
            *wrapped(690, f"{SENTENCES[(number + 3) % 8]} {SENTENCES[number % 5]}"),
            text(30, f"– {number} –", 290, 8),
        ]


def test_what_pages_repeat_at_their_edges_is_removed_and_counted(tmp_path: Path) -> None:
    found = read(make(tmp_path / "a.pdf", list(body_pages(12))))
    everything = "\n".join(block.text for block in found.blocks)
    assert "Handbook" not in everything
    assert "Chapter" not in everything
    assert "–" not in everything
    assert found.facts["headers_removed"] == 24
    assert [block.page for block in found.blocks if block.text.startswith("Page ")] == list(range(1, 13))


def test_the_headers_of_short_chapters_are_known_by_their_page_numbers(tmp_path: Path) -> None:
    names = ["Seeds", "Data", "Data", "Logs", "Labels", "Runs"]
    pages = [
        [text(810, f"Chapter on {name}      {number + 10}", size=10), *wrapped(740, SENTENCES[number])]
        for number, name in enumerate(names)
    ]
    found = read(make(tmp_path / "a.pdf", pages))
    assert [block.text for block in found.blocks] == SENTENCES[:6]


def test_a_table_of_contents_is_no_run_of_headings(tmp_path: Path) -> None:
    page = [
        text(700, "1 Seeds . . . . . . . . . . . . . . 3", size=14),
        text(680, "1.1 Where they hide ........... 14"),
    ]
    page += wrapped(600, SENTENCES[0])
    found = shown(read(make(tmp_path / "a.pdf", [page])).blocks)
    assert found[0] == ("table", 1, "1 Seeds | 3\n1.1 Where they hide | 14")


def test_what_differs_or_stands_elsewhere_is_no_header(tmp_path: Path) -> None:
    titles = [
        [text(800, f"Chapter {number}", size=18), *wrapped(740, SENTENCES[number])] for number in range(1, 7)
    ]
    found = read(make(tmp_path / "a.pdf", titles))
    assert [block.text for block in found.blocks if block.kind == "heading"] == [
        f"Chapter {n}" for n in range(1, 7)
    ]
    moving = [[text(800 - 40 * n, "Remember this."), *wrapped(500, SENTENCES[n])] for n in range(6)]
    found = read(make(tmp_path / "b.pdf", moving))
    assert found.facts["headers_removed"] == 0


def test_words_divided_at_line_ends_are_whole_and_compounds_keep_their_hyphen(tmp_path: Path) -> None:
    page = [
        text(
            700,
            "Whoever notes the seed can repeat the whole of the experiment, and the held-out rows with it, as experi-",
        ),
        text(
            688,
            "ence shows in all of the many groups that have tried to do so; and it is not done by looking at held-",
        ),
        text(
            676,
            "out rows alone, nor by what a single well meaning engineer remembers of them later, at a quarter to UTF-",
        ),
        text(664, "8 in the morning."),
    ]
    found = read(make(tmp_path / "a.pdf", [page])).blocks[0].text
    assert "as experience shows" in found
    assert "looking at held-out rows" in found
    assert "UTF-8 in the" in found


@pytest.mark.parametrize(
    ("rows", "known", "expected"),
    [
        (["exam-", "ple"], set(), "example"),
        (["well-", "known"], {"well-known"}, "well-known"),
        (["hard-", "ware"], {"hardware", "hard", "ware"}, "hardware"),
        (["hardware-", "specific"], {"hardware", "specific"}, "hardware-specific"),
        (["Müll-", "Abfuhr"], set(), "Müll-Abfuhr"),
        (["EVALUA-", "TION."], {"evaluation"}, "EVALUATION."),
        (["CD-", "ROM"], {"cd-rom"}, "CD-ROM"),
        (["GNU-", "Bash"], {"gnubash"}, "GNU-Bash"),
        (["a soft\u00ad", "ware"], set(), "a software"),
        (["from 3-", "5 runs"], set(), "from 3- 5 runs"),
        (["実験を", "繰り返す"], set(), "実験を繰り返す"),
        (["実験 A", "B"], set(), "実験 A B"),
        (["a -", "b"], set(), "a - b"),
    ],
)
def test_lines_are_joined(rows: list[str], known: set[str], expected: str) -> None:
    assert lines.join(rows, known) == expected


def test_headings_take_their_levels_from_the_outline(tmp_path: Path) -> None:
    pages = [
        [text(760, "The whole book", size=26), *wrapped(700, SENTENCES[0])],
        [
            text(760, "1 Beginnings", size=14),
            *wrapped(730, SENTENCES[1]),
            text(690, "1.1 Small print", font="Times-Bold"),
        ],
        [*wrapped(760, SENTENCES[2]), text(720, "2 Ends", size=14), *wrapped(700, SENTENCES[3])],
    ]
    pages[1] += wrapped(670, SENTENCES[4])
    outline = (("Beginnings", 0, 2), ("Small print", 1, 2), ("2 Ends", 0, 3))
    found = read(make(tmp_path / "a.pdf", pages, outline))
    assert [entry for entry in shown(found.blocks) if entry[0] != "paragraph"] == [
        ("heading1", 1, "The whole book"),
        ("heading1", 2, "1 Beginnings"),
        ("heading2", 2, "1.1 Small print"),
        ("heading1", 3, "2 Ends"),
    ]


def test_without_an_outline_headings_are_known_by_size_and_weight(tmp_path: Path) -> None:
    page = [
        text(780, "A title that is so long that it goes on", size=24),
        text(751, "in a second line", size=24),
        *wrapped(700, SENTENCES[0]),
        text(660, "Section", size=14),
        *wrapped(640, SENTENCES[1]),
        text(600, "Bold run", font="Times-Bold"),
        *wrapped(585, SENTENCES[2]),
        *wrapped(
            540,
            "This whole sentence is set in larger letters, as an introduction is, and it ends here.",
            size=12,
        ),
        *wrapped(500, SENTENCES[3]),
    ]
    found = shown(read(make(tmp_path / "a.pdf", [page])).blocks)
    assert [entry[0] for entry in found] == [
        *["heading1", "paragraph", "heading2", "paragraph", "heading3", "paragraph", "paragraph", "paragraph"]
    ]
    assert found[0][2] == "A title that is so long that it goes on in a second line"


def test_lists_tables_and_code_keep_their_form(tmp_path: Path) -> None:
    page = [
        *wrapped(780, SENTENCES[0]),
        text(750, "\u2022 one thing that is so long that it needs another line of its own, as list items do"),
        text(738, "now and then", 82),
        text(726, "\u2022 another"),
        text(714, "\u2022 inner", 92),
        *wrapped(690, SENTENCES[1]),
        *[
            text(650 - 14 * n, cell, x)
            for n, row in enumerate([("seed", "loss"), ("11", "2.41"), ("23", "2.44")])
            for cell, x in zip(row, (72, 140), strict=True)
        ],
        *wrapped(590, SENTENCES[2]),
        text(560, "for seed in seeds:", font="Courier"),
        text(548, "train(seed)", 72 + 4 * 6, font="Courier"),
        *wrapped(520, SENTENCES[3]),
    ]
    found = shown(read(make(tmp_path / "a.pdf", [page])).blocks)
    assert [(kind, content) for kind, _, content in found if kind != "paragraph"] == [
        (
            "list",
            "- one thing that is so long that it needs another line of its own, as list items do now and then\n"
            "- another\n  - inner",
        ),
        ("table", "seed | loss\n11 | 2.41\n23 | 2.44"),
        ("code", "for seed in seeds:\n    train(seed)"),
    ]


def test_text_without_latin_letters_is_read(tmp_path: Path) -> None:
    pdfmetrics.registerFont(UnicodeCIDFont("HeiseiMin-W3"))
    japanese = "実験を繰り返すには、データとコードと乱数の種が必要です。"
    page = [
        text(700, japanese, font="HeiseiMin-W3"),
        text(686, "版も記録しておきます。", font="HeiseiMin-W3"),
    ]
    assert read(make(tmp_path / "a.pdf", [page])).blocks[0].text == japanese + "版も記録しておきます。"
    accents = "Größe, déjà vu, año, Übermaß – „so“ 5 €"
    assert read(make(tmp_path / "b.pdf", [[text(700, accents)]])).blocks[0].text == accents


def test_a_turned_page_is_read_like_any_other(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4, invariant=1)
    canvas.rotate(90)
    for _, y, content, font, size in wrapped(-100, " ".join(SENTENCES[:3])):
        canvas.setFont(font, size)
        canvas.drawString(72, y, content)
    canvas.save()
    assert [block.text for block in read(tmp_path / "a.pdf").blocks] == [" ".join(SENTENCES[:3])]


@pytest.mark.parametrize(("angle", "x", "y"), [(90, 300, -20), (-90, -700, 560)])
def test_a_stamp_along_the_margin_is_not_in_the_text(tmp_path: Path, angle: int, x: float, y: float) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4, invariant=1)
    paragraphs = [" ".join(SENTENCES[:4]), " ".join(SENTENCES[4:])]
    for top, paragraph in zip((700, 570), paragraphs, strict=True):
        for left, low, content, font, size in wrapped(top, paragraph):
            canvas.setFont(font, size)
            canvas.drawString(left, low, content)
    canvas.rotate(angle)
    canvas.drawString(x, y, "Preprint of the second of March, not reviewed")
    canvas.save()
    assert [block.text for block in read(tmp_path / "a.pdf").blocks] == paragraphs


def test_title_and_language_are_the_files_own(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), invariant=1, lang="de-CH")
    canvas.setTitle("Größe der Läufe")
    canvas.drawString(72, 700, "Text")
    canvas.save()
    found = read(tmp_path / "a.pdf")
    assert (found.title, found.language) == ("Größe der Läufe", "de-CH")
    for junk in ("Microsoft Word - draft.docx", "untitled", "thesis.tex"):
        canvas = Canvas(str(tmp_path / "b.pdf"), invariant=1)
        canvas.setTitle(junk)
        canvas.drawString(72, 700, "Text")
        canvas.save()
        assert read(tmp_path / "b.pdf").title is None


def scanned(canvas: Canvas) -> None:
    buffer = io.BytesIO()
    Image.new("L", (20, 30), 200).save(buffer, "PNG")
    canvas.drawImage(ImageReader(buffer), 0, 0, 500, 700)
    canvas.showPage()


def test_a_scanned_document_fails_and_single_pages_without_text_are_counted(tmp_path: Path) -> None:
    for name, pictures in (("most.pdf", 19), ("some.pdf", 3)):
        canvas = Canvas(str(tmp_path / name), invariant=1)
        canvas.drawString(72, 700, "A cover page with text.")
        canvas.showPage()
        for _ in range(pictures):
            scanned(canvas)
        canvas.save()
    with pytest.raises(ItemError, match=r"19 of 20 pages have no text \(95%\).*ocrmypdf"):
        read(tmp_path / "most.pdf")
    assert read(tmp_path / "some.pdf").facts["pages_without_text"] == 3


def test_a_locked_file_fails_and_one_that_only_forbids_printing_does_not(tmp_path: Path) -> None:
    page = [text(700, SENTENCES[0])]
    locked = make(tmp_path / "a.pdf", [page], encrypt=StandardEncryption("secret", canPrint=0))
    with pytest.raises(ItemError, match="needs a password"):
        read(locked)
    free = make(tmp_path / "b.pdf", [page], encrypt=StandardEncryption("", "owner", canPrint=0))
    assert read(free).blocks[0].text == SENTENCES[0]


def test_a_file_cut_short_or_damaged_fails(tmp_path: Path) -> None:
    path = make(tmp_path / "a.pdf", list(body_pages(5)))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])  # pdfium would open it, and give the first pages alone
    with pytest.raises(ItemError, match="incomplete"):
        read(path)
    path.write_bytes(b"%PDF-1.7\n" + b"nonsense " * 200 + b"%%EOF")
    with pytest.raises(ItemError, match="broken"):
        read(path)


def raised(*pieces: tuple[str, float, float], y: float = 700) -> list[Drawn]:
    """A line from pieces drawn one after the other: text, size, and points above the line."""
    drawn, x = [], 72.0
    for content, size, above in pieces:
        drawn.append((x, y + above, content, "Times-Roman", size))
        x += pdfmetrics.stringWidth(content, "Times-Roman", size)
    return drawn


def test_exponents_and_marks_of_notes_do_not_join_what_they_stand_beside(tmp_path: Path) -> None:
    page = [
        *raised(
            ("A file of 10", 10, 0),
            ("5", 7, 3.6),
            (" rows, as Claude", 10, 0),
            ("2", 7, 3.6),
            (" wrote.", 10, 0),
        ),
        *raised(("2", 6, 2.8), ("The group's own name of it.", 8, 0), y=600),
        *wrapped(500, SENTENCES[0]),
    ]
    assert [block.text for block in read(make(tmp_path / "a.pdf", [page])).blocks] == [
        "A file of 10^5 rows, as Claude[2] wrote.",
        "[2] The group's own name of it.",
        SENTENCES[0],
    ]


def test_words_are_parted_where_the_gap_is_narrow_and_only_there(tmp_path: Path) -> None:
    # groff sets no space characters; beside italics and in tight lines it leaves less than pdfium takes for one
    drawn, x = [], 72.0
    for content, font in (("but", "Times-Italic"), ("they", "Times-Roman"), ("appear", "Times-Roman")):
        drawn.append((x, 700.0, content, font, 10.0))
        x += pdfmetrics.stringWidth(content, font, 10) + 2.0
    assert read(make(tmp_path / "a.pdf", [drawn])).blocks[0].text == "but they appear"
    kerned = [
        (72.0, 700.0, "inv", "Times-Roman", 10.0),
        (72 + pdfmetrics.stringWidth("inv", "Times-Roman", 10), 700.0, "oked", "Times-Roman", 10.0),
    ]
    assert read(make(tmp_path / "b.pdf", [kerned])).blocks[0].text == "invoked"


def arabic(path: Path, content: str, **options: object) -> Path:
    from matplotlib import get_data_path
    from reportlab.pdfbase.ttfonts import TTFont

    pdfmetrics.registerFont(TTFont("DejaVu", f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf"))
    canvas = Canvas(str(path), pagesize=A4, invariant=1, **options)
    canvas.setFont("DejaVu", 12)
    canvas.drawString(72, 700, content)
    canvas.save()
    return path


def test_the_ligature_of_lam_and_alef_is_read_in_its_order(tmp_path: Path) -> None:
    # as it is drawn: from left to right, with one glyph for lam and alef
    drawn = "\u062a\ufefc\u0643\u0634\u0645"
    path = arabic(tmp_path / "a.pdf", drawn, pageCompression=0)
    path.write_bytes(path.read_bytes().replace(b"<FEFC>", b"<06440627>"))  # as office programs name it
    found = read(path).blocks[0].text
    assert found == "\u0645\u0634\u0643\u0644\u0627\u062a"


def test_letters_beyond_the_first_65536_are_kept(tmp_path: Path) -> None:
    path = arabic(tmp_path / "a.pdf", "The set \U0001d54a of all", pageCompression=0)
    # reportlab writes the number where the format wants it as two units
    path.write_bytes(path.read_bytes().replace(b"<1D54A>", b"<D835DD4A>"))
    assert read(path).blocks[0].text == "The set \U0001d54a of all"


def test_a_language_that_the_letters_belie_is_not_believed(tmp_path: Path) -> None:
    hebrew = (
        "\u05d5\u05d9\u05d0\u05de\u05e8 \u05d0\u05dc\u05d4\u05d9\u05dd \u05d9\u05d4\u05d9 \u05d0\u05d5\u05e8"
    )
    text = " ".join([hebrew[::-1]] * 3)
    assert read(arabic(tmp_path / "a.pdf", text, lang="en-US")).language == "he"
    assert read(arabic(tmp_path / "b.pdf", text, lang="yi")).language == "yi"
    assert read(arabic(tmp_path / "c.pdf", " ".join(SENTENCES[:2]), lang="de-CH")).language == "de-CH"


def test_a_table_with_narrow_columns_has_them_all(tmp_path: Path) -> None:
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

    rows = [["Plan", "Seats", "Price"], ["Basic", "1", "9"], ["Team", "10", "29"], ["Firm", "100", "99"]]
    style = getSampleStyleSheet()["Normal"]
    story = [Paragraph(SENTENCES[0], style), Table(rows), Paragraph(SENTENCES[1], style)]
    SimpleDocTemplate(str(tmp_path / "a.pdf"), invariant=1).build(story)
    assert shown(read(tmp_path / "a.pdf").blocks)[1] == (
        "table", 1, "Plan | Seats | Price\nBasic | 1 | 9\nTeam | 10 | 29\nFirm | 100 | 99"
    )  # fmt: skip


def test_a_sign_before_each_paragraph_makes_no_table(tmp_path: Path) -> None:
    page = [
        drawn
        for n, sentence in enumerate(SENTENCES[:4])
        for drawn in (text(700 - 14 * n, "\u00a2"), text(700 - 14 * n, sentence, 90))
    ]
    assert {block.kind for block in read(make(tmp_path / "a.pdf", [page])).blocks} == {"paragraph"}


def test_columns_below_a_table_are_read_one_after_the_other(tmp_path: Path) -> None:
    table = [
        text(780 - 9 * row, f"{cell} {row}", 60 + 80 * n, 7)
        for row in range(40)
        for n, cell in enumerate(["Method", "Skill", "Data", "Teacher", "Student", "Goal"])
    ]
    left, right = " ".join(SENTENCES[:4]), " ".join(SENTENCES[4:])
    rows = [wrapped(380, left, 60, 220), wrapped(380, right, 310, 220)]
    both = [row for pair in zip(*rows, strict=False) for row in pair] + [
        row for column in rows for row in column
    ]
    page = [*table, *dict.fromkeys(both)]
    assert [block.text for block in read(make(tmp_path / "a.pdf", [page])).blocks][-2:] == [left, right]


def test_a_paragraph_goes_on_behind_the_notes_of_its_column(tmp_path: Path) -> None:
    sentence = " ".join(SENTENCES[:5])
    lines = wrapped(700, sentence, 60, 220)
    middle = len(lines) // 2
    note = wrapped(100, "1. " + SENTENCES[6], 70, 200, 7)
    note[1:] = [(60.0, *row[1:]) for row in note[1:]]  # its first line is indented
    rest = [(310.0, 700 - 12 * n, *row[2:]) for n, row in enumerate(lines[middle:])]
    page = [*lines[:middle], *note, *rest, *wrapped(500, " ".join(SENTENCES[5:]), 310, 220)]
    found = [block.text for block in read(make(tmp_path / "a.pdf", [page])).blocks]
    assert found == [sentence, "1. " + SENTENCES[6], " ".join(SENTENCES[5:])]


def test_bold_text_that_opens_a_paragraph_may_fill_its_first_line(tmp_path: Path) -> None:
    page = [
        text(
            700,
            "Training the small model with an objective of its own, as the group did it, and with its learn-",
            font="Times-Bold",
        ),
        text(688, "ing rate.", font="Times-Bold"),
        text(
            688,
            "The last stage is this one, in which the whole of the group takes part as it did before.",
            72 + 42,
        ),
        *wrapped(660, " ".join(SENTENCES[:3])),
    ]
    found = shown(read(make(tmp_path / "a.pdf", [page])).blocks)
    assert found[0][0] == "paragraph"
    assert "its learning rate. The last" in found[0][2]


def test_a_numbered_heading_with_a_wide_gap_is_no_row(tmp_path: Path) -> None:
    page = [
        text(700, "2.4", font="Times-Bold"),
        text(700, "The course of a run", 100, font="Times-Bold"),
        text(670, "steer", 150, 8),
        text(670, "train", 240, 8),
        *wrapped(600, " ".join(SENTENCES[:3])),
    ]
    assert shown(read(make(tmp_path / "a.pdf", [page])).blocks)[0] == (
        "heading1",
        1,
        "2.4 The course of a run",
    )


def test_text_without_a_size_is_read(tmp_path: Path) -> None:
    page = [*wrapped(700, SENTENCES[0]), text(600, "a b", size=0.01)]
    assert read(make(tmp_path / "a.pdf", [page])).blocks[0].text == SENTENCES[0]


def test_a_column_that_stands_alone_below_a_wide_title_has_whole_paragraphs(tmp_path: Path) -> None:
    long = [" ".join(SENTENCES[n : n + 4]) for n in (0, 4)]
    page = [
        *wrapped(700, SENTENCES[7] + " " + SENTENCES[0][:40], 60, 480, 9),
        *wrapped(650, long[0], 60, 220),
        *wrapped(400, long[1], 60, 220),
    ]
    assert [block.text for block in read(make(tmp_path / "a.pdf", [page])).blocks][1:] == long


def test_a_table_of_two_columns_of_words_is_one(tmp_path: Path) -> None:
    from reportlab.platypus import SimpleDocTemplate, Table

    rows = [["Name", "Role"], ["Ann Lee", "Head of data"], ["Bo", "Engineer"], ["Ida North", "Clerk"]]
    SimpleDocTemplate(str(tmp_path / "a.pdf"), invariant=1).build([Table(rows)])
    assert shown(read(tmp_path / "a.pdf").blocks) == [("table", 1, "\n".join(map(" | ".join, rows)))]
