"""Videos, playlists and channels of any site that yt-dlp supports; only their sound is kept.

`lectern update` writes what there is into the listing; `fetch` reads the listing and downloads what is new in it.
What a page says is never a template; {LECTERN_X} in the listing is one for those hosts only that the source names with
it. A video whose address holds a secret of the site's own is listed without it, and looked for where it was found.
"""

import datetime
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lectern.core import secrets
from lectern.core.errors import ItemError, LecternError
from lectern.core.io import write_json
from lectern.core.item import Item
from lectern.settings.sources import YoutubeSource, find_wrong_url
from lectern.sources import episode_download, listing, sound, template, ytdlp
from lectern.sources.addresses import Reach
from lectern.sources.listing import Episode
from lectern.sources.template import Template

# The fields of yt-dlp's info.json that describe the recording. Others differ from one download to the next (counts,
# signed addresses, times, paths) or may hold a secret (headers, cookies).
_INFO = (
    "id", "title", "description", "channel", "channel_id", "channel_url", "uploader", "uploader_id", "uploader_url",
    "creators", "duration", "upload_date", "release_date", "webpage_url", "extractor", "extractor_key", "license",
    "language", "categories", "tags", "chapters", "series", "season", "season_number", "episode", "episode_number",
    "location", "format_id", "ext", "acodec", "asr", "audio_channels",
)  # fmt: skip
_GENERIC = (None, "Generic", "HTML5MediaEmbed")
_DEEPEST = 3


def list_items(source: YoutubeSource) -> Iterator[Item]:
    """Yield an item for each episode that the listing holds and the source wants. Asks no site.

    Raises:
        LecternError: there is no listing, or no episode in it fits.
    """
    chosen = listing.choose(source.name, source.after, source.before, source.max_items, source.match)
    return episode_download.to_items(chosen, {"format": source.format, "subtitles": list(source.subtitles)})


def fetch_item(item: Item, out: Path, source: YoutubeSource, raw: Path) -> Mapping[str, Any]:
    """Download an episode's sound, info.json and subtitles into the folder `out`; see `episodes.fetch`."""
    return episode_download.fetch(item, out, raw, "youtube", functools.partial(_download, source=source))


def update(source: YoutubeSource, refresh: bool) -> listing.Updated:
    """Bring the listing up to date; see `listing.update`."""
    return listing.update(source.name, functools.partial(list_episodes, source), refresh)


def list_episodes(source: YoutubeSource, known: Sequence[Episode]) -> listing.Offer:
    """Ask the sites for their episodes. A video that is already listed is not asked for again."""
    dated = source.after is not None or source.before is not None
    settled = [e.key for e in known if " " in e.key and not (dated and e.published is None)]
    found: dict[str, Episode] = {}
    problems: list[str] = []
    asides: list[str] = []
    for address in _templates(source):
        try:
            ask = functools.partial(_list, source, address, settled, dated)
            name = address.shown if address.is_private else None
            for episode in ytdlp.persistently(address.shown, source.network, ask, name):
                first = found.setdefault(episode.key, episode)
                if first.title != episode.title and episode.url is None:
                    asides.append(
                        f"the addresses of {first.title!r} and {episode.title!r} differ only in what "
                        "may be a secret, which is not stored; the first one is used."
                    )
        except ItemError as error:
            problems.append(str(error))
    return listing.Offer(list(found.values()), problems, asides)


def _templates(source: YoutubeSource) -> list[Template]:
    """The addresses that the user wrote.

    Raises:
        LecternError: the file cannot be read, or a line in it is not an address.
    """
    return [Template(url) for url in dict.fromkeys([*source.urls, *_lines(source.file)])]


def _reach(source: YoutubeSource) -> Reach:
    return template.find_reach(_templates(source), source.allow_private, source.hosts)


