"""Superscripts: exponents, marks of notes and ordinal numbers, in every format that has them."""

from pathlib import Path

import pytest

from lectern.formats import raised
from tests.unit.formats.test_formats import docx, epub, read
from tests.unit.formats.test_markup import parsed


@pytest.mark.parametrize(
    ("before", "text", "expected"),
    [
        # exponents
        ("2", "32", "^32"),
        ("10", "-6", "^-6"),
        ("2", "n-1", "^(n-1)"),
        ("x", "2", "^2"),
        ("12 km", "2", "^2"),
        ("e", "x", "^x"),
        ("(a + b)", "2", "^2"),
        ("sin", "2", "^2"),
        ("Ca", "2+", "^2+"),
        ("D", "(kd)", "^(kd)"),
        # notes
        ("Claude", "2", "[2]"),
        ("as was said.", "12", "[12]"),
        ("as was said", "1,2", "[1,2]"),
        ("(see the table above)", "3", "[3]"),
        ("IPv4", "1", "[1]"),
        # words
        ("1", "st", "st"),
        ("20", "th", "th"),
        ("2", "e", "e"),
        ("M", "me", "^me"),
        ("Lectern", "TM", "TM"),
        ("Lectern", "®", "®"),
        ("note", "*", "*"),
        # what carries its sign already, or stands alone
        ("2^", "32", "32"),
        ("", "2", "2"),
        ("word ", "2", "2"),
    ],
)
def test_a_superscript_is_joined_as_what_it_is(before: str, text: str, expected: str) -> None:
    assert raised.join(text, before) == expected


@pytest.mark.parametrize(("text", "expected"), [("2", "[2]"), ("[2]", "[2]"), ("a", "[a]"), ("†", "†")])
def test_a_superscript_that_is_a_link_is_the_mark_of_a_note(text: str, expected: str) -> None:
    assert raised.join(text, "2019", is_note=True) == expected


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("2", "The", "[2] "),
        ("1,2", "Institute", "[1,2] "),
        ("14", "C", "14"),
        ("*", "The", "*"),
        ("2", "", "2"),
    ],
)
def test_a_superscript_before_a_word_is_the_mark_of_its_note(text: str, after: str, expected: str) -> None:
    assert raised.lead(text, after) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("(2<sup>32</sup> - 2), 10<sup>6</sup>; Claude<sup>2</sup> has", "(2^32 - 2), 10^6; Claude[2] has"),
        ("In 2019<sup><a href=#n>3</a></sup> and <a href=#n><sup>4</sup></a>", "In 2019[3] and [4]"),
        ("10<b><sup>6</sup></b>", "10^6"),
        ("2<span style='vertical-align: super'>32</span> B, <span style='color: red'>2</span>", "2^32 B, 2"),
    ],
)
def test_superscripts_of_html_in_paragraphs_headings_lists_and_cells(body: str, expected: str) -> None:
    assert parsed(f"<p>{body}</p><h2>{body}</h2><ul><li>{body}</ul><table><tr><td>{body}<td>b</table>") == [
        ("paragraph", expected), ("heading2", expected), ("list", f"- {expected}"), ("table", f"{expected} | b"),
    ]  # fmt: skip


def test_superscripts_of_word_files_and_books(tmp_path: Path) -> None:
    run = "<w:r><w:t xml:space='preserve'>{}</w:t></w:r>"
    high = "<w:r><w:rPr><w:vertAlign w:val='superscript'/></w:rPr><w:t>{}</w:t></w:r>"
    body = run.format("Of 2") + high.format("32") + run.format(" pages, Claude") + high.format("2")
    assert read(docx(tmp_path / "a.docx", f"<w:p>{body}</w:p>")) == [
        ("paragraph", "Of 2^32 pages, Claude[2]")
    ]
    chapter = {"a.xhtml": "<p>Of 2<sup>32</sup> pages, Claude<sup>2</sup></p>"}
    assert read(epub(tmp_path / "a.epub", chapter)) == [("paragraph", "Of 2^32 pages, Claude[2]")]


def test_superscripts_and_equations_of_slides(tmp_path: Path) -> None:
    import pptx
    from lxml import etree

    shown = pptx.Presentation()
    slide = shown.slides.add_slide(shown.slide_layouts[5])
    slide.shapes.title.text = "Sizes"
    for text in ("Of 2", " pages"):
        box = slide.shapes.add_textbox(0, 0, 99, 99)
        paragraph = box.text_frame.paragraphs[0]
        paragraph.add_run().text = text
        if text == "Of 2":
            run = paragraph.add_run()
            run.text = "32"
            run.font._element.set("baseline", "30000")
    math = "http://schemas.openxmlformats.org/officeDocument/2006/math"
    drawing = "http://schemas.microsoft.com/office/drawing/2010/main"
    equation = etree.fromstring(
        f"<a14:m xmlns:a14='{drawing}' xmlns:m='{math}'><m:oMath><m:f><m:num><m:r><m:t>a</m:t></m:r></m:num>"
        "<m:den><m:r><m:t>b</m:t></m:r></m:den></m:f></m:oMath></a14:m>"
    )
    paragraph._p.append(equation)
    # PowerPoint puts such a box among alternatives
    wrapped = etree.fromstring(
        "<mc:AlternateContent xmlns:mc='http://schemas.openxmlformats.org/markup-compatibility/2006'>"
        "<mc:Choice Requires='a14'/><mc:Fallback/></mc:AlternateContent>"
    )
    box._element.addprevious(wrapped)
    wrapped[0].append(box._element)
    shown.save(str(tmp_path / "a.pptx"))
    assert read(tmp_path / "a.pptx") == [
        ("heading1", "Sizes"), ("paragraph", "Of 2^32"), ("paragraph", r"pages$\frac{a}{b}$"),
    ]  # fmt: skip
