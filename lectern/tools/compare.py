"""Compare two revisions of this repository, or one with the files that lie here; nothing is run again."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from lectern.core import io
from lectern.tools.terminal import Command, tell

FAILED = 3
"""The exit status if a condition failed; an error has another, so that a workflow can tell them apart."""


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
    return check(base, head, out, (), with_outputs=with_outputs)[0]


def check(
    base: str, head: str | None, out: Path, fail_if: Sequence[str], *, with_outputs: bool = True
) -> tuple[str, list[str]]:
    """Do as `main`, and judge conditions. Returns the summary, and a sentence for each condition that failed.

    Args:
        base: as in `main`.
        head: as in `main`.
        out: as in `main`.
        fail_if: conditions such as `likelihood worse`.
        with_outputs: as in `main`.

    Raises:
        LecternError: as in `main`, or a condition is none.
    """
    from lectern.report.comparison import inputs, render, sides, view
    from lectern.tools.gating import comment, conditions, verdicts

    wanted = conditions.read(fail_if)
    pair = sides.open_side(base, Path()), sides.open_side(head, Path())
    with tempfile.TemporaryDirectory() as folder:
        places = Path(folder, "base"), Path(folder, "head")
        a, b = (
            inputs.read(side, place, with_outputs=with_outputs)
            for side, place in zip(pair, places, strict=True)
        )
    shown = view.build(pair, a, b)
    judged = verdicts.judge(wanted, a, b, shown)
    io.write_text(out / "comparison.html", render.render_html(shown))
    io.write_text(out / "comparison.md", comment.write(render.render_markdown(shown), judged))
    passed = [one.sentence for one in judged if not one.broken]
    told = [view.summarise(shown), *passed, f"{out / 'comparison.md'}, {out / 'comparison.html'}"]
    return "\n".join(told), [one.sentence for one in judged if one.broken]


@click.command(
    "compare",
    cls=Command,
    examples=(
        "lectern compare main",
        "lectern compare main my-branch --git-only",
        'lectern compare main --fail-if "likelihood worse" --fail-if "ROUGE-L not better"',
    ),
)
@click.argument("base", help="The revision to compare with: a commit, a branch, a tag, a DVC experiment.")
@click.argument("head", required=False, help="Another revision. The working tree if it is not given.")
@click.option("--git-only", is_flag=True, help="Leave out what only DVC's cache or a remote has.")
@click.option(
    "--fail-if",
    multiple=True,
    metavar="CONDITION",
    help="Exit with status 3 if this holds: a question of the report or a figure, and `worse` or `not better`. "
    "May be repeated; a name that does not exist lists those that do.",
)
@click.pass_context
def command(
    context: click.Context, base: str, head: str | None, git_only: bool, fail_if: tuple[str, ...]
) -> None:
    """Compare two revisions as Markdown and as a page.

    Nothing is run again: git is read, and outputs from DVC's cache or a remote. Writes
    metrics/comparison/comparison.md for a pull request, and comparison.html.
    """
    summary, failed = check(base, head, Path("metrics/comparison"), fail_if, with_outputs=not git_only)
    tell(summary, *failed)
    if failed:
        context.exit(FAILED)
