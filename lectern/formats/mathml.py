"""Equations of web pages and books (MathML) as LaTeX, as `equations` writes those of Word documents."""

from collections.abc import Callable, Mapping
from typing import Any

DEEPEST = 40
"""Nested parts of an equation; what is nested deeper is written without its structure."""
TEX = ("application/x-tex", "application/x-latex", "tex", "latex")
"""How an annotation says that it is the source of the equation."""
_LEFT_OUT = ("annotation", "annotation-xml", "mphantom")


def latex(node: Any) -> str:
    """An element `math` as LaTeX between dollar signs: its source where it has one, else what its elements say."""
    for annotation in node.iter("{*}annotation", "annotation"):
        if (annotation.get("encoding") or "").lower() in TEX and (annotation.text or "").strip():
            return f"${' '.join(annotation.text.split())}$"
    text = " ".join(_write(node, 0).split())
    return f"${text}$" if text else ""


def _write(node: Any, depth: int) -> str:
    kind = str(node.tag).rpartition("}")[2].rpartition(":")[2].lower() if isinstance(node.tag, str) else ""
    if not kind or kind in _LEFT_OUT:
        return ""
    if depth > DEEPEST:
        return str(node.xpath("string()"))
    if kind in ("mi", "mn", "mo", "ms", "mtext"):
        return "".join(node.itertext()).strip()
    parts = [_write(child, depth + 1) for child in node.iterchildren("*")]
    writer, count = WRITERS.get(kind, (None, 0))
    if writer is not None and len(parts) == count:
        return writer(parts)
    if kind in ("msqrt", "mtr"):
        return rf"\sqrt{{{''.join(parts)}}}" if kind == "msqrt" else " & ".join(parts)
    return (r" \\ " if kind == "mtable" else "").join(parts)


def _script(parts: list[str], signs: str) -> str:
    return parts[0] + "".join(f"{sign}{{{text}}}" for sign, text in zip(signs, parts[1:], strict=True))


WRITERS: Mapping[str, tuple[Callable[[list[str]], str] | None, int]] = {
    "msup": (lambda parts: _script(parts, "^"), 2),
    "msub": (lambda parts: _script(parts, "_"), 2),
    "msubsup": (lambda parts: _script(parts, "_^"), 3),
    "mover": (lambda parts: _script(parts, "^"), 2),
    "munder": (lambda parts: _script(parts, "_"), 2),
    "munderover": (lambda parts: _script(parts, "_^"), 3),
    "mfrac": (lambda parts: rf"\frac{{{parts[0]}}}{{{parts[1]}}}", 2),
    "mroot": (lambda parts: rf"\sqrt[{parts[1]}]{{{parts[0]}}}", 2),
}
"""Name of an element -> what writes it from its parts, and how many there must be."""
