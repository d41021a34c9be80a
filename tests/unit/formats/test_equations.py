"""Equations of Word documents are in the text, where they stand."""

from pathlib import Path
from typing import Any

import lxml.etree
import pytest

from lectern.formats import equations, extraction
from tests.unit.formats.test_formats import docx, epub, read

M = "http://schemas.openxmlformats.org/officeDocument/2006/math"


def run(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


def math(content: str) -> str:
    return f'<m:oMath xmlns:m="{M}">{content}</m:oMath>'


def words(text: str) -> str:
    return f"<w:r><w:t xml:space='preserve'>{text}</w:t></w:r>"


SQUARE = f"<m:sSup><m:e>{run('x')}</m:e><m:sup>{run('2')}</m:sup></m:sSup>"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (run("a+b"), "a+b"),
        (SQUARE, "x^{2}"),
        (f"<m:sSub><m:e>{run('x')}</m:e><m:sub>{run('i')}</m:sub></m:sSub>", "x_{i}"),
        (f"<m:f><m:num>{SQUARE}</m:num><m:den>{run('4')}</m:den></m:f>", r"\frac{x^{2}}{4}"),
        (f"<m:rad><m:radPr/><m:deg/><m:e>{run('2')}</m:e></m:rad>", r"\sqrt{2}"),
        (f"<m:rad><m:deg>{run('3')}</m:deg><m:e>{run('2')}</m:e></m:rad>", r"\sqrt[3]{2}"),
        (f"<m:d><m:e>{run('a')}</m:e></m:d>", "(a)"),
        (f"<m:d><m:dPr><m:begChr m:val='['/><m:endChr m:val=']'/></m:dPr><m:e>{run('a')}</m:e></m:d>", "[a]"),
        (
            f"<m:nary><m:naryPr><m:chr m:val='∑'/></m:naryPr><m:sub>{run('i=1')}</m:sub><m:sup>{run('n')}</m:sup>"
            f"<m:e>{run('i')}</m:e></m:nary>",
            r"\sum_{i=1}^{n} i",
        ),
        (f"<m:func><m:fName>{run('sin')}</m:fName><m:e>{run('x')}</m:e></m:func>", r"\sin x"),
        (f"<m:acc><m:e>{run('x')}</m:e></m:acc>", r"\hat{x}"),
        (
            f"<m:m><m:mr><m:e>{run('1')}</m:e><m:e>{run('0')}</m:e></m:mr><m:mr><m:e>{run('0')}</m:e></m:mr></m:m>",
            r"\begin{matrix}1 & 0 \\ 0\end{matrix}",
        ),
        (
            f"<m:d><m:dPr><m:begChr m:val='{{'/><m:endChr m:val=''/></m:dPr><m:e><m:eqArr><m:eqArrPr/>"
            f"<m:e>{run('x&amp;=1')}</m:e><m:e>{run('y&amp;=2')}</m:e></m:eqArr></m:e></m:d>",
            r"{\begin{aligned}x&=1 \\ y&=2\end{aligned}",
        ),
        (
            f"<m:sPre><m:sub>{run('1')}</m:sub><m:sup>{run('2')}</m:sup><m:e>{run('H')}</m:e></m:sPre>",
            "{}_{1}^{2}H",
        ),
        (f"<m:box><m:boxPr/><m:e>{run('x')}</m:e></m:box>", "x"),  # nothing but a box around it
    ],
)
def test_an_equation_is_written_as_latex(content: str, expected: str) -> None:
    node: Any = lxml.etree.fromstring(math(content))
    assert equations.latex(node) == expected


def test_equations_stand_in_their_sentences_and_on_their_own_lines(tmp_path: Path) -> None:
    alone = f'<m:oMathPara xmlns:m="{M}">{math(SQUARE)}</m:oMathPara>'
    inside = f"<w:p>{words('For ')}{math(SQUARE)}{words(', see below.')}</w:p>"
    body = f"{inside}<w:p>{alone}</w:p><w:p>{words('End.')}</w:p>"
    path = docx(tmp_path / "a.docx", body)
    assert read(path) == [
        ("paragraph", "For $x^{2}$, see below."),
        ("paragraph", "$x^{2}$"),
        ("paragraph", "End."),
    ]
    assert extraction.read(path, 5).facts["equations"] == 2
    assert (
        extraction.read(docx(tmp_path / "b.docx", f"<w:p>{words('None.')}</w:p>"), 5).facts["equations"] == 0
    )


def test_an_equation_that_nests_deep_keeps_its_letters(tmp_path: Path) -> None:
    deep = "<m:d><m:e>" * 100 + run("x") + "</m:e></m:d>" * 100
    (block,) = read(docx(tmp_path / "a.docx", f"<w:p>{math(deep)}</w:p>"))
    assert "x" in block[1]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<msup><mn>2</mn><mn>32</mn></msup>", "2^{32}"),
        ("<mi>a</mi><mo>=</mo><mfrac><mi>b</mi><msqrt><mi>c</mi></msqrt></mfrac>", r"a=\frac{b}{\sqrt{c}}"),
        ("<msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup>", "x_{i}^{2}"),
        ("<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr><mtr><mtd><mn>3</mn></mtd></mtr></mtable>",
         r"1 & 2 \\ 3"),
        ("<semantics><mi>E</mi><annotation encoding='application/x-tex'>E = mc^2</annotation></semantics>", "E = mc^2"),
        ("<msup><mi>x</mi></msup>", "x"),  # a part is missing
    ],
)  # fmt: skip
def test_equations_of_pages_and_books_are_latex(tmp_path: Path, content: str, expected: str) -> None:
    # Property: an exponent is no digit of its base, and an equation that is drawn twice is told once.
    drawn = f"<span class='katex'><math>{content}</math><span class='katex-html'>E=mc2</span></span>"
    page = f"<p>For {drawn} and so on.</p><ul><li>See <math>{content}</math>.</ul>"
    assert read(tmp_path / "a.html", page) == [
        ("paragraph", f"For ${expected}$ and so on."),
        ("list", f"- See ${expected}$."),
    ]
    math = f"<math xmlns='http://www.w3.org/1998/Math/MathML'>{content}</math>"
    assert read(epub(tmp_path / "a.epub", {"a.xhtml": f"<p>For {math}.</p>"})) == [
        ("paragraph", f"For ${expected}$.")
    ]
