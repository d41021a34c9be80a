"""Which web addresses may be requested, and which of them are the same.

This module sends no requests. Host names are resolved, and the resulting IP addresses checked, where the connection is
made (`fetching.py` for crawls, `sources/connecting.py` otherwise), so that a name server cannot give another answer
between the check and the connection.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

LONGEST = 2000
"""Most characters of an address; longer ones are crawler traps, or data."""

_PORTS = {"http": 80, "https": 443}
# Parameters that identify the visitor or where he comes from, but not the page.
_TRACKING = re.compile(
    r"(?i)utm_\w+|gclid|dclid|gbraid|wbraid|fbclid|msclkid|yclid|twclid|igshid|mc_[ce]id|_ga|_gl|_hs(enc|mi)"
    r"|phpsessid|jsessionid|aspsessionid\w*|cfid|cftoken"
)
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]*:[0-9a-f:.]*")
_PATH_SESSION = re.compile(r"(?i);jsessionid=[^/?;]*")
_NUMBERS = re.compile(r"\d+")
_MOST_REPEATS = 3
# IPv6 addresses that carry an IPv4 address (RFC 6052, the well-known prefix).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def canonical(url: str, base: str = "") -> str | None:
    """The normalized form of an address; `None` if it may not be requested.

    The host is in lower case and Punycode, without the default port; there is no fragment and no `..`; percent-encoding
    is uniform; the query is sorted and has no tracking parameters. Addresses that are not http or https, or that hold a
    user name, give `None`.
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
    whole = urlunsplit((parts.scheme, netloc, _PATH_SESSION.sub("", parts.path), query, ""))
    return whole if len(whole) <= LONGEST else None


def netloc(url: str) -> str:
    """The host, with its port unless that is the default."""
    return urlsplit(url).netloc


def origin(url: str) -> str:
    """Scheme, host and port."""
    return "{0.scheme}://{0.netloc}".format(urlsplit(url))


def form(url: str) -> str:
    """The pattern that the pages of a calendar or a search share: numbers become 0, values of the query are removed."""
    parts = urlsplit(url)
    names = "&".join(sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}))
    return f"{parts.netloc}{_NUMBERS.sub('0', parts.path)}" + (f"?{names}" if names else "")


def goes_in_circles(url: str) -> bool:
    """Whether one part of the path recurs often, as relative links on a wrong page cause."""
    parts = [part for part in urlsplit(url).path.split("/") if part]
    return any(parts.count(part) > _MOST_REPEATS for part in set(parts))


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet.

    Addresses of this machine, private networks, metadata services of clouds and multicast groups do not, nor do IPv6
    addresses that carry such an IPv4 address.
    """
    ip = _unwrap(address)
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def may_connect(address: str, private: bool) -> bool:
    """Whether a connection to an IP address may be made; `private` says whether private addresses are allowed.

    Link-local addresses, which metadata services use, and multicast groups are never allowed.
    """
    ip = _unwrap(address)
    return is_public(address) or (private and not (ip.is_link_local or ip.is_multicast or ip.is_unspecified))


def _unwrap(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IP address, or the IPv4 address that an IPv6 address carries."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    carried = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or carried or ip


def find_refused(found: Iterable[str], private: bool) -> str | None:
    """The first IP address of a host that may not be connected to; `None` if all may be tried.

    One forbidden address among allowed ones suggests an attack, so then none of them is tried.
    """
    return next((address for address in found if not may_connect(address, private)), None)


def explain_refusal(address: str) -> str:
    """Why a connection was refused, and the remedy."""
    return (
        f"is at the private address {address}, which a source may only ask with `allow_private: true`, and only if it "
        "is one of the source's own hosts"
    )


@dataclass(frozen=True)
class Reach:
    """Which addresses a source may connect to: public ones, and private ones of its own hosts."""

    hosts: tuple[str, ...] = ()
    """Hosts that may be private, in the form of `Scope`; empty unless the source sets `allow_private`."""

    def find_refused(self, host: str, port: int, found: Iterable[str]) -> str | None:
        """Like the function of the same name, for one host and port."""
        name = host.lower().rstrip(".")
        name = f"[{name}]" if ":" in name else name
        places = [f"{name}:{port}", *([name] if port in _PORTS.values() else [])]
        named = any(_fits(place, known) for place in places for known in self.hosts)
        return find_refused(found, named)


@dataclass(frozen=True)
class Scope:
    """Which addresses belong to a source."""

    hosts: tuple[str, ...]
    """As `example.org`, `*.example.org` for its subdomains, `example.org:8080` for a port other than the default."""
    include: tuple[str, ...] = ()
    """Regular expressions: the address of a page that is kept contains one of them. Without any, all pages are kept."""
    exclude: tuple[str, ...] = ()
    """Regular expressions: an address that contains one of them is never requested."""

    def allows_host(self, url: str) -> bool:
        """Whether the host is one of the source's."""
        return any(_fits(netloc(url), host) for host in self.hosts)

    def names_host(self, host: str) -> bool:
        """Whether a host without a port is one of the source's."""
        return any(_fits(host, urlsplit(f"//{known}").hostname or "") for known in self.hosts)

    def may_ask(self, url: str) -> bool:
        """Whether the address may be requested, if only for its links."""
        return self.allows_host(url) and not any(re.search(pattern, url) for pattern in self.exclude)

    def keeps(self, url: str) -> bool:
        """Whether a page at the address is one of the source's."""
        wanted = not self.include or any(re.search(pattern, url) for pattern in self.include)
        return wanted and self.may_ask(url)


def _fits(place: str, pattern: str) -> bool:
    return place == pattern or (pattern.startswith("*.") and place.endswith(pattern[1:]))
