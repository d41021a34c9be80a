"""Ask playlists, channels and feeds what there is, and crawl web sites.

Run: lectern update [--refresh] [SOURCE ...]        (make update)
Reads section corpus of params.yaml, writes data/listings/<source>.jsonl for its `youtube` and `podcast` sources and the
pages of its `website` sources into data/sources/<source>, or those of the named ones only. Nothing else asks them:
`dvc repro` downloads what stands in the listings, and copies the pages. With --refresh, episodes that are known take
the title, notes and addresses that the site gives now, and pages are fetched whole, whatever the site says of a change.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from lectern.core import params
from lectern.core.errors import ItemError, LecternError
from lectern.settings.corpus import Corpus
from lectern.sources import kinds

SHOWN = 20


def main(corpus: Corpus, names: Sequence[str] = (), refresh: bool = False) -> int:
    """Bring the sources up to date; return how many of them, or parts of one, could not be asked.

    Raises:
        LecternError: a name is no source's, or two sources share one.
    """
    sources = [
        (module, source) for module, source in kinds.read_sources(corpus) if source.kind in kinds.ASKED
    ]
    known = [source.name for _, source in sources]
    if repeated := sorted({name for name in known if known.count(name) > 1}):
        raise LecternError(
            f"corpus.sources: two sources have the name {repeated[0]!r}, and so one listing or folder. Rename one."
        )
    if unknown := sorted(set(names) - set(known)):
        raise LecternError(f"no source is named {unknown[0]!r}; there are: {', '.join(known) or 'none'}")
    if not sources:
        print(f"update: the corpus {corpus.name!r} has no playlist, channel or feed, and no web site")
    problems = 0
    for module, source in sources:
        if not names or source.name in names:
            problems += _update(module, source, refresh)
    return problems


def _update(module: Any, source: Any, refresh: bool) -> int:
    try:
        done = module.update(source, refresh)
    except (ItemError, LecternError) as error:
        print(f"update: {source.name}: {printable(str(error))}", file=sys.stderr)
        return 1
    asides = done.asides[:SHOWN] + (
        [f"and {len(done.asides) - SHOWN} more"] if len(done.asides) > SHOWN else []
    )
    for text in [*done.problems, *asides]:
        print(f"update: {source.name}: {printable(text)}", file=sys.stderr)
    print(f"update: {printable(done.line)}", flush=True)
    return len(done.problems)


def printable(text: str) -> str:
    """The text without what a terminal would obey: titles and addresses are somebody else's."""
    return "".join(character if character.isprintable() else " " for character in text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="lectern update", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", nargs="*", help="name of a source; all of them when none is given")
    parser.add_argument(
        "--refresh", action="store_true", help="take over what has changed for known episodes too"
    )
    arguments = parser.parse_args()
    try:
        failed = main(params.load("corpus", Corpus), arguments.source, arguments.refresh)
    except LecternError as error:
        sys.exit(f"update: error: {error}")
    except KeyboardInterrupt:
        sys.exit("update: interrupted; what came is kept, and the next `make update` goes on from there")
    sys.exit(f"update: {failed} could not be asked; the others are up to date" if failed else 0)
