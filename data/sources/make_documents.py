"""Write the documents of a script: PDF, Word, slides, EPUB, and texts in old encodings.

Run: python data/sources/make_documents.py data/sources/documents/script.yaml [file ...]

Reads a script, writes beside it each document and its `<stem>.info.json`. Nobody needs this to use the corpora: the
results are in git.

Needs an environment of its own, apart from the project's:
    pip install reportlab==5.1.0 python-docx==1.2.0 python-pptx==1.0.2 pyyaml==6.0.3

A script is YAML: `documents`, each with
    file         its name, whose suffix says the format
    title, author, language, url
    encoding     of a .txt
    header       of the pages of a .pdf
    text         in the few marks of Markdown that the script's first lines name; a .txt stands as it is
    slides       of a .pptx, each with `title`, `text` and the speaker's `notes`

Making them twice gives the same bytes: no document holds the day on which it was made.
"""

from __future__ import annotations

import argparse
import datetime
import html
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docx
import pptx
import yaml
from reportlab.lib.pagesizes import A5
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import ListFlowable, Paragraph, Preformatted, SimpleDocTemplate, Spacer, Table

DAY = (2026, 11, 22)
"""That all files are dated."""
LICENCE = "Apache-2.0"
CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="book/package.opf" media-type="application/oebps-package+xml"/>
</rootfiles></container>
"""
PACKAGE = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">{url}</dc:identifier><dc:title>{title}</dc:title><dc:creator>{author}</dc:creator>
<dc:language>{language}</dc:language><meta property="dcterms:modified">{day}T00:00:00Z</meta>
</metadata>
<manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
{items}</manifest>
<spine><itemref idref="nav"/>{spine}</spine>
</package>
"""
PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">
<head><title>{title}</title></head>
<body>
{body}
</body>
</html>
"""
Part = tuple[str, Any]
"""`heading` with (level, text); `paragraph`, `code` with text; `bullets`, `numbers` with texts; `table` with rows."""


def parse(text: str) -> list[Part]:
    """The parts of a text, in order."""
    parts: list[Part] = []
    for chunk in re.split(r"\n\s*\n", text.strip("\n")):
        lines = chunk.split("\n")
        if found := re.fullmatch(r"(#+) (.+)", chunk.strip()):
            parts.append(("heading", (len(found[1]), found[2])))
        elif all(line.startswith("    ") for line in lines):
            parts.append(("code", "\n".join(line[4:] for line in lines)))
        elif lines[0].startswith("|"):
            parts.append(
                ("table", [[cell.strip() for cell in line.strip(" |").split("|")] for line in lines])
            )
        elif lines[0].startswith("- "):
            parts.append(("bullets", _items(lines, r"- ")))
        elif lines[0].startswith("1. "):
            parts.append(("numbers", _items(lines, r"\d+\. ")))
        else:
            parts.append(("paragraph", " ".join(line.strip() for line in lines)))
    return parts


def _items(lines: list[str], mark: str) -> list[str]:
    items: list[str] = []
    for line in lines:
        if found := re.match(mark, line):
            items.append(line[found.end() :])
        else:
            items[-1] += " " + line.strip()
    return items


def make_pdf(document: dict[str, Any], path: Path) -> None:
    """Pages of A5 with a running header, page numbers and an outline."""
    body = ParagraphStyle("body", fontName="Times-Roman", fontSize=10, leading=13, spaceAfter=7, alignment=4)
    heads = {
        1: ParagraphStyle(
            "h1",
            fontName="Helvetica-Bold",
            fontSize=18,
            leading=22,
            spaceBefore=14,
            spaceAfter=8,
            keepWithNext=1,
        ),
        2: ParagraphStyle(
            "h2",
            fontName="Helvetica-Bold",
            fontSize=13,
            leading=17,
            spaceBefore=8,
            spaceAfter=5,
            keepWithNext=1,
        ),
    }
    mono = ParagraphStyle("code", fontName="Courier", fontSize=9, leading=11, leftIndent=12, spaceAfter=7)

    class Outlined(SimpleDocTemplate):  # type: ignore[misc]
        def afterFlowable(self, flowable: Any) -> None:  # noqa: N802
            if (level := getattr(flowable, "outline_level", None)) is not None:
                key = f"part-{self.seq.nextf('part')}"
                self.canv.bookmarkPage(key)
                self.canv.addOutlineEntry(flowable.getPlainText(), key, level - 1)

    story: list[Any] = [
        Paragraph(
            html.escape(document["title"]),
            ParagraphStyle("title", fontName="Helvetica-Bold", fontSize=24, leading=29, spaceAfter=18),
        )
    ]
    for kind, value in parse(document["text"]):
        if kind == "heading":
            heading = Paragraph(html.escape(value[1]), heads[value[0]])
            heading.outline_level = value[0]
            story.append(heading)
        elif kind in ("bullets", "numbers"):
            items = [Paragraph(html.escape(item), body) for item in value]
            story.append(
                ListFlowable(items, bulletType="bullet" if kind == "bullets" else "1", bulletFontSize=9)
            )
        elif kind == "table":
            story += [Table(value, hAlign="LEFT", spaceBefore=2), Spacer(1, 7)]
        elif kind == "code":
            story.append(Preformatted(value, mono))
        else:
            story.append(Paragraph(html.escape(value), body))

    def decorate(canvas: Canvas, template: Any) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(18 * mm, A5[1] - 12 * mm, document["header"])
        canvas.drawCentredString(A5[0] / 2, 10 * mm, f"Page {template.page}")

    template = Outlined(
        str(path),
        pagesize=A5,
        title=document["title"],
        author=document["author"],
        lang=document["language"],
        invariant=1,
        leftMargin=18 * mm,
        rightMargin=18 * mm,
        topMargin=20 * mm,
        bottomMargin=20 * mm,
    )
    template.build(story, onFirstPage=decorate, onLaterPages=decorate)


def make_docx(document: dict[str, Any], path: Path) -> None:
    """A Word file by the styles that python-docx brings."""
    made = docx.Document()
    _state(made.core_properties, document)
    for kind, value in parse(document["text"]):
        if kind == "heading":
            made.add_heading(value[1], value[0])
        elif kind in ("bullets", "numbers"):
            for item in value:
                made.add_paragraph(item, style="List Bullet" if kind == "bullets" else "List Number")
        elif kind == "table":
            table = made.add_table(rows=len(value), cols=len(value[0]), style="Table Grid")
            for cells, texts in zip(table.rows, value, strict=True):
                for cell, text in zip(cells.cells, texts, strict=True):
                    cell.text = text
        else:
            made.add_paragraph(value)
    buffer = io.BytesIO()
    made.save(buffer)
    _write_undated(buffer, path)


def make_pptx(document: dict[str, Any], path: Path) -> None:
    """Slides with a title, points, text or a table, and the speaker's notes."""
    made = pptx.Presentation()
    _state(made.core_properties, document)
    for entry in document["slides"]:
        ((kind, value),) = parse(entry["text"])
        slide = made.slides.add_slide(made.slide_layouts[5 if kind == "table" else 1])
        slide.shapes.title.text = entry["title"]
        if kind == "table":
            size = [pptx.util.Cm(part) for part in (2, 5, 20, 6)]
            cells = slide.shapes.add_table(len(value), len(value[0]), *size).table
            for row, texts in enumerate(value):
                for column, text in enumerate(texts):
                    cells.cell(row, column).text = text
        else:
            slide.placeholders[1].text = "\n".join(value) if kind == "bullets" else value
        slide.notes_slide.notes_text_frame.text = entry["notes"]
    buffer = io.BytesIO()
    made.save(buffer)
    _write_undated(buffer, path)


