"""Measure texts without a reference: variety and repetition of answers, and typical faults of whole episodes.

Words are those of `lectern.text.words`. The opening of an episode was given to the model, so no figure counts it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lectern.core.schema import Episode
from lectern.evaluation.bootstrap import Bootstrap, Statistic, mean, ratio
from lectern.evaluation.copying import Copied, Measured
from lectern.evaluation.figure_type import Figure
from lectern.text.words import words

CONTROL_TAG = re.compile(
    r"\[/?INST\]|\[/?SYSTEM_PROMPT\]|<</?SYS>>|<\|[^<>|\n]{1,40}\|>|</?s>|<(?:start|end)_of_turn>",
    re.IGNORECASE,
)
"""Control tokens of chat templates, which appear in a text if a model opens or closes a turn at a wrong place."""
SPEAKER_TAG = re.compile(
    r"^[ \t>*_#-]*(?:host|guest|interviewer|interviewee|moderator|user|assistant|system|human|question|answer"
    r"|speaker[ _]?\d{1,3})[*_]*[ \t]?:",
    re.IGNORECASE | re.MULTILINE,
)
"""A speaker label such as `Guest:` at the beginning of a line, by which a model writes the other speaker's turn too."""


@dataclass(frozen=True)
class Variety:
    """How varied a text is. Distinct-n is that of Li et al. 2016 (arXiv:1510.03055), within one text."""

    words: int
    distinct1: float | None
    """number of distinct words divided by the number of words; None without a word"""
    distinct2: float | None
    """the same for word pairs; None with fewer than two words"""
    fourgrams: int
    """number of runs of four words"""
    repeated_fourgrams: int
    """how many of these stand earlier in the text too"""


def measure(text: str) -> Variety:
    """Measure the variety of one text."""
    return _measure([words(text)])


def _measure(parts: Sequence[Sequence[str]]) -> Variety:
    """Measure several texts as one; no run goes from one text into the next."""
    runs = {
        n: [tuple(part[at : at + n]) for part in parts for at in range(len(part) - n + 1)] for n in (1, 2, 4)
    }
    distinct = {n: len(set(found)) / len(found) if found else None for n, found in runs.items()}
    repeated = len(runs[4]) - len(set(runs[4]))
    return Variety(len(runs[1]), distinct[1], distinct[2], len(runs[4]), repeated)


def count_role_tags(text: str) -> int:
    """Count the control tokens and speaker labels in a turn, which should hold speech only."""
    return len(CONTROL_TAG.findall(text)) + len(SPEAKER_TAG.findall(text))


@dataclass(frozen=True)
class Measures:
    """Counts of one episode without its opening."""

    turns: int
    words: int
    host_words: int
    role_tags: int
    one_word_turns: int
    unfinished_turns: int
    variety: Variety
    """variety of all turns together"""
    copied_words: int
    longest_copy: int
    closed: bool
    """whether the episode ended with a closing"""


def measure_episode(episode: Episode, copied: Callable[[str], Measured]) -> Measures:
    """Measure one episode.

    Args:
        episode: as the stage `episodes` wrote it.
        copied: measures what a text copies from the training texts (`Copied.measure`).
    """
    turns = episode.turns[1:]
    spoken = [words(turn.text) for turn in turns]
    copies = [copied(turn.text) for turn in turns]
    return Measures(
        turns=len(turns),
        words=sum(map(len, spoken)),
        host_words=sum(len(said) for turn, said in zip(turns, spoken, strict=True) if turn.role == "host"),
        role_tags=sum(count_role_tags(turn.text) for turn in turns),
        one_word_turns=sum(len(said) == 1 for said in spoken),
        unfinished_turns=sum(not turn.finished for turn in turns),
        variety=_measure(spoken),
        copied_words=sum(copy.copied for copy in copies),
        longest_copy=max((copy.longest for copy in copies), default=0),
        closed=episode.ended == "closing",
    )


@dataclass(frozen=True, kw_only=True)
class EpisodeFigure(Figure):
    """One figure of metrics/episodes.json."""

    count: Callable[[Measures], tuple[float, float] | float | None]
    """What an episode adds: a part and its whole, each summed over the episodes before one is divided by the other; or
    a value, of which the mean is taken (None where it has no meaning)."""


