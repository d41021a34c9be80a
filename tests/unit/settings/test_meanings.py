"""Every parameter says what it means, in sentences, and its choices are those that its section checks."""

import dataclasses
import sys
from typing import Any

import pytest

from lectern.core.params import read
from lectern.settings.comparators import Comparator
from lectern.settings.sections import SECTIONS
from lectern.settings.sources import KINDS, Network
from lectern.tools.reference.parameters import read_meanings, take_sentence
from tests.settings import defaults

CLASSES = [*dict.fromkeys(SECTIONS.values()), *KINDS.values(), Network]


@pytest.mark.parametrize("cls", [*CLASSES, Comparator], ids=lambda cls: cls.__name__)
def test_every_parameter_says_what_it_means(cls: Any) -> None:
    meanings = read_meanings(cls)
    for field in dataclasses.fields(cls):
        if field.name == "kind":  # of a source: the page has a table for each
            continue
        meaning = meanings.get(field.name, "")
        assert meaning.endswith("."), f"{cls.__name__}.{field.name} needs a sentence that says what it means"


@pytest.mark.parametrize("cls", dict.fromkeys(SECTIONS.values()), ids=lambda cls: cls.__name__)
def test_a_choice_is_accepted_and_nothing_else(cls: Any) -> None:
    plain = dataclasses.asdict(defaults(cls))
    for name, meaning in read_meanings(cls).items():
        _, named = take_sentence(meaning, "Choices")
        if not named:
            continue
        choices = getattr(sys.modules[cls.__module__], named)
        several = isinstance(plain[name], list)
        for choice in choices:
            found = read({**plain, name: [choice] if several else choice}, cls)
            # a choice may need another parameter ("source hub needs hub_id"), but is not itself refused
            assert not isinstance(found, list) or not any(
                problem.startswith(f"{name} is") for problem in found
            )
        wrong = read({**plain, name: ["no-such"] if several else "no-such"}, cls)
        assert isinstance(wrong, list), f"{name} takes a value that is none of {named}"
