"""Print the way of a row, kept or dropped: its source, passage, rating, corrections, decisions, split and tokens."""

from pathlib import Path

import click

from lectern.tools.terminal import DATA, Command, tell


@click.command(
    "trace", cls=Command, examples=("lectern trace 3f9c", "lectern trace 3f9c --data ../other/data | less")
)
@click.argument("row", help="The id of a row, or its first digits.")
@DATA
def command(row: str, data: Path) -> None:
    """Tell where a row comes from and what was decided about it.

    It may be a row that was kept or one that was dropped: its source with the second or the page, its passage, rating,
    corrections, each decision, its split and its tokens. Reads what is there, and writes nothing.
    """
    from lectern.curation import tracing

    tell(*tracing.trace(tracing.resolve(row, data), data))
