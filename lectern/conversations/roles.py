"""Give the speakers of a recording their roles (who asks, who answers) by rules."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from lectern.core.schema import Role, SpeakerTurn, Word
from lectern.settings.converse import RoleRule

PUBLISHED: tuple[Role, ...] = ("host", "guest", "main")
"""Roles for which the metadata file may give names."""
LABELS: Mapping[str, re.Pattern[str]] = {
    role: re.compile(rf"(?:the )?(?:{words})(?:[ _-]*\d+)?", re.IGNORECASE)
    for role, words in {
        "host": (
            "(?:co-?)?host|interviewer|moderator(?:in)?|presenter|anchor|gastgeber(?:in)?|présentat(?:eur|rice)|"
            "animat(?:eur|rice)|intervieweu(?:r|se)|entrevistador[a]?|present(?:ador|adora)|anfitri[óo]na?|"
            "intervistat(?:ore|rice)|ведущ(?:ий|ая)|主持人?|主播|司会者?|진행자|사회자"
        ),
        "guest": (
            "guest|interviewee|guest speaker|gast|invitée?|invitad[oa]|convidad[oa]|entrevistad[oa]|ospite|"
            "intervistat[oa]|гость|гостья|嘉宾|嘉賓|ゲスト|게스트|손님"
        ),
        "main": "main speaker|lecturer",
        "audience": (
            "audience(?: member)?|questioner|audience question|publikum|zuschauer(?:in)?|público|pubblico|"
            "观众|觀眾|視聴者|청중"
        ),
    }.items()
}
"""Labels of transcripts that say a role, with or without a number, in the languages of most podcasts."""
_BESIDE_NAME = re.compile(
    r"\(([^()]{2,20})\)$|\[([^\[\]]{2,20})\]$|^(\w[\w-]{2,12})(?:\s*[-–—,|]\s+|\s+)(?=[^\W\d_])"
)
"""A role beside a name: `Ann Lee (Host)`, `Host Ann`, `Host - Ann`."""
NUMBERED = re.compile(r"(speaker|spk|guest|host|voice)[ _-]*\d+", re.IGNORECASE)
"""Labels that are no names."""
_QUESTION = re.compile(r"(?:[?？؟\u037e]|か[。．])[\"'”’»)\]」』]*$")
_ENDED = re.compile(r"[.?!…。？！؟।។။\u037e][\"'”’»)\]」』]*$")
PUNCTUATED = 0.4
"""Least share of turns that end with a mark, for the marks to tell who asks."""


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
    regulars: Sequence[str] = ()
    """names of speakers who are in most of the corpus's transcripts"""
    asks: Mapping[str, int] = {}
    """label -> how often it asks before another speaks, see `count_questions`"""


def is_name(label: str) -> bool:
    """Whether a label of a transcript is the name of somebody, rather than a role or a number."""
    return not NUMBERED.fullmatch(label) and not any(says.fullmatch(label) for says in LABELS.values())


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


def take_label(cast: Cast, free: Sequence[str], rule: RoleRule) -> list[str]:
    """Take the speakers whose label says the role; nobody if all labels say it, which then tells nothing."""
    taken = [label for label in free if _says(cast.names.get(label, label), rule.role)]
    return taken if len(taken) < len(cast.speakers) else []


def _says(label: str, role: str) -> bool:
    """Whether a label says a role, alone or beside a name."""
    beside = [text for match in _BESIDE_NAME.finditer(label) for text in match.groups() if text]
    return any(LABELS[role].fullmatch(text) for text in (label, *beside))


def take_regular(cast: Cast, free: Sequence[str], rule: RoleRule) -> list[str]:
    """Take the speakers who are in most of the corpus's transcripts."""
    return _named(cast, free, cast.regulars)


def take_asks_most(cast: Cast, free: Sequence[str], rule: RoleRule) -> list[str]:
    """Take the speaker who asks most often before another speaks; nobody if two do so equally often."""
    ordered = sorted(free, key=lambda label: -cast.asks.get(label, 0))
    counts = [cast.asks.get(label, 0) for label in ordered]
    return ordered[:1] if counts and counts[0] > max([0, *counts[1:2]]) else []


RULES: dict[str, Callable[[Cast, Sequence[str], RoleRule], list[str]]] = {
    "first_voice": take_first_voice,
    "most_speech": take_most_speech,
    "name": take_name,
    "metadata": take_metadata,
    "label": take_label,
    "regular": take_regular,
    "asks_most": take_asks_most,
}


MAY_BE_IDLE = ("metadata", "label", "regular", "asks_most")
"""Rules that depend on what a transcript or a table happens to say."""


def assign(
    cast: Cast, rules: Iterable[RoleRule], others: Role, by_hand: Mapping[str, Role]
) -> tuple[dict[str, Role], list[str]]:
    """Return the role of each speaker, and the rules that found nobody, each as `role: rule`.

    A rule of MAY_BE_IDLE counts as one that found nobody only if it is `metadata`, and the metadata file gives a name
    for its role.

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
        if not taken and (
            rule.rule not in MAY_BE_IDLE or (rule.rule == "metadata" and rule.role in cast.published)
        ):
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


def count_questions(words: Sequence[Word], labels: Sequence[str]) -> Counter[str]:
    """Count for each speaker how often a question is the last that it says before another speaks.

    Questions inside a turn are not counted, since who explains asks many of them (`Why is that? Because ...`). Nothing
    is counted where most turns end without a mark: there, the few question marks say nothing about who asks.
    """
    last = [
        (word, label)
        for (word, label), (_, after) in pairwise(zip(words, labels, strict=True))
        if after != label
    ]
    if sum(_ENDED.search(word.text) is not None for word, _ in last) < PUNCTUATED * len(last):
        return Counter()
    return Counter(label for word, label in last if _QUESTION.search(word.text))


def measure(turns: Iterable[SpeakerTurn]) -> dict[str, float]:
    """Add up the seconds of each speaker's turns."""
    seconds: dict[str, float] = {}
    for turn in turns:
        seconds[turn.speaker] = seconds.get(turn.speaker, 0.0) + turn.end - turn.start
    return seconds


def _named(cast: Cast, free: Sequence[str], names: Iterable[str]) -> list[str]:
    wanted = {name.casefold() for name in names}
    return [label for label in free if cast.names.get(label, label).casefold() in wanted]
