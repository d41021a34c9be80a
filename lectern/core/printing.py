"""Show text from strangers in a terminal. It can neither control the terminal nor be mistaken for Lectern's output."""

import sys
import unicodedata

BIDIRECTIONAL = {*"\u061c\u200e\u200f", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
"""They reverse the order in which text is shown, that of the rest of the line too."""


def one_line(text: str, longest: int | None = None) -> str:
    """`text` on one line, without control characters and terminal escapes; white space becomes single spaces.

    Args:
        text: from anyone.
        longest: the most characters; a longer line is cut and ends in an ellipsis. `None` cuts nothing.
    """
    line = " ".join("".join(_show(char) for char in text).split())
    return line if longest is None or len(line) <= longest else line[: longest - 1].rstrip() + "\u2026"


def first_line(error: BaseException, longest: int | None = None) -> str:
    """The first line of an error's message that is not blank, without its last full stop; without any, its type."""
    lines = (one_line(line, longest) for line in str(error).splitlines())
    return next(filter(None, lines), type(error).__name__).rstrip(".")


def last_lines(said: str, count: int = 1) -> list[str]:
    """The last lines of a program's output that are not blank, such as the reason why it failed."""
    return [shown for line in said.splitlines() if (shown := one_line(line))][-count:]


def indent(text: str, margin: str) -> list[str]:
    """The lines of `text`, each made safe as in `one_line` and preceded by `margin`."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [(margin + "".join(_show(char) for char in line)).rstrip() for line in lines]


def say(text: str) -> None:
    """Print a text to standard output, without control characters; its further lines are set in (`_set_in`)."""
    print(_set_in(text), flush=True)


def warn(text: str) -> None:
    """Print a text to standard error, as `say` does to standard output."""
    print(_set_in(text), file=sys.stderr, flush=True)


def show_traceback(text: str) -> None:
    """Print a traceback to standard error. Its last line may quote a stranger."""
    print("\n".join(indent(text.rstrip("\n"), "")), file=sys.stderr, flush=True)


def _set_in(text: str) -> str:
    """The text made safe. Only its first line begins at the margin, so that no other can pose as a message."""
    first, *rest = indent(text, "")
    return "\n".join([first, *(f"  {line}".rstrip() for line in rest)])


def _show(char: str) -> str:
    if char == "\t" or unicodedata.category(char) in ("Zl", "Zp"):
        return " "
    # Cc holds ESC and the C1 codes, each of which begins a terminal escape; surrogates (Cs) cannot be encoded.
    if unicodedata.category(char) in ("Cc", "Cs") or char in BIDIRECTIONAL:
        return " " if char in "\n\r\x0b\x0c\x85" else ""
    return char
