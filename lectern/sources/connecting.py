"""Restrict yt-dlp to http and https, and to connections whose addresses were checked.

yt-dlp has a handler for each library that can send requests, helper programs that send requests themselves (ffmpeg,
rtmpdump), and the environment's proxies. Here only one handler is left, that of requests, and this module makes its
connections. It resolves a host once, checks the resulting addresses (`crawl/addresses.py`), and connects to one of
them, for every redirect and every piece of a stream. So a name server that answers differently the second time gains
nothing.
"""

import functools
import socket
from typing import Any
from urllib.parse import urlsplit

from lectern.sources import addresses
from lectern.sources.addresses import Reach

_PROTOCOLS = frozenset(
    {
        "http",
        "https",
        "m3u8",
        "m3u8_native",
        "http_dash_segments",
        "http_dash_segments_generator",
        "ism",
        "f4m",
    }
)
"""Protocols of the downloads that yt-dlp does itself, by http and https."""
OPTIONS: dict[str, Any] = {
    "proxy": "",  # no proxy: it would resolve host names itself, so that no address could be checked
    "external_downloader": {"default": "native"},
    "hls_prefer_native": True,
    "ffmpeg_location": "/nonexistent/ffmpeg",  # ffmpeg would send requests itself, and open files
}


@functools.cache
def downloader() -> Any:
    """The class of yt-dlp's sessions. Its constructor takes a `Reach` before the options.

    It raises `RefusedError`, a subclass of one of yt-dlp's errors, for an address that it may not connect to.
    """
    from yt_dlp import YoutubeDL

    class CheckedYoutubeDL(YoutubeDL):
        def __init__(self, reach: Reach, options: dict[str, Any]) -> None:
            self._reach = reach
            super().__init__({**options, **OPTIONS})

        def build_request_director(self, handlers: Any, preferences: Any = None) -> Any:
            return super().build_request_director([functools.partial(_handler(), self._reach)], preferences)

        def dl(self, name: Any, info: Any, *rest: Any, **more: Any) -> Any:
            from yt_dlp.utils import determine_protocol

            for protocol in determine_protocol(info).split("+"):
                if protocol not in _PROTOCOLS:
                    raise refused()(f"the protocol {protocol} is not one that this project asks")
            return super().dl(name, info, *rest, **more)

    return CheckedYoutubeDL


@functools.cache
def refused() -> Any:
    """The class of the error for an address that may not be connected to. Its message names only an IP address."""
    from yt_dlp.networking.exceptions import RequestError

    class RefusedError(RequestError):
        pass

    return RefusedError


def connect(reach: Reach, host: str, port: int, **options: Any) -> socket.socket:
    """Connect to one of a host's addresses, after checking all of them.

    Args:
        reach: which addresses may be connected to.
        host: name or IP address, in any spelling that the system knows.
        port: TCP port.
        options: options of urllib3's `create_connection`.

    Raises:
        RefusedError: one of the addresses may not be connected to.
        OSError: the host does not exist, or the connection failed.
    """
    from urllib3.util.connection import create_connection

    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)]
    if (bad := reach.find_refused(host, port, found)) is not None:
        raise refused()(addresses.explain_refusal(bad))
    error: OSError = OSError("the host has no address")
    for address in dict.fromkeys(found):
        try:
            return create_connection((address, port), **options)
        except OSError as failed:
            error = failed
    raise error


def sent_referer(referer: str, url: str) -> str | None:
    """The Referer header to send: like browsers' default, only the host of the page if it is on another site."""
    try:
        page, asked = urlsplit(referer), urlsplit(url)
        place = f"{page.hostname}:{page.port}" if page.port else page.hostname
        same = (page.scheme, page.hostname, page.port) == (asked.scheme, asked.hostname, asked.port)
    except ValueError:
        return None
    if page.scheme not in ("http", "https") or (page.scheme == "https" and asked.scheme == "http"):
        return None
    if not same:
        return f"{page.scheme}://{place}/"
    return page._replace(netloc=page.netloc.rpartition("@")[2], fragment="").geturl()


@functools.cache
def _handler() -> Any:
    from requests.exceptions import InvalidSchema
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
    from yt_dlp.networking._requests import RequestsRH, RequestsSession

    def open_connection(self: Any, reach: Reach) -> socket.socket:
        host = self._dns_host
        try:
            return connect(reach, host, self.port, timeout=self.timeout, socket_options=self.socket_options)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"no connection in {self.timeout} s") from error
        except OSError as error:
            raise NewConnectionError(self, f"Failed to establish a new connection: {error}") from error

    def pools(reach: Reach) -> dict[str, Any]:
        """urllib3's pools by scheme; they make checked connections."""
        check = {"_new_conn": lambda self: open_connection(self, reach)}
        plain = type("CheckedConnection", (HTTPConnection,), check)
        secure = type("CheckedSecureConnection", (HTTPSConnection,), check)
        return {
            "http": type("CheckedPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("CheckedSecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
        }

    class CheckedSession(RequestsSession):
        """Every request passes through `send`, including those that follow a redirect."""

        def send(self, request: Any, **options: Any) -> Any:
            if urlsplit(request.url).scheme.lower() not in ("http", "https"):
                raise InvalidSchema("only http and https are asked")
            if referer := request.headers.get("Referer"):
                kept = sent_referer(referer, request.url)
                request.headers.pop("Referer")
                request.headers.update({"Referer": kept} if kept else {})
            return super().send(request, **options)

    class CheckedRH(RequestsRH):
        def __init__(self, reach: Reach, **options: Any) -> None:
            super().__init__(**options)
            self._reach = reach

        def _create_instance(self, cookiejar: Any, legacy_ssl_support: Any = None) -> Any:
            made = super()._create_instance(cookiejar, legacy_ssl_support)
            session = CheckedSession()
            session.headers, session.cookies, session.trust_env = made.headers, made.cookies, False
            session.adapters.clear()
            for prefix, adapter in made.adapters.items():
                adapter.poolmanager.pool_classes_by_scheme = pools(self._reach)
                session.mount(prefix, adapter)
            return session

    return CheckedRH
