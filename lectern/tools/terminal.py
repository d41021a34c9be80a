"""What the commands share: how they print, and how their help shows examples."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from lectern.core.printing import indent

DATA = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("data"),
    show_default=True,
    help="The folder of the pipeline's outputs.",
)
"""The option of the commands that look into outputs."""


class InterruptionError(Exception):
    """Ctrl-C ended the command. The message says what is kept, and how to go on."""


class Command(click.Command):
    """A command whose help ends with examples."""

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, a line each."""
        write_examples(self.examples, formatter)


def write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    """Add a section with the examples as they stand: click would join and wrap the lines."""
    with formatter.section("Examples"):
        formatter.write("".join(f"  {example}\n" for example in examples))


def tell(*texts: str) -> None:
    """Print each text on lines of its own; nothing in it can act on the terminal."""
    for text in texts:
        print("\n".join(indent(text, "")), flush=True)
