"""Which addresses of the web may be asked, and when two of them are one.

Nothing here asks anything: the names of hosts are resolved, and what they resolve to is checked, where the connection
is made (`fetching.py` for crawls, `sources/connecting.py` for all else), so that no answer of a name server can come
between the check and the connection.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

LONGEST = 2000
"""Characters of an address; a longer one is a trap, or data."""

_PORTS = {"http": 80, "https": 443}
# What says where a visitor comes from, or who he is, and nothing of the page.
_TRACKING = re.compile(
    r"(?i)utm_\w+|gclid|dclid|gbraid|wbraid|fbclid|msclkid|yclid|twclid|igshid|mc_[ce]id|_ga|_gl|_hs(enc|mi)"
    r"|phpsessid|jsessionid|aspsessionid\w*|cfid|cftoken"
)
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]*:[0-9a-f:.]*")
_PATH_SESSION = re.compile(r"(?i);jsessionid=[^/?;]*")
_NUMBERS = re.compile(r"\d+")
_MOST_REPEATS = 3
# Addresses of the IPv6 internet that carry one of IPv4 (RFC 6052, the well-known prefix).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def canonical(url: str, base: str = "") -> str | None:
    """The one way to write an address, or None where it is none that may be asked.

    Host in lower case and Punycode, no default port, no fragment, no `..`, percent-encoded alike, the query sorted and
    without what only tracks visitors. Anything but http and https, and whatever holds a user's name, is None.
    """
    from w3lib.url import canonicalize_url

    try:
        parts = urlsplit(canonicalize_url(urljoin(base, url.strip())))
        port = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme not in _PORTS or not _HOST.fullmatch(host) or parts.username or parts.password:
        return None
    host = f"[{host}]" if ":" in host else host
    netloc = host if port in (None, _PORTS[parts.scheme]) else f"{host}:{port}"
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    kept = [pair for pair in pairs if not _TRACKING.fullmatch(pair[0])]
    query = parts.query if kept == pairs else urlencode(kept)
    whole = urlunsplit((parts.scheme, netloc, _PATH_SESSION.sub("", parts.path) or "/", query, ""))
    return whole if len(whole) <= LONGEST else None


def netloc(url: str) -> str:
    """Host, with its port where it is not the default."""
    return urlsplit(url).netloc


def origin(url: str) -> str:
    """Scheme, host and port."""
    return "{0.scheme}://{0.netloc}".format(urlsplit(url))


def form(url: str) -> str:
    """What the pages of a calendar, or of a search, have in common: numbers count alike, values of a query do not."""
    parts = urlsplit(url)
    names = "&".join(sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}))
    return f"{parts.netloc}{_NUMBERS.sub('0', parts.path)}" + (f"?{names}" if names else "")


def goes_in_circles(url: str) -> bool:
    """Whether one part of the path comes again and again, as relative links of a wrong page make it."""
    parts = [part for part in urlsplit(url).path.split("/") if part]
    return any(parts.count(part) > _MOST_REPEATS for part in set(parts))


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet.

    Those of this machine, private networks, metadata services of clouds and multicast groups are not, nor those of IPv6
    that carry such an address of IPv4.
    """
    ip = _unwrap(address)
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def may_connect(address: str, private: bool) -> bool:
    """Whether a connection to an IP address may be made, where `private` ones are allowed or not.

    Link-local addresses, which metadata services have, and multicast groups never are.
    """
    ip = _unwrap(address)
    return is_public(address) or (private and not (ip.is_link_local or ip.is_multicast or ip.is_unspecified))


def _unwrap(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IP address, or the one of IPv4 that an address of IPv6 carries."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    carried = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or carried or ip


def find_refused(found: Iterable[str], private: bool) -> str | None:
    """The first of the IP addresses of a host that no connection may be made to; None lets all of them be tried.

    One bad address among good ones is an attempt, so that none of them is tried.
    """
    return next((address for address in found if not may_connect(address, private)), None)


def explain_refusal(address: str) -> str:
    """Why a host was not asked, and the remedy."""
    return (
        f"is at the private address {address}, which only a source with `allow_private: true` may ask, where it is one "
        "of the source's own hosts"
    )


@dataclass(frozen=True)
class Reach:
    """Which addresses a source may connect to: those of the internet, and of private ones its own hosts'."""

    hosts: tuple[str, ...] = ()
    """that may be private, as in `Scope`; none where the source does not say `allow_private`"""

    def find_refused(self, host: str, port: int, found: Iterable[str]) -> str | None:
        """As the function of this name, for a host at a port."""
        name = host.lower().rstrip(".")
        name = f"[{name}]" if ":" in name else name
        places = [f"{name}:{port}", *([name] if port in _PORTS.values() else [])]
        named = any(_fits(place, known) for place in places for known in self.hosts)
        return find_refused(found, named)


@dataclass(frozen=True)
class Scope:
    """Which addresses belong to a source."""

    hosts: tuple[str, ...]
    """as `example.org`, `*.example.org` for all below it, `example.org:8080` for another port than the default"""
    include: tuple[str, ...] = ()
    """regular expressions; the address of a page that is kept holds one of them (without any, each does)"""
    exclude: tuple[str, ...] = ()
    """regular expressions; an address that holds one of them is never asked"""

    def allows_host(self, url: str) -> bool:
        """Whether the host is one of the source's."""
        return any(_fits(netloc(url), host) for host in self.hosts)

    def names_host(self, host: str) -> bool:
        """Whether a host without a port is one of the source's."""
        return any(_fits(host, urlsplit(f"//{known}").hostname or "") for known in self.hosts)

    def may_ask(self, url: str) -> bool:
        """Whether the address may be asked, if only for its links."""
        return self.allows_host(url) and not any(re.search(pattern, url) for pattern in self.exclude)

    def keeps(self, url: str) -> bool:
        """Whether a page at the address is one of the source's."""
        wanted = not self.include or any(re.search(pattern, url) for pattern in self.include)
        return wanted and self.may_ask(url)


def _fits(place: str, pattern: str) -> bool:
    return place == pattern or (pattern.startswith("*.") and place.endswith(pattern[1:]))
