"""Pages that are pictures: what recognises them, what becomes of its lines, and what is said of such pages."""

import io
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from lectern.core import items
from lectern.core.errors import LecternError
from lectern.core.schema import Document
from lectern.formats import extraction, ocr
from lectern.formats.ocr import Found
from lectern.settings.checks import WrongValuesError
from lectern.settings.extract import Extract
from stages import extract
from tests.settings import configure
from tests.unit.formats.test_formats_pdf import SENTENCES, shown

INSTALLED = find_spec("rapidocr") is not None


def picture(*lines: tuple[float, float, str, int]) -> ImageReader:
    """A page of A4 at 150 dots per inch with lines of text: x and y in points from the upper left, text, font size."""
    from matplotlib import get_data_path

    scale = 150 / 72
    image = Image.new("L", (round(A4[0] * scale), round(A4[1] * scale)), 255)
    drawing = ImageDraw.Draw(image)
    for x, y, content, size in lines:
        font = ImageFont.truetype(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf", round(size * scale))
        drawing.text((x * scale, y * scale), content, 0, font)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return ImageReader(buffer)


def scan(path: Path, *pages: ImageReader | str | None) -> Path:
    """A PDF whose pages are a picture, a line of text, or empty."""
    canvas = Canvas(str(path), pagesize=A4, invariant=1)
    for page in pages:
        if isinstance(page, str):
            canvas.drawString(72, 700, page)
        elif page is not None:
            canvas.drawImage(page, 0, 0, *A4)
        canvas.showPage()
    canvas.save()
    return path


def read_rows(image: NDArray[np.uint8]) -> list[Found]:
    """The dark boxes of a picture in the order of their texts' last letters, named by their place: no real letters."""
    dark = image[:, :, 0] < 128
    found = []
    for name, half in (("left", slice(0, dark.shape[1] // 2)), ("right", slice(dark.shape[1] // 2, None))):
        rows = np.flatnonzero(np.diff(np.pad(dark[:, half].any(axis=1), 1).astype(int)))
        for number, (top, bottom) in enumerate(rows.reshape(-1, 2)):
            columns = np.flatnonzero(dark[top:bottom, half].any(axis=0)) + (half.start or 0)
            text = f"{name} column, line {number}, with words of some length"
            found.append(Found(text, *map(float, (columns[0], columns[-1], top, bottom))))
    return found[::-1]


def bars(*boxes: tuple[int, int, int, int]) -> ImageReader:
    """A page of A4 with black boxes: left, top, right and bottom in points from the upper left."""
    image = Image.new("L", (595, 842), 255)
    for box in boxes:
        ImageDraw.Draw(image).rectangle(box, fill=0)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return ImageReader(buffer)


def test_a_page_that_is_a_picture_is_read_in_its_columns_beside_pages_with_text(tmp_path: Path) -> None:
    boxes = [(left, 100 + 20 * n, left + 220, 116 + 20 * n) for n in range(5) for left in (60, 320)]
    path = scan(tmp_path / "a.pdf", SENTENCES[0], bars(*boxes), None, "The last page.")
    seen: list[tuple[int, ...]] = []

    def recognise(image: NDArray[np.uint8]) -> list[Found]:
        seen.append(image.shape)
        return read_rows(image)

    found = extraction.read(path, 5, recognise=recognise)
    text = [
        " ".join(f"{side} column, line {n}, with words of some length" for n in range(5))
        for side in ("left", "right")
    ]
    assert shown(found.blocks) == [
        ("paragraph", 1, SENTENCES[0]),
        ("paragraph", 2, " ".join(text)),
        ("paragraph", 4, "The last page."),
    ]
    assert seen == [(2339, 1654, 3)] * 2, "200 dots per inch, and only pages without text"
    assert found.facts["recognised_pages"] == [2]
    assert (found.facts["empty_pages"], found.facts["pages_without_text"]) == ([3], 1)


def test_a_stamp_on_a_picture_stays_and_the_rest_is_read(tmp_path: Path) -> None:
    boxes = [(60, 100 + 20 * n, 280, 116 + 20 * n) for n in range(5)]
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4, invariant=1)
    canvas.drawImage(bars(*boxes), 0, 0, *A4)
    canvas.setFillGray(1)  # upon the last of the boxes
    canvas.drawString(150, 842 - 192, "Received in 2019")
    canvas.showPage()
    canvas.drawImage(bars(*boxes), 72, 72, 100, 100)
    canvas.drawString(72, 700, "A page with a small picture.")
    canvas.save()
    found = extraction.read(tmp_path / "a.pdf", 5, recognise=read_rows)
    assert found.facts["recognised_pages"] == [1]
    text = " ".join(block.text for block in found.blocks)
    assert "left column, line 3" in text
    assert "left column, line 4" not in text, "the file has its text"
    assert text.endswith("Received in 2019 A page with a small picture.")


def test_a_larger_line_is_a_heading_and_a_line_without_long_letters_is_none(tmp_path: Path) -> None:
    heights = [30, 10, 10, 8, 10, 10]
    boxes = [(60, 100 + 40 * n, 280, 100 + 40 * n + high) for n, high in enumerate(heights)]
    kinds = [
        block.kind
        for block in extraction.read(scan(tmp_path / "a.pdf", bars(*boxes)), 5, recognise=read_rows).blocks
    ]
    assert kinds[0] == "heading"
    assert set(kinds[1:]) == {"paragraph"}


def put(raw: Path, name: str, path: Path) -> None:
    folder = raw / name
    folder.mkdir(parents=True)
    (folder / "document.pdf").write_bytes(path.read_bytes())
    values = {"item": name, "kind": "documents", "title": "", "document": "document.pdf"}
    (folder / "item.json").write_text(json.dumps(values))


def test_pages_without_text_are_named_with_the_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "raw", "guide", scan(tmp_path / "a.pdf", SENTENCES[0], None, SENTENCES[1], None))
    put(tmp_path / "raw", "whole", scan(tmp_path / "b.pdf", "Text"))
    extract.main(configure(Extract), tmp_path / "raw", tmp_path / "out", tmp_path / "documents.json")
    said = capsys.readouterr().err
    assert "2 pages have no text" in said
    assert "(guide, page 2, 4). extract.ocr=rapidocr recognises" in said
    assert items.facts(tmp_path / "out")["guide"]["empty_pages"] == [2, 4]
    assert "empty_pages" not in items.facts(tmp_path / "out")["whole"]


@pytest.mark.skipif(INSTALLED, reason="it says what is missing")
def test_an_engine_that_is_not_installed_is_named_before_anything_is_read(tmp_path: Path) -> None:
    put(tmp_path / "raw", "guide", scan(tmp_path / "a.pdf", "Text"))
    with pytest.raises(LecternError, match="rapidocr"):
        extract.main(
            configure(Extract, ocr="rapidocr"),
            tmp_path / "raw",
            tmp_path / "out",
            tmp_path / "documents.json",
        )
    assert ocr.load("none") is None


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(WrongValuesError, match="choose one of none, rapidocr"):
        configure(Extract, ocr="tesseract")


def test_recognising_may_take_more_than_reading() -> None:
    plain, more = extraction.find_limits("none"), extraction.find_limits("rapidocr")
    assert more.megabytes > plain.megabytes
    assert (more.patience or 0.0) > 1000 * 6, "a book of 1,000 pages, 6 s each, by the clock"


@pytest.mark.slow
@pytest.mark.skipif(not INSTALLED, reason="needs the extra `ocr`")
def test_rapidocr_reads_a_picture_with_the_same_bytes_each_time(tmp_path: Path) -> None:
    lines = ["Whoever notes the seed of a run can", "repeat the whole of it, as Müller has", "shown in 2019."]
    page = picture(
        (72, 80, "Seeds of runs", 24), *((72, 140 + 18 * n, row, 12) for n, row in enumerate(lines))
    )
    put(tmp_path / "raw", "scan", scan(tmp_path / "a.pdf", page))
    made = []
    for name in ("first", "second"):
        result = extract.main(
            configure(Extract, ocr="rapidocr"), tmp_path / "raw", tmp_path / name, tmp_path / f"{name}.json"
        )
        assert result.made == 1
        made.append((tmp_path / name / "scan.json").read_bytes())
    assert made[0] == made[1]
    blocks = Document.model_validate_json(made[0]).blocks
    assert shown(blocks) == [("heading1", 1, "Seeds of runs"), ("paragraph", 1, " ".join(lines))]
    assert items.facts(tmp_path / "first")["scan"]["recognised_pages"] == [1]
    assert json.loads((tmp_path / "first.json").read_text())["pages_recognised"] == 1
