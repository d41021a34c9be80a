"""Compare two revisions of this repository, or one with the files that lie here; nothing is run again."""

import tempfile
from pathlib import Path

import click

from lectern.core import io
from lectern.tools.terminal import Command, tell


def main(base: str, head: str | None, out: Path, *, with_outputs: bool = True) -> str:
    """Write the comparison into `out`. Returns a summary for the terminal.

    Args:
        base: a revision.
        head: another revision; `None` for the working tree.
        out: a folder that git ignores.
        with_outputs: false compares only what git holds, for outputs that are in no cache.

    Raises:
        LecternError: there is no such revision, nothing was run there, or an output is in no cache and no remote.
    """
    from lectern.report.comparison import inputs, render, sides, view

    pair = sides.open_side(base, Path()), sides.open_side(head, Path())
    with tempfile.TemporaryDirectory() as folder:
        places = Path(folder, "base"), Path(folder, "head")
        a, b = (
            inputs.read(side, place, with_outputs=with_outputs)
            for side, place in zip(pair, places, strict=True)
        )
    shown = view.build(pair, a, b)
    io.write_text(out / "comparison.html", render.render_html(shown))
    io.write_text(out / "comparison.md", render.render_markdown(shown))
    return f"{view.summarise(shown)}\n{out / 'comparison.md'}, {out / 'comparison.html'}"


@click.command(
    "compare", cls=Command, examples=("lectern compare main", "lectern compare main my-branch --git-only")
)
@click.argument("base", help="The revision to compare with: a commit, a branch, a tag, a DVC experiment.")
@click.argument("head", required=False, help="Another revision. The working tree if it is not given.")
@click.option("--git-only", is_flag=True, help="Leave out what only DVC's cache or a remote has.")
def command(base: str, head: str | None, git_only: bool) -> None:
    """Compare two revisions as Markdown and as a page.

    Nothing is run again: git is read, and outputs from DVC's cache or a remote. Writes
    metrics/comparison/comparison.md for a pull request, and comparison.html.
    """
    tell(main(base, head, Path("metrics/comparison"), with_outputs=not git_only))
