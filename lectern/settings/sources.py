"""The entries of `corpus.sources` in params.yaml: one dataclass for each kind of source.

People write these entries by hand, so that here alone a parameter may be left out.
"""

import datetime
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lectern.core import params, secrets
from lectern.core.errors import LecternError
from lectern.settings import checks

LONGEST = 2000
"""Characters of an address; a longer one is a trap, or data."""
RENDER = ("never", "empty", "always")
GONE = ("keep", "remove")
SPEAKERS = ("mixed", "channels", "files")
TRANSCRIPTS = ("named", "always", "never")
PAIR = ("question", "answer")
COLUMNS = (*PAIR, "input", "system", "url", "messages")
"""What a column of a table may be."""
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]*:[0-9a-f:.]*")
_SECRET_HEADERS = re.compile(
    r"(?i)(proxy-)?authorization|cookie|.*(token|key|secret|auth|session|password).*"
)


@dataclass(unsafe_hash=True)  # not frozen: OmegaConf sets nothing inside a frozen section of a section
class Network:
    """`network` of a source: how fast and how often it is asked. It decides no byte."""

    sleep: float = 1.0
    """Time between requests and before each download, and the first pause before a retry (which then doubles). Unit:
    seconds."""
    retries: int = 3
    """Number of further tries after a cut connection, a timeout, or an answer such as 429 or 503."""
    timeout: float = 30.0
    """Time without an answer after which a server counts as hung. Unit: seconds."""
    longest_wait: float = 120.0
    """Longest wait that a server may ask for (Retry-After); beyond it, the item fails. Unit: seconds."""
    rate_limit: int | None = None
    """Greatest download rate; null for no limit. Unit: bytes per second."""
    max_megabytes: int = 2000
    """Greatest size of a file; a larger one fails its item. Unit: megabytes."""

    def __post_init__(self) -> None:
        checks.refuse(f"network.{problem}" for problem in self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from checks.at_least(self, sleep=0, longest_wait=0, retries=0)
        yield from checks.above_zero(self, "timeout", "max_megabytes")
        if self.rate_limit is not None and self.rate_limit <= 0:
            yield f"rate_limit is {self.rate_limit}; it must be above 0 (bytes per second), or null"


@dataclass(frozen=True)
class MediaSource:
    """A source of `kind: media`: recordings in a folder."""

    path: str
    """A folder relative to the repository; its subfolders are searched too."""
    speakers: str = "mixed"
    """Where the speakers are: mixed in each recording; on a channel each, which tells them apart; or in files of their
    own, so that each folder of files that begin together is one recording. Choices: SPEAKERS."""
    kind: str = "media"

    def __post_init__(self) -> None:
        checks.refuse(checks.choice("speakers", self.speakers, SPEAKERS))


@dataclass(frozen=True)
class TranscriptsSource:
    """A source of `kind: transcripts`: ready transcripts in a folder."""

    path: str
    """A folder relative to the repository; its subfolders are searched too."""
    language: str | None = None
    """Language code such as `en`; null for the one that a file's header names, else `en`."""
    kind: str = "transcripts"

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        if self.language is not None and not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]+)*", self.language):
            yield f"language is {self.language!r}; it must be a code such as en or pt-BR"


@dataclass(frozen=True)
class YoutubeSource:
    """A source of `kind: youtube`: videos, playlists and channels of any site that yt-dlp knows."""

    name: str
    """Name of the listing, data/listings/<name>.jsonl."""
    urls: list[str] = field(default_factory=list)
    """Addresses of videos, playlists and channels; {LECTERN_X} in one stands for that environment variable."""
    file: str | None = None
    """A file of the repository with further addresses, one in each line; # begins a comment."""
    after: str | None = None
    """First day of publication to include, as in '2026-11-22'."""
    before: str | None = None
    """Last day of publication to include."""
    max_items: int | None = None
    """Greatest number of episodes: the first of the listing that fit, so that later ones never replace them; null for
    no limit."""
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
    """How fast and how often the site is asked."""
    kind: str = "youtube"

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from _find_wrong_name(self.name)
        yield from _find_wrong_limits(self.after, self.before, self.max_items, self.match)
        if not self.urls and self.file is None:
            yield f"the source {self.name!r} has neither urls nor a file of them"
        for url in self.urls:
            yield from find_wrong_url(url)
        for host in self.hosts:
            yield from _find_wrong_host(host)


