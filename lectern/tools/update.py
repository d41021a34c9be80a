"""Ask playlists, channels and feeds what there is, and crawl web sites. Nothing else asks them."""

from collections.abc import Sequence
from typing import Any

import click

from lectern.core import params
from lectern.core.errors import ItemError, LecternError
from lectern.core.printing import one_line, say, warn
from lectern.settings.corpus import Corpus
from lectern.sources import kinds
from lectern.tools.terminal import Command, InterruptionError

SHOWN = 20


def main(corpus: Corpus, names: Sequence[str] = (), refresh: bool = False) -> int:
    """Bring the sources up to date; return how many of them, or parts of one, could not be asked.

    Raises:
        LecternError: there is no source of a given name, or two sources have the same name.
    """
    sources = [
        (module, source) for module, source in kinds.read_sources(corpus) if source.kind in kinds.ASKED
    ]
    known = [source.name for _, source in sources]
    if repeated := sorted({name for name in known if known.count(name) > 1}):
        raise LecternError(
            f"corpus.sources: two sources have the name {repeated[0]!r} and would share a folder. Rename one."
        )
    if unknown := sorted(set(names) - set(known)):
        raise LecternError(f"no source is named {unknown[0]!r}; the names are: {', '.join(known) or 'none'}")
    if not sources:
        say(f"update: the corpus {corpus.name!r} has no playlist, channel or feed, and no web site")
    problems = 0
    for module, source in sources:
        if not names or source.name in names:
            problems += _update(module, source, refresh)
    return problems


def _update(module: Any, source: Any, refresh: bool) -> int:
    try:
        done = module.update(source, refresh)
    except (ItemError, LecternError) as error:
        warn(f"update: {source.name}: {one_line(str(error))}")
        return 1
    asides = done.asides[:SHOWN] + (
        [f"and {len(done.asides) - SHOWN} more"] if len(done.asides) > SHOWN else []
    )
    for text in [*done.problems, *asides]:
        warn(f"update: {source.name}: {one_line(text)}")
    say(f"update: {one_line(done.line)}")
    return len(done.problems)


@click.command(
    "update", cls=Command, examples=("lectern update && make run", "lectern update --refresh docs")
)
@click.argument(
    "sources",
    metavar="[SOURCE]...",
    nargs=-1,
    help="The name of a source of the corpus. All of them if none is given.",
)
@click.option(
    "--refresh",
    is_flag=True,
    help="Take over the title, notes and addresses that a site gives now for known episodes too, and fetch whole "
    "pages, whatever the site says of a change.",
)
def command(sources: tuple[str, ...], refresh: bool) -> None:
    """Ask playlists, channels and feeds what is new, and crawl web sites.

    Reads section corpus of params.yaml. Writes data/listings/<source>.jsonl for `youtube` and `podcast` sources, and
    the pages of `website` sources into data/sources/<source>. `dvc repro` asks no site: it downloads what stands in
    the listings, and copies the pages.
    """
    try:
        failed = main(params.load("corpus", Corpus), sources, refresh)
    except KeyboardInterrupt as stopped:
        raise InterruptionError(
            "what came is kept, and the next `lectern update` goes on from there"
        ) from stopped
    if failed:
        raise LecternError(f"{failed} could not be asked; the others are up to date")