def _lines(file: str | None) -> list[str]:
    if file is None:
        return []
    try:
        text = Path(file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LecternError(
            f"{file}: cannot be read ({error}). Correct `file` of the source, or write it."
        ) from error
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    urls = [(number, line) for number, line in lines if line and not line.startswith("#")]
    for number, url in urls:
        for problem in find_wrong_url(url):
            raise LecternError(f"{file}:{number}: {problem}.")
    return [url for _, url in urls]


def _list(source: YoutubeSource, address: Template, settled: Sequence[str], dated: bool) -> list[Episode]:
    with ytdlp.session(source.network, _reach(source), known=settled, noplaylist=False) as ydl:
        found = []
        for page, entry in _leaves(ydl, address.expand()):
            episode = _episode(page, entry, address)
            vague = episode.title == episode.key or (dated and episode.published is None)
            if vague and episode.key not in settled and entry.get("_type") in ("url", "url_transparent"):
                episode = _look_closer(ydl, page, episode, address)
            found.append(episode)
        return found


def _look_closer(ydl: Any, page: str, episode: Episode, address: Template) -> Episode:
    """Ask for a playlist's episode whose entry is incomplete. If it cannot be read (is private), it stays as it was."""
    from yt_dlp.utils import YoutubeDLError

    try:
        entries = [entry for _, entry in _leaves(ydl, page)]
    except YoutubeDLError:
        return episode
    if len(entries) != 1:
        return episode
    closer = _episode(page, entries[0], address)
    merged, _ = listing.merge([episode], [closer.model_copy(update={"key": episode.key})], refresh=True)
    return merged[0].model_copy(update={"item": listing.item_id(merged[0].title, episode.key)})


def _leaves(
    ydl: Any, url: str, ie_key: str | None = None, depth: int = 0
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every video that a page leads to: the page it is on, and what yt-dlp knows of it without further requests."""
    result = ydl.extract_info(url, download=False, process=False, ie_key=ie_key)
    if result is not None:  # None: it is in the archive already
        yield from _unfold(ydl, result, url, depth)


def _unfold(ydl: Any, result: dict[str, Any], page: str, depth: int) -> Iterator[tuple[str, dict[str, Any]]]:
    kind = result.get("_type", "video")
    if kind in ("playlist", "multi_video"):
        for entry in result.get("entries") or ():
            if not entry:
                continue
            if entry.get("_type") not in ("url", "url_transparent"):
                yield from _unfold(ydl, entry, page, depth + 1)
            elif _is_list(ydl, entry) and depth < _DEEPEST:
                yield from _leaves(ydl, entry["url"], entry.get("ie_key"), depth + 1)
            else:
                yield entry["url"], entry
    elif kind in ("url", "url_transparent") and depth < _DEEPEST:
        outer = {
            k: v for k, v in result.items() if v is not None and k in ("title", "description", "timestamp")
        }
        for found, entry in _leaves(ydl, result["url"], result.get("ie_key"), depth + 1):
            # The requested page is kept, since the page that it leads to today may have a signature in its address.
            here = page if found == result["url"] else found
            yield here, entry | (outer if kind == "url_transparent" else {})
    else:
        yield page, result


def _is_list(ydl: Any, entry: Mapping[str, Any]) -> bool:
    """Whether an entry is itself a list, such as the tabs of a channel."""
    if (key := entry.get("ie_key")) is None or key == "Generic":
        return False
    return key == "YoutubeTab" or ydl.get_info_extractor(key).is_single_video(entry["url"]) is False


def _episode(page: str, entry: Mapping[str, Any], asked: Template) -> Episode:
    from yt_dlp.utils import unsmuggle_url

    key = _key(page, entry, asked)
    title = template.hide(str(entry.get("title") or key), asked)
    embedded = entry.get("_type") == "url"  # its description is at most the beginning of the full one
    address = unsmuggle_url(page)[0]
    if _site(entry) not in _GENERIC:
        address = entry.get("webpage_url") or address
    address = template.hide(address, asked)
    author = entry.get("channel") or entry.get("uploader")
    return Episode(
        item=listing.item_id(title, key),
        key=key,
        title=title,
        url=None if secrets.has_credentials(address) else address,
        published=_day(entry),
        duration=entry.get("duration"),
        author=template.hide(str(author), asked) if author else None,
        description="" if embedded else template.hide(entry.get("description") or "", asked),
    )


def _site(entry: Mapping[str, Any]) -> str | None:
    return entry.get("extractor_key") or entry.get("ie_key")


def _key(page: str, entry: Mapping[str, Any], *asked: Template) -> str:
    """`extractor id`, as in yt-dlp's archive. For pages of unknown sites, whose ids are not unique, it has the URL.

    It contains no secret, neither one of the templates nor one of the site.
    """
    from yt_dlp.utils import make_archive_id, unsmuggle_url

    site, video = _site(entry), entry.get("id")
    if site not in _GENERIC and video:
        return template.hide(make_archive_id(site, str(video)), *asked)
    address, smuggled = unsmuggle_url(page, {})
    address = secrets.without_credentials(template.hide(address, *asked))
    embedded = entry.get("_type", "video") == "video" and not entry.get("direct")
    # Several videos on one page share the address, and in some playlists the id too.
    inner = (
        [str(video), str(entry.get("title"))] if embedded else [smuggled["force_videoid"]] if smuggled else []
    )
    return template.hide("#".join([address, *inner]), *asked)


def _day(entry: Mapping[str, Any]) -> str | None:
    day, stamp = entry.get("upload_date") or entry.get("release_date"), entry.get("timestamp")
    if day is None and stamp is not None:
        day = datetime.datetime.fromtimestamp(stamp, datetime.UTC).strftime("%Y%m%d")
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if day and re.fullmatch(r"\d{8}", day) else None


def _download(episode: Episode, out: Path, source: YoutubeSource) -> list[str]:
    templates = _templates(source)
    shown = _shown(episode)
    ask = functools.partial(_download_once, episode, out, source, templates)
    private = episode.url is None or Template(episode.url).is_private
    info = ytdlp.persistently(shown, source.network, ask, shown if private else None)
    sound.keep_sound(ytdlp.written(out, shown), out)
    known = {key: info[key] for key in _INFO if info.get(key) is not None}
    known |= {"published": day} if (day := _day(info)) else {}
    known = template.map_texts(known, lambda text: template.hide(text, *templates))
    for key in ("webpage_url", "channel_url", "uploader_url"):
        known |= {key: secrets.without_credentials(str(known[key]))} if key in known else {}
    write_json(out / "info.json", known)
    return _subtitles(info, out, source, templates)


def _shown(episode: Episode) -> str:
    return secrets.without_secrets(episode.url) if episode.url else repr(episode.title)


def _download_once(
    episode: Episode, out: Path, source: YoutubeSource, templates: Sequence[Template]
) -> dict[str, Any]:
    options: dict[str, Any] = {
        "format": source.format,
        "noplaylist": True,
        "writesubtitles": bool(source.subtitles),
    }
    with ytdlp.session(source.network, _reach(source), out, **options) as ydl:
        page, entry = _find(ydl, episode, templates)
        if entry.get("live_status") in ("is_live", "is_upcoming", "post_live"):
            raise ItemError(f"{_shown(episode)}: is not over yet. Run it again later.")
        ydl.params["writesubtitles"] = (
            False  # `_subtitles` reads them, since the recording is still useful without them
        )
        extra = {"webpage_url": page, "extractor": "generic", "extractor_key": "Generic"}
        info: dict[str, Any] = ydl.process_ie_result(dict(entry), download=True, extra_info=extra)
        return info


def _find(ydl: Any, episode: Episode, templates: Sequence[Template]) -> tuple[str, dict[str, Any]]:
    """The page of an episode and yt-dlp's metadata: at its address, or, if that is secret, among the source's pages."""
    from yt_dlp.utils import YoutubeDLError

    pages = [template.fill(episode.url, templates)] if episode.url else [t.expand() for t in templates]
    found: list[tuple[str, dict[str, Any]]] = []
    same: list[tuple[str, dict[str, Any]]] = []
    failures: list[YoutubeDLError] = []
    for page in pages:
        try:
            found += _leaves(ydl, page)
        except YoutubeDLError as error:  # another page may still have the episode
            failures.append(error)
        same = [leaf for leaf in found if _key(*leaf, *templates) == episode.key]
        if same:
            break
    if not same and failures:
        raise failures[0]
    if not same and (len(found) != 1 or not episode.url):
        raise ItemError(
            f"{_shown(episode)}: {episode.title!r} is no longer there. Remove its line from the listing."
        )
    return (same or found)[0]


def _subtitles(
    info: Mapping[str, Any], out: Path, source: YoutubeSource, templates: Sequence[Template]
) -> list[str]:
    published = info.get("subtitles") or {}
    choices = [
        track
        for language in source.subtitles
        for name in sorted(published)
        if re.fullmatch(language, name)
        for ending in ("vtt", "srt")
        for track in published[name]
        if track.get("ext") == ending
    ]
    if not choices:
        return []
    try:
        data = choices[0].get("data")
        if data is None:
            name = f"the subtitles of {info.get('title')!r}"
            read = ytdlp.read(source.network, _reach(source), choices[0]["url"], name)
            data = read.decode("utf-8", "surrogateescape")
        text = template.hide(data, *templates)
        (out / f"subtitles.{choices[0]['ext']}").write_bytes(text.encode("utf-8", "surrogateescape"))
    except ItemError:
        return ["subtitles"]
    return []
