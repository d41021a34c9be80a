"""Remember voices by name, so that they are recognised in other items, and show who speaks in an item.

Run: lectern voices remember ITEM SPEAKER NAME        (adds to data/corrections/voices.yaml)
     lectern voices list [ITEM]                       (who is remembered, or who speaks in the item)
Reads data/diarization and, for the first words, data/transcripts.
"""

import argparse
import sys
from pathlib import Path

from lectern.conversations import remembered
from lectern.core.errors import LecternError


def main(arguments: list[str], data: Path = Path("data")) -> list[str]:
    """The lines to print."""
    parser = argparse.ArgumentParser(prog="lectern voices", description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    adding = commands.add_parser("remember", help="give the voice of a speaker a name")
    for argument in ("item", "speaker", "name"):
        adding.add_argument(argument)
    commands.add_parser("list", help="who is remembered; or who speaks in ITEM").add_argument(
        "item", nargs="?"
    )
    chosen = parser.parse_args(arguments)
    if chosen.command == "remember":
        return [remembered.remember(chosen.item, chosen.speaker, chosen.name, data)]
    if chosen.item is not None:
        return remembered.list_speakers(chosen.item, data)
    return remembered.list_remembered(data) or [
        "no voice is remembered; `lectern voices remember ITEM SPEAKER NAME`"
    ]


if __name__ == "__main__":
    try:
        print("\n".join(main(sys.argv[1:])))
    except LecternError as problem:
        raise SystemExit(f"error: {problem}") from None
