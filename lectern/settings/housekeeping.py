"""What people say to run an event, and how it is found: section `housekeeping` of params.yaml."""

import re
from collections import Counter
from dataclasses import dataclass

SCOPES = ("sentence", "utterance")


@dataclass(frozen=True)
class HousekeepingRule:
    """What one rule takes out."""

    name: str = ""
    """under which its removals are counted"""
    pattern: str = ""
    """regular expression that must match the whole: small letters, no punctuation, single spaces"""
    scope: str = "sentence"
    """`sentence`, or `utterance` for what is housekeeping only where nothing else is said"""


@dataclass(frozen=True)
class Housekeeping:
    """Section `housekeeping`."""

    name: str
    """Of the file under conf/housekeeping."""
    max_words: int
    """What has more words is never taken out, whatever a rule matches."""
    rules: list[HousekeepingRule]
    """In the order in which they are tried; the first that matches counts."""

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
        raise ValueError(f"{where}: {rule.pattern!r} is no regular expression ({error})") from error
    if matches_nothing_said:
        raise ValueError(f"{where}: {rule.pattern!r} matches where nothing is said: name some words")
