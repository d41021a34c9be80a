"""Print the way of a row, kept or dropped: its source, passage, rating, corrections, decisions, split and tokens.

Run: lectern trace ROW_ID [--data data]        (the first digits of an id will do)
Reads what is there below data and writes nothing.
"""

import argparse
import sys
from pathlib import Path

from lectern.core.errors import LecternError
from lectern.curation import tracing


def main(arguments: list[str]) -> list[str]:
    """The lines to print."""
    parser = argparse.ArgumentParser(prog="lectern trace", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("row", help="id of a row, or its first digits")
    parser.add_argument("--data", type=Path, default=Path("data"), help="where the outputs are")
    chosen = parser.parse_args(arguments)
    return tracing.trace(tracing.resolve(chosen.row, chosen.data), chosen.data)


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]  # a terminal may not know all characters
    try:
        print("\n".join(main(sys.argv[1:])))
    except LecternError as problem:
        raise SystemExit(f"error: {problem}") from None
