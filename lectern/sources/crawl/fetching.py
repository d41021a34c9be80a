"""Fetch from web sites by Scrapy's downloader, with additional restrictions.

Each connection goes to an address that was checked. Sizes and times are limited. Secrets only go to the source's own
hosts. A site that asks for a pause gets it. Redirects are returned, because whoever follows one must check it first.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urljoin, urlsplit

from scrapy import signals
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
    StopDownload,
)
from scrapy.http import Request, Response
from twisted.internet.interfaces import IHostnameResolver, IResolutionReceiver
from zope.interface import implementer

from lectern.core.printing import first_line
from lectern.sources import addresses
from lectern.sources.addresses import Scope
from lectern.sources.ytdlp import retry_after

AGENT = "Lectern"
"""Our name in robots.txt."""
USER_AGENT = f"{AGENT}/0.1 (crawler of a training corpus; obeys robots.txt)"

_PASSING = {408, 429, 500, 502, 503, 504}
_CUT = (DownloadConnectionRefusedError, DownloadFailedError, ResponseDataLossError)
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_HOPS = 5
_SCRIPTS = "scripts"
"""Slot of the requests of pages that are being rendered. A browser makes no pause between those."""


class FetchError(Exception):
    """Something could not be fetched; the message says why, without the address."""


def settings(delay: float, concurrency: int, timeout: float, max_bytes: int) -> dict[str, Any]:
    """Scrapy's settings."""
    return {
        "USER_AGENT": USER_AGENT,
        "ROBOTSTXT_OBEY": False,  # `robots.py` does it, including pauses and unreachable sites, which Scrapy ignores
        "REDIRECT_ENABLED": False,
        "METAREFRESH_ENABLED": False,
        "RETRY_ENABLED": False,  # `Web.ask` does it, because Scrapy ignores Retry-After
        "COOKIES_ENABLED": False,  # so that a page does not depend on the requests before it
        "HTTPPROXY_ENABLED": False,  # a proxy would resolve host names itself, so that no address could be checked
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "DNS_RESOLVER": "lectern.sources.crawl.fetching.CheckedResolver",
        "DOWNLOAD_DELAY": delay,
        "DOWNLOAD_DELAY_JITTER": 0,
        "DOWNLOAD_SLOTS": {_SCRIPTS: {"delay": 0, "concurrency": 4}},
        "CONCURRENT_REQUESTS_PER_DOMAIN": concurrency,
        "DOWNLOAD_TIMEOUT": timeout,  # for the whole answer, so that a slow stream times out too
        "DOWNLOAD_MAXSIZE": max_bytes,  # also after decompression
        "DOWNLOAD_WARNSIZE": 0,
        "DEFAULT_REQUEST_HEADERS": {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"},
        "LOG_ENABLED": False,
        "EXTENSIONS_BASE": {},  # no statistics, console or remote control
    }


@implementer(IHostnameResolver)
class CheckedResolver:
    """Resolves names like the reactor, but returns no address that may not be connected to.

    The connection is made to an address that is returned here, so a name server that answers differently the second
    time gains nothing.
    """

    may_be_private: ClassVar[Callable[[str], bool]] = lambda host: False
    refused: ClassVar[dict[str, str]] = {}
    """Host -> the address that was refused."""

    def __init__(self, reactor: Any) -> None:
        self.reactor, self.original = reactor, reactor.nameResolver

    @classmethod
    def from_crawler(cls, crawler: Any, reactor: Any) -> "CheckedResolver":
        """Required by Scrapy's interface."""
        return cls(reactor)

    def install_on_reactor(self) -> None:
        """Required by Scrapy's interface."""
        self.reactor.installNameResolver(self)

    def resolveHostName(self, receiver: Any, hostName: str, *rest: Any, **more: Any) -> Any:  # noqa: N802, N803
        """Required by Twisted's interface."""
        return self.original.resolveHostName(_Checking(receiver, hostName), hostName, *rest, **more)


@implementer(IResolutionReceiver)
class _Checking:
    def __init__(self, receiver: Any, host: str) -> None:
        self.receiver, self.host, self.found = receiver, host, []  # type: ignore[var-annotated]

    def resolutionBegan(self, resolution: Any) -> None:  # noqa: N802
        self.receiver.resolutionBegan(resolution)

    def addressResolved(self, address: Any) -> None:  # noqa: N802
        self.found.append(address)

    def resolutionComplete(self) -> None:  # noqa: N802
        private = CheckedResolver.may_be_private(self.host)
        bad = addresses.find_refused((address.host for address in self.found), private)
        if bad:
            CheckedResolver.refused[self.host] = bad
        for address in [] if bad else self.found:
            self.receiver.addressResolved(address)
        self.receiver.resolutionComplete()


@dataclass
class Web:
    """The downloader of a running crawl."""

    crawler: Any
    scope: Scope
    start: Sequence[str]
    headers: Mapping[str, str]
    """Headers with their secrets filled in."""
    retries: int
    delay: float
    longest_wait: float
    timeout: float
    max_bytes: int
    held: dict[str, float] = field(default_factory=dict)
    """Host -> the time on the monotonic clock from which it may be asked again."""

    def __post_init__(self) -> None:
        # Bodies of other content types are not read to their end.
        self.crawler.signals.connect(self._stop_unwanted, signal=signals.headers_received)

    def pause(self, place: str, delay: float) -> None:
        """Leave at least `delay` seconds between requests to a host from now on."""
        downloader = self.crawler.engine.downloader
        downloader.per_slot_settings[place] = {"delay": delay}
        if place in downloader.slots:
            downloader.slots[place].delay = delay

    async def ask(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        wanted: Callable[[str], bool] | None = None,
        **options: Any,
    ) -> Response:
        """Request one address, with retries if they may help. Returns the answer, which may be a redirect.

        Args:
            url: http or https.
            headers: additional headers.
            wanted: takes the content type of a successful answer and returns whether its body is needed; if not, the
                body is empty.
            options: of `scrapy.Request`.

        Raises:
            FetchError: there is no answer, or it is too large.
        """
        place = addresses.netloc(url)
        meta = {"download_slot": place, "wanted": wanted, **options.pop("meta", {})}
        for attempt in range(self.retries + 1):
            await asyncio.sleep(max(0.0, self.held.get(place, 0.0) - time.monotonic()))
            wait = self.delay * 2**attempt
            request = Request(
                url,
                headers={**secrets_for(url, self.scope, self.start, self.headers), **(headers or {})},
                meta=dict(meta),
                dont_filter=True,
                **options,
            )
            try:
                response: Response = await self.crawler.engine.download_async(request)
            except _CUT as error:
                reason = _reason(error)
            except Exception as error:
                raise FetchError(self._explain(error, request)) from error
            else:
                if response.status not in _PASSING:
                    return response
                reason = f"HTTP {response.status}"
                asked = retry_after((response.headers.get("Retry-After") or b"").decode("latin-1") or None)
                if asked is not None and asked > self.longest_wait:
                    raise FetchError(f"{reason}: the site asks to wait {asked:.0f} s. Run it again later.")
                wait = wait if asked is None else asked
            if attempt < self.retries:
                self.held[place] = max(self.held.get(place, 0.0), time.monotonic() + wait)
        raise FetchError(reason)

    async def follow(self, url: str, allows: Callable[[str], bool], **options: Any) -> Response:
        """Request an address and follow up to five redirects to http and https addresses that `allows` accepts.

        Raises:
            FetchError: as for `ask`, or a redirect leads to a forbidden address.
        """
        for _ in range(_MOST_HOPS + 1):
            response = await self.ask(url, **options)
            target = redirect_of(response)
            if target is None:
                return response
            following = addresses.canonical(target)
            if following is None or not allows(following):
                raise FetchError("redirects to an address that may not be asked")
            url = following
        raise FetchError("redirects too often")

    async def subresource(self, url: str, allows: Callable[[str], bool], **options: Any) -> Response:
        """Fetch a resource that a page requests while a browser runs its scripts."""
        return await self.follow(url, allows, meta={"download_slot": _SCRIPTS}, **options)

    def _stop_unwanted(self, headers: Any, request: Request, **_: Any) -> None:
        wanted = request.meta.get("wanted")
        if wanted is not None and not wanted((headers.get("Content-Type") or b"").decode("latin-1")):
            raise StopDownload(fail=False)

    def _explain(self, error: Exception, request: Request) -> str:
        if isinstance(error, CannotResolveHostError):
            refused = CheckedResolver.refused.get(urlsplit(request.url).hostname or "")
            if refused:
                return addresses.explain_refusal(refused)
            return "no such host"
        if isinstance(error, DownloadTimeoutError):
            return f"took longer than `timeout` ({self.timeout:g} s)"
        if isinstance(error, DownloadCancelledError):
            return f"larger than `max_megabytes` ({self.max_bytes / 1e6:g})"
        return _reason(error)


def secrets_for(
    url: str, scope: Scope, start: Sequence[str], headers: Mapping[str, str]
) -> Mapping[str, str]:
    """The source's headers if an address is on one of its hosts; over plain http only if a start is there too."""
    begins = {addresses.origin(address) for address in start}
    safe = url.startswith("https:") or addresses.origin(url) in begins
    return headers if safe and scope.allows_host(url) else {}


def redirect_of(response: Response) -> str | None:
    """The absolute address that an answer redirects to; `None` if it is not a redirect."""
    place = (response.headers.get("Location") or b"").decode("utf-8", "replace").strip()
    return urljoin(response.url, place) if response.status in _REDIRECTS and place else None


def _reason(error: BaseException) -> str:
    if isinstance(error, DownloadConnectionRefusedError):
        return "the connection was refused"
    if isinstance(error, DownloadFailedError | ResponseDataLossError):
        return "the connection was cut"
    kind, reason = type(error).__name__, first_line(error, 200)
    return kind if reason == kind else f"{kind}: {reason}"
