"""Run the scripts of a page in a headless Chromium, and take the resulting page.

The browser itself has no network: it cannot resolve any name. Each resource that a page requests is fetched by us like
everything else (`fetching.py`: checked addresses, limited sizes and times) and handed to the browser. The page itself
is the one that was fetched already.
"""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from lectern.core.printing import first_line

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = (
    "running the scripts of pages needs Chromium on the PATH and Playwright in this environment. Install both "
    "(Debian: `apt install chromium`; then `make extras`), or set `render: never`."
)

_ARGUMENTS = [
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--dns-prefetch-disable",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--js-flags=--max-old-space-size=512",
]
_WANTED = {"script", "xhr", "fetch", "stylesheet"}
_MOST_REQUESTS = 200
_START = 60.0
"""Seconds for the browser to start."""
_QUIET = 3.0
"""Seconds for which a page may keep requesting resources after it was loaded."""
# A browser decompresses and frames what it receives itself, but our responses are decompressed already.
_DROPPED = {"content-encoding", "content-length", "transfer-encoding", "connection", "set-cookie", "location"}
_KEPT_FROM_PAGE = {"accept", "accept-language", "content-type", "origin", "referer", "x-requested-with"}

Ask = Callable[..., Awaitable[Any]]
"""(url, method=, headers=, body=) -> a Scrapy response; raises `FetchError`."""


def find() -> str | None:
    """The path of Chromium; `None` if it, or Playwright to control it, is not installed."""
    if find_spec("playwright") is None:
        return None
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """A Chromium that starts with the first page and uses a fresh profile for each page."""

    def __init__(self, executable: str, ask: Ask, timeout: float, max_bytes: int) -> None:
        self.executable, self.ask, self.timeout, self.max_bytes = executable, ask, timeout, max_bytes
        self.playwright: Any = None
        self.chromium: Any = None
        self.one_at_a_time = asyncio.Lock()

    async def render(self, url: str, body: bytes, content_type: str) -> str:
        """Return the page's HTML after its scripts have run.

        Args:
            url: of the page.
            body: the page as it was fetched.
            content_type: as the server stated it.

        Raises:
            FetchError: rendering took too long, the page grew too large, or the browser crashed.
        """
        from playwright.async_api import Error

        from lectern.sources.crawl.fetching import FetchError

        async with self.one_at_a_time:
            try:
                if self.chromium is None:
                    await asyncio.wait_for(self._start(), _START)
                return await asyncio.wait_for(self._render(url, body, content_type), self.timeout)
            except TimeoutError:
                await self.close()  # otherwise a page that never stops computing would block the browser
                raise FetchError(f"took longer than `timeout` ({self.timeout:g} s) to render") from None
            except Error as error:
                await self.close()
                raise FetchError(f"could not be rendered ({first_line(error, 200)})") from error

    async def close(self) -> None:
        """End the browser."""
        playwright, self.playwright, self.chromium = self.playwright, None, None
        if playwright is not None:
            with suppress(Exception):  # it has ended already, or ends with this process
                await asyncio.wait_for(playwright.stop(), 10)

    async def _render(self, url: str, body: bytes, content_type: str) -> str:
        from playwright.async_api import TimeoutError as Late

        from lectern.sources.crawl.fetching import FetchError

        # When something goes wrong the whole browser is closed, and the context with it.
        context = await self.chromium.new_context(service_workers="block", accept_downloads=False)
        page = await context.new_page()
        serve = Serving(url, body, content_type, self.ask)
        await context.route("**/*", serve)
        await context.route_web_socket("**/*", lambda socket: socket.close())
        await page.goto(url, wait_until="load", timeout=0)  # `render` limits the time
        with suppress(Late):  # a page that never stops requesting is taken as it is
            await page.wait_for_load_state("networkidle", timeout=_QUIET * 1000)
        html = str(await page.content())
        await context.close()
        if len(html.encode("utf-8", "replace")) > self.max_bytes:
            raise FetchError(f"larger than `max_megabytes` ({self.max_bytes / 1e6:g}) when rendered")
        return html

    async def _start(self) -> None:
        from playwright.async_api import async_playwright

        self.playwright = await async_playwright().start()
        self.chromium = await self.playwright.chromium.launch(
            executable_path=self.executable,
            headless=True,
            args=_ARGUMENTS,
            chromium_sandbox=os.geteuid() != 0,  # Chromium cannot use its sandbox as root
        )


class Serving:
    """Answers the requests of a page. Playwright calls it for each request."""

    def __init__(self, url: str, body: bytes, content_type: str, ask: Ask) -> None:
        self.url, self.body, self.content_type, self.ask = url, body, content_type, ask
        self.requests = 0
        self.opened = False

    async def __call__(self, route: Any) -> None:
        """Answer the request of a route of Playwright's."""
        from playwright.async_api import Error

        with suppress(Error):  # the page was closed meanwhile
            await self._answer(route, route.request)

    async def _answer(self, route: Any, request: Any) -> None:
        from lectern.sources.crawl.fetching import FetchError

        self.requests += 1
        if request.resource_type == "document" and not self.opened:
            self.opened = True
            await route.fulfill(status=200, content_type=self.content_type, body=self.body)
        elif request.resource_type == "document":
            await route.fulfill(status=204)  # a page that tries to navigate away stays; frames stay empty
        elif request.resource_type not in _WANTED or self.requests > _MOST_REQUESTS:
            await route.abort()
        else:
            headers = {name: value for name, value in request.headers.items() if name in _KEPT_FROM_PAGE}
            try:
                answer = await self.ask(
                    request.url, method=request.method, headers=headers, body=request.post_data_buffer or b""
                )
            except FetchError:
                await route.abort()
                return
            told = {
                name.decode("latin-1").lower(): b", ".join(values).decode("latin-1")
                for name, values in answer.headers.items()
            }
            kept = {name: value for name, value in told.items() if name not in _DROPPED}
            await route.fulfill(status=answer.status, headers=kept, body=answer.body)


__all__ = ["MISSING", "NAMES", "Browser", "Serving", "find"]
