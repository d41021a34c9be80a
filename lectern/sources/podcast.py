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
from lectern.core.io import parse_json
from lectern.core.item import Item
from lectern.formats import captions
from lectern.settings.sources import Network, PodcastSource
from lectern.sources import episode_download, feed_tags, listing, sound, template, ytdlp
from lectern.sources.addresses import Reach
from lectern.sources.feed_tags import Tags
from lectern.sources.listing import Episode, Links, Mark
from lectern.sources.media import EXTENSIONS
from lectern.sources.template import Template

_TRANSCRIPTS = {
    "application/json": "json", "text/vtt": "vtt", "application/srt": "srt", "application/x-subrip": "srt",
    "text/srt": "srt",
}  # fmt: skip
_RANKS = ("vtt", "json", "srt")
"""Formats of transcripts, the one that names speakers most clearly first."""
_MOST_TRANSCRIPTS = 3
"""How many transcripts of an episode are tried for one that names speakers."""
_UNTYPED = ("", "application/octet-stream", "binary/octet-stream", "application/binary")
_OTHERS = re.compile(
    r"[.](?:css|docx?|epub|exe|gif|html?|ico|jpe?g|js|json|md|pdf|php|png|pptx?|rss|srt|svg|torrent|txt|vtt|webp|xlsx?|"
    r"xml|zip)"
)
"""Endings of what is no recording, where the feed does not say what it is."""
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
_SHOWN = 3


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
    return episode_download.to_items(chosen, {}, source.transcripts)


def fetch_item(item: Item, out: Path, source: PodcastSource, raw: Path) -> Mapping[str, Any]:
    """Download an episode, its chapters and its transcript into the folder `out`; see `episodes.fetch`."""
    return episode_download.fetch(item, out, raw, "podcast", functools.partial(_download, source=source))


def update(source: PodcastSource, refresh: bool) -> listing.Updated:
    """Bring the listing up to date; see `listing.update`."""
    return listing.update(source.name, functools.partial(list_episodes, source), refresh)


def list_episodes(source: PodcastSource, known: Sequence[Episode]) -> listing.Offer:
    """Ask the feed what there is."""
    try:
        offer = _read_feed(source)
    except ItemError as error:
        return listing.Offer([], [str(error)], [])
    if not _template(source).is_private:
        return offer
    return offer._replace(episodes=[episode.model_copy(update={"links": None}) for episode in offer.episodes])


def _read_feed(source: PodcastSource) -> listing.Offer:
    """Every episode of the feed, its further pages (RFC 5005) included; a further page that is bad costs itself alone.

    Raises:
        ItemError: the first page cannot be read.
    """
    found: dict[str, Episode] = {}
    problems: list[str] = []
    repeated: list[str] = []
    silent: list[str] = []
    seen: set[str] = set()
    url: str | None = _template(source).expand()
    while url and url not in seen and len(seen) < _MOST_PAGES:
        seen.add(url)
        shown = _template(source).shown if len(seen) == 1 else secrets.without_secrets(url)
        if _template(source).is_private and len(seen) > 1:
            shown = f"{_template(source).shown}, page {len(seen)}"
        name = shown if _template(source).is_private else None
        try:
            body = ytdlp.read(source.network, _reach(source), url, name)
            feed = _parse(body, shown)
        except ItemError as error:
            if len(seen) == 1:
                raise
            problems.append(f"{error} The pages before it were read.")
            break
        for entry, tags in zip(feed.entries, feed_tags.read(body, len(feed.entries)), strict=True):
            links = _links(entry, tags, url, str(feed.feed.get("language") or ""))
            if links is None:  # a post without a recording
                silent.append(_title(source, entry))
                continue
            episode = _episode(source, feed.feed, entry, tags, links)
            if episode.key in found:
                repeated.append(episode.title)
            found.setdefault(episode.key, episode)
        following = [link.get("href") for link in feed.feed.get("links", []) if link.get("rel") == "next"]
        url = _join(url, following[0]) if following and following[0] else None
    asides = [f"{title!r} has the guid of another episode; the first one is used." for title in repeated]
    if silent:
        shown = ", ".join(map(repr, silent[:_SHOWN])) + (", ..." if len(silent) > _SHOWN else "")
        asides.append(f"{len(silent)} entries of the feed hold no recording and are left out: {shown}")
    return listing.Offer(list(found.values()), problems, asides)


@functools.lru_cache(maxsize=8)
def _secret_links(
    feed: str, network: Network, allow_private: bool, hosts: tuple[str, ...]
) -> Mapping[str, Links | None]:
    """The files of a feed by guid, if they are secret. They are requested once in a run, and stored nowhere."""
    source = PodcastSource(
        name="private", feed=feed, network=network, allow_private=allow_private, hosts=list(hosts)
    )
    return {episode.key: episode.links for episode in _read_feed(source).episodes}


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


def _title(source: PodcastSource, entry: Any) -> str:
    return _public(" ".join(str(entry.get("title") or "Untitled").split()), _template(source))


