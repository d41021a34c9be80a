"""How words, voices and metadata become conversations: section `converse` of params.yaml."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lectern.settings import checks

ROLES = ("host", "guest", "main", "audience")
"""Roles that a rule may give; `core.schema.Role` has them and `unknown`."""
OTHERS = ("host", "guest", "audience")
RULES = ("first_voice", "most_speech", "name", "metadata", "label", "regular", "asks_most")
"""How a speaker is found; `conversations.roles.RULES` has their code."""


@dataclass(frozen=True)
class RoleRule:
    """An entry of `converse.roles`: it gives a role to a speaker who has none from an earlier rule."""

    role: str
    """The role. Choices: ROLES."""
    rule: str
    """How the speaker is found: the first voice, the most speech, a name, the names in the metadata, a label that says
    the role (`Interviewer`), names that are in at least half of the ready transcripts (`regular`), or who most often
    asks a question before another speaks. Choices: RULES."""
    name: str | None = None
    """Name for which the rule `name` looks: one that a correction, a remembered voice or a ready transcript gives."""
    fallback: bool = False
    """Whether the rule is skipped if an earlier one found somebody for the role."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from checks.choice("roles: role", self.role, ROLES)
        yield from checks.choice("roles: rule", self.rule, RULES)
        if (self.rule == "name") != (self.name is not None):
            yield (
                f"roles: rule is {self.rule!r} and name is {self.name!r}; the rule `name` needs a name, and only that "
                "rule takes one"
            )


@dataclass(frozen=True)
class Converse:
    """Section `converse`: how words, voices and metadata become a conversation of named speakers with roles."""

    name: str
    """Name of the file in conf/converse."""
    reach: float
    """Greatest distance between a word and its turn; a word further from all turns has no known speaker. Unit:
    seconds."""
    roles: list[RoleRule]
    """Who has which role: rules in order, each for a speaker without a role from an earlier rule."""
    others: str
    """The role of all other speakers. Choices: OTHERS."""
    voice_threshold: float
    """Cosine similarity from which a voice gets the name of a voice in data/corrections/voices.yaml."""
    voice_margin: float
    """A voice within this similarity below the threshold, or below the best name's similarity, is reported as a near
    miss."""
    cut_chapters: list[str]
    """Regular expressions: a chapter is cut if one of them matches somewhere in its title."""
    first_gap: float | None
    """Everything before the first silence of this length is cut; null cuts nothing. Unit: seconds."""
    first_gap_within: float
    """Time from the start within which the silence of `first_gap` must begin. Unit: seconds."""
    metadata: str | None
    """Name of a CSV or JSON file in data/corrections with a row for each episode; null for none."""
    allow_failed: float
    """Share of the items, from 0 to 1, that may fail before the stage fails."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from checks.at_least(self, reach=0, first_gap_within=0)
        yield from checks.choice("others", self.others, OTHERS)
        if not 0 < self.voice_threshold <= 1:
            yield f"voice_threshold is {self.voice_threshold}; it is a cosine similarity, above 0 and at most 1"
        if not 0 <= self.voice_margin <= 1:
            yield f"voice_margin is {self.voice_margin}; it is a cosine similarity, from 0 to 1"
        for pattern in self.cut_chapters:
            yield from checks.pattern("cut_chapters", pattern)
        if self.first_gap is not None and not self.first_gap > 0:
            yield f"first_gap is {self.first_gap}; give a number of seconds above 0, or null"
        if self.metadata is not None and Path(self.metadata).name != self.metadata:
            yield f"metadata is {self.metadata!r}; name a file in data/corrections, without the folder"
        yield from checks.share("allow_failed", self.allow_failed)

    @property
    def choices(self) -> dict[str, Any]:
        """The parameters that decide a conversation, as `conversations.conversation.build` takes them."""
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
