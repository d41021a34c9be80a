"""The checks that several sections share: the bounds themselves, and what an error says."""

import math
import re

import pytest

from lectern.core.errors import WrongValuesError
from lectern.settings import checks


@pytest.mark.parametrize(("resamples", "confidence"), [(100, 0.95), (10_000, 0.01), (10_000, 0.99)])
def test_a_usual_bootstrap_passes(resamples: int, confidence: float) -> None:
    assert list(checks.bootstrap(resamples, confidence)) == []


@pytest.mark.parametrize(
    ("resamples", "confidence", "message"),
    [
        (99, 0.95, r"resamples is 99; choose at least 100 \(10000 is usual\)"),
        (100, 0.0, r"confidence is 0\.0; choose between 0 and 1 \(0\.95 is usual\)"),
        (100, 1.0, r"confidence is 1\.0"),
        (100, 95.0, r"confidence is 95\.0"),
        (100, math.nan, r"confidence is nan"),
    ],
)
def test_what_gives_no_interval_is_refused(resamples: int, confidence: float, message: str) -> None:
    [said] = checks.bootstrap(resamples, confidence)
    assert re.match(message, said)


@pytest.mark.parametrize("above_zero", [False, True])
@pytest.mark.parametrize("below_one", [False, True])
def test_a_share_is_from_0_to_1(above_zero: bool, below_one: bool) -> None:
    refused = (
        {-0.01, 1.01, math.inf, math.nan} | ({0.0} if above_zero else set()) | ({1.0} if below_one else set())
    )
    for value in (-0.01, 0.0, 0.01, 0.5, 0.99, 1.0, 1.01, math.inf, math.nan):
        said = list(checks.share("threshold", value, above_zero=above_zero, below_one=below_one))
        if value in refused or math.isnan(value):
            assert len(said) == 1
            assert said[0].startswith(f"threshold is {value}; it is a share, ")
        else:
            assert said == []


@pytest.mark.parametrize(
    ("above_zero", "below_one", "bounds"),
    [
        (False, False, "from 0 to 1"),
        (True, False, "above 0 to 1"),
        (False, True, "from 0 and below 1"),
        (True, True, "above 0 and below 1"),
    ],
)
def test_the_error_says_whether_the_ends_count(above_zero: bool, below_one: bool, bounds: str) -> None:
    [said] = checks.share("share", 2, above_zero=above_zero, below_one=below_one)
    assert said == f"share is 2; it is a share, {bounds}"


def test_an_error_holds_every_problem() -> None:
    with pytest.raises(WrongValuesError, match="a is 1; b is 2") as caught:
        checks.refuse(["a is 1", "b is 2"])
    assert caught.value.problems == ["a is 1", "b is 2"]
    checks.refuse([])
