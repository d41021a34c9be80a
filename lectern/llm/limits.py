"""How fast an endpoint may be asked: limits of the provider, waits that it asks for, and waits between tries.

Compared with aiolimiter: its leaky bucket lets a whole minute's worth through at once and so up to twice the limit in
the first minute, cannot take an estimate back when the true number of tokens is known, and refuses a call that is
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
    """Lets calls start one after another, in the order in which they come, so that no limit is exceeded.

    In any stretch of time no more than its share of a minute's requests, or tokens, and one call more is started.
    """

    def __init__(
        self,
        requests_per_minute: float | None,
        tokens_per_minute: float | None,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Limits; None for none."""
        self._request = MINUTE / requests_per_minute if requests_per_minute else 0.0
        self._token = MINUTE / tokens_per_minute if tokens_per_minute else 0.0
        self._clock, self._sleep = clock, sleep
        self._turn = asyncio.Lock()
        # When all that was started has been worked off at the rate of the limit: the next may then start.
        self._requests_until = self._tokens_until = self._held_until = clock()

    async def wait(self, tokens: float) -> None:
        """Return when a call of so many tokens (an estimate, see `settle`) may start."""
        async with self._turn:
            start = self._clock()
            while (due := max(self._requests_until, self._tokens_until, self._held_until)) > self._clock():
                await self._sleep(due - self._clock())
                start = due  # and not now, since a sleep is always a bit too long
            self._requests_until = start + self._request
            self._tokens_until = max(self._tokens_until, start) + tokens * self._token

    def settle(self, estimated: float, used: float) -> None:
        """Put the true number of tokens in place of the estimate."""
        self._tokens_until += (used - estimated) * self._token

    def hold(self, seconds: float) -> None:
        """Start nothing for so long, because the endpoint asks for it."""
        self._held_until = max(self._held_until, self._clock() + seconds)


def retry_after(headers: Mapping[str, str], now: Clock = time.time) -> float | None:
    """Seconds that a server asks to wait: `retry-after-ms`, Retry-After in seconds or as a date (RFC 9110, 10.2.3).

    A date counts from the server's own, where it names one, since two clocks seldom agree.
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
    """Seconds to wait after so many failed tries: a `share` (0 to 1, drawn at random) of a limit that doubles.

    The whole limit is drawn from ("full jitter"): calls that failed together do not come back together.
    """
    return share * min(LONGEST_BACKOFF, base * 2 ** (tries - 1))


def _date(text: str | None) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except (ValueError, OverflowError):
        return None