FIGURES: dict[str, EpisodeFigure] = {
    figure.key: figure
    for figure in (
        EpisodeFigure(
            key="turns", name="Turns", about="an episode", digits=1, count=lambda m: m.turns,
        ),
        EpisodeFigure(
            key="words", name="Words", about="an episode", digits=0, count=lambda m: m.words,
        ),
        EpisodeFigure(
            key="role_tags", name="Role tags", about="stray or unclosed ones in a turn; lower is better",
            lower_is_better=True, digits=3, count=lambda m: (m.role_tags, m.turns),
        ),
        EpisodeFigure(
            key="one_word_turns", name="One-word turns", about="of all turns", is_share=True,
            count=lambda m: (m.one_word_turns, m.turns),
        ),
        EpisodeFigure(
            key="host_share", name="The host's part", about="of the words", is_share=True,
            count=lambda m: (m.host_words, m.words),
        ),
        EpisodeFigure(
            key="repetition4", name="Repetition", about="four-word runs said before; lower is better",
            lower_is_better=True, is_share=True, count=lambda m: (m.variety.repeated_fourgrams, m.variety.fourgrams),
        ),
        EpisodeFigure(
            key="distinct2", name="Distinct word pairs", about="of an episode's word pairs", is_share=True,
            count=lambda m: m.variety.distinct2,
        ),
        EpisodeFigure(
            key="copied_share", name="Copied", about="words in runs of training text; lower is better",
            lower_is_better=True, is_share=True, count=lambda m: (m.copied_words, m.words),
        ),
        EpisodeFigure(
            key="longest_copy", name="Longest copy", about="words of the longest such run; lower is better",
            lower_is_better=True, digits=1, count=lambda m: m.longest_copy,
        ),
        EpisodeFigure(
            key="closed", name="Closed", about="episodes that end with a closing", is_share=True,
            count=lambda m: float(m.closed),
        ),
        EpisodeFigure(
            key="unfinished_turns", name="Unfinished turns", about="cut at the length limit", is_share=True,
            count=lambda m: (m.unfinished_turns, m.turns),
        ),
    )
}  # fmt: skip
"""All figures of episodes, in the order in which they are read."""


def summarise_episodes(
    base: Sequence[Episode],
    tuned: Sequence[Episode],
    *,
    copied: Copied,
    resamples: int,
    confidence: float,
    seed: int,
) -> dict[str, Any]:
    """Compute metrics/episodes.json: the figures of both models with intervals, and the paired differences.

    Episodes from the same opening are paired, and episodes are redrawn. A figure that no episode measures is left out.

    Args:
        base: episodes of the base model.
        tuned: episodes of the tuned model. Only openings that both have count.
        copied: the index of the training texts.
        resamples: number of draws of the bootstrap.
        confidence: share of the draws inside an interval.
        seed: seed of the draws.
    """
    sides = [{one.id: one for one in side} for side in (base, tuned)]
    common = sorted(sides[0].keys() & sides[1].keys())
    if not common:
        return {"episodes": 0}
    ours, theirs = (
        _statistics([measure_episode(side[id], copied.measure) for id in common]) for side in sides
    )
    bootstrap = Bootstrap(common, resamples=resamples, confidence=confidence, seed=seed)
    pairs = {name: (theirs[name], ours[name]) for name in ours if name in theirs}
    found = {
        "base": bootstrap.intervals(ours),
        "tuned": bootstrap.intervals(theirs),
        "difference": bootstrap.differences(pairs),
    }
    return {
        **{part: {name: one.as_dict() for name, one in named.items()} for part, named in found.items()},
        "episodes": len(common),
        "confidence": confidence,
        "resamples": resamples,
    }


def _statistics(measures: Sequence[Measures]) -> dict[str, Statistic]:
    found = {}
    for name, figure in FIGURES.items():
        values = [figure.count(one) for one in measures]
        parts = [value for value in values if isinstance(value, tuple)]
        if parts:
            top, bottom = (np.array(column, dtype=np.float64) for column in zip(*parts, strict=True))
            if bottom.any():
                found[name] = ratio(top, bottom, measured=bottom > 0)
        elif any(value is not None for value in values):
            found[name] = mean([value for value in values if not isinstance(value, tuple)])
    return found
