"""What a run may cost: estimated before it starts, enforced while it runs, counted at its end."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from lectern.settings.llm import LLM

BYTES_PER_TOKEN = 4
"""For ordinary text in UTF-8. A rule of thumb, accurate to about a third."""
TOKENS_PER_MESSAGE = 16
"""A generous estimate of the tokens that a chat template adds around a message."""


@dataclass(frozen=True)
class Size:
    """Tokens of one call, estimated before it is made."""

    read: int
    """The likely number of input tokens."""
    most_read: int
    """The upper bound of input tokens: a token has at least one byte."""
    most_written: int

    @property
    def likely(self) -> int:
        """Likely tokens in all, for rate limits, which are corrected after the call."""
        return self.read + self.most_written


def size(texts: Iterable[str], most_written: int) -> Size:
    """Size of a call with these messages (and the schema, if it is sent too)."""
    sizes = [len(text.encode(errors="replace")) for text in texts]
    around = TOKENS_PER_MESSAGE * len(sizes)
    return Size(sum(sizes) // BYTES_PER_TOKEN + around, sum(sizes) + around, most_written)


class BudgetError(Exception):
    """The next call could exceed the budget. The message names the parameter."""


class Budget:
    """Counts calls, tokens and money, and starts no call that could exceed the budget of `llm`.

    A call in flight counts with the most that it may read and write. If only calls in flight stand in the way of a
    new one, the new one waits for them.
    """

    def __init__(self, llm: LLM, what: str) -> None:
        self.calls = self.read = self.written = 0
        self._llm, self._what = llm, what
        self._flying: list[Size] = []
        self._landed = asyncio.Condition()

    @property
    def cost(self) -> float:
        """Money spent so far, computed from the configured prices."""
        return self._price(self.read, self.written)

    async def reserve(self, size: Size) -> None:
        """Return when a call of this size may start. Call `settle` afterwards.

        Raises:
            BudgetError: the call may never start.
        """
        async with self._landed:
            while problem := self._find_excess(size):
                if not self._flying:
                    raise BudgetError(problem)
                await self._landed.wait()
            self._flying.append(size)

    async def settle(self, size: Size, read: int, written: int, *, made: bool = True) -> None:
        """Replace what was reserved for a call by what it used. `made` is false if no call was sent."""
        async with self._landed:
            self._flying.remove(size)
            self.calls += made
            self.read += read
            self.written += written
            self._landed.notify_all()

    def _find_excess(self, next_: Size) -> str | None:
        llm, sizes = self._llm, [*self._flying, next_]
        read = self.read + sum(size.most_read for size in sizes)
        written = self.written + sum(size.most_written for size in sizes)
        for name, limit, needed, used in (
            ("max_calls", llm.max_calls, self.calls + len(sizes), self.calls),
            ("max_total_tokens", llm.max_total_tokens, read + written, self.read + self.written),
            ("max_cost", llm.max_cost, self._price(read, written), self.cost),
        ):
            if limit is not None and needed > limit:
                return (
                    f"the budget {self._what}.{name} = {_number(limit)} is spent ({_number(used)} used; one more call "
                    f"could go beyond). Raise it, or run again: each run has its own"
                )
        return None

    def _price(self, read: int, written: int) -> float:
        return (read * (self._llm.input_price or 0) + written * (self._llm.output_price or 0)) / 1e6

    def describe(self) -> str:
        """One line on what was spent."""
        line = f"{self.calls:,} calls, {self.read:,} tokens read, {self.written:,} written"
        return line + (f", {self.cost:,.4f} by the prices given" if self._has_prices else "")

    @property
    def _has_prices(self) -> bool:
        return self._llm.input_price is not None or self._llm.output_price is not None

    def estimate(self, sizes: Iterable[Size]) -> str:
        """What these calls are likely to need and what the budget allows, in one line."""
        calls = read = written = 0
        for size in sizes:
            calls, read, written = calls + 1, read + size.read, written + size.most_written
        guess = f"about {read:,} tokens to read (a rough guess, {BYTES_PER_TOKEN} bytes each)"
        line = f"{calls:,} calls, {guess}, at most {written:,} to write"
        if self._has_prices:
            line += f", at most about {self._price(read, written):,.4f} by the prices given"
        limits = {
            name: limit
            for name in ("max_calls", "max_total_tokens", "max_cost")
            if (limit := getattr(self._llm, name)) is not None
        }
        held = ", ".join(f"{name} {_number(limit)}" for name, limit in limits.items())
        return f"{line}; repairs and retries come on top. Budget: {held or 'none'}."


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
