"""How words and voices become conversations: section `converse` of params.yaml."""

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from lectern.core.schema import Role

RULES = ("first_voice", "most_speech", "name", "metadata")


@dataclass(frozen=True)
class RoleRule:
    """An entry of `converse.roles`: it gives a role to a speaker who has none from an earlier rule."""

    role: str
    """`host`, `guest`, `main` or `audience`."""
    rule: str
    """A key of `RULES`."""
    name: str | None = None
    """Name for which the rule `name` looks: one that a correction, a remembered voice or a ready transcript gives."""
    fallback: bool = False
    """Skip the rule if an earlier one found somebody for the role."""

    def __post_init__(self) -> None:
        known = [role for role in get_args(Role) if role != "unknown"]
        if self.role not in known:
            raise ValueError(f"roles: role is {self.role!r}: use one of {', '.join(known)}")
        if self.rule not in RULES:
            raise ValueError(f"roles: rule is {self.rule!r}: use one of {', '.join(RULES)}")
        if (self.rule == "name") != (self.name is not None):
            raise ValueError(
                f"roles: rule is {self.rule!r} and name is {self.name!r}: the rule `name` needs a name, and only that "
                "rule takes one"
            )


@dataclass(frozen=True)
class Converse:
    """Section `converse`."""

    name: str
    """Name of the choice in conf/converse/."""
    reach: float
    """Greatest distance in seconds between a word and its turn; a word further from all turns has no known speaker."""
    roles: list[RoleRule]
    """Who has which role: rules in order, each for a speaker whom no rule before it took."""
    others: str
    """The role of all other speakers: `host`, `guest` or `audience`."""
    voice_threshold: float
    """Cosine similarity from which a voice gets the name of a voice in data/corrections/voices.yaml."""
    voice_margin: float
    """A voice within this similarity below the threshold, or below the best name's similarity, is reported as a near
    miss."""
    cut_chapters: list[str]
    """Regular expressions: a chapter is cut if one of them matches somewhere in its title."""
    first_gap: float | None
    """Seconds of silence: everything before the first silence of this length is cut. Null cuts nothing."""
    first_gap_within: float
    """Seconds from the start within which the silence of `first_gap` must begin."""
    metadata: str | None
    """A CSV or JSON file in data/corrections with a row for each episode; see `conversations.metadata`."""
    allow_failed: float
    """Share of the items, 0 to 1, that may fail before the stage fails."""

    def __post_init__(self) -> None:
        if self.reach < 0:
            raise ValueError(f"reach is {self.reach}: it is a distance in seconds, so use at least 0")
        if self.others not in ("host", "guest", "audience"):
            raise ValueError(f"others is {self.others!r}: use host, guest or audience")
        if not 0 < self.voice_threshold <= 1 or not 0 <= self.voice_margin <= 1:
            raise ValueError(
                f"voice_threshold {self.voice_threshold} and voice_margin {self.voice_margin} are cosine similarities: "
                "the first above 0, both at most 1"
            )
        for pattern in self.cut_chapters:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(
                    f"cut_chapters: {pattern!r} is not a regular expression ({error})"
                ) from error
        if self.first_gap is not None and self.first_gap <= 0:
            raise ValueError(f"first_gap is {self.first_gap}: use a number of seconds above 0, or null")
        if self.metadata is not None and Path(self.metadata).name != self.metadata:
            raise ValueError(
                f"metadata is {self.metadata!r}: name a file in data/corrections, without the folder"
            )

    @property
    def choices(self) -> dict[str, Any]:
        """What of the parameters decides a conversation, as `conversations.conversation.build` takes it."""
        return {
            "reach": self.reach,
            "rules": [asdict(rule) for rule in self.roles],
            "others": self.others,
            "voice_threshold": self.voice_threshold,
            "voice_margin": self.voice_margin,
            "cut_chapters": self.cut_chapters,
            "first_gap": self.first_gap,
            "first_gap_within": self.first_gap_within,
        }
