"""Ask web sites for things, politely and once: yt-dlp does the work, for feeds and plain files too.

One library for all of it means one set of retries, time limits, resumed transfers (HTTP ranges) and cookies. What it
may ask, and connect to, is decided in `connecting.py`. Secrets stand in the environment only: an address of the
configuration names one as `{LECTERN_FEED_TOKEN}` (`template.py`), and LECTERN_COOKIES is the path of a cookies file.
An address that comes to a function of this module is asked as it is. Neither secrets nor the queries of addresses,
which often hold more, reach a message.
"""

import email.utils
import errno
import io
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from lectern.core import secrets
from lectern.core.errors import ItemError
from lectern.settings.sources import Network
from lectern.sources import connecting
from lectern.sources.crawl.addresses import Reach

T = TypeVar("T")
COOKIES = "LECTERN_COOKIES"
_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE}


@contextmanager
def session(
    network: Network, reach: Reach, folder: Path | None = None, known: Sequence[str] = (), **options: Any
) -> Iterator[Any]:
    """A yt-dlp session that writes into `folder` only and says nothing.

    Args:
        network: how to ask.
        reach: what may be asked.
        folder: of the downloads, which are named `download.<extension>` whatever the site calls them.
        known: what yt-dlp calls the download archive: it does not look at these again.
        options: further options of `yt_dlp.YoutubeDL`.

    Raises:
        ItemError: the cookies file is missing or is none.
    """
    from yt_dlp.utils import DownloadError

    limit = network.max_megabytes * 1_000_000

    def refuse_large(progress: Mapping[str, Any]) -> None:
        size = max(progress.get("downloaded_bytes") or 0, progress.get("total_bytes") or 0)
        if size > limit:
            raise ItemError(f"larger than network.max_megabytes ({network.max_megabytes})")

    pause = {kind: lambda n: min(network.sleep * 2**n, network.longest_wait) for kind in ("http", "fragment")}
    ydl = connecting.downloader()(
        reach,
        {
            "logger": _Silent(),
            "color": "never",
            "noprogress": True,
            "cookiefile": _cookies(),
            "socket_timeout": network.timeout,
            "retries": network.retries,
            "fragment_retries": network.retries,
            "skip_unavailable_fragments": False,  # a recording with a hole is worse than none
            "retry_sleep_functions": pause,
            "sleep_interval": network.sleep,
            "sleep_interval_requests": network.sleep,
            "ratelimit": network.rate_limit,
            "progress_hooks": [refuse_large],
            "paths": {"home": str(folder)} if folder else {},
            "outtmpl": {"default": "download.%(ext)s"},
            "download_archive": set(known),
            "fixup": "never",  # it wants ffmpeg; PyAV reads what it would mend
            "updatetime": False,
            **options,
        },
    )
    try:
        ydl.cookiejar  # noqa: B018 - read here, so that a wrong file is named before anything is asked
    except DownloadError as error:
        raise ItemError(
            f"{COOKIES} does not name a cookies file in Netscape's format: export it from a browser again."
        ) from error
    with ydl:
        yield ydl


def written(folder: Path, what: str) -> Path:
    """The file that a session has downloaded into `folder`.

    Raises:
        ItemError: there is none.
    """
    found = [path for path in folder.glob("download.*") if path.suffix not in (".part", ".ytdl")]
    if len(found) != 1:
        raise ItemError(
            f"{secrets.without_secrets(what)}: nothing came. A newer yt-dlp may help: pip install -U yt-dlp"
        )
    return found[0]


def read(network: Network, reach: Reach, url: str, name: str | None = None, limit: int = 50_000_000) -> bytes:
    """The bytes at an address.

    Args:
        network: how to ask.
        reach: what may be asked.
        url: the address as it is.
        name: stands for the address in messages when it holds a secret.
        limit: bytes.

    Raises:
        ItemError: it cannot be had, or is larger than `limit`.
    """

    def ask() -> bytes:
        with session(network, reach) as ydl:
            found: bytes = ydl.urlopen(url).read(limit + 1)
            return found

    found = persistently(url, network, ask, name)
    if len(found) > limit:
        raise ItemError(f"{name or secrets.without_secrets(url)}: larger than {limit / 1e6:.0f} MB")
    return found


