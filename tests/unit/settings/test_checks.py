"""The checks that several sections share: the bounds themselves, and what an error says."""

import math

import pytest

from lectern.settings.checks import check_bootstrap, check_share


@pytest.mark.parametrize(("resamples", "confidence"), [(100, 0.95), (10_000, 0.01), (10_000, 0.99)])
def test_a_usual_bootstrap_passes(resamples: int, confidence: float) -> None:
    check_bootstrap(resamples, confidence)


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
    with pytest.raises(ValueError, match=message):
        check_bootstrap(resamples, confidence)


@pytest.mark.parametrize("above_zero", [False, True])
@pytest.mark.parametrize("below_one", [False, True])
def test_a_share_is_from_0_to_1(above_zero: bool, below_one: bool) -> None:
    refused = (
        {-0.01, 1.01, math.inf, math.nan} | ({0.0} if above_zero else set()) | ({1.0} if below_one else set())
    )
    for value in (-0.01, 0.0, 0.01, 0.5, 0.99, 1.0, 1.01, math.inf, math.nan):
        if value in refused or math.isnan(value):
            with pytest.raises(ValueError, match=f"^threshold is {value}; it is a share, "):
                check_share("threshold", value, above_zero=above_zero, below_one=below_one)
        else:
            check_share("threshold", value, above_zero=above_zero, below_one=below_one)


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
    with pytest.raises(ValueError, match=f"share is 2; it is a share, {bounds}$"):
        check_share("share", 2, above_zero=above_zero, below_one=below_one)
