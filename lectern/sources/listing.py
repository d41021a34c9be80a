"""Every episode that a playlist, channel or feed has offered: `data/listings/<source>.jsonl`, one line each, in git.

Only `lectern update` writes it. Its lines keep their order and their ids, even when the site no longer offers
an episode. So the corpus changes only when somebody asks for it, and git shows how.
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
    """The result of asking a source."""

    line: str
    """The line to print."""
    problems: list[str]
    """What could not be asked: the source, or a part of it."""
    asides: list[str]
    """Other difficulties, which do not make the update fail."""


class Offer(NamedTuple):
    """What a site offers."""

    episodes: "list[Episode]"
    problems: list[str]
    """What could not be asked."""
    asides: list[str]
    """What was left out."""


class Mark(Record):
    """The beginning of a chapter."""

    start: Seconds
    title: str


class Links(Record):
    """The addresses of an episode's files."""

    media: str
    type: str | None = None
    bytes: int | None = Field(default=None, description="as the feed states; feeds are often wrong")
    transcript: str | None = Field(default=None, description="Podcasting 2.0, in VTT, SRT or JSON")
    other_transcripts: list[str] = Field(
        default_factory=list, description="of the same kinds, tried where the first names no speakers"
    )
    chapters: str | None = Field(default=None, description="Podcasting 2.0, JSON")

    @property
    def are_secret(self) -> bool:
        """Whether one of the addresses holds a secret, as signed addresses do."""
        urls = (self.media, self.transcript, self.chapters, *self.other_transcripts)
        return any(has_credentials(url) for url in urls if url)


def _unless_secret(url: str | None) -> str | None:
    """Drop an address that holds a secret: without it, the address may lead to something else."""
    return None if url is not None and has_credentials(url) else url


class Episode(Record):
    """A line of `data/listings/<source>.jsonl`."""

    item: str = Field(description="id of the item; never changes, whatever becomes of the title")
    key: str = Field(description="what distinguishes episodes on the site: extractor and id, or the guid")
    title: str
    url: Annotated[str | None, AfterValidator(_unless_secret)] = Field(
        default=None, description="of the page; null if it holds a secret"
    )
    published: str | None = Field(default=None, description="day in UTC, as in 2026-11-22")
    duration: Seconds | None = None
    author: str | None = None
    licence: str | None = None
    language: str | None = Field(default=None, description="code, such as en")
    description: str = Field(default="", description="plain text")
    links: Links | None = Field(
        default=None, description="null if yt-dlp finds the files, or if they are secret"
    )
    chapters: list[Mark] = Field(default_factory=list)
    hosts: list[str] = Field(default_factory=list, description="names, as the feed states")
    guests: list[str] = Field(default_factory=list)


def item_id(title: str, key: str) -> str:
    """An id made of the title's words and a digest of the key, which makes it unique."""
    return f"{slug(title) or 'episode'}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def path(name: str) -> Path:
    """The path of a source's listing."""
    return FOLDER / f"{name}.jsonl"


def read(name: str) -> list[Episode]:
    """The episodes of a source; an empty list if it was never asked.

    Raises:
        LecternError: a line is broken, or repeats the id or key of another line.
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
    """Yield the episodes of a source's listing that fit its filters, in the listing's order.

    Raises:
        LecternError: the source was never asked, or no episode fits.
    """
    if not path(name).is_file():
        raise LecternError(f"{path(name)} does not exist. `lectern update` asks the site and writes it.")
    episodes = read(name)
    chosen = [
        e for e in episodes if re.search(match or "", e.title) and is_between(e.published, after, before)
    ]
    if episodes and not chosen:
        raise LecternError(
            f"{path(name)}: none of its {len(episodes)} episodes fits match, after and before of the source {name!r}. "
            "Correct them, or run `lectern update`, which adds missing days."
        )
    yield from chosen[:max_items]


def is_between(day: str | None, after: str | None, before: str | None) -> bool:
    """Whether a day, as in 2026-11-22, is within the bounds, inclusive. A missing day is not within any bounds."""
    if after is None and before is None:
        return True
    return day is not None and (after or "") <= day <= (before or "9999")


def merge(
    known: Sequence[Episode], offered: Iterable[Episode], refresh: bool
) -> tuple[list[Episode], list[Episode]]:
    """Add the new episodes at the end. Returns all episodes, and the new ones.

    A known episode keeps its line, except that a missing day is added. With `refresh`, it takes the site's current
    values (but never an empty one, nor another id).
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


def update(name: str, ask: Callable[[Sequence[Episode]], Offer], refresh: bool) -> Updated:
    """Bring the listing of a source up to date.

    Args:
        name: of the source.
        ask: takes the known episodes (none when refreshing), and returns what the site offers.
        refresh: whether known episodes take the site's current values.
    """
    before = read(name)
    try:
        offered, problems, asides = ask([] if refresh else before)
    except (ItemError, LecternError) as error:
        offered, problems, asides = [], [str(error)], []
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
    return Updated(line + (f": {titles}{more}" if new else ""), problems, asides)
