"""Ask playlists, channels and feeds what there is, and add what is new to their listings.

Run: python -m stages.update [--refresh] [SOURCE ...]        (make update)
Reads section corpus of params.yaml, writes data/listings/<source>.jsonl for its `youtube` and `podcast` sources, or for
the named ones only. Nothing else asks them: `dvc repro` downloads what stands in the listings. With --refresh, episodes
that are known take the title, notes and addresses that the site gives now.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from stages import fetch
from stages.core import io, params
from stages.core.errors import ItemError, LecternError
from stages.sources import listing

SHOWN = 20


def main(corpus: fetch.CorpusParams, names: Sequence[str] = (), refresh: bool = False) -> int:
    """Bring the listings up to date; return how many sources, or parts of one, could not be asked.

    Raises:
        LecternError: a name is no source's, or two sources share one.
    """
    parsed = [fetch.parse(values, number) for number, values in enumerate(corpus.sources)]
    sources = [(module, source) for module, source in parsed if source.kind in fetch.LISTED]
    known = [source.name for _, source in sources]
    if repeated := sorted({name for name in known if known.count(name) > 1}):
        raise LecternError(
            f"corpus.sources: two sources have the name {repeated[0]!r}, and so one listing. Rename one."
        )
    if unknown := sorted(set(names) - set(known)):
        raise LecternError(f"no source is named {unknown[0]!r}; there are: {', '.join(known) or 'none'}")
    if not sources:
        print(f"update: the corpus {corpus.name!r} has no playlist, channel or feed")
    problems = 0
    for module, source in sources:
        if not names or source.name in names:
            problems += _update(module, source, refresh)
    return problems


def _update(module: Any, source: Any, refresh: bool) -> int:
    name = source.name
    before = listing.read(name)
    try:
        offered, problems = module.list_episodes(source, [] if refresh else before)
    except (ItemError, LecternError) as error:
        offered, problems = [], [str(error)]
    after, new = listing.merge(before, offered, refresh)
    changed = sum(episode not in before for episode in after) - len(new)
    if after != before or (not problems and not listing.path(name).is_file()):
        io.write_jsonl(listing.path(name), after)
    for problem in problems:
        print(f"update: {name}: {problem}", file=sys.stderr)
    titles = "; ".join(_printable(episode.title) for episode in new[:SHOWN])
    more = f"; and {len(new) - SHOWN} more" if len(new) > SHOWN else ""
    print(
        f"update: {len(new)} new in {name}, {changed} changed, {len(after)} in all"
        + (f": {titles}{more}" if new else "")
    )
    return len(problems)


def _printable(title: str) -> str:
    # a title could hold what a terminal obeys
    return "".join(character if character.isprintable() else " " for character in title)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m stages.update", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("source", nargs="*", help="name of a source; all of them when none is given")
    parser.add_argument(
        "--refresh", action="store_true", help="take over what has changed for known episodes too"
    )
    arguments = parser.parse_args()
    try:
        failed = main(params.load("corpus", fetch.CorpusParams), arguments.source, arguments.refresh)
    except LecternError as error:
        sys.exit(f"update: error: {error}")
    sys.exit(f"update: {failed} could not be asked; the others are up to date" if failed else 0)
