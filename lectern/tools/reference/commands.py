"""The page on the commands: each with its own help, by subject."""

from collections.abc import Iterator

import click

from lectern.tools.main import SUBJECTS, lectern

WIDTH = 80
"""Columns of the help, whatever terminal this runs in."""
HEAD = """\
<!-- Written by `python -m lectern.tools.reference` from the commands themselves. Change those, not this page. -->

# Commands

`make` sets up, runs the pipeline and tests (`make help`); all else is done by `lectern`. It needs the environment,
`source .venv/bin/activate`, and is called in the folder of dvc.yaml. `lectern COMMAND --help` shows what stands here,
and `lectern completion` lets the shell complete commands and options.

An error is one line, `lectern COMMAND: error: ...`, which names the value and the remedy. The exit status is 0, 1 for
an error, 2 for wrong usage, and 130 where Ctrl-C ended the command.
"""


def write_commands() -> str:
    """The page, as Markdown."""
    root = click.Context(lectern, info_name="lectern", terminal_width=WIDTH, **lectern.context_settings)
    parts = [HEAD, _show(root)]
    for subject, names in SUBJECTS.items():
        parts.append(f"## {subject}\n")
        for name in names:
            command = lectern.get_command(root, name)
            assert command is not None
            parts += _describe(command, name, root, 3)
    return "\n".join(parts)


def _describe(command: click.Command, name: str, parent: click.Context, level: int) -> Iterator[str]:
    """The section of a command, and those of the commands in it."""
    context = click.Context(command, info_name=name, parent=parent, terminal_width=WIDTH)
    title = context.command_path.removeprefix("lectern ")
    yield f"{'#' * level} {title}\n"
    yield _show(context)
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from _describe(found, inner, context, level + 1)


def _show(context: click.Context) -> str:
    return f"```text\n{context.command.get_help(context).rstrip()}\n```\n"
