"""Podcasts: the episodes of an RSS or Atom feed, identified by their guid.

`lectern update` writes what the feed offers into the listing; the stage `fetch` reads the listing and downloads what is
new in it. A feed whose URL names a secret is private: its listing holds no address of a file, since these hold secrets
of their own, and `fetch` asks the feed for them when it has something to download. So it is with an episode of any feed
whose file has an address with a secret in it. What a feed says is never a template: only the feed's own address is.
"""

import calendar
import datetime
import functools
import hashlib
import html.parser
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from lectern.core import secrets
from lectern.core.errors import ItemError
from lectern.core.item import Item
from lectern.settings.sources import Network, PodcastSource
from lectern.sources import episode_download, listing, sound, template, ytdlp
from lectern.sources.addresses import Reach
from lectern.sources.listing import Episode, Links, Mark
from lectern.sources.media import EXTENSIONS
from lectern.sources.template import Template

_TRANSCRIPTS = {
    "text/vtt": "vtt", "application/srt": "srt", "application/x-subrip": "srt", "text/srt": "srt",
    "application/json": "json",
}  # fmt: skip
_BLOCKS = {
    "p",
    "br",
    "div",
    "li",
    "ul",
    "ol",
    "tr",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "blockquote",
    "pre",
    "hr",
}
_MOST_PAGES = 200


def _template(source: PodcastSource) -> Template:
    """The feed's address."""
    return Template(source.feed)


def _reach(source: PodcastSource) -> Reach:
    """What the source may connect to."""
    return template.find_reach([_template(source)], source.allow_private, source.hosts)


def list_items(source: PodcastSource) -> Iterator[Item]:
    """Yield an item for each episode that the listing holds and the source wants. Asks no site.

    Raises:
        LecternError: there is no listing, or no episode in it fits.
    """
    chosen = listing.choose(source.name, source.after, source.before, source.max_items, source.match)
    return episode_download.to_items(chosen, {})


def fetch_item(item: Item, out: Path, source: PodcastSource, raw: Path) -> Mapping[str, Any]:
    """Download an episode, its chapters and its transcript into the folder `out`; see `episodes.fetch`."""
    return episode_download.fetch(item, out, raw, "podcast", functools.partial(_download, source=source))


def update(source: PodcastSource, refresh: bool) -> listing.Updated:
    """Bring the listing up to date; see `listing.update`."""
    return listing.update(source.name, functools.partial(list_episodes, source), refresh)


def list_episodes(source: PodcastSource, known: Sequence[Episode]) -> tuple[list[Episode], list[str]]:
    """Ask the feed what there is.

    Returns: the episodes, and the problems of the feed.
    """
    try:
        offered, problems = _read_feed(source)
    except ItemError as error:
        return [], [str(error)]
    if not _template(source).is_private:
        return offered, problems
    return [episode.model_copy(update={"links": None}) for episode in offered], problems


def _read_feed(source: PodcastSource) -> tuple[list[Episode], list[str]]:
    """Every episode of the feed, its further pages (RFC 5005) included; a further page that is bad costs itself alone.

    Raises:
        ItemError: the first page cannot be read.
    """
    found: dict[str, Episode] = {}
    problems: list[str] = []
    seen: set[str] = set()
    url: str | None = _template(source).expand()
    while url and url not in seen and len(seen) < _MOST_PAGES:
        seen.add(url)
        shown = _template(source).shown if len(seen) == 1 else secrets.without_secrets(url)
        if _template(source).is_private and len(seen) > 1:
            shown = f"{_template(source).shown}, page {len(seen)}"
        name = shown if _template(source).is_private else None
        try:
            feed = _parse(ytdlp.read(source.network, _reach(source), url, name), shown)
        except ItemError as error:
            if len(seen) == 1:
                raise
            problems.append(f"{error} The pages before it were read.")
            break
        for entry in feed.entries:
            links = _links(entry, url)
            if links is None:  # a post without a recording
                continue
            episode = _episode(source, feed.feed, entry, links)
            if episode.key in found:
                problems.append(
                    f"{source.name}: {episode.title!r} has the guid of another episode; the first one is used."
                )
            found.setdefault(episode.key, episode)
        following = [link.get("href") for link in feed.feed.get("links", []) if link.get("rel") == "next"]
        url = _join(url, following[0]) if following and following[0] else None
    return list(found.values()), problems


