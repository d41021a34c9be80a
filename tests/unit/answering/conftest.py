"""What the tests of the contestants share."""

from typing import Any

import pytest

from lectern.answering import contestants


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the contestants for which a model was loaded."""
    names: list[str] = []
    real = contestants._load

    def load(who: contestants.Local) -> Any:
        names.append(who.name)
        return real(who)

    monkeypatch.setattr(contestants, "_load", load)
    return names
