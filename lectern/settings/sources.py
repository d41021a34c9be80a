"""The entries of `corpus.sources` in params.yaml: one dataclass a kind of source."""

import datetime
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lectern.core import params, secrets
from lectern.core.errors import LecternError

LONGEST = 2000
"""Most characters of an address; longer ones are crawler traps, or data."""
RENDER = ("never", "empty", "always")
GONE = ("keep", "remove")
PAIR = ("question", "answer")
COLUMNS = (*PAIR, "system", "url", "messages")
"""What a column of a table may be."""
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]*:[0-9a-f:.]*")
_SECRET_HEADERS = re.compile(
    r"(?i)(proxy-)?authorization|cookie|.*(token|key|secret|auth|session|password).*"
)


@dataclass(unsafe_hash=True)  # not frozen: OmegaConf sets nothing inside a frozen section of a section
class Network:
    """How fast and how often to ask a source. These fields decide no byte, so changing them makes nothing again."""

    sleep: float = 1.0
    """Seconds between requests and before each download, and the first pause before a retry (which then doubles)."""
    retries: int = 3
    """Further tries after a cut connection, a timeout, or an answer such as 429 or 503."""
    timeout: float = 30.0
    """Seconds without an answer after which a server counts as hung."""
    longest_wait: float = 120.0
    """Longest wait in seconds that a server may ask for (Retry-After); beyond it, the item fails."""
    rate_limit: int | None = None
    """Highest download rate in bytes per second; null for no limit."""
    max_megabytes: int = 2000
    """Largest size of a file; a larger one fails its item."""

    def __post_init__(self) -> None:
        for name in ("sleep", "longest_wait", "retries"):
            if getattr(self, name) < 0:
                raise ValueError(f"network.{name} is {getattr(self, name)}; it may not be negative")
        for name in ("timeout", "max_megabytes"):
            if getattr(self, name) <= 0:
                raise ValueError(f"network.{name} is {getattr(self, name)}; it must be above 0")
        if self.rate_limit is not None and self.rate_limit <= 0:
            raise ValueError(
                f"network.rate_limit is {self.rate_limit}; it must be above 0 (bytes per second), or null"
            )


@dataclass(frozen=True)
class MediaSource:
    """An entry of `corpus.sources` with `kind: media`."""

    path: str
    """A folder relative to the repository; its subfolders are searched too."""
    kind: str = "media"


@dataclass(frozen=True)
class TranscriptsSource:
    """An entry of `corpus.sources` with `kind: transcripts`."""

    path: str
    """A folder relative to the repository; its subfolders are searched too."""
    language: str | None = None
    """Language code such as `en`; null for the one that a file's header names, else `en`."""
    kind: str = "transcripts"

    def __post_init__(self) -> None:
        if self.language is not None and not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]+)*", self.language):
            raise ValueError(f"language is {self.language!r}; it must be a code such as en or pt-BR")


@dataclass(frozen=True)
class YoutubeSource:
    """An entry of `corpus.sources` with `kind: youtube`."""

    name: str
    """Name of the listing, data/listings/<name>.jsonl."""
    urls: list[str] = field(default_factory=list)
    """Addresses of videos, playlists and channels; {LECTERN_X} in one stands for that environment variable."""
    file: str | None = None
    """A file of the repository with further addresses, one a line; # begins a comment."""
    after: str | None = None
    """First day of publication to include, as in '2026-11-22'."""
    before: str | None = None
    """Last day of publication to include."""
    max_items: int | None = None
    """Most episodes: the first of the listing that fit, so that later ones never replace them. Null for no limit."""
    match: str | None = None
    """Regular expression to search for in the titles."""
    format: str = "bestaudio/best"
    """yt-dlp's format selection; the picture of a video is discarded."""
    subtitles: list[str] = field(default_factory=lambda: ["en.*"])
    """Languages of published subtitles as regular expressions; the first match is used. Empty for no subtitles."""
    allow_private: bool = False
    """Whether the hosts of `urls`, `file` and `hosts` may be in a private network or on this machine."""
    hosts: list[str] = field(default_factory=list)
    """With `allow_private`: further such hosts, as `files.example.lan`, `*.example.lan` or `127.0.0.1:8080`."""
    network: Network = field(default_factory=Network)
    kind: str = "youtube"

    def __post_init__(self) -> None:
        check_name(self.name)
        check_limits(self.after, self.before, self.max_items, self.match)
        if not self.urls and self.file is None:
            raise ValueError(f"the source {self.name!r} has neither urls nor a file of them")
        for url in self.urls:
            check_url(url)
        for host in self.hosts:
            check_host(host)


