"""How whole episodes are written: section `episodes` of params.yaml."""

import re
from dataclasses import dataclass
from typing import Literal

import regex

HOSTS = ("continue", "swap")
LEAST_TOKENS = 16
"""Of a turn: below, the template's own tokens would need the room that is kept free beside an opening."""


@dataclass(frozen=True)
class EpisodeSettings:
    """How episodes are written."""

    turns: int
    """of an episode at most, its opening included"""
    max_turn_tokens: int
    """limit of a turn"""
    temperature: float
    """0 takes the likeliest token each time"""
    top_p: float
    """Draws only from the most likely tokens whose probabilities together reach this value."""
    seed: int
    """of the draws; each turn of each episode draws by itself"""
    host: Literal["continue", "swap"]
    """who speaks for the host: the model in the user's place, or as the assistant, with the roles exchanged"""
    host_persona: str
    """for swap: what the model is told to be when it speaks for the host"""
    closings: tuple[str, ...]
    """regular expressions; a turn whose last words match one ends the episode"""


@dataclass(frozen=True)
class Episodes:
    """Section `episodes`."""

    turns: int
    """of an episode at most, its opening included"""
    max_turn_tokens: int
    """limit of a turn; one that reaches it counts as unfinished"""
    batch_size: int
    """episodes written together, which memory limits"""
    openings: list[str]
    """names of files in data/openings"""
    held_out: int
    """how many held-out conversations of several answers, by their ids, lend their first question as an opening"""
    temperature: float
    """0 takes the likeliest token each time, which soon repeats itself; above it tokens are drawn"""
    top_p: float
    """Draws only from the most likely tokens whose probabilities together reach this value."""
    seed: int
    """of the draws; each turn of each episode draws by itself, whatever is written beside it"""
    host: str
    """who speaks for the host: `continue`, the model in the user's place, or `swap`, the model as the assistant, with
    the roles exchanged and `host_persona` as its first question"""
    host_persona: str
    """for `swap`: what the model is asked to be when it speaks for the host"""
    closings: list[str]
    """regular expressions on the last words of a turn, in small letters without punctuation: one that matches ends the
    episode"""

    def __post_init__(self) -> None:
        for name, least in (
            ("turns", 2),
            ("max_turn_tokens", LEAST_TOKENS),
            ("batch_size", 1),
            ("held_out", 0),
        ):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}; give {least} or more")
        if not self.temperature >= 0:
            raise ValueError(f"temperature is {self.temperature}; give 0 or more")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p is {self.top_p}; give more than 0 and at most 1")
        if self.host not in HOSTS:
            raise ValueError(f"host is {self.host!r}; choose one of {', '.join(HOSTS)}")
        if self.host == "swap" and not self.host_persona.strip():
            raise ValueError("host is swap, so host_persona must say what the model shall be then")
        for name in self.openings:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
                raise ValueError(
                    f"openings has {name!r}; give the name of a file in data/openings without .jsonl, of letters, "
                    "digits, _ and -"
                )
        if len(set(self.openings)) < len(self.openings):
            raise ValueError(f"openings names a file twice: {', '.join(self.openings)}")
        for closing in self.closings:
            _check_closing(closing)

    @property
    def for_episode(self) -> EpisodeSettings:
        """All that decides a turn, but the model and what came before."""
        swap = self.host == "swap"
        return EpisodeSettings(
            turns=self.turns,
            max_turn_tokens=self.max_turn_tokens,
            temperature=self.temperature,
            top_p=self.top_p,
            seed=self.seed,
            host="swap" if swap else "continue",
            host_persona=self.host_persona if swap else "",
            closings=tuple(self.closings),
        )


def _check_closing(closing: str) -> None:
    try:
        found = regex.compile(closing, regex.IGNORECASE)
    except regex.error as error:
        raise ValueError(f"closings has {closing!r}, which is no regular expression: {error}") from error
    if found.search("", timeout=1.0):
        raise ValueError(
            f"closings has {closing!r}, which matches nothing said at all: every turn would close"
        )