@functools.lru_cache(maxsize=8)
def _secret_links(
    feed: str, network: Network, allow_private: bool, hosts: tuple[str, ...]
) -> Mapping[str, Links | None]:
    """The files of a feed by guid, if they are secret. They are requested once in a run, and stored nowhere."""
    source = PodcastSource(
        name="private", feed=feed, network=network, allow_private=allow_private, hosts=list(hosts)
    )
    offered, _ = _read_feed(source)
    return {episode.key: episode.links for episode in offered}


def _join(page: str, url: str) -> str | None:
    """The absolute web address for an address as a page writes it; `None` if there is none."""
    try:
        whole = urljoin(page, url)
    except ValueError:
        return None
    return whole if _is_web(whole) else None


def _parse(body: bytes, shown: str) -> Any:
    import feedparser

    feed = feedparser.parse(io.BytesIO(body), response_headers={"content-type": "application/xml"})
    if not feed.version:
        raise ItemError(f"{shown}: this is not an RSS or Atom feed. Correct the address of the feed.")
    return feed


def _episode(source: PodcastSource, feed: Any, entry: Any, links: Links) -> Episode:
    plain = functools.partial(_public, feed=_template(source))
    guid = str(entry.get("id") or entry.get("link") or links.media)
    # A guid may be an address with a secret in it.
    secret = _template(source).is_private or secrets.has_credentials(guid)
    key = hashlib.sha256(guid.encode()).hexdigest()[:16] if secret else guid
    title = plain(" ".join(str(entry.get("title") or "Untitled").split()))
    day = entry.get("published_parsed") or entry.get("updated_parsed")
    return Episode(
        item=listing.item_id(title, f"{source.name} {key}"),
        key=key,
        title=title,
        url=secrets.without_credentials(plain(entry["link"])) if _is_web(entry.get("link")) else None,
        published=_day(day),
        duration=_seconds(entry.get("itunes_duration")),
        author=plain(feed["title"]) if feed.get("title") else None,
        licence=plain(str(entry.get("license") or feed.get("rights") or "")) or None,
        language=plain(str(feed.get("language") or "").partition("-")[0].strip().lower()) or None,
        description=plain(_show_notes(entry)),
        links=links,
        chapters=[mark.model_copy(update={"title": plain(mark.title)}) for mark in _chapters(entry)],
    )


def _public(text: str, feed: Template) -> str:
    """The text without the secrets of a private feed, whose notes may link to what only its reader may see."""
    return secrets.without_secrets(template.hide(text, feed)) if feed.is_private else text


def _links(entry: Any, page: str) -> Links | None:
    for enclosure in entry.get("enclosures", []):
        url, kind = _join(page, enclosure.get("href") or ""), enclosure.get("type") or ""
        ending = Path((url or "").partition("?")[0]).suffix.lower()
        if url and (kind.startswith(("audio/", "video/")) or ending in EXTENSIONS):
            length = str(enclosure.get("length") or "")
            return Links(
                media=url,
                type=kind or None,
                bytes=int(length) if length.isdigit() and int(length) else None,
                transcript=_extra(entry.get("podcast_transcript"), page, _TRANSCRIPTS),
                chapters=_extra(entry.get("podcast_chapters"), page, None),
            )
    return None


def _extra(tag: Any, page: str, types: Mapping[str, str] | None) -> str | None:
    if not isinstance(tag, Mapping) or not tag.get("url"):
        return None
    url = _join(page, tag["url"])
    return url if url and (types is None or _transcript_ending(url, tag.get("type"))) else None


def _transcript_ending(url: str, kind: str | None = None) -> str | None:
    ending = Path(url.partition("?")[0]).suffix.lower().removeprefix(".")
    return _TRANSCRIPTS.get((kind or "").partition(";")[0].strip()) or (
        ending if ending in _TRANSCRIPTS.values() else None
    )


def _is_web(url: Any) -> bool:
    return isinstance(url, str) and url.startswith(("http://", "https://"))


def _day(parsed: Any) -> str | None:
    if parsed is None:
        return None
    return datetime.datetime.fromtimestamp(calendar.timegm(parsed), datetime.UTC).date().isoformat()