@dataclass(frozen=True)
class PodcastSource:
    """An entry of `corpus.sources` with `kind: podcast`."""

    name: str
    """Name of the listing, data/listings/<name>.jsonl."""
    feed: str
    """Address of the feed. {LECTERN_X} in it stands for that environment variable, for a feed that needs a secret."""
    after: str | None = None
    """First day of publication to include, as in '2026-11-22'."""
    before: str | None = None
    """Last day of publication to include."""
    max_items: int | None = None
    """Most episodes: the first of the listing that fit, so that later ones never replace them. Null for no limit."""
    match: str | None = None
    """Regular expression to search for in the titles."""
    allow_private: bool = False
    """Whether the feed's host, and `hosts`, may be in a private network or on this machine."""
    hosts: list[str] = field(default_factory=list)
    """With `allow_private`: further such hosts, as `files.example.lan`, `*.example.lan` or `127.0.0.1:8080`."""
    network: Network = field(default_factory=Network)
    kind: str = "podcast"

    def __post_init__(self) -> None:
        check_name(self.name)
        check_limits(self.after, self.before, self.max_items, self.match)
        check_url(self.feed)
        for host in self.hosts:
            check_host(host)


@dataclass(frozen=True)
class DocumentsSource:
    """An entry of `corpus.sources` with `kind: documents`."""

    path: str
    """A folder relative to the repository; its subfolders are searched too."""
    kind: str = "documents"


@dataclass(frozen=True)
class WebsiteSource:
    """An entry of `corpus.sources` with `kind: website`."""

    name: str
    """Name of the folder, data/sources/<name>, which holds nothing else."""
    start: list[str]
    """Addresses to begin at."""
    sitemaps: list[str] | None = None
    """Addresses of sitemaps, also compressed ones and indexes; null for those in robots.txt, else /sitemap.xml."""
    hosts: list[str] = field(default_factory=list)
    """Hosts whose pages are included: `example.org`, `*.example.org` for all its subdomains, `example.org:8080` for a
    port other than the default; empty for the hosts of `start`."""
    include: list[str] = field(default_factory=list)
    """Regular expressions: besides `start`, only addresses that contain one of them are requested and kept."""
    exclude: list[str] = field(default_factory=list)
    """Regular expressions: an address that contains one of them is never requested."""
    max_depth: int = 10
    """Most links from the start to a page."""
    max_pages: int = 1000
    """Most addresses that are requested in one crawl."""
    max_alike: int = 200
    """Most addresses that differ only in numbers or in values of the query, as those of a calendar do; addresses in a
    sitemap do not count."""
    delay: float = 1.0
    """Seconds between requests to a host, and the first pause before a retry (which doubles); robots.txt may ask for
    more."""
    concurrency: int = 4
    """Most requests to a host at a time."""
    retries: int = 2
    """Further tries after a cut connection, or an answer such as 429 or 503."""
    longest_wait: float = 120.0
    """Longest pause in seconds that a site may ask for; if it asks for more, the request fails."""
    timeout: float = 30.0
    """Seconds for a page from the request to its last byte, and as many again to render it."""
    max_megabytes: float = 10.0
    """Largest size of a page; a larger one fails."""
    render: str = "empty"
    """Whether to run the scripts of pages in a headless Chromium: `never`, `always`, or `empty` for pages with hardly
    any words."""
    render_below: int = 50
    """Words outside of menus below which a page with scripts counts as empty."""
    documents: bool = False
    """Whether to keep PDF, DOCX, PPTX, EPUB, Markdown and text files that pages link to."""
    gone: str = "keep"
    """Whether to `keep` or `remove` pages for which the site now answers 404 or 410."""
    obey_robots: bool = True
    """Whether to obey robots.txt, noindex and nofollow; set it to false only for a site of your own."""
    allow_private: bool = False
    """Whether `hosts` may be in a private network or on this machine."""
    headers: dict[str, str] = field(default_factory=dict)
    """Headers that are sent to `hosts` only; {LECTERN_X} in a value stands for that environment variable."""
    kind: str = "website"

    def __post_init__(self) -> None:
        check_name(self.name)
        if not self.start:
            raise ValueError("start is empty; list the addresses to begin at")
        for url in [*self.start, *(self.sitemaps or [])]:
            check_url(url)
            if secrets.PLACEHOLDER.search(url) or not _is_page(url):
                raise ValueError(
                    f"{secrets.without_secrets(url)!r} is not the address of a page; put secrets into `headers`"
                )
        for host in self.hosts:
            check_host(host)
        for pattern in [*self.include, *self.exclude]:
            _check_pattern(pattern)
        for key in ("max_depth", "delay", "retries", "longest_wait", "render_below"):
            if getattr(self, key) < 0:
                raise ValueError(f"{key} is {getattr(self, key)}; it may not be negative")
        for key in ("max_pages", "max_alike", "concurrency", "timeout", "max_megabytes"):
            if getattr(self, key) <= 0:
                raise ValueError(f"{key} is {getattr(self, key)}; it must be above 0")
        for key, choices in (("render", RENDER), ("gone", GONE)):
            if getattr(self, key) not in choices:
                raise ValueError(f"{key} is {getattr(self, key)!r}; it must be one of {', '.join(choices)}")
        for header, value in self.headers.items():
            _check_header(header, value)


