"""How the model and the data set are published: section `publish` of params.yaml, which no stage reads."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lectern.settings import checks

REPO = re.compile(r"[\w.-]+/[\w.-]+")
UNLICENSED = ("refuse", "allow")


@dataclass(frozen=True)
class Publish:
    """Section `publish`: how `lectern export` and `lectern push` publish the model and the data set."""

    model_repo: str | None
    """Model repository on the hub, such as you/lectern-talks; null pushes no model."""
    dataset_repo: str | None
    """Dataset repository on the hub; null pushes no data set."""
    private: bool
    """Whether new repositories are private, visible to their owners only."""
    licence: str | None
    """Licence of the tuned model, as the hub abbreviates it (apache-2.0, llama2, other). It must respect the terms of
    the base model."""
    dataset_licence: str | None
    """Licence of the data set. It must respect the licences of its sources."""
    language: list[str]
    """Language codes, such as en."""
    summary: str | None
    """A sentence or two about the model, for the top of both cards."""
    consent: dict[str, str]
    """Whose words are published -> how they agreed, such as `in writing, 2026-10-01`. The key is a name, an item's id
    for everybody who speaks in it, or `*` for everybody."""
    unlicensed: str
    """What sources without a licence do: `refuse` stops the push, `allow` does not. Choices: UNLICENSED."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        for name in ("model_repo", "dataset_repo"):
            value = getattr(self, name)
            if value is not None and not REPO.fullmatch(value):
                yield f"{name} is {value!r}; give the owner and the name, such as you/lectern-talks"
        yield from checks.choice("unlicensed", self.unlicensed, UNLICENSED)
        if empty := [who for who, how in self.consent.items() if not str(how).strip()]:
            yield f"consent of {empty[0]!r} is empty; say how and when they agreed"
