"""Checks that several sections share; each raises ValueError, which names the field, the value and what is allowed."""

FEWEST_RESAMPLES = 100


def check_bootstrap(resamples: int, confidence: float) -> None:
    """Check how the intervals of figures are drawn.

    Args:
        resamples: draws of the bootstrap.
        confidence: share of the draws inside an interval.
    """
    if resamples < FEWEST_RESAMPLES:
        raise ValueError(f"resamples is {resamples}; choose at least {FEWEST_RESAMPLES} (10000 is usual)")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; choose between 0 and 1 (0.95 is usual)")


def check_share(name: str, value: float, *, above_zero: bool = False, below_one: bool = False) -> None:
    """Check that a value is from 0 to 1.

    Args:
        name: of the field.
        value: of the field.
        above_zero: 0 itself is refused.
        below_one: 1 itself is refused.
    """
    if not (value > 0 if above_zero else value >= 0) or not (value < 1 if below_one else value <= 1):
        bounds = f"{'above 0' if above_zero else 'from 0'} {'and below 1' if below_one else 'to 1'}"
        raise ValueError(f"{name} is {value}; it is a share, {bounds}")