def persistently(url: str, network: Network, ask: Callable[[], T], name: str | None = None) -> T:
    """Call `ask` until it answers, as often and as slowly as `network` allows.

    Cut transfers are not retried here: yt-dlp has already resumed them.

    Args:
        url: what is asked, for messages, which hold neither its user nor its query.
        network: how often and how slowly.
        ask: the call, over from the start each time.
        name: stands for the address in messages when it holds a secret; then they say no more than the kind of error,
            as the texts of errors repeat addresses.

    Raises:
        ItemError: what the site says, and the remedy.
    """
    private = name is not None
    name = name or secrets.without_secrets(url)
    for attempt in range(network.retries + 1):
        try:
            return ask()
        except ItemError:
            raise
        except Exception as error:
            if (machine := _machine_failure(error)) is not None:
                raise machine from error
            reason, wait = _reason(error, private), _wait(error, network.sleep * 2**attempt)
            if wait is None or attempt == network.retries or wait > network.longest_wait:
                asks = f" It asks to wait {wait:.0f} s." if wait and wait > network.longest_wait else ""
                raise ItemError(f"{name}: {reason}.{asks} {_remedy(error)}") from None
            print(f"{name}: {reason}; trying again in {wait:.0f} s", file=sys.stderr)
            time.sleep(wait)
    raise AssertionError("unreachable")


class _Silent:
    """yt-dlp's log. What matters comes as an exception, with its secrets cut out."""

    def debug(self, message: str) -> None: ...
    def warning(self, message: str) -> None: ...
    def error(self, message: str) -> None: ...


def _cookies() -> io.StringIO | None:
    """The cookies as a stream, since yt-dlp writes back into a file."""
    if not (path := os.environ.get(COOKIES)):
        return None
    try:
        return io.StringIO(Path(path).expanduser().read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ItemError(
            f"{COOKIES} names a file that cannot be read ({type(error).__name__}). Correct the path, or unset it."
        ) from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        info = getattr(error, "exc_info", None)
        error = (
            (info[1] if info else None)
            or getattr(error, "cause", None)
            or error.__cause__
            or error.__context__
        )


def _status(error: BaseException) -> int | None:
    from yt_dlp.networking.exceptions import HTTPError

    stated = next((cause.status for cause in _causes(error) if isinstance(cause, HTTPError)), None)
    # What yt-dlp gives up after its own retries keeps no cause.
    found = re.search(r"Got error: HTTP Error (\d{3})", str(error))
    return stated or (int(found[1]) if found else None)


def _wait(error: BaseException, pause: float) -> float | None:
    """Seconds before it is worth asking again; None if it is not."""
    from yt_dlp.networking.exceptions import CertificateVerifyError, HTTPError, TransportError

    for cause in _causes(error):
        if isinstance(cause, CertificateVerifyError):
            return None
        if isinstance(cause, HTTPError):
            if cause.status != 429 and cause.status < 500:
                return None
            asked = retry_after(cause.response.headers.get("Retry-After"))
            return pause if asked is None else asked
        if isinstance(cause, TransportError):
            return pause
    return None


def retry_after(value: str | None) -> float | None:
    """Seconds to wait as a header says it, in seconds or as a date (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def _reason(error: BaseException, private: bool) -> str:
    """What the site says; of a private one only the kind of error, since its texts repeat its addresses."""
    if (denied := _refused(error)) is not None:
        return str(denied)
    if private:
        status = _status(error)
        return f"HTTP Error {status}" if status else type(list(_causes(error))[-1]).__name__
    if "ffmpeg could not be found" in str(error):  # yt-dlp's words would have it installed
        return "the stream needs ffmpeg, which asks by itself, and so is not used"
    text = re.sub(r"\(caused by .*|; please report this issue on .*", "", str(error), flags=re.DOTALL)
    text = re.sub(r"^(ERROR: )?(\[download\] Got error: )?", "", text)
    return secrets.without_secrets(text).strip().rstrip(".")[:300] or type(error).__name__


def _refused(error: BaseException) -> BaseException | None:
    return next((cause for cause in _causes(error) if isinstance(cause, connecting.refused())), None)


def _remedy(error: BaseException) -> str:
    if _refused(error) is not None:
        return "If the host is yours, and meant, say so in the source; else remove its line from the listing."
    status = _status(error)
    if status in (404, 410):
        return "It is gone: remove its line from the listing, or allow for it with corpus.allow_failed."
    if status == 429:
        return "Run it again later, or raise network.sleep of the source."
    if status is not None and status >= 500:
        return "The site has trouble: run it again later."
    if _wait(error, 0.0) is not None or "Got error" in str(error):
        return "Check the network and run it again: what was finished is kept."
    return (
        f"If it needs a login, let {COOKIES} name a cookies file of one; if it is private or removed for good, "
        "remove its line, or allow for it with corpus.allow_failed."
    )


def _machine_failure(error: BaseException) -> OSError | None:
    """A full disk and the like, which the next item would meet too."""
    return next((e for e in _causes(error) if isinstance(e, OSError) and e.errno in _MACHINE), None)