@dataclass(frozen=True)
class PodcastSource:
    """A source of `kind: podcast`: the episodes of an RSS or Atom feed."""

    name: str
    """Name of the listing, data/listings/<name>.jsonl."""
    feed: str
    """Address of the feed. {LECTERN_X} in it stands for that environment variable, for a feed that needs a secret."""
    after: str | None = None
    """First day of publication to include, as in '2026-11-22'."""
    before: str | None = None
    """Last day of publication to include."""
    max_items: int | None = None
    """Greatest number of episodes: the first of the listing that fit, so that later ones never replace them; null for
    no limit."""
    match: str | None = None
    """Regular expression to search for in the titles."""
    transcripts: str = "named"
    """When an episode's published transcript is used, and its recording is not listened to: if it names two speakers or
    more, always, or never. Choices: TRANSCRIPTS."""
    allow_private: bool = False
    """Whether the feed's host, and `hosts`, may be in a private network or on this machine."""
    hosts: list[str] = field(default_factory=list)
    """With `allow_private`: further such hosts, as `files.example.lan`, `*.example.lan` or `127.0.0.1:8080`."""
    network: Network = field(default_factory=Network)
    """How fast and how often the feed's site is asked."""
    kind: str = "podcast"

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from _find_wrong_name(self.name)
        yield from _find_wrong_limits(self.after, self.before, self.max_items, self.match)
        yield from find_wrong_url(self.feed)
        yield from checks.choice("transcripts", self.transcripts, TRANSCRIPTS)
        for host in self.hosts:
            yield from _find_wrong_host(host)


@dataclass(frozen=True)
class DocumentsSource:
    """A source of `kind: documents`: files of text in a folder."""

    path: str
    """A folder relative to the repository; its subfolders are searched too."""
    kind: str = "documents"


@dataclass(frozen=True)
class WebsiteSource:
    """A source of `kind: website`: the pages of a web site."""

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
    """Greatest number of links from the start to a page."""
    max_pages: int = 1000
    """Greatest number of addresses that are requested in one crawl."""
    max_alike: int = 200
    """Greatest number of addresses that differ only in numbers or in values of the query, as those of a calendar do;
    addresses in a sitemap do not count."""
    delay: float = 1.0
    """Time between requests to a host, and the first pause before a retry (which doubles); robots.txt may ask for more.
    Unit: seconds."""
    concurrency: int = 4
    """Greatest number of requests to a host at a time."""
    retries: int = 2
    """Number of further tries after a cut connection, or an answer such as 429 or 503."""
    longest_wait: float = 120.0
    """Longest pause that a site may ask for; if it asks for more, the request fails. Unit: seconds."""
    timeout: float = 30.0
    """Time for a page from the request to its last byte, and as much again to render it. Unit: seconds."""
    max_megabytes: float = 10.0
    """Greatest size of a page; a larger one fails. Unit: megabytes."""
    render: str = "empty"
    """Whether the scripts of pages run in a headless Chromium; `empty` runs those of pages with hardly any words.
    Choices: RENDER."""
    render_below: int = 50
    """A page with scripts and fewer words outside of menus counts as empty. Unit: words."""
    documents: bool = False
    """Whether PDF, DOCX, PPTX, EPUB, Markdown and text files that pages link to are kept."""
    gone: str = "keep"
    """What happens to pages for which the site now answers 404 or 410. Choices: GONE."""
    obey_robots: bool = True
    """Whether robots.txt, noindex and nofollow are obeyed; false is for a site of your own only."""
    allow_private: bool = False
    """Whether `hosts` may be in a private network or on this machine."""
    headers: dict[str, str] = field(default_factory=dict)
    """Headers that are sent to `hosts` only; {LECTERN_X} in a value stands for that environment variable."""
    kind: str = "website"

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from _find_wrong_name(self.name)
        if not self.start:
            yield "start is empty; list the addresses to begin at"
        for url in [*self.start, *(self.sitemaps or [])]:
            wrong = list(find_wrong_url(url))
            yield from wrong
            if not wrong and (secrets.PLACEHOLDER.search(url) or not _is_page(url)):
                yield f"{secrets.without_secrets(url)!r} is not the address of a page; put secrets into `headers`"
        for host in self.hosts:
            yield from _find_wrong_host(host)
        for pattern in [*self.include, *self.exclude]:
            yield from checks.pattern("include or exclude", pattern)
        yield from checks.at_least(self, max_depth=0, delay=0, retries=0, longest_wait=0, render_below=0)
        yield from checks.above_zero(
            self, "max_pages", "max_alike", "concurrency", "timeout", "max_megabytes"
        )
        yield from checks.choice("render", self.render, RENDER)
        yield from checks.choice("gone", self.gone, GONE)
        for header, value in self.headers.items():
            yield from _find_wrong_header(header, value)


