"""Documents of every format but PDF: what is read, what is refused, and that nothing else is opened."""

import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pptx
import pytest
import yaml

from lectern.core.errors import ItemError
from lectern.core.schema import Block
from lectern.formats import extraction, guards
from lectern.text.words import words
from tests.support import shipped

DOCUMENTS = Path("data/sources/documents")
SCRIPT: list[dict[str, Any]] = yaml.safe_load((DOCUMENTS / "script.yaml").read_text(encoding="utf-8"))[
    "documents"
]
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def read(
    path: Path, text: str | bytes = b"", is_page: bool = False, megabytes: float = 5
) -> list[tuple[str, str]]:
    """Kind (with a heading's level) and text of each block of a file that is written first."""
    if text:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
    return [(b.kind + str(b.level or ""), b.text) for b in extraction.read(path, megabytes, is_page).blocks]


def docx(path: Path, body: str, **parts: str) -> Path:
    """A Word file with this body."""
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{package}/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" Type="{office}/officeDocument" '
            'Target="word/document.xml"/></Relationships>',
        )
        archive.writestr("word/document.xml", f"<w:document {W}><w:body>{body}</w:body></w:document>")
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/"), content)
    return path


def epub(path: Path, chapters: dict[str, str], **files: str | bytes) -> Path:
    """A book of these chapters: file -> body."""
    items = "".join(f'<item id="{n}" href="{n}" media-type="application/xhtml+xml"/>' for n in chapters)
    spine = "".join(f'<itemref idref="{name}"/>' for name in chapters)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr(
            "META-INF/container.xml",
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="o/p.opf"/></rootfiles></container>',
        )
        archive.writestr(
            "o/p.opf",
            '<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
            "<dc:title>Größe</dc:title><dc:language>de-AT</dc:language></metadata>"
            f'<manifest>{items}<item id="toc" href="toc.ncx"/></manifest><spine>{spine}</spine></package>',
        )
        for name, body in chapters.items():
            archive.writestr(f"o/{name}", f"<html><body>{body}</body></html>")
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return path


def script_texts(document: dict[str, Any]) -> str:
    if "slides" in document:
        return "\n".join(
            f"{slide['title']}\n{slide['text']}\n{slide['notes']}" for slide in document["slides"]
        )
    return str(document["text"])


@pytest.mark.parametrize("document", SCRIPT, ids=lambda document: str(document["file"]))
def test_every_word_of_a_shipped_document_is_read_in_its_order(document: dict[str, Any]) -> None:
    found = extraction.read(DOCUMENTS / document["file"], 5)
    got = [word for block in found.blocks for word in words(block.text)]
    expected = words(re.sub(r"^\s*(?:#+|\d+\.) ", "", script_texts(document), flags=re.M))
    got = [w for w in got if not w.isdigit()]  # numbers of lists
    title = words(document["title"]) if document["file"].endswith(".pdf") else []  # above the text
    assert got == title + [word for word in expected if not word.isdigit()]


@pytest.mark.parametrize(
    "document", [d for d in SCRIPT if "#" in str(d.get("text"))], ids=lambda d: str(d["file"])
)
def test_the_headings_of_a_shipped_document_keep_their_levels(document: dict[str, Any]) -> None:
    found = extraction.read(DOCUMENTS / document["file"], 5)
    headings = [
        (b.level, b.text) for b in found.blocks if b.kind == "heading" and b.text != document["title"]
    ]
    assert headings == [(len(m[1]), m[2]) for m in re.finditer(r"^(#+) (.+)$", document["text"], re.M)]


