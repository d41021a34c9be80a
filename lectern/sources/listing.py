"""What a playlist, channel or feed has offered so far: `data/listings/<source>.jsonl`, one episode a line, in git.

`lectern update` alone writes it. What stands in it stays, in its order and with its id, even when the site
no longer offers it; so the corpus changes only when somebody asks for it, and git shows how.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from lectern.core import io
from lectern.core.errors import ItemError, LecternError
from lectern.core.schema import Record, Seconds
from lectern.core.secrets import has_credentials
from lectern.sources.folders import slug

FOLDER = Path("data/listings")
SHOWN = 20


class Updated(NamedTuple):
    """What came of asking a source."""

    line: str
    """to print"""
    problems: list[str]
    """what could not be asked: the source, or a part of it"""
    asides: list[str]
    """what else did not go well, and fails nothing"""


class Mark(Record):
    """Where a chapter begins."""

    start: Seconds
    title: str


class Links(Record):
    """Where the files of an episode are."""

    media: str
    type: str | None = None
    bytes: int | None = Field(default=None, description="as the feed says; feeds are often wrong")
    transcript: str | None = Field(default=None, description="Podcasting 2.0, in VTT, SRT or JSON")
    chapters: str | None = Field(default=None, description="Podcasting 2.0, JSON")

    @property
    def are_secret(self) -> bool:
        """Whether one of them holds a secret of its own, as a signed address does."""
        return any(has_credentials(url) for url in (self.media, self.transcript, self.chapters) if url)


def _unless_secret(url: str | None) -> str | None:
    """Without its secret an address may be that of something else."""
    return None if url is not None and has_credentials(url) else url


class Episode(Record):
    """A line of `data/listings/<source>.jsonl`."""

    item: str = Field(description="id of the item; never changes, whatever becomes of the title")
    key: str = Field(description="what the site tells episodes apart by: extractor and id, or the guid")
    title: str
    url: Annotated[str | None, AfterValidator(_unless_secret)] = Field(
        default=None, description="of the page; none where it is secret"
    )
    published: str | None = Field(default=None, description="day in UTC, as in 2026-11-22")
    duration: Seconds | None = None
    author: str | None = None
    licence: str | None = None
    language: str | None = Field(default=None, description="code, such as en")
    description: str = Field(default="", description="plain text")
    links: Links | None = Field(default=None, description="none where yt-dlp finds them or they are secret")
    chapters: list[Mark] = Field(default_factory=list)


def item_id(title: str, key: str) -> str:
    """An id with the words of the title, told apart by a digest of the key."""
    return f"{slug(title) or 'episode'}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def path(name: str) -> Path:
    """The listing of a source."""
    return FOLDER / f"{name}.jsonl"


def read(name: str) -> list[Episode]:
    """The episodes of a source, none where it was never asked.

    Raises:
        LecternError: a line is broken, or repeats another's id or key.
    """
    file = path(name)
    found = list(io.read_numbered(file, Episode)) if file.is_file() else []
    lines: dict[str, int] = {}
    for number, episode in found:
        for mark in (f"item {episode.item!r}", f"key {episode.key!r}"):
            if mark in lines:
                raise LecternError(
                    f"{file}:{number}: it repeats the {mark} of line {lines[mark]}. Delete one."
                )
            lines[mark] = number
    return [episode for _, episode in found]


def choose(
    name: str, after: str | None, before: str | None, max_items: int | None, match: str | None
) -> Iterator[Episode]:
    """The episodes of a source's listing that the corpus wants, in its order.

    Raises:
        LecternError: the source was never asked, or not one of its episodes is wanted.
    """
    if not path(name).is_file():
        raise LecternError(f"{path(name)} does not exist. `lectern update` asks the site and writes it.")
    episodes = read(name)
    chosen = [
        e for e in episodes if re.search(match or "", e.title) and is_between(e.published, after, before)
    ]
    if episodes and not chosen:
        raise LecternError(
            f"{path(name)}: not one of {len(episodes)} episodes fits match, after and before of the source {name!r}. "
            "Correct them, or run `lectern update`: it finds out the days that are missing."
        )
    yield from chosen[:max_items]


def is_between(day: str | None, after: str | None, before: str | None) -> bool:
    """Whether a day, as in 2026-11-22, is in bounds, which count in. No day is in no bounds."""
    if after is None and before is None:
        return True
    return day is not None and (after or "") <= day <= (before or "9999")


def merge(
    known: Sequence[Episode], offered: Iterable[Episode], refresh: bool
) -> tuple[list[Episode], list[Episode]]:
    """Add what is new at the end; return the whole and the new.

    What is known keeps its line, but for a day that was missing; with `refresh` it takes what the site says now (but
    never an empty value, nor another id).
    """
    whole = {episode.key: episode for episode in known}
    new = []
    for episode in offered:
        if episode.key not in whole:
            new.append(episode)
            whole[episode.key] = episode
        elif refresh:
            stated = {
                k: v for k, v in episode.model_dump().items() if v not in (None, "", []) and k != "item"
            }
            whole[episode.key] = Episode.model_validate(whole[episode.key].model_dump() | stated)
        elif whole[episode.key].published is None:
            whole[episode.key] = whole[episode.key].model_copy(update={"published": episode.published})
    return list(whole.values()), new


def update(
    name: str, ask: Callable[[Sequence[Episode]], tuple[list[Episode], list[str]]], refresh: bool
) -> Updated:
    """Bring the listing of a source up to date.

    Args:
        name: of the source.
        ask: told what is known already (nothing when refreshed), gives what the site offers and what is wrong with it.
        refresh: what is known takes what the site says now.
    """
    before = read(name)
    try:
        offered, problems = ask([] if refresh else before)
    except (ItemError, LecternError) as error:
        offered, problems = [], [str(error)]
    after, new = merge(before, offered, refresh)
    after = [
        episode.model_copy(update={"links": None}) if episode.links and episode.links.are_secret else episode
        for episode in after
    ]
    changed = sum(episode not in before for episode in after) - len(new)
    if after != before or (not problems and not path(name).is_file()):
        io.write_jsonl(path(name), after)
    titles = "; ".join(episode.title for episode in new[:SHOWN])
    more = f"; and {len(new) - SHOWN} more" if len(new) > SHOWN else ""
    line = f"{len(new)} new in {name}, {changed} changed, {len(after)} in all"
    return Updated(line + (f": {titles}{more}" if new else ""), problems, [])