@dataclass(frozen=True)
class TableSource:
    """A source of `kind: table`: ready pairs of questions and answers."""

    path: str
    """A file, or a folder whose tables have the same columns; relative to the repository, subfolders included."""
    columns: dict[str, str] = field(default_factory=dict)
    """Meaning of a column -> its name in the table: `question` and `answer` (optionally `input`, `system` and `url`),
    or `messages`, a chat as a list of role and content or ShareGPT's from and value. Empty for `question` and `answer`.
    `input` is what Alpaca's tables call the text that an instruction is about; it is joined to the question."""
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
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        chosen = self.chosen
        chat = "messages" in chosen
        if (
            (unknown := set(chosen) - set(COLUMNS))
            or (chat and set(chosen) - {"messages", "url"})
            or (not chat and not set(PAIR) <= set(chosen))
        ):
            yield (
                f"columns is {chosen}"
                + (f" with the unknown {', '.join(sorted(unknown))}" if unknown else "")
                + "; give `question` and `answer` (optionally `input`, `system` and `url`), or `messages` "
                "(optionally `url`)"
            )
        if self.parts < 1:
            yield f"parts is {self.parts}; use 1 or more; three splits need at least 3 items"
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '\r\n"'):
            yield f"delimiter is {self.delimiter!r}; use one character, or null to detect it"
        try:
            "".encode(self.encoding or "utf-8")
        except LookupError:
            yield f"encoding is {self.encoding!r}; Python knows no encoding of that name"


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


def parse_source(values: Any, number: int) -> Any:
    """The checked settings of a source; `number` is its index in `corpus.sources`.

    Raises:
        LecternError: there is no such kind, or a parameter of it is wrong.
    """
    found = read_source(values)
    if isinstance(found, list):
        raise LecternError(
            f"corpus.sources[{number}]: {'; '.join(found)}. Correct it under conf/ and run `lectern params`."
        )
    return found


def read_source(values: Any) -> Any:
    """The settings of a source, or the list of what is wrong with them."""
    kind = values.get("kind") if isinstance(values, Mapping) else None
    cls = KINDS.get(str(kind))
    return params.read(values, cls) if cls else list(checks.choice("kind", kind, tuple(KINDS)))


def find_wrong_url(url: str) -> Iterator[str]:
    """Check a URL of the configuration: it must be http or https and hold no visible secret, which is not repeated."""
    shown = secrets.without_secrets(url)
    try:
        parts = urllib.parse.urlsplit(secrets.PLACEHOLDER.sub("x", url))
        raw = urllib.parse.urlsplit(url)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_web = False
    if not is_web:
        yield f"{shown!r} is not an http or https address"
        return
    for name in secrets.PLACEHOLDER.findall(url):
        if not name.startswith("LECTERN_"):
            yield f"{{{name}}} in a URL: only variables whose names begin with LECTERN_ are allowed"
            return
    user, _, place = raw.netloc.rpartition("@")
    if secrets.PLACEHOLDER.search(place):
        yield f"{shown}: a variable stands for the host, which decides who receives the secrets; write the host itself"
        return
    name, _, password = user.partition(":")
    pairs = urllib.parse.parse_qsl(raw.query) + urllib.parse.parse_qsl(raw.fragment)
    plain = [password or name] + [value for key, value in pairs if secrets.is_secret(key, value)]
    if any(value and not secrets.PLACEHOLDER.search(value) for value in plain):
        yield (
            f"{shown} holds a secret, which git would keep; write {{LECTERN_FEED_TOKEN}} (or another name that begins "
            "with LECTERN_) in its place and set that variable in the environment"
        )


def _find_wrong_name(name: str) -> Iterator[str]:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name):
        yield f"name is {name!r}, but it names a file; use only a-z, 0-9, - and _"


def _find_wrong_limits(
    after: str | None, before: str | None, max_items: int | None, match: str | None
) -> Iterator[str]:
    for key, day in (("after", after), ("before", before)):
        if day is not None and not _is_day(day):
            yield f"{key} is {day!r}; it must be a day, as in '2026-11-22'"
    if max_items is not None and max_items < 1:
        yield f"max_items is {max_items}; it must be at least 1, or null"
    yield from checks.pattern("match", match or "")


def _find_wrong_host(host: str) -> Iterator[str]:
    if not re.fullmatch(r"(\*\.)?[a-z0-9.-]+(:\d+)?|\[[0-9a-f:]+\](:\d+)?", host):
        yield f"hosts: {host!r} is not a host such as example.org, *.example.org or example.org:8080"


def _find_wrong_header(name: str, value: str) -> Iterator[str]:
    if not re.fullmatch(r"[A-Za-z0-9-]+", name) or not value.isprintable():
        yield f"headers: {name!r} is not a header's name, or its value holds a line break"
        return
    named = secrets.PLACEHOLDER.findall(value)
    if any(not variable.startswith("LECTERN_") for variable in named):
        yield f"headers: {name}: only variables whose names begin with LECTERN_ are allowed"
    elif _SECRET_HEADERS.fullmatch(name) and not named:
        yield (
            f"headers: {name} holds a secret, which git would keep; write {{LECTERN_SITE_TOKEN}} (or another name that "
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
