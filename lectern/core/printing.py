"""Show somebody else's text in a terminal: nothing of it may act there, or be taken for what Lectern says."""

import unicodedata

BIDIRECTIONAL = {*"\u061c\u200e\u200f", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
"""They turn the order of what is shown around, that of the rest of the line too."""


def one_line(text: str) -> str:
    """`text` without line ends, control characters and terminal escapes; white space is single spaces."""
    return " ".join("".join(_show(char) for char in text).split())


def indent(text: str, margin: str) -> list[str]:
    """The lines of `text`, safe as `one_line` makes them, each after `margin`."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [(margin + "".join(_show(char) for char in line)).rstrip() for line in lines]


def _show(char: str) -> str:
    if char == "\t" or unicodedata.category(char) in ("Zl", "Zp"):
        return " "
    # Cc holds ESC and the C1 codes, which begin an escape alone; Cs are halves of characters, which cannot be encoded.
    if unicodedata.category(char) in ("Cc", "Cs") or char in BIDIRECTIONAL:
        return " " if char in "\n\r\x0b\x0c\x85" else ""
    return char
