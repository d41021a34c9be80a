"""Equations of Word documents (OMML, ISO/IEC 29500-1, 22.1) as LaTeX.

mammoth, which reads the documents, leaves equations out without a word. So each is put into the text before it reads.
"""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lectern.formats import xml

MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
TEXTS = ("word/document.xml", "word/footnotes.xml", "word/endnotes.xml")
DEEPEST = 40
"""Nested parts of an equation; what is nested deeper is written without its structure."""
OPERATORS: Mapping[str, str] = {
    "∑": r"\sum",
    "∏": r"\prod",
    "∫": r"\int",
    "∬": r"\iint",
    "∮": r"\oint",
    "⋃": r"\bigcup",
}
ACCENTS: Mapping[str, str] = {"\u0302": r"\hat", "\u0303": r"\tilde", "\u0304": r"\bar", "\u20d7": r"\vec"}


def inline(path: Path) -> tuple[io.BytesIO | None, int]:
    """A copy of a Word file in which each equation is text, without its pictures; and how many equations it has.

    The copy is `None` if there are no equations. The file must have passed `guards.open_zip`.
    """
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        changed: dict[str, bytes] = {}
        total = 0
        for name in TEXTS:
            data = archive.read(name) if name in names else b""
            if b"oMath" in data and (found := _replace(data)) is not None:
                changed[name], count = found
                total += count
        if not total:
            return None, 0
        copy = io.BytesIO()
        with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as out:
            for name in names:
                if not name.startswith("word/media/"):
                    out.writestr(name, changed[name] if name in changed else archive.read(name))
        copy.seek(0)
        return copy, total


def _replace(data: bytes) -> tuple[bytes, int] | None:
    import lxml.etree

    root = xml.parse(data)
    if root is None:
        return None
    count = 0
    for node in list(root.iter(f"{MATH}oMath")):
        parent = node.getparent()
        if parent is None:
            continue
        run = lxml.etree.Element(f"{WORD}r")
        text = lxml.etree.SubElement(run, f"{WORD}t")
        text.text = f"${latex(node)}$"
        text.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
        run.tail = node.tail
        parent.replace(node, run)
        count += 1
    # What stands on a line of its own is wrapped once more, which mammoth does not read either.
    for node in list(root.iter(f"{MATH}oMathPara")):
        parent = node.getparent()
        place = parent.index(node)
        is_run = parent.tag == f"{WORD}p"
        runs = [each for each in node if each.tag == f"{WORD}r"]
        if not is_run:
            paragraph = lxml.etree.Element(f"{WORD}p")
            paragraph.extend(runs)
            runs = [paragraph]
        parent.remove(node)
        for each in reversed(runs):
            parent.insert(place, each)
    return lxml.etree.tostring(root), count


def latex(node: Any, depth: int = 0) -> str:
    """An element of an equation as LaTeX. Unknown elements are written as what is in them."""
    if depth > DEEPEST:
        return "".join(text.text or "" for text in node.iter(f"{MATH}t"))
    kind = _kind(node)
    if kind == "t":
        return node.text or ""

    def write(name: str) -> list[str]:
        return [latex(part, depth + 1).strip() for part in node.findall(f"{MATH}{name}")]

    if kind in WRITERS:
        return WRITERS[kind](node, write)
    return "".join(
        latex(child, depth + 1) for child in node.iterchildren("*") if not _kind(child).endswith("Pr")
    )


def _kind(node: Any) -> str:
    return str(node.tag).removeprefix(MATH)


def _property(node: Any, name: str, otherwise: str) -> str:
    """The value of a property, such as the sign of a sum."""
    for found in node.findall(f"{MATH}{_kind(node)}Pr/{MATH}{name}"):
        return found.get(f"{MATH}val") or ""
    return otherwise


Write = Callable[[str], list[str]]
"""Name -> the LaTeX of each part of that name."""


def _root(node: Any, write: Write) -> str:
    degree = "".join(write("deg"))
    return rf"\sqrt{f'[{degree}]' if degree else ''}{_group(write('e'))}"


def _sum(node: Any, write: Write) -> str:
    sign = _property(node, "chr", "∫")
    bounds = "".join(
        f"{mark}{_group(part)}" for mark, part in (("_", write("sub")), ("^", write("sup"))) if any(part)
    )
    return f"{OPERATORS.get(sign, sign)}{bounds} {''.join(write('e'))}"


def _brackets(node: Any, write: Write) -> str:
    inner = _property(node, "sepChr", "|").join(write("e"))
    return f"{_property(node, 'begChr', '(')}{inner}{_property(node, 'endChr', ')')}"


def _matrix(node: Any, write: Write) -> str:
    rows = r" \\ ".join(write("mr"))
    return rf"\begin{{matrix}}{rows}\end{{matrix}}"


def _lines(node: Any, write: Write) -> str:
    """Equations below each other; `&` marks where they are aligned, in Word as in LaTeX."""
    lines = r" \\ ".join(write("e"))
    return rf"\begin{{aligned}}{lines}\end{{aligned}}"


def _before(node: Any, write: Write) -> str:
    """A base with a subscript and a superscript that stand before it."""
    return f"{{}}_{_group(write('sub'))}^{_group(write('sup'))}{''.join(write('e'))}"


def _accent(node: Any, write: Write) -> str:
    return ACCENTS.get(_property(node, "chr", "\u0302"), r"\hat") + _group(write("e"))


def _function(node: Any, write: Write) -> str:
    name = "".join(write("fName"))
    sign = "\\" if name.isascii() and name.isalpha() else ""
    return f"{sign}{name} {''.join(write('e'))}"


def _raised(*marks: tuple[str, str]) -> Callable[[Any, Write], str]:
    """A writer for a base with what stands above or below it: (mark, name of that part)."""
    return lambda node, write: "".join(write("e")) + "".join(f"{m}{_group(write(name))}" for m, name in marks)


def _group(parts: list[str]) -> str:
    return f"{{{''.join(parts)}}}"


WRITERS: Mapping[str, Callable[[Any, Write], str]] = {
    "f": lambda node, write: rf"\frac{_group(write('num'))}{_group(write('den'))}",
    "sSup": _raised(("^", "sup")),
    "sSub": _raised(("_", "sub")),
    "sSubSup": _raised(("_", "sub"), ("^", "sup")),
    "limLow": _raised(("_", "lim")),
    "limUpp": _raised(("^", "lim")),
    "bar": lambda node, write: rf"\overline{_group(write('e'))}",
    "mr": lambda node, write: " & ".join(write("e")),
    "acc": _accent,
    "rad": _root,
    "nary": _sum,
    "d": _brackets,
    "m": _matrix,
    "eqArr": _lines,
    "sPre": _before,
    "func": _function,
}
"""Element -> how it is written."""