def _episode(source: PodcastSource, feed: Any, entry: Any, tags: Tags, links: Links) -> Episode:
    plain = functools.partial(_public, feed=_template(source))
    guid = str(entry.get("id") or entry.get("link") or links.media)
    # A guid may be an address with a secret in it.
    secret = _template(source).is_private or secrets.has_credentials(guid)
    key = hashlib.sha256(guid.encode()).hexdigest()[:16] if secret else guid
    title = _title(source, entry)
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
        hosts=list(map(plain, tags.hosts)),
        guests=list(map(plain, tags.guests)),
    )


def _public(text: str, feed: Template) -> str:
    """The text without the secrets of a private feed, whose notes may link to what only its reader may see."""
    return secrets.without_secrets(template.hide(text, feed)) if feed.is_private else text


def _links(entry: Any, tags: Tags, page: str, language: str) -> Links | None:
    """The addresses of an entry's files: of its first recording, or else of its first file of no stated kind."""
    files = [(file.get("href"), file, file.get("type")) for file in entry.get("enclosures", [])]
    files += [(file.get("url"), file, file.get("type")) for file in entry.get("media_content", [])]
    possible = []
    for address, file, stated in files:
        url, kind = _join(page, address or ""), (stated or "").partition(";")[0].strip().lower()
        ending = Path((url or "").partition("?")[0]).suffix.lower()
        medium = kind.startswith(("audio/", "video/")) or file.get("medium") in ("audio", "video")
        if url and (medium or ending in EXTENSIONS):
            possible.append((0, url, kind, file))
        elif url and kind in _UNTYPED and file.get("medium") in (None, "") and not _OTHERS.fullmatch(ending):
            possible.append((1, url, kind, file))
    if not possible:
        return None
    _, url, kind, file = min(possible, key=lambda found: found[0])
    length = str(file.get("length") or file.get("filesize") or "")
    transcripts = _transcripts(tags, page, language)
    return Links(
        media=url,
        type=kind or None,
        bytes=int(length) if re.fullmatch(r"\d{1,15}", length) and int(length) else None,
        transcript=transcripts[0] if transcripts else None,
        other_transcripts=transcripts[1:],
        chapters=_chapters_address(entry.get("podcast_chapters"), page),
    )


def _transcripts(tags: Tags, page: str, language: str) -> list[str]:
    """The addresses of an episode's transcripts, the best first: in the feed's language, and not meant as captions."""
    found = []
    for tag in tags.transcripts:
        url = _join(page, tag.url)
        ending = _transcript_ending(url, tag.type) if url else None
        if url and ending:
            foreign = bool(tag.language and language) and tag.language[:2] != language[:2].lower()
            found.append((foreign, _RANKS.index(ending), tag.rel == "captions", url))
    return list(dict.fromkeys(url for *_, url in sorted(found, key=lambda one: one[:3])))[:_MOST_TRANSCRIPTS]


def _chapters_address(tag: Any, page: str) -> str | None:
    return _join(page, tag["url"]) if isinstance(tag, Mapping) and tag.get("url") else None


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
    for what, urls in (
        ("chapters", [links.chapters] if links.chapters else []),
        ("transcript", [url for url in (links.transcript, *links.other_transcripts) if url]),
    ):
        failed = 0
        for url in urls:
            try:
                body = ytdlp.read(source.network, _reach(source), url, name)
                if _write_extra(what, _masked(body, _template(source)), out):
                    break
            except ItemError:
                failed += 1
        missing += [what] if urls and failed == len(urls) else []
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
        masked = json.dumps(template.map_texts(parse_json(text), plain), ensure_ascii=False)
    except (ValueError, RecursionError):
        masked = plain(text)
    return masked.encode("utf-8", "surrogateescape")


def _write_extra(what: str, body: bytes, out: Path) -> bool:
    """Write the chapters or the transcript of an episode; return whether there is no need to try another address.

    Of several transcripts, the first one that names speakers is kept, or else the first that can be read.

    Raises:
        ItemError: it is no such file.
    """
    if what == "chapters":
        try:
            if not isinstance(parse_json(body)["chapters"], list):
                raise ItemError("not a list")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ItemError("no chapters in it") from error
        (out / "chapters.json").write_bytes(body)
        return True
    kept = sorted(out.glob("subtitles.*"))
    start = body[:200].lstrip(b"\xef\xbb\xbf \t\r\n")
    ending = "vtt" if start.startswith(b"WEBVTT") else "json" if start[:1] in (b"{", b"[") else "srt"
    path = out / f"{'other' if kept else 'subtitles'}.{ending}"
    path.write_bytes(body)
    try:
        named = captions.read_ready(path, "").facts["speakers"] > 1
    except ItemError:
        path.unlink()
        raise
    if kept and named:
        kept[0].unlink()
        path.rename(out / f"subtitles.{ending}")
    elif kept:
        path.unlink()
    return named
