"""Print a rendered row as the model reads it, what is trained in colour, or without colour between [[ and ]]."""

import sys
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from lectern.core import io, params
from lectern.core.errors import LecternError
from lectern.core.printing import BIDIRECTIONAL, one_line
from lectern.core.schema import SPLITS, TokenRow
from lectern.models import chat_format, loading
from lectern.settings.base_model import BaseModelSettings
from lectern.tools.terminal import DATA, Command

TRAINED, CONTROL, RESET = "\x1b[32m", "\x1b[7m", "\x1b[0m"
"""Green for trained tokens, inverse for control tokens."""
OPENING, CLOSING = "[[", "]]"


def main(wanted: str, data: Path, base: BaseModelSettings, *, colour: bool) -> list[str]:
    """The lines to print."""
    split, row = find(wanted, data / "sft")
    tokenizer = loading.get_tokenizer(base)
    part = ", part {} of {} of it".format(*row.part) if row.part else ""
    trained = sum(row.assistant_masks)
    return [
        f"row {row.id} of {split}, from example {row.example}{part} (item {one_line(row.provenance.item)})",
        "",
        show(row, tokenizer, colour=colour),
        "",
        f"{len(row.input_ids)} tokens, {trained} of them trained ({trained / len(row.input_ids):.0%}): "
        + ("green; control tokens inverse" if colour else f"between {OPENING} and {CLOSING}"),
    ]


def find(wanted: str, folder: Path) -> tuple[str, TokenRow]:
    """The first row that has, or whose example has, an id beginning with `wanted`, and its split.

    Raises:
        LecternError: there is no such row.
    """
    rows = 0
    for split in SPLITS:
        for row in io.read_jsonl(folder / f"{split}.jsonl", TokenRow):
            if row.id.startswith(wanted.lower()) or row.example.startswith(wanted.lower()):
                return split, row
            rows += 1
    raise LecternError(
        f"none of the {rows} rows in {folder}, and none of their examples, has an id that begins with "
        f"{one_line(wanted)!r}. The row may have been dropped: `lectern trace ROW_ID` tells."
    )


def show(row: TokenRow, tokenizer: Any, *, colour: bool) -> str:
    """The text of a row. Characters that could control a terminal are shown as their codes."""
    special = chat_format.special_tokens(tokenizer)
    shown, open_ = "", False
    for text, trained, control in _runs(row.input_ids, row.assistant_masks, special, tokenizer):
        if colour:
            style = (TRAINED if trained else "") + (CONTROL if control else "")
            shown += style + make_visible(text) + (RESET if style else "")
        else:
            # Brackets in the row itself are escaped, so that they cannot be mistaken for the marks.
            safe = make_visible(text).replace(OPENING, "[\\x5b").replace(CLOSING, "]\\x5d")
            shown += (OPENING if trained and not open_ else CLOSING if open_ and not trained else "") + safe
        open_ = trained
    return shown + (CLOSING if open_ and not colour else "")


def _runs(
    ids: Sequence[int], trained: Sequence[int], special: dict[int, str], tokenizer: Any
) -> Iterator[tuple[str, bool, bool]]:
    """Yield (text, trained, control) for each run of tokens that are alike in both."""
    begin = 0
    for (marked, control), run in groupby(
        zip(ids, trained, strict=True), lambda pair: (pair[1], pair[0] in special)
    ):
        end = begin + len(list(run))
        if control:
            text = "".join(special[token] for token in ids[begin:end])
        else:
            # Some tokenizers drop a space at the beginning of a text, so the token before is decoded too.
            before = tokenizer.decode(ids[max(0, begin - 1) : begin])
            text = tokenizer.decode(ids[max(0, begin - 1) : end])[len(before) :]
        yield text, bool(marked), control
        begin = end


def make_visible(text: str) -> str:
    r"""`text` with every invisible character but line ends shown as a code such as `\x1b` or `\u202e`."""
    return "".join(_make_visible(char) for char in text)


def _make_visible(char: str) -> str:
    hidden = unicodedata.category(char) in ("Cc", "Cs", "Cf", "Zl", "Zp") or char in BIDIRECTIONAL
    joins = char in "\u200c\u200d"  # the letters of some scripts, and emoji, need them
    if not hidden or char == "\n" or joins:
        return char
    return f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}"


@click.command(
    "show-row", cls=Command, examples=("lectern show-row", "lectern show-row 3f9c --colour | less -R")
)
@click.argument(
    "row",
    required=False,
    default="",
    help="The id of a row or of its example, or its first digits. The first row that is trained if it is not given.",
)
@DATA
@click.option("--colour", is_flag=True, help="Use colour where the output is no terminal too.")
def command(row: str, data: Path, colour: bool) -> None:
    """Show a training row as the model reads it.

    The tokens that are trained are green and control tokens inverse; without colour, what is trained stands between [[
    and ]]. Reads data/sft and the tokenizer of the base model, and writes nothing.
    """
    base = params.load("base_model", BaseModelSettings)
    # the text is safe already, and `tell` would take the colours out
    print("\n".join(main(row, data, base, colour=colour or sys.stdout.isatty())))