@dataclass(frozen=True)
class TableSource:
    """An entry of `corpus.sources` with `kind: table`."""

    path: str
    """A file, or a folder whose tables have the same columns; relative to the repository, subfolders included."""
    columns: dict[str, str] = field(default_factory=dict)
    """Meaning of a column -> its name in the table: `question` and `answer` (optionally `system` and `url`), or
    `messages`, a chat as a list of role and content or ShareGPT's from and value. Empty for `question` and `answer`."""
    parts: int = 20
    """Number of items that each table becomes. Equal questions are in the same item."""
    group: str | None = None
    """A column such as the page that a pair comes from: each value of it becomes an item, instead of `parts`."""
    delimiter: str | None = None
    """Delimiter of a CSV; null detects comma, semicolon, tab or |."""
    encoding: str | None = None
    """Encoding of a CSV or JSON, such as cp1252; null detects it."""
    language: str | None = None
    """Language code such as `en`; null if unknown."""
    kind: str = "table"

    @property
    def chosen(self) -> dict[str, str]:
        """The given columns, or the default ones if none are given."""
        return dict(self.columns) or {name: name for name in PAIR}

    def __post_init__(self) -> None:
        chosen = self.chosen
        chat = "messages" in chosen
        if (
            (unknown := set(chosen) - set(COLUMNS))
            or (chat and set(chosen) - {"messages", "url"})
            or (not chat and not set(PAIR) <= set(chosen))
        ):
            raise ValueError(
                f"columns is {chosen}"
                + (f" with the unknown {', '.join(sorted(unknown))}" if unknown else "")
                + ": give `question` and `answer` (optionally `system` and `url`), or `messages` (optionally `url`)"
            )
        if self.parts < 1:
            raise ValueError(f"parts is {self.parts}: use 1 or more; three splits need at least 3 items")
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '\r\n"'):
            raise ValueError(f"delimiter is {self.delimiter!r}: use one character, or null to detect it")
        try:
            "".encode(self.encoding or "utf-8")
        except LookupError as error:
            raise ValueError(
                f"encoding is {self.encoding!r}: Python knows no encoding of that name"
            ) from error