def make_epub(document: dict[str, Any], path: Path) -> None:
    """An EPUB 3 book: a chapter for each heading of the first level, and a table of contents."""
    chapters: list[tuple[str, list[str]]] = []
    for kind, value in parse(document["text"]):
        if kind == "heading" and value[0] == 1:
            chapters.append((value[1], []))
        chapters[-1][1].append(_to_html(kind, value))
    names = [f"chapter-{number}.xhtml" for number in range(1, len(chapters) + 1)]
    titles = [html.escape(title) for title, _ in chapters]
    links = "".join(f'<li><a href="{n}">{t}</a></li>' for n, t in zip(names, titles, strict=True))
    items = "".join(f'<item id="c{n}" href="{n}" media-type="application/xhtml+xml"/>\n' for n in names)
    spine = "".join(f'<itemref idref="c{name}"/>' for name in names)
    stated = {key: html.escape(document[key]) for key in ("title", "author", "language", "url")}
    package = PACKAGE.format(**stated, day=datetime.date(*DAY), items=items, spine=spine)
    contents = f'<nav epub:type="toc"><h1>Contents</h1><ol>{links}</ol></nav>'
    files = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "book/package.opf": package,
        "book/nav.xhtml": PAGE.format(title=stated["title"], body=contents),
    }
    for name, title, (_, parts) in zip(names, titles, chapters, strict=True):
        files[f"book/{name}"] = PAGE.format(title=title, body="\n".join(parts))
    _write_zip({name: text.encode() for name, text in files.items()}, path)


