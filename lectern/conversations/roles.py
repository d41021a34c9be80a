"""Give the speakers of a recording their roles (who asks, who answers) by rules."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from lectern.core.schema import Role, SpeakerTurn
from lectern.settings.converse import RoleRule

PUBLISHED: tuple[Role, ...] = ("host", "guest", "main")
"""Roles for which the metadata file may give names."""


class Cast(NamedTuple):
    """The speakers of a recording, and the facts about them that rules use."""

    speakers: list[str]
    """labels in the order in which they are first heard, without ghosts and unknown speakers"""
    seconds: Mapping[str, float]
    """label -> seconds of its turns"""
    names: Mapping[str, str]
    """label -> name, where the name is known"""
    published: Mapping[str, Sequence[str]]
    """role -> names that the metadata file gives for the role"""


def take_first_voice(cast: Cast, free: Sequence[str], rule: RoleRule) -> list[str]:
    """Take the speaker who is heard first."""
    return list(free[:1])


def take_most_speech(cast: Cast, free: Sequence[str], rule: RoleRule) -> list[str]:
    """Take the speaker who speaks longest."""
    return [min(free, key=lambda label: (-cast.seconds.get(label, 0.0), label))] if free else []


def take_name(cast: Cast, free: Sequence[str], rule: RoleRule) -> list[str]:
    """Take the speaker with exactly this name, in upper or lower case."""
    return _named(cast, free, [rule.name or ""])


def take_metadata(cast: Cast, free: Sequence[str], rule: RoleRule) -> list[str]:
    """Take the speakers whom the metadata file names in the column of the rule's role."""
    return _named(cast, free, cast.published.get(rule.role, ()))


RULES: dict[str, Callable[[Cast, Sequence[str], RoleRule], list[str]]] = {
    "first_voice": take_first_voice,
    "most_speech": take_most_speech,
    "name": take_name,
    "metadata": take_metadata,
}


def assign(
    cast: Cast, rules: Iterable[RoleRule], others: Role, by_hand: Mapping[str, Role]
) -> tuple[dict[str, Role], list[str]]:
    """Return the role of each speaker, and the rules that found nobody, each as `role: rule`.

    A rule `metadata` counts as one that found nobody only if the metadata file gives a name for its role.

    Args:
        cast: the speakers of the recording.
        rules: in the order in which they are tried. A rule is skipped if a correction gives its role to somebody, so
            that there is no second main speaker.
        others: the role of speakers to whom no rule gives one.
        by_hand: label -> role, as corrections give it.
    """
    roles: dict[str, Role] = {label: role for label, role in by_hand.items() if label in cast.speakers}
    idle = []
    for rule in rules:
        if rule.role in by_hand.values() or (rule.fallback and rule.role in roles.values()):
            continue
        free = [label for label in cast.speakers if label not in roles]
        taken = RULES[rule.rule](cast, free, rule)
        roles |= dict.fromkeys(taken, rule.role)  # type: ignore[arg-type]
        if not taken and (rule.rule != "metadata" or rule.role in cast.published):
            idle.append(f"{rule.role}: {rule.rule}" + (f" {rule.name}" if rule.name else ""))
    return {label: roles.get(label, others) for label in cast.speakers}, idle


def name_by_role(cast: Cast, roles: Mapping[str, Role]) -> dict[str, str]:
    """Return label -> name for each role for which the metadata gives one name and which one nameless speaker has."""
    found = {}
    taken = {known.casefold() for known in cast.names.values()}
    for role, names in cast.published.items():
        holders = [label for label, given in roles.items() if given == role]
        if (
            len(names) == len(holders) == 1
            and holders[0] not in cast.names
            and names[0].casefold() not in taken
        ):
            found[holders[0]] = names[0]
    return found


def measure(turns: Iterable[SpeakerTurn]) -> dict[str, float]:
    """Add up the seconds of each speaker's turns."""
    seconds: dict[str, float] = {}
    for turn in turns:
        seconds[turn.speaker] = seconds.get(turn.speaker, 0.0) + turn.end - turn.start
    return seconds


def _named(cast: Cast, free: Sequence[str], names: Iterable[str]) -> list[str]:
    wanted = {name.casefold() for name in names}
    return [label for label in free if cast.names.get(label, label).casefold() in wanted]