def _seconds(text: Any) -> float | None:
    """Seconds from `h:mm:ss`, `mm:ss` or seconds; `None` if the text is none of these."""
    if not isinstance(text, str) or not re.fullmatch(r"\d+(:\d+){0,2}(\.\d+)?", text.strip()):
        return None
    return functools.reduce(lambda total, part: total * 60 + float(part), text.strip().split(":"), 0.0)


def _chapters(entry: Any) -> list[Mark]:
    """The chapters in the format Podlove Simple Chapters."""
    marks = (entry.get("psc_chapters") or {}).get("chapters") or []
    starts = [(_seconds(mark.get("start")), str(mark.get("title") or "")) for mark in marks]
    return [Mark(start=start, title=title) for start, title in starts if start is not None]


def _show_notes(entry: Any) -> str:
    """The longest description of an episode in the feed, as plain text."""
    details = [entry.get("summary_detail"), *entry.get("content", [])]
    texts = [
        _to_text(d["value"]) if "html" in (d.get("type") or "") else d["value"].strip()
        for d in details
        if d and d.get("value")
    ]
    return max(texts, key=len, default="")


def _to_text(markup: str) -> str:
    """The text of HTML with a line for each block, so that time stamps stay on their own lines."""

    class Reader(html.parser.HTMLParser):
        text = ""

        def handle_starttag(self, tag: str, attrs: object) -> None:
            self.text += "\n" if tag in _BLOCKS else ""

        def handle_endtag(self, tag: str) -> None:
            self.text += "\n" if tag in _BLOCKS else ""

        def handle_data(self, data: str) -> None:
            self.text += data

    reader = Reader()
    reader.feed(markup)
    reader.close()
    lines = (" ".join(line.split()) for line in reader.text.split("\n"))
    return "\n".join(line for line in lines if line)


def _download(episode: Episode, out: Path, source: PodcastSource) -> list[str]:
    links = episode.links
    if links is None:
        asked = (source.feed, source.network, source.allow_private, tuple(source.hosts))
        links = _secret_links(*asked).get(episode.key)
    if links is None or not _is_web(links.media):
        raise ItemError(
            f"the feed no longer offers {episode.title!r}. Remove its line from {listing.path(source.name)}."
        )
    name = f"{episode.title!r} of {source.name}" if episode.links is None else None
    transfer = functools.partial(_transfer, links, out, source)
    ytdlp.persistently(links.media, source.network, transfer, name)
    sound.keep_sound(ytdlp.written(out, episode.title), out)
    missing = []
    for what, url in (("chapters", links.chapters), ("transcript", links.transcript)):
        try:
            if url is not None:
                body = ytdlp.read(source.network, _reach(source), url, name)
                _write_extra(what, _masked(body, _template(source)), url, out)
        except ItemError:
            missing.append(what)
    return missing


def _transfer(links: Links, out: Path, source: PodcastSource) -> None:
    url = links.media
    known = {"id": "recording", "title": "recording", "extractor": "generic", "extractor_key": "Generic"}
    with ytdlp.session(source.network, _reach(source), out) as ydl:
        # The protocol is named, or a playlist that poses as a recording would be followed.
        file = {"url": url, "ext": "mp3", "protocol": url.partition(":")[0], "vcodec": "none"}
        ydl.process_ie_result({**known, "webpage_url": url, **file}, download=True)


def _masked(body: bytes, feed: Template) -> bytes:
    """A text that a private feed links to, without the feed's secret and other secrets of its reader."""
    if not feed.is_private:
        return body
    text = body.decode("utf-8", "surrogateescape")
    plain = functools.partial(_public, feed=feed)
    try:
        masked = json.dumps(template.map_texts(json.loads(text), plain), ensure_ascii=False)
    except (ValueError, RecursionError):
        masked = plain(text)
    return masked.encode("utf-8", "surrogateescape")


def _write_extra(name: str, body: bytes, url: str, out: Path) -> None:
    if name == "chapters":
        try:
            if not isinstance(json.loads(body)["chapters"], list):
                raise ItemError("not a list")
        except (ValueError, KeyError, TypeError) as error:
            raise ItemError("no chapters in it") from error
        (out / "chapters.json").write_bytes(body)
    else:
        (out / f"subtitles.{_transcript_ending(url) or 'vtt'}").write_bytes(body)
