"""One thing that was looked at."""

from dataclasses import dataclass

OK, NOTE, MISSING = "ok", "note", "missing"


@dataclass(frozen=True)
class Finding:
    """A line of `lectern check`."""

    state: str
    """`ok`; `note`: the configuration runs without it; or `missing`: it does not run"""
    what: str
    """what was found"""
    remedy: str = ""
    """what to do about it; empty where nothing is to do, or where `what` says it already"""
