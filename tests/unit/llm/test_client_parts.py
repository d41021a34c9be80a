"""When calls that got no reply fail a stage, and what is then said."""

import pytest

from lectern.core.errors import LecternError
from lectern.llm.client import Answers
from lectern.llm.request import Reply


def answers(replies: int, *reasons: str) -> Answers:
    kept = {str(n): Reply.model_construct() for n in range(replies)}
    return Answers(kept, {f"failed {n}": reason for n, reason in enumerate(reasons)}, replies)


@pytest.mark.parametrize(
    ("replies", "failed", "allowed"), [(1, 0, 0.0), (3, 1, 0.25), (0, 0, 0.0), (0, 5, 1.0)]
)
def test_as_many_may_fail_as_are_allowed(replies: int, failed: int, allowed: float) -> None:
    answers(replies, *["no reply"] * failed).check(allowed, "teacher")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (answers(0, "b"), "1 of 1 calls to the judge got no reply: b"),
        (answers(1, "b", "a", "b"), "3 of 4 calls to the judge got no reply: a; b"),
        (answers(2, *"hgfedcba"), "8 of 10 calls to the judge got no reply: a; b; c; and 5 other reasons"),
        (answers(0, "c", "b", "a"), "3 of 3 calls to the judge got no reply: a; b; c"),
    ],
)
def test_more_fail_with_up_to_three_reasons(found: Answers, told: str) -> None:
    with pytest.raises(LecternError) as caught:
        found.check(0.5, "judge")
    rest = ". The replies that came are kept: run `dvc repro` again, or raise judge.allow_failed."
    assert str(caught.value) == told + rest