def check_name(name: str) -> None:
    """Raise ValueError if a source's name cannot be the name of a file."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name):
        raise ValueError(f"name is {name!r}, but it names a file: use only a-z, 0-9, - and _")


def check_limits(after: str | None, before: str | None, max_items: int | None, match: str | None) -> None:
    """Raise ValueError if a filter of the episodes makes no sense."""
    for key, day in (("after", after), ("before", before)):
        if day is not None and not _is_day(day):
            raise ValueError(f"{key} is {day!r}; it must be a day, as in '2026-11-22'")
    if max_items is not None and max_items < 1:
        raise ValueError(f"max_items is {max_items}; it must be at least 1, or null")
    try:
        re.compile(match or "")
    except re.error as error:
        raise ValueError(f"match is {match!r}, which is not a regular expression ({error})") from error


def check_url(url: str) -> None:
    """Check a URL of the configuration: it must be http or https and hold no visible secret.

    Raises:
        ValueError: it is not valid; the message does not repeat the secret.
    """
    shown = secrets.without_secrets(url)
    try:
        parts = urllib.parse.urlsplit(secrets.PLACEHOLDER.sub("x", url))
        raw = urllib.parse.urlsplit(url)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_web = False
    if not is_web:
        raise ValueError(f"{shown!r} is not an http or https address")
    for name in secrets.PLACEHOLDER.findall(url):
        if not name.startswith("LECTERN_"):
            raise ValueError(
                f"{{{name}}} in a URL: only variables whose names begin with LECTERN_ are allowed"
            )
    user, _, place = raw.netloc.rpartition("@")
    if secrets.PLACEHOLDER.search(place):
        raise ValueError(
            f"{shown}: a variable stands for the host, which decides who receives the secrets. Write the host itself"
        )
    name, _, password = user.partition(":")
    pairs = urllib.parse.parse_qsl(raw.query) + urllib.parse.parse_qsl(raw.fragment)
    plain = [password or name] + [value for key, value in pairs if secrets.is_secret(key, value)]
    if any(value and not secrets.PLACEHOLDER.search(value) for value in plain):
        raise ValueError(
            f"{shown} holds a secret, which git would keep. Write {{LECTERN_FEED_TOKEN}} (or another "
            "name that begins with LECTERN_) in its place and set that variable in the environment"
        )


def check_host(host: str) -> None:
    """Raise ValueError if an entry of `hosts` is malformed."""
    if not re.fullmatch(r"(\*\.)?[a-z0-9.-]+(:\d+)?|\[[0-9a-f:]+\](:\d+)?", host):
        raise ValueError(
            f"hosts: {host!r} is not a host such as example.org, *.example.org or example.org:8080"
        )


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"{pattern!r} in include or exclude is not a regular expression ({error})"
        ) from error


def _check_header(name: str, value: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9-]+", name) or not value.isprintable():
        raise ValueError(f"headers: {name!r} is not a header's name, or its value holds a line break")
    named = secrets.PLACEHOLDER.findall(value)
    if any(not variable.startswith("LECTERN_") for variable in named):
        raise ValueError(f"headers: {name}: only variables whose names begin with LECTERN_ are allowed")
    if _SECRET_HEADERS.fullmatch(name) and not named:
        raise ValueError(
            f"headers: {name} holds a secret, which git would keep. Write {{LECTERN_SITE_TOKEN}} (or another name that "
            "begins with LECTERN_) in its place and set that variable in the environment"
        )


def _is_day(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_page(url: str) -> bool:
    """Whether an address has a host that a crawl can ask, and no user's name."""
    try:
        parts = urllib.parse.urlsplit(url.strip())
        host = (parts.hostname or "").rstrip(".").encode("idna").decode()
    except (ValueError, UnicodeError):
        return False
    return (
        len(url) <= LONGEST and _HOST.fullmatch(host) is not None and not (parts.username or parts.password)
    )


KINDS: Mapping[str, type] = {
    "media": MediaSource,
    "transcripts": TranscriptsSource,
    "youtube": YoutubeSource,
    "podcast": PodcastSource,
    "documents": DocumentsSource,
    "website": WebsiteSource,
    "table": TableSource,
}
"""The kinds of source; lectern/sources/kinds.py has the module of each."""


def parse_source(values: Mapping[str, Any], number: int) -> Any:
    """The checked settings of a source; `number` is its place in `corpus.sources`.

    Raises:
        LecternError: there is no such kind, or a parameter of it is wrong.
    """
    where = f"corpus.sources[{number}]"
    kind = str(values.get("kind"))
    if kind not in KINDS:
        raise LecternError(f"{where}: kind is {kind!r}; it must be one of {', '.join(KINDS)}")
    return params.parse(values, KINDS[kind], where)