def test_html_becomes_blocks_in_its_order(tmp_path: Path) -> None:
    page = """<html lang=en><head><title>no</title><style>no{}</style></head><body><nav>no</nav>
    <h1>A <em>title</em></h1>Loose text<br>and a line<br><br>another paragraph
    <p>See <a href=x>this</a>, please.<!-- no --></p><div>Nested <div>deeper</div> after</div>
    <ul><li>one<ol start=3><li>three<li>four</ol><li>two <p>and more</ul>
    <dl><dt>seed</dt><dd>a number</dd><dt>noise</dt><dd>the rest</dd></dl>
    <pre>def f():\n    return 1\n</pre><script>no()</script><p hidden>no<p style="display: none">no
    <table><caption>Losses</caption><tr><th>run</th><th>loss</th></tr><tr><td>a</td><td>1 | 2</td></tr></table>
    <table><tr><td><h2>Laid out</h2><p>left</p></td><td><p>right</p></td></tr></table>
    <ruby>漢<rt>no</rt></ruby>&lt;b&gt; &amp; 5&nbsp;€</body></html>"""
    assert read(tmp_path / "a.html", page) == [
        ("heading1", "A title"),
        ("paragraph", "Loose text\nand a line"),
        ("paragraph", "another paragraph"),
        ("paragraph", "See this, please."),
        ("paragraph", "Nested"),
        ("paragraph", "deeper"),
        ("paragraph", "after"),
        ("list", "- one\n  3. three\n  4. four\n- two and more"),
        ("list", "- seed: a number\n- noise: the rest"),
        ("code", "def f():\n    return 1"),
        ("table", "Losses\nrun | loss\na | 1 | 2"),
        ("heading2", "Laid out"),
        ("paragraph", "left"),
        ("paragraph", "right"),
        ("paragraph", "漢<b> & 5 €"),
    ]


def test_of_a_web_page_only_the_main_text_is_read(tmp_path: Path) -> None:
    text = (
        "A seed is the number from which a generator starts, and whoever notes it can repeat the whole run. "
    )
    page = f"""<html><body><header><a href=/>The Lab</a></header><nav><ul><li>Menu<li>Login</ul></nav>
    <article><h1>Seeds</h1><p>{text * 3}</p><h2>In code</h2><pre><code>seed(1)\n  x</code></pre>
    <ul><li>first point of the list<li>second point of the list</ul><p>{text}</p></article>
    <aside>Newsletter</aside><footer>Imprint</footer></body></html>"""
    found = read(tmp_path / "a.html", page, is_page=True)
    assert [kind for kind, _ in found] == ["heading1", "paragraph", "heading2", "code", "list", "paragraph"]
    assert ("code", "seed(1)\n  x") in found
    assert not {"Menu", "Newsletter", "Imprint", "The Lab"} & {
        word for _, text in found for word in text.split()
    }


def test_a_heading_above_the_main_text_is_kept_and_is_the_title(tmp_path: Path) -> None:
    page = f"<html><title>Seeds | Lab</title><body><h1>Seeds</h1><p>{'A sentence about seeds and runs. ' * 20}</body>"
    path = tmp_path / "a.html"
    assert read(path, page, is_page=True)[0] == ("heading1", "Seeds")
    assert extraction.read(path, 5, is_page=True).title == "Seeds"


def test_a_short_page_that_marks_its_main_part_is_not_lost(tmp_path: Path) -> None:
    page = "<body><nav>Menu</nav><main><h1>Opening hours</h1><p>From nine to five.</p></main><footer>No</footer></body>"
    found = read(tmp_path / "a.html", page, is_page=True)
    assert found == [("heading1", "Opening hours"), ("paragraph", "From nine to five.")]


@pytest.mark.parametrize("name", ["utf-8", "cp1251", "koi8-r", "utf-16"])
def test_a_page_is_read_in_the_encoding_it_declares(tmp_path: Path, name: str) -> None:
    page = f'<html><head><meta charset="{name}"></head><body><p>Да</p></body></html>'
    assert read(tmp_path / "a.html", page.encode(name)) == [("paragraph", "Да")]


def test_a_page_that_nests_deep_is_read_or_refused_but_not_lost(tmp_path: Path) -> None:
    # the parser gives up at some depth, and with it goes the text
    deep = "<div>" * 1500 + "at the bottom" + "</div>" * 1500 + "<p>after it"
    assert read(tmp_path / "a.html", deep) == [("paragraph", "at the bottom"), ("paragraph", "after it")]
    lists = "<ul><li>x" * 700
    assert "".join(text for _, text in read(tmp_path / "l.html", lists)).count("x") == 700
    with pytest.raises(ItemError, match="too deep"):
        read(tmp_path / "b.html", "<div>" * 5000 + "at the bottom")


def test_markdown_with_front_matter_tables_and_placeholders(tmp_path: Path) -> None:
    text = """---\ntitle: "Größe"\nlang: de\n---\n# One\n\nWrapped\nlines with `code` and <your-key> & <b>bold</b>.\n
- a\n  - b\n- c\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n```py\nif a < b:\n    go()\n```\n\nTwo\n---\n"""
    path = tmp_path / "a.md"
    assert read(path, text) == [
        ("heading1", "One"),
        ("paragraph", "Wrapped lines with code and <your-key> & bold."),
        ("list", "- a\n  - b\n- c"),
        ("table", "x | y\n1 | 2"),
        ("code", "if a < b:\n    go()"),
        ("heading2", "Two"),
    ]
    found = extraction.read(path, 5)
    assert (found.title, found.language) == ("Größe", "de")


