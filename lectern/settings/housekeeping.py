"""What people say to run an event, and how it is found: section `housekeeping` of params.yaml."""

import re
from collections import Counter
from dataclasses import dataclass

SCOPES = ("sentence", "utterance")


@dataclass(frozen=True)
class HousekeepingRule:
    """A rule that removes sentences or utterances."""

    name: str = ""
    """name under which its removals are counted"""
    pattern: str = ""
    """regular expression that must match the whole text, which is lower case, without punctuation, with single
    spaces"""
    scope: str = "sentence"
    """`sentence`, or `utterance` for a text that is housekeeping only if the utterance holds nothing else"""


@dataclass(frozen=True)
class Housekeeping:
    """Section `housekeeping`."""

    name: str
    """Name of the file under conf/housekeeping."""
    max_words: int
    """A sentence or utterance with more words is never removed, even if a rule matches."""
    rules: list[HousekeepingRule]
    """The rules in the order in which they are tried; the first that matches counts."""

    def __post_init__(self) -> None:
        where = f"conf/housekeeping/{self.name}.yaml"
        if self.max_words < 1:
            raise ValueError(f"{where}: max_words is {self.max_words}: use at least 1")
        names = Counter(rule.name for rule in self.rules)
        for rule in self.rules:
            if not rule.name or names[rule.name] > 1:
                raise ValueError(f"{where}: each rule needs a name of its own, not {rule.name!r}")
            _check(rule, f"{where}: rule {rule.name!r}")


def _check(rule: HousekeepingRule, where: str) -> None:
    if rule.scope not in SCOPES:
        raise ValueError(f"{where} has scope {rule.scope!r}: use {' or '.join(SCOPES)}")
    try:
        matches_nothing_said = re.fullmatch(rule.pattern, "")
    except re.error as error:
        raise ValueError(f"{where}: {rule.pattern!r} is not a regular expression ({error})") from error
    if matches_nothing_said:
        raise ValueError(f"{where}: {rule.pattern!r} matches the empty text; write a pattern with some words")
