"""Limits of a provider are kept over any stretch of time, on a clock that the test moves."""

import asyncio
from collections.abc import Callable, Coroutine
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.llm.limits import LONGEST_BACKOFF, Pace, backoff, retry_after


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds + 0.001  # a sleep is always a bit too long


def on(
    clock: Clock, requests: float | None, tokens: float | None, play: Callable[..., Coroutine[Any, Any, None]]
) -> None:
    async def main() -> None:
        await play(Pace(requests, tokens, clock, clock.sleep))

    asyncio.run(main())


sizes = st.lists(st.integers(1, 400), min_size=2, max_size=60)


@given(sizes, st.lists(st.floats(0, 30), min_size=60, max_size=60))
def test_no_stretch_of_time_has_more_than_its_share_and_one_call(
    used: list[int], pauses: list[float]
) -> None:
    clock, started = Clock(), []

    async def play(pace: Pace) -> None:
        for tokens, pause in zip(used, pauses, strict=False):
            clock.now += pause if pause > 20 else 0
            await pace.wait(tokens)
            started.append((clock.now, tokens))

    on(clock, 60, 6000, play)  # one and 100 a second
    for first in range(len(started)):
        for last in range(first, len(started)):
            seconds = started[last][0] - started[first][0] + 0.002
            assert last - first <= seconds * 1 + 1e-6
            assert sum(tokens for _, tokens in started[first:last]) <= seconds * 100 + 1e-6


def test_the_limit_is_used_up_although_each_sleep_is_too_long() -> None:
    clock = Clock()

    async def play(pace: Pace) -> None:
        for _ in range(1001):
            await pace.wait(1)

    on(clock, 6000, None, play)
    assert clock.now - 1000 == pytest.approx(10, abs=0.01)


def test_without_limits_nothing_waits() -> None:
    clock = Clock()

    async def play(pace: Pace) -> None:
        for _ in range(1000):
            await pace.wait(1e9)

    on(clock, None, None, play)
    assert clock.now == 1000


def test_an_estimate_is_put_right() -> None:
    clock, started = Clock(), []

    async def play(pace: Pace) -> None:
        for used in (100, 900, 500):
            await pace.wait(500)
            started.append(round(clock.now - 1000))
            pace.settle(500, used)

    on(clock, None, 6000, play)
    assert started == [0, 1, 10]


def test_a_wait_that_the_server_asks_for_holds_for_all() -> None:
    clock, started = Clock(), []

    async def play(pace: Pace) -> None:
        async def one() -> None:
            await pace.wait(1)
            started.append(clock.now - 1000)

        pace.hold(30)
        pace.hold(10)  # a shorter one ends no longer one
        await asyncio.gather(*(one() for _ in range(5)))

    on(clock, None, None, play)
    assert len(started) == 5
    assert min(started) >= 30


NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "-3"}, 0),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2),
        ({"retry-after": formatdate(NOW + 9, usegmt=True)}, 9),
        ({"retry-after": formatdate(NOW - 9, usegmt=True)}, 0),
        # A server whose clock is an hour ahead
        (
            {"retry-after": formatdate(NOW + 3609, usegmt=True), "date": formatdate(NOW + 3600, usegmt=True)},
            9,
        ),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, float("inf")),
        ({"retry-after": "later"}, None),
        ({"retry-after": "later", "date": formatdate(NOW)}, None),
        ({"retry-after": "Fri, 31 Feb 2026 99:00:00 GMT"}, None),
        ({"retry-after": "Thu, 01 Jan 99999999999 00:00:00 GMT"}, None),
    ],
)
def test_every_form_of_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, lambda: NOW) == seconds


def test_the_wait_between_tries_doubles_up_to_a_minute_and_is_drawn_from_all_of_it() -> None:
    assert [backoff(tries, 0.5, 1.0) for tries in (1, 2, 3, 4)] == [0.5, 1, 2, 4]
    assert backoff(1000, 0.5, 1.0) == LONGEST_BACKOFF
    assert backoff(5, 0.5, 0.0) == 0
    assert backoff(5, 0.5, 0.5) == 4
