"""What a site's robots.txt allows (RFC 9309), and the pause and sitemaps that it names."""

from dataclasses import dataclass
from typing import Any

from protego import Protego

from lectern.sources import addresses
from lectern.sources.crawl.fetching import AGENT, FetchError, Web


@dataclass(frozen=True)
class Rules:
    """The rules of one host."""

    parsed: Any = None
    """The parsed robots.txt; `None` if there is none, so that everything is allowed."""
    closed: str | None = None
    """Why nothing may be requested; `None` if the rules decide."""

    def allow(self, url: str) -> bool:
        """Whether the address may be requested."""
        return self.closed is None and (self.parsed is None or self.parsed.can_fetch(url, AGENT))

    @property
    def sitemaps(self) -> list[str]:
        """The addresses of sitemaps that it names."""
        return list(self.parsed.sitemaps) if self.parsed else []

    @property
    def delay(self) -> float:
        """Seconds between requests that it asks for; 0.0 if it asks for none."""
        return float(self.parsed.crawl_delay(AGENT) or 0.0) if self.parsed else 0.0


async def read(web: Web, origin: str) -> Rules:
    """Request the robots.txt of an origin, and obey the pause in it from now on.

    A missing robots.txt allows everything; one that cannot be fetched now allows nothing.
    """
    try:
        response = await web.follow(f"{origin}/robots.txt", web.scope.allows_host)
    except FetchError as error:
        return Rules(closed=f"its robots.txt cannot be fetched ({error})")
    if response.status >= 500 or response.status == 429:
        return Rules(closed=f"its robots.txt cannot be fetched (HTTP {response.status})")
    if response.status != 200:
        return Rules()
    rules = Rules(Protego.parse(response.body.decode("utf-8", "replace")))
    if rules.delay > web.longest_wait:
        return Rules(closed=f"its robots.txt asks for {rules.delay:g} s between requests (`longest_wait`)")
    if rules.delay > web.delay:
        web.pause(addresses.netloc(origin), rules.delay)
    return rules
