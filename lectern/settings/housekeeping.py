"""What people say to run an event, and how it is found: section `housekeeping` of params.yaml."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from lectern.settings import checks

SCOPES = ("sentence", "utterance")


@dataclass(frozen=True)
class HousekeepingRule:
    """An entry of `housekeeping.rules`: it removes sentences or utterances."""

    name: str = ""
    """Name under which its removals are counted."""
    pattern: str = ""
    """Regular expression that must match the whole text, which is in lower case, without punctuation and with single
    spaces."""
    scope: str = "sentence"
    """`utterance` if the text is housekeeping only where nothing else is said in the utterance. Choices: SCOPES."""


@dataclass(frozen=True)
class Housekeeping:
    """Section `housekeeping`: what people say to run an event (`next question please`), which is removed."""

    name: str
    """Name of the file in conf/housekeeping."""
    max_words: int
    """A sentence or utterance with more words is never removed, even if a rule matches. Unit: words."""
    rules: list[HousekeepingRule]
    """The rules in the order in which they are tried; the first that matches counts."""

    def __post_init__(self) -> None:
        checks.refuse(f"conf/housekeeping/{self.name}.yaml: {problem}" for problem in self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from checks.at_least(self, max_words=1)
        names = Counter(rule.name for rule in self.rules)
        for rule in self.rules:
            if not rule.name or names[rule.name] > 1:
                yield f"each rule needs a name of its own, not {rule.name!r}"
            yield from (f"rule {rule.name!r}: {problem}" for problem in _find_problems_of(rule))


def _find_problems_of(rule: HousekeepingRule) -> Iterator[str]:
    yield from checks.choice("scope", rule.scope, SCOPES)
    broken = list(checks.pattern("pattern", rule.pattern))
    yield from broken
    if not broken and re.fullmatch(rule.pattern, ""):
        yield f"{rule.pattern!r} matches where nothing is said; name some words"