def test_plain_text_joins_wrapped_lines_and_knows_underlined_titles(tmp_path: Path) -> None:
    text = """Title
=====

This paragraph was wrapped by its author at a width of some sixty char-
acters, as mails are, and even this line is nearly as long, but it
ends here.

Roses are red
Violets are blue

Part
----

- one
- two that goes
  on

1. first
2. second
"""
    assert read(tmp_path / "a.txt", text.replace("\n", "\r\n")) == [
        ("heading1", "Title"),
        (
            "paragraph",
            "This paragraph was wrapped by its author at a width of some sixty characters, as mails are, and "
            "even this line is nearly as long, but it ends here.",
        ),
        ("paragraph", "Roses are red\nViolets are blue"),
        ("heading2", "Part"),
        ("list", "- one\n- two that goes on"),
        ("list", "1. first\n2. second"),
    ]


def test_word_files_keep_text_boxes_footnotes_and_insertions(tmp_path: Path) -> None:
    run = "<w:r><w:t xml:space='preserve'>{}</w:t></w:r>"
    body = (
        '<w:p><w:pPr><w:pStyle w:val="berschrift1"/></w:pPr>' + run.format("Maße") + "</w:p>"
        f"<w:p>{run.format('kept ')}<w:ins>{run.format('inserted')}</w:ins>"
        "<w:del><w:r><w:delText>no</w:delText></w:r></w:del></w:p>"
        f"<w:sdt><w:sdtContent><w:p>{run.format('in a control')}</w:p></w:sdtContent></w:sdt>"
        f"<w:tbl><w:tr><w:tc><w:p>{run.format('a')}</w:p></w:tc><w:tc><w:p>{run.format('b')}</w:p></w:tc></w:tr></w:tbl>"
    )
    # German Word names the style so, and calls it `heading 1` all the same
    styles = (
        f'<w:styles {W}><w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>'
        "</w:styles>"
    )
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="s" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/>'
        "</Relationships>"
    )
    path = docx(
        tmp_path / "a.docx", body, **{"word__styles.xml": styles, "word___rels/document.xml.rels": relations}
    )
    assert read(path) == [
        ("heading1", "Maße"),
        ("paragraph", "kept inserted"),
        ("paragraph", "in a control"),
        ("table", "a | b"),
    ]


def test_slides_give_their_number_and_leave_out_furniture(tmp_path: Path) -> None:
    deck = pptx.Presentation()
    for number in (1, 2, 3):
        slide = deck.slides.add_slide(deck.slide_layouts[5 if number == 2 else 1])
        if number != 2:
            slide.shapes.title.text = f"Slide {number}"
            slide.placeholders[1].text = "one\ntwo"
    deck.save(str(tmp_path / "a.pptx"))
    found = extraction.read(tmp_path / "a.pptx", 5)
    assert [(block.page, block.text) for block in found.blocks] == [
        (1, "Slide 1"),
        (1, "- one\n- two"),
        (3, "Slide 3"),
        (3, "- one\n- two"),
    ]
    assert found.facts == {"pages": 3, "pages_without_text": 1}


def test_a_book_is_read_by_its_spine_and_a_chapter_without_heading_gets_its_entry(tmp_path: Path) -> None:
    ncx = (
        '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel><text>Zweites</text></navLabel>'
        '<content src="a.xhtml#x"/></navPoint></navMap></ncx>'
    )
    path = epub(
        tmp_path / "a.epub",
        {"b.xhtml": "<h1>Erstes</h1><p>Über</p>", "empty.xhtml": " \n\t", "a.xhtml": "<p>ß</p>"},
        **{"o__toc.ncx": ncx},
    )
    assert read(path) == [
        ("heading1", "Erstes"),
        ("paragraph", "Über"),
        ("heading1", "Zweites"),
        ("paragraph", "ß"),
    ]
    found = extraction.read(path, 5)
    assert (found.title, found.language) == ("Größe", "de-AT")


BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'


def test_entities_are_refused_in_every_zipped_format(tmp_path: Path) -> None:
    for path in (
        docx(tmp_path / "a.docx", "<w:p/>", **{"word__styles.xml": BOMB + "<x>&b;</x>"}),
        epub(tmp_path / "a.epub", {"a.xhtml": "x"}, **{"o__x.xhtml": BOMB.encode("utf-16")}),
    ):
        with pytest.raises(ItemError, match="XML entities"):
            read(path)


