"""Download from web sites with moderate speed and without repetition. yt-dlp does the work, for feeds and files too.

Using one library for everything gives one set of retries, time limits, resumed transfers (HTTP ranges) and cookies.
`connecting.py` decides what it may request and connect to. Secrets are only in the environment: an address in the
configuration names one as `{LECTERN_FEED_TOKEN}` (`template.py`), and LECTERN_COOKIES is the path of a cookies file.
Functions of this module request the given addresses as they are. Messages contain neither secrets nor the queries of
addresses, which often hold more secrets.
"""

import email.utils
import errno
import io
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from lectern.core import limits, secrets
from lectern.core.errors import ItemError
from lectern.core.printing import warn
from lectern.settings.sources import Network
from lectern.sources import connecting
from lectern.sources.addresses import Reach

T = TypeVar("T")
COOKIES = "LECTERN_COOKIES"
DOWNLOADING = 600
"""Seconds of CPU time that a session may take beyond what reading an item may (`core.limits`)."""
_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE}


@contextmanager
def session(
    network: Network, reach: Reach, folder: Path | None = None, known: Sequence[str] = (), **options: Any
) -> Iterator[Any]:
    """A yt-dlp session that writes only into `folder` and prints nothing.

    Args:
        network: how fast and how often to ask.
        reach: which addresses may be connected to.
        folder: of the downloads, which are named `download.<extension>` whatever the site calls them.
        known: keys that yt-dlp skips (its download archive).
        options: further options of `yt_dlp.YoutubeDL`.

    Raises:
        ItemError: the cookies file is missing or is not one.
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
            "skip_unavailable_fragments": False,  # an incomplete recording is worse than none
            "retry_sleep_functions": pause,
            "sleep_interval": network.sleep,
            "sleep_interval_requests": network.sleep,
            "ratelimit": network.rate_limit,
            "progress_hooks": [refuse_large],
            "paths": {"home": str(folder)} if folder else {},
            "outtmpl": {"default": "download.%(ext)s"},
            "download_archive": set(known),
            "fixup": "never",  # it needs ffmpeg; PyAV can read the files that it would repair
            "updatetime": False,
            **options,
        },
    )
    try:
        ydl.cookiejar  # noqa: B018 - read now, so that a bad file is reported before any request
    except DownloadError as error:
        raise ItemError(
            f"{COOKIES} does not name a cookies file in Netscape's format. Export it from a browser again."
        ) from error
    with ydl, limits.aside(DOWNLOADING):
        yield ydl


def written(folder: Path, what: str) -> Path:
    """The file that a session has downloaded into `folder`; `what` names the download in the message.

    Raises:
        ItemError: there is not exactly one.
    """
    found = [path for path in folder.glob("download.*") if path.suffix not in (".part", ".ytdl")]
    if len(found) != 1:
        raise ItemError(
            f"{secrets.without_secrets(what)}: nothing was downloaded. A newer yt-dlp may help: pip install -U yt-dlp"
        )
    return found[0]


def read(network: Network, reach: Reach, url: str, name: str | None = None, limit: int = 50_000_000) -> bytes:
    """Download the bytes at an address.

    Args:
        network: how fast and how often to ask.
        reach: which addresses may be connected to.
        url: the address, requested as it is.
        name: replaces the address in messages if it holds a secret.
        limit: most bytes.

    Raises:
        ItemError: the download failed, or is larger than `limit`.
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
    """Call `ask` until it succeeds, as often and as slowly as `network` says.

    Interrupted transfers are not retried here, because yt-dlp has already resumed them.

    Args:
        url: the address that `ask` requests, for messages, which contain neither its user nor its query.
        network: how often and how slowly to ask.
        ask: the call; each try starts from the beginning.
        name: replaces the address in messages if it holds a secret. Messages then only name the kind of error, because
            the texts of errors repeat addresses.

    Raises:
        ItemError: all tries failed; the message holds the site's answer and a remedy.
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
            warn(f"{name}: {reason}; trying again in {wait:.0f} s")
            time.sleep(wait)
    raise AssertionError("unreachable")


class _Silent:
    """A log for yt-dlp that drops its messages. What matters is raised as an exception, with the secrets removed."""

    def debug(self, message: str) -> None: ...
    def warning(self, message: str) -> None: ...
    def error(self, message: str) -> None: ...


def _cookies() -> io.StringIO | None:
    """The cookies as a stream, because yt-dlp would write into the file."""
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
    # An error that yt-dlp raises after its own retries has no cause.
    found = re.search(r"Got error: HTTP Error (\d{3})", str(error))
    return stated or (int(found[1]) if found else None)


def _wait(error: BaseException, pause: float) -> float | None:
    """Seconds to wait before another try; `None` if it would not help."""
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
    """The seconds to wait that a Retry-After header states, in seconds or as a date (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def _reason(error: BaseException, private: bool) -> str:
    """What the site answered. For a private source only the kind of error, because texts repeat its addresses."""
    if (denied := _refused(error)) is not None:
        return str(denied)
    if private:
        status = _status(error)
        return f"HTTP Error {status}" if status else type(list(_causes(error))[-1]).__name__
    if "ffmpeg could not be found" in str(error):  # yt-dlp's message recommends installing it
        return "the stream needs ffmpeg, which is not used because it sends requests itself"
    text = re.sub(r"\(caused by .*|; please report this issue on .*", "", str(error), flags=re.DOTALL)
    text = re.sub(r"^(ERROR: )?(\[download\] Got error: )?", "", text)
    return secrets.without_secrets(text).strip().rstrip(".")[:300] or type(error).__name__


def _refused(error: BaseException) -> BaseException | None:
    return next((cause for cause in _causes(error) if isinstance(cause, connecting.refused())), None)


def _remedy(error: BaseException) -> str:
    if _refused(error) is not None:
        return "If the host is yours and intended, allow it in the source; else remove its line from the listing."
    status = _status(error)
    if status in (404, 410):
        return "It no longer exists: remove its line from the listing, or raise corpus.allow_failed."
    if status == 429:
        return "Run it again later, or raise network.sleep of the source."
    if status is not None and status >= 500:
        return "The site has an error: run it again later."
    if _wait(error, 0.0) is not None or "Got error" in str(error):
        return "Check the network and run it again: what was finished is kept."
    return (
        f"If it needs a login, let {COOKIES} name a cookies file with one; if it is private or permanently removed, "
        "remove its line, or raise corpus.allow_failed."
    )


def _machine_failure(error: BaseException) -> OSError | None:
    """A failure of the machine, such as a full disk, which the next item would meet too; `None` if it is none."""
    return next((e for e in _causes(error) if isinstance(e, OSError) and e.errno in _MACHINE), None)