def make_txt(document: dict[str, Any], path: Path) -> None:
    """The text as it stands, in its encoding."""
    path.write_bytes(document["text"].encode(document["encoding"]))


FORMATS: dict[str, Callable[[dict[str, Any], Path], None]] = {
    ".pdf": make_pdf,
    ".docx": make_docx,
    ".pptx": make_pptx,
    ".epub": make_epub,
    ".txt": make_txt,
}


def _to_html(kind: str, value: Any) -> str:
    if kind == "heading":
        return f"<h{value[0]}>{html.escape(value[1])}</h{value[0]}>"
    if kind in ("bullets", "numbers"):
        tag = "ul" if kind == "bullets" else "ol"
        return f"<{tag}>" + "".join(f"<li>{html.escape(item)}</li>" for item in value) + f"</{tag}>"
    if kind == "code":
        return f"<pre><code>{html.escape(value)}</code></pre>"
    return f"<p>{html.escape(value)}</p>"


def _state(properties: Any, document: dict[str, Any]) -> None:
    properties.title, properties.author, properties.language = (
        document[key] for key in ("title", "author", "language")
    )
    properties.comments = properties.last_modified_by = ""
    properties.created = properties.modified = properties.last_printed = datetime.datetime(*DAY)


def _write_undated(buffer: io.BytesIO, path: Path) -> None:
    with zipfile.ZipFile(buffer) as archive:
        _write_zip({name: archive.read(name) for name in archive.namelist()}, path)


def _write_zip(files: dict[str, bytes], path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            # the first file of a book must lie open, so that programs know it by its first bytes
            method = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name, (*DAY, 0, 0, 0)), data, method)


def main() -> None:
    """Make the documents named on the command line, or all of the script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("script", type=Path)
    parser.add_argument("files", nargs="*", help="make only these")
    args = parser.parse_args()
    script = yaml.safe_load(args.script.read_text(encoding="utf-8"))
    if unknown := set(args.files) - {document["file"] for document in script["documents"]}:
        parser.error(f"{args.script} has no document named {', '.join(sorted(unknown))}")
    for document in script["documents"]:
        path = args.script.parent / document["file"]
        if args.files and path.name not in args.files:
            continue
        FORMATS[path.suffix](document, path)
        info = {key: document[key] for key in ("title", "author", "language", "url")} | {"licence": LICENCE}
        text = json.dumps(info, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
        path.with_suffix(".info.json").write_text(text, encoding="utf-8")
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
