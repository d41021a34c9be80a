"""One figure: its name, its unit, which direction is better, and with how many decimals it is shown.

Each table of figures stands where they are measured: of answers in `answer_figures`, of episodes in `health`, of
recordings in `speech`, of the judge in `judge_figures`. The report, the comparison and the cards read these tables.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What a reader needs to know of a figure."""

    key: str
    """its name in the files of metrics/"""
    name: str
    """as readers see it"""
    about: str
    """beneath the name, in a few words: the unit, and which direction is better"""
    lower_is_better: bool | None = None
    """None if neither direction is better, and the figure should be near that of the references"""
    digits: int = 2
    """decimals that are shown"""
    is_share: bool = False
    """shown in percent, its differences in points"""
