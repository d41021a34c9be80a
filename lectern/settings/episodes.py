"""How whole episodes are written: section `episodes` of params.yaml."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import regex

from lectern.settings import checks
from lectern.settings.decoding import Decoding

HOSTS = ("continue", "swap")
LEAST_TOKENS = 16
"""Of a turn: below, the template's own tokens would need the room that is kept free beside an opening."""


@dataclass(frozen=True)
class EpisodeSettings:
    """Everything that decides an episode, except for the model and the opening; `Episodes` explains the fields."""

    turns: int
    max_turn_tokens: int
    decoding: Decoding
    """section `decoding` with the temperature and top_p of the episodes"""
    seed: int
    host: Literal["continue", "swap"]
    host_persona: str
    closings: tuple[str, ...]


@dataclass(frozen=True)
class Episodes:
    """Section `episodes`: how the contestants write whole episodes, both speakers in turn."""

    turns: int
    """Greatest number of turns of an episode, including its opening."""
    max_turn_tokens: int
    """Greatest length of a turn; a turn that reaches it counts as unfinished. Unit: tokens."""
    batch_size: int
    """Number of episodes that are generated together; memory limits it."""
    openings: list[str]
    """Names of files in data/openings, without suffix."""
    held_out: int
    """Number of held-out conversations, in order of their ids, whose first question serves as an opening; only
    conversations with several answers are used."""
    temperature: float
    """Takes the place of `decoding.temperature`. 0 takes the most likely token each time, which soon leads to
    repetition; with more, tokens are sampled."""
    top_p: float
    """Takes the place of `decoding.top_p`. Tokens are sampled from the smallest set of most likely tokens with at least
    this probability together."""
    seed: int
    """Seed of the sampling; each turn of each episode is sampled independently of what is generated beside it."""
    host: str
    """How the host's turns are generated: `continue` generates them in the user's role of the chat template; `swap`
    exchanges the roles, so that the host is the assistant and `host_persona` is the first question. Choices: HOSTS."""
    host_persona: str
    """Of `swap`: the instruction to the model when it speaks for the host."""
    closings: list[str]
    """Regular expressions for the last words of a turn, in lower case without punctuation; a match ends the episode."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from checks.at_least(
            self, turns=2, max_turn_tokens=LEAST_TOKENS, batch_size=1, held_out=0, temperature=0
        )
        yield from checks.share("top_p", self.top_p, above_zero=True)
        yield from checks.choice("host", self.host, HOSTS)
        if self.host == "swap" and not self.host_persona.strip():
            yield "host is swap, so host_persona must tell the model how to speak for the host"
        for name in self.openings:
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
                yield (
                    f"openings has {name!r}; give the name of a file in data/openings without .jsonl, which has only "
                    "letters, digits, _ and -"
                )
        yield from checks.unique("openings", self.openings, "a file")
        for closing in self.closings:
            yield from _find_problems_of(closing)

    def for_episode(self, decoding: Decoding) -> EpisodeSettings:
        """Everything that decides an episode, except for the model and the opening.

        Args:
            decoding: section `decoding`.
        """
        swap = self.host == "swap"
        return EpisodeSettings(
            turns=self.turns,
            max_turn_tokens=self.max_turn_tokens,
            decoding=replace(decoding, temperature=self.temperature, top_p=self.top_p),
            seed=self.seed,
            host="swap" if swap else "continue",
            host_persona=self.host_persona if swap else "",
            closings=tuple(self.closings),
        )


def _find_problems_of(closing: str) -> Iterator[str]:
    try:
        found = regex.compile(closing, regex.IGNORECASE)
    except regex.error as error:
        yield f"closings has {closing!r}, which is not a regular expression: {error}"
        return
    if found.search("", timeout=1.0):
        yield f"closings has {closing!r}, which matches a turn without words, so that every turn would end the episode"