def test_nothing_outside_a_document_is_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret words")
    there = secret.as_uri()
    outside = f'<img src="{there}"><iframe src="{there}"></iframe><object data="{there}"></object><p>x</p>'
    assert read(tmp_path / "a.html", f'<!DOCTYPE html SYSTEM "{secret.as_uri()}">{outside}') == [
        ("paragraph", "x")
    ]
    assert read(epub(tmp_path / "a.epub", {"a.xhtml": outside})) == [("paragraph", "x")]
    with pytest.raises(ItemError, match="missing"):
        read(epub(tmp_path / "b.epub", {"../../secret.txt": ""}))


def test_bombs_and_giants_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    def written(name: str, members: dict[str, bytes]) -> Path:
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, data in members.items():
                archive.writestr(member, data)
        return tmp_path / name

    bomb = written("bomb.docx", {"word/document.xml": b"<a>" + b" " * 4_000_000})
    with pytest.raises(ItemError, match="bomb"):
        read(bomb)
    with pytest.raises(ItemError, match="max_megabytes"):
        read(bomb, megabytes=1)
    with pytest.raises(ItemError, match="20001 files"):
        read(written("many.epub", {f"{number}.png": b"" for number in range(20_001)}))
    with pytest.raises(ItemError, match="max_megabytes"):
        read(tmp_path / "large.html", b"<p>" + b"x" * 2_000_000, megabytes=1)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.txt", b"%PDF-1.7 ...", "it is a PDF file"),
        ("a.md", b"PK\x03\x04 ...", "it is a ZIP file"),
        ("a.html", b"\x89PNG ...", "it is a picture"),
        ("a.pdf", b"<html>", "not a PDF file"),
        ("a.docx", b"%PDF-1.7", "it is a PDF file"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"0" * 600, "old or encrypted Office"),
        ("a.epub", b"PK\x03\x04 cut short", "broken or incomplete"),
        ("a.txt", b" \n\t\n ", "no text"),
        ("a.html", b"<html><body><script>x</script></body></html>", "no text"),
        ("a.md", b"---\ntitle: x\n---\n", "no text"),
        ("a.html", b" ", "empty"),
        ("a.xyz", b"text", "no reader for .xyz"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    with pytest.raises(ItemError, match=re.escape(message)):
        read(tmp_path / name, data)


@pytest.mark.parametrize(
    "error",
    [
        EOFError(),
        KeyError("x"),
        ValueError("x"),
        NotImplementedError("x"),
        zlib.error("x"),
        zipfile.BadZipFile("x"),
        OSError(5, "x"),
    ],
)
def test_whatever_a_broken_archive_raises_is_said_of_its_item(tmp_path: Path, error: Exception) -> None:
    path = docx(tmp_path / "a.docx", "<w:p/>")
    with pytest.raises(ItemError, match=r"^broken or incomplete \("), guards.open_zip(path, 5):
        raise error


def test_a_zip_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    book = epub(tmp_path / "a.epub", {"a.xhtml": "x"})
    word = docx(tmp_path / "a.docx", "<w:p/>")
    for source, suffix in ((book, ".docx"), (book, ".pptx"), (word, ".epub"), (word, ".pptx")):
        wrong = tmp_path / f"wrong{suffix}"
        wrong.write_bytes(source.read_bytes())
        with pytest.raises(ItemError, match="right suffix"):
            read(wrong)


def test_a_damaged_word_file_or_book_fails_as_an_item(tmp_path: Path) -> None:
    for path in (docx(tmp_path / "a.docx", "<w:p>"), docx(tmp_path / "b.docx", "<w:p/>")):
        data = path.read_bytes()
        path.write_bytes(data[:200] + bytes(40) + data[240:])
        with pytest.raises(ItemError):
            read(path)
    encrypted = (
        '<encryption><EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes256-cbc"/></encryption>'
    )
    with pytest.raises(ItemError, match="DRM"):
        read(epub(tmp_path / "a.epub", {"a.xhtml": "x"}, **{"META-INF__encryption.xml": encrypted}))


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    def blocks(path: Path) -> list[Block]:
        return extraction.read(path, 5, is_page=path.suffix == ".html").blocks

    for name in shipped.DOCUMENTS:
        assert blocks(DOCUMENTS / name) == blocks(DOCUMENTS / name)
