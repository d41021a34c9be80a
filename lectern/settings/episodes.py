"""Section `episodes` of params.yaml: how whole episodes are generated."""

import re
from dataclasses import dataclass
from typing import Literal

import regex

HOSTS = ("continue", "swap")
LEAST_TOKENS = 16
"""Least limit of a turn. With a lower one, the tokens of the chat template would not fit beside an opening."""


@dataclass(frozen=True)
class EpisodeSettings:
    """How episodes are generated; `EpisodesParams` explains the fields."""

    turns: int
    """greatest number of turns of an episode, including its opening"""
    max_turn_tokens: int
    """limit of a turn in tokens"""
    temperature: float
    """0 always takes the most likely token"""
    top_p: float
    """Draws only from the most likely tokens whose probabilities together reach this value."""
    seed: int
    """seed of the sampling"""
    host: Literal["continue", "swap"]
    """whether the host's turns are generated in the user's role, or as the assistant with exchanged roles"""
    host_persona: str
    """for swap: the instruction to the model when it speaks for the host"""
    closings: tuple[str, ...]
    """regular expressions; a turn whose last words match one ends the episode"""


@dataclass(frozen=True)
class Episodes:
    """Section `episodes`."""

    turns: int
    """greatest number of turns of an episode, including its opening"""
    max_turn_tokens: int
    """limit of a turn in tokens; a turn that reaches it counts as unfinished"""
    batch_size: int
    """number of episodes that are generated together; memory limits it"""
    openings: list[str]
    """names of files in data/openings, without suffix"""
    held_out: int
    """number of held-out conversations, in order of their ids, whose first question serves as an opening; only
    conversations with several answers are used"""
    temperature: float
    """0 always takes the most likely token, which soon leads to repetition; with more, tokens are sampled"""
    top_p: float
    """Draws only from the most likely tokens whose probabilities together reach this value."""
    seed: int
    """seed of the sampling; each turn of each episode is sampled independently of what is generated beside it"""
    host: str
    """how the host's turns are generated: `continue` generates them in the user's role of the chat template; `swap`
    exchanges the roles, so that the host is the assistant and `host_persona` is the first question"""
    host_persona: str
    """for `swap`: the instruction to the model when it speaks for the host"""
    closings: list[str]
    """regular expressions for the last words of a turn, in lower case without punctuation; a match ends the episode"""

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
            raise ValueError("host is swap, so host_persona must tell the model how to speak for the host")
        for name in self.openings:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
                raise ValueError(
                    f"openings has {name!r}; give the name of a file in data/openings without .jsonl, which has only "
                    "letters, digits, _ and -"
                )
        if len(set(self.openings)) < len(self.openings):
            raise ValueError(f"openings names a file twice: {', '.join(self.openings)}")
        for closing in self.closings:
            _check_closing(closing)

    @property
    def for_episode(self) -> EpisodeSettings:
        """Everything that affects a turn, except for the model and the turns before."""
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
        raise ValueError(f"closings has {closing!r}, which is not a regular expression: {error}") from error
    if found.search("", timeout=1.0):
        raise ValueError(
            f"closings has {closing!r}, which matches the empty text, so that every turn would end the episode"
        )
