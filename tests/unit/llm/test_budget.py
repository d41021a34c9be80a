"""What is spent never goes beyond the budget, whatever calls come in which order, and no call waits for ever."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.llm.budget import Budget, BudgetError, Size, size
from lectern.settings.llm import LLM
from tests.settings import configure

PRICES: dict[str, Any] = {"input_price": 1e4, "output_price": 2e4}
# What a call is sure not to exceed, and how much of that it uses
calls = st.lists(
    st.tuples(st.integers(1, 50), st.integers(1, 50), st.floats(0, 1), st.booleans()), max_size=40
)


def llm(**limits: Any) -> LLM:
    return configure(LLM, "x", "openai", "m", **PRICES, **limits)


@given(
    calls,
    st.sampled_from([{"max_calls": 7}, {"max_total_tokens": 300}, {"max_cost": 4.0}, {}]),
    st.integers(1, 9),
    st.randoms(use_true_random=False),
)
def test_a_budget_is_held_and_used(made: Any, limits: dict[str, Any], workers: int, rng: Any) -> None:
    budget, refused, started, reasons = Budget(llm(**limits), "teacher"), [], [], []
    waiting = iter(made)

    def within(read: int = 0, written: int = 0, calls: int = 0) -> bool:
        chosen = llm(**limits)
        spent = (budget.calls + calls, budget.read + read + budget.written + written)
        cost = ((budget.read + read) * 1e4 + (budget.written + written) * 2e4) / 1e6
        limit = (chosen.max_calls or 1e9, chosen.max_total_tokens or 1e9, chosen.max_cost or 1e9)
        return spent[0] <= limit[0] and spent[1] <= limit[1] and cost <= limit[2]

    async def work() -> None:
        for read, written, share, sent in waiting:
            needed = Size(read, read, written)
            try:
                await budget.reserve(needed)
            except BudgetError as error:
                refused.append(needed)
                reasons.append(str(error))
                continue
            started.append(needed)
            for _ in range(rng.randrange(4)):
                await asyncio.sleep(0)
            used = (round(share * read), round(share * written)) if sent else (0, 0)
            await budget.settle(needed, *used, made=sent)
            assert within()

    async def main() -> None:
        async with asyncio.timeout(20):
            await asyncio.gather(*(work() for _ in range(workers)))

    asyncio.run(main())
    assert len(started) + len(refused) == len(made)
    assert all(f"teacher.{next(iter(limits))} = " in reason for reason in reasons)
    # Nothing that fits in the end was turned away in vain: what is spent only grows
    assert not any(within(call.most_read, call.most_written, 1) for call in refused)


def test_a_call_waits_for_those_in_flight_where_only_they_stand_in_its_way() -> None:
    async def main() -> None:
        budget = Budget(llm(max_total_tokens=100), "teacher")
        first, second = Size(40, 40, 40), Size(30, 30, 30)
        await budget.reserve(first)
        later = asyncio.ensure_future(budget.reserve(second))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not later.done()
        await budget.settle(first, 20, 10)
        await later
        await budget.settle(second, 30, 30)
        assert (budget.calls, budget.read, budget.written) == (2, 50, 40)
        with pytest.raises(BudgetError, match=r"teacher\.max_total_tokens = 100 is spent \(90 used"):
            await budget.reserve(second)

    asyncio.run(main())


@given(st.lists(st.text()))
def test_a_call_reads_no_more_tokens_than_its_size_says(texts: list[str]) -> None:
    found = size(texts, 10)
    # No tokenizer that works on bytes makes more tokens than there are bytes.
    assert found.most_read >= sum(len(text.encode(errors="replace")) for text in texts)
    assert found.read <= found.most_read
    assert found.likely == found.read + 10


def test_the_estimate_names_calls_tokens_money_and_the_budget() -> None:
    said = Budget(llm(max_calls=5, max_cost=2.5), "teacher").estimate(Size(10, 40, 30) for _ in range(1000))
    assert "1,000 calls" in said
    assert "about 10,000 tokens to read (a rough guess, 4 bytes each), at most 30,000 to write" in said
    assert "at most about 700.0000 by the prices given" in said
    assert said.endswith("Budget: max_calls 5, max_cost 2.5.")
    free = Budget(configure(LLM, "x", "openai", "m"), "teacher")
    assert free.estimate([]).endswith("Budget: none.")
    assert "prices" not in free.estimate([]) + free.describe()


@pytest.mark.parametrize(
    ("prices", "spent"),
    [
        ({"input_price": 3.0}, 0.3),
        ({"output_price": 5.0}, 1.0),
        ({"input_price": 3.0, "output_price": 5.0}, 1.3),
    ],
)
def test_one_price_alone_is_counted_and_told(prices: dict[str, Any], spent: float) -> None:
    async def main() -> Budget:
        budget = Budget(configure(LLM, "x", "openai", "m", **prices), "teacher")
        call = Size(100_000, 100_000, 200_000)
        await budget.reserve(call)
        await budget.settle(call, 100_000, 200_000)
        return budget

    budget = asyncio.run(main())
    assert budget.cost == pytest.approx(spent)
    # property: a provider that charges for one side only is no free one
    assert (
        budget.describe()
        == f"1 calls, 100,000 tokens read, 200,000 written, {spent:,.4f} by the prices given"
    )
    assert f"{spent:,.4f} by the prices given" in budget.estimate([Size(100_000, 100_000, 200_000)])
