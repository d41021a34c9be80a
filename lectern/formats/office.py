"""Word documents by mammoth, which converts them to HTML, and presentations by python-pptx."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lectern.core.errors import ItemError
from lectern.core.item import FATAL
from lectern.core.printing import first_line
from lectern.core.schema import Block
from lectern.formats import equations, extracted, guards, markup, raised, xml
from lectern.formats.extracted import Extracted
from lectern.text import encoding

STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => p:fresh
p[style-name='Heading 7'] => h6:fresh
p[style-name='Heading 8'] => h6:fresh
p[style-name='Heading 9'] => h6:fresh
p[style-name='Quote'] => blockquote > p:fresh
p[style-name='HTML Preformatted'] => pre:separator('\\n')
p[style-name='Source Code'] => pre:separator('\\n')
p[style-name='Code'] => pre:separator('\\n')
br[type='page'] => br
br[type='column'] => br
"""
DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
COMPATIBILITY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
CORE = "docProps/core.xml"
DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"


def read_docx(path: Path, max_megabytes: float) -> Extracted:
    """Headings by their styles, paragraphs, lists and tables, then footnotes; without deleted text and comments.

    Equations are LaTeX between dollar signs, and counted.
    """
    import mammoth

    with guards.open_zip(path, max_megabytes) as archive:
        if "word/document.xml" not in archive.namelist() and "_rels/.rels" not in archive.namelist():
            raise ItemError("it is a ZIP file, but not a Word document. Give it the right suffix.")
        title, language = _core(archive)
    with _broken("Word"), path.open("rb") as file:
        copy, count = equations.inline(path)
        html = mammoth.convert_to_html(
            copy or file,
            style_map=STYLES,
            convert_image=lambda image: [],  # otherwise all pictures would be included as text
            external_file_access=False,
        ).value
    found = markup.blocks(markup.parse(f"<body>{html}</body>")) if html.strip() else []
    return Extracted(found, title, language, {"equations": count})


def read_pptx(path: Path, max_megabytes: float) -> Extracted:
    """Each slide's title as a heading, then its text, tables and speaker notes; `page` is the number of the slide."""
    import pptx

    with guards.open_zip(path, max_megabytes) as archive:
        if not any(name.startswith("ppt/") for name in archive.namelist()):
            raise ItemError("it is a ZIP file, but not a presentation. Give it the right suffix.")
        title, language = _core(archive)
    with _broken("PowerPoint"):
        found: list[Block] = []
        empty = 0
        slides = pptx.Presentation(str(path)).slides
        for number, slide in enumerate(slides, 1):
            before = len(found)
            _take_choices(slide.shapes._spTree)
            heading = slide.shapes.title
            if heading is not None and heading.has_text_frame:
                found += extracted.heading(
                    " ".join(_text(paragraph) for paragraph in heading.text_frame.paragraphs), 1, number
                )
            for shape in _shapes(slide.shapes):
                if heading is None or shape.shape_id != heading.shape_id:
                    found += _shape_blocks(shape, number)
            if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame) is not None:
                for paragraph in notes.paragraphs:
                    found += extracted.paragraph(_text(paragraph), number)
            empty += len(found) == before
        return Extracted(found, title, language, {"pages": len(slides), "pages_without_text": empty})


class _broken:  # noqa: N801 - used like a function
    """Turn any exception of a parser into an ItemError: parsers do not document what they raise for broken files."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        is_machine = isinstance(error, OSError) and error.errno in FATAL
        if isinstance(error, Exception) and not is_machine and not isinstance(error, ItemError | MemoryError):
            raise ItemError(
                f"cannot be read as a {self.kind} file ({first_line(error, 200)}). Open it in an office program and "
                "save it anew."
            ) from error


def _shapes(shapes: Any) -> Iterator[Any]:
    for shape in shapes:
        if hasattr(shape, "shapes"):  # a group
            yield from _shapes(shape.shapes)
        else:
            yield shape


def _shape_blocks(shape: Any, number: int) -> list[Block]:
    if getattr(shape, "has_table", False):
        rows = [
            [" ".join(_text(paragraph) for paragraph in cell.text_frame.paragraphs) for cell in row.cells]
            for row in shape.table.rows
        ]
        return extracted.table(rows, number)
    if not getattr(shape, "has_text_frame", False) or _is_furniture(shape):
        return []
    paragraphs = [(_text(paragraph), paragraph.level) for paragraph in shape.text_frame.paragraphs]
    paragraphs = [(text, level) for text, level in paragraphs if text]
    # In a body placeholder, each paragraph is a bullet point; a text box has running text.
    if len(paragraphs) > 1 and shape.is_placeholder:
        return extracted.bullets(["  " * level + "- " + text for text, level in paragraphs], number)
    return [block for text, _ in paragraphs for block in extracted.paragraph(text, number)]


def _is_furniture(shape: Any) -> bool:
    """Whether a shape is the date, header, footer or slide number, which every slide repeats."""
    from pptx.enum.shapes import PP_PLACEHOLDER

    kinds = (PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER, PP_PLACEHOLDER.HEADER)
    return bool(shape.is_placeholder and shape.placeholder_format.type in kinds)


def _text(paragraph: Any) -> str:
    """The text of a paragraph with its superscripts and its equations, which python-pptx does not tell."""
    text = ""
    for part in paragraph._p:
        kind = str(part.tag).rpartition("}")[2]
        if kind == "br":
            text += " "
        elif kind == "m":
            text += "".join(f"${equations.latex(node)}$" for node in part.iter(f"{equations.MATH}oMath"))
        elif kind in ("r", "fld"):
            said = part.findtext(f"{DRAWING}t") or ""
            properties = part.find(f"{DRAWING}rPr")
            baseline = "0" if properties is None else properties.get("baseline") or "0"
            is_raised = baseline.rstrip("%").isdecimal() and float(baseline.rstrip("%")) > 0
            text += raised.join(said, text) if is_raised else said
    return encoding.tidy_line(text.replace("\v", " "))


def _take_choices(tree: Any) -> None:
    """Put what current programs show in the place of each alternative: PowerPoint wraps a box with an equation so."""
    for alternative in list(tree.iter(f"{COMPATIBILITY}AlternateContent")):
        choice = alternative.find(f"{COMPATIBILITY}Choice")
        parent = alternative.getparent()
        if choice is None or parent is None:
            continue
        for part in list(choice):
            alternative.addprevious(part)
        parent.remove(alternative)


def _core(archive: Any) -> tuple[str | None, str | None]:
    """Title and language from the file's properties."""
    if CORE not in archive.namelist():
        return None, None
    root = xml.parse(archive.read(CORE))
    title, language = (
        root.findtext(f".//{DUBLIN_CORE}{name}") if root is not None else None
        for name in ("title", "language")
    )
    return title or None, language or None
