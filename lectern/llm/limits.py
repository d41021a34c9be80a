"""How fast an endpoint may be asked: the provider's limits, the waits that it asks for, and waits between tries.

Why not aiolimiter: its leaky bucket lets a whole minute's worth through at once, and so up to twice the limit in the
first minute; it cannot correct an estimate when the true number of tokens is known; and it refuses a call that is
larger than a minute's worth.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime

MINUTE, LONGEST_BACKOFF = 60.0, 60.0
Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


class Pace:
    """Starts calls one after another, in the order in which they arrive, so that no limit is exceeded.

    In any interval, the calls that start make up at most the interval's share of the limits, plus one call.
    """

    def __init__(
        self,
        requests_per_minute: float | None,
        tokens_per_minute: float | None,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Take the limits; `None` means no limit."""
        self._request = MINUTE / requests_per_minute if requests_per_minute else 0.0
        self._token = MINUTE / tokens_per_minute if tokens_per_minute else 0.0
        self._clock, self._sleep = clock, sleep
        self._turn = asyncio.Lock()
        # The times at which everything started so far is worked off at the limit's rate. The next call may start then.
        self._requests_until = self._tokens_until = self._held_until = clock()

    async def wait(self, tokens: float) -> None:
        """Return when a call with this estimated number of tokens may start (see `settle`)."""
        async with self._turn:
            start = self._clock()
            while (due := max(self._requests_until, self._tokens_until, self._held_until)) > self._clock():
                await self._sleep(due - self._clock())
                start = due  # not the current time, since a sleep always lasts a little too long
            self._requests_until = start + self._request
            self._tokens_until = max(self._tokens_until, start) + tokens * self._token

    def settle(self, estimated: float, used: float) -> None:
        """Replace the estimated number of tokens by the true one."""
        self._tokens_until += (used - estimated) * self._token

    def hold(self, seconds: float) -> None:
        """Start nothing for this long, because the endpoint asks for it."""
        self._held_until = max(self._held_until, self._clock() + seconds)


def retry_after(headers: Mapping[str, str], now: Clock = time.time) -> float | None:
    """Seconds that a server asks to wait: `retry-after-ms`, Retry-After in seconds or as a date (RFC 9110, 10.2.3).

    A date is compared with the server's own `Date` header if there is one, since two clocks rarely agree.
    """
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        return max(seconds, 0.0) if seconds == seconds else None
    until = _date(headers.get("retry-after"))
    return None if until is None else max(until - (_date(headers.get("date")) or now()), 0.0)


def backoff(tries: int, base: float, share: float) -> float:
    """Seconds to wait after this many failed tries: a `share` (0 to 1, drawn at random) of a limit that doubles.

    The wait is drawn from zero to the limit ("full jitter"), so that calls that failed together do not return together.
    """
    return share * min(LONGEST_BACKOFF, base * 2 ** (tries - 1))


def _date(text: str | None) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except (ValueError, OverflowError):
        return None
