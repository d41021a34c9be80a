"""Choose which of the found addresses are requested, in an order that does not depend on which answer comes first."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from lectern.sources import addresses
from lectern.sources.addresses import Scope


@dataclass(frozen=True, order=True)
class Found:
    """An address that was found and may be requested."""

    url: str
    depth: int
    referrer: str = ""
    chain: tuple[str, ...] = ()
    """The addresses that redirected here, in order."""
    vouched: bool = False
    """The configuration, a sitemap or an earlier crawl names it."""
    root: bool = False
    """The configuration names it, and the crawl needs it to start."""


@dataclass
class Frontier:
    """Admits each address once, and recognizes crawler traps."""

    scope: Scope
    max_pages: int
    max_alike: int
    seen: set[str] = field(default_factory=set)
    admitted: int = 0
    disallowed: set[str] = field(default_factory=set)
    beyond: set[str] = field(default_factory=set)
    """Addresses that `max_pages` left out."""
    forms: Counter[str] = field(default_factory=Counter)
    alike: Counter[str] = field(default_factory=Counter)
    """Form -> number of addresses that `max_alike` left out."""

    async def admit(self, level: Iterable[Found], allowed: Callable[[str], Awaitable[bool]]) -> list[Found]:
        """Return the addresses to request now, sorted.

        Args:
            level: the addresses found at one depth; of equal addresses, the first in order is used.
            allowed: whether the site's robots.txt allows an address.
        """
        chosen = []
        for found in sorted(level):
            wanted = self.scope.may_ask if found.root else self.scope.keeps
            if found.url in self.seen or not wanted(found.url):
                continue
            self.seen.add(found.url)
            if not found.vouched and addresses.goes_in_circles(found.url):
                self.alike["paths that repeat themselves"] += 1
            elif not await allowed(found.url):
                self.disallowed.add(found.url)
            elif self.admitted >= self.max_pages:
                self.beyond.add(found.url)
            elif self._is_one_too_many(found):
                self.alike[addresses.form(found.url)] += 1
            else:
                self.admitted += 1
                chosen.append(found)
        return chosen

    def _is_one_too_many(self, found: Found) -> bool:
        if found.vouched:
            return False
        form = addresses.form(found.url)
        self.forms[form] += 1
        return self.forms[form] > self.max_alike
