"""Compare two revisions of this repository, or one with the files that lie here; nothing is run again.

Run: lectern compare BASE [HEAD]        (make compare BASE=main HEAD=branch; a tool, no stage of the pipeline)
Reads git, and outputs from DVC's cache or a remote, writes metrics/comparison/comparison.md for a pull request and
comparison.html. HEAD is the working tree where it is not given.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.printing import indent
from lectern.report.comparison import inputs, render, sides, view


def main(base: str, head: str | None, out: Path, *, with_outputs: bool = True) -> str:
    """Write the comparison into `out`; return what a terminal says of it.

    Args:
        base: a revision.
        head: another one; none for the working tree.
        out: a folder that git ignores.
        with_outputs: false compares what git holds alone, where the cache has not the outputs.

    Raises:
        LecternError: there is no such revision, nothing was run there, or an output is in no cache and no remote.
    """
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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="lectern compare", description=__doc__.splitlines()[0])
    parser.add_argument(
        "base", help="the revision to compare with: a commit, a branch, a tag, a DVC experiment"
    )
    parser.add_argument("head", nargs="?", help="another revision; the working tree where it is not given")
    parser.add_argument(
        "--git-only", action="store_true", help="leave out what only DVC's cache or a remote has"
    )
    given = parser.parse_args()
    try:
        said = main(given.base, given.head, Path("metrics/comparison"), with_outputs=not given.git_only)
    except LecternError as error:
        print(f"compare: error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    print("\n".join(indent(said, "")))
