"""How the model and the data set are published: section `publish` of params.yaml, which no stage reads."""

import re
from dataclasses import dataclass, field

REPO = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Publish:
    """Section `publish`."""

    model_repo: str | None = None
    """on the hub, such as you/lectern-talks; null pushes no model"""
    dataset_repo: str | None = None
    """the same for the data set"""
    private: bool = True
    """what is created can be seen by its owners alone"""
    licence: str | None = None
    """of the tuned model, as the hub abbreviates it (apache-2.0, llama2, other); its base model's terms bind it"""
    dataset_licence: str | None = None
    """of the data set; its sources' licences bind it"""
    language: list[str] = field(default_factory=list)
    """codes such as en"""
    summary: str | None = None
    """what it is, in a sentence or two, for the head of both cards"""
    consent: dict[str, str] = field(default_factory=dict)
    """whose words are published -> how they agreed, such as `in writing, 2026-10-01`; an item's id for all who speak in
    it, `*` for everybody"""
    unlicensed: str = "refuse"
    """of sources that name no licence: refuse to push, or allow"""

    def __post_init__(self) -> None:
        for name in ("model_repo", "dataset_repo"):
            value = getattr(self, name)
            if value is not None and not REPO.fullmatch(value):
                raise ValueError(
                    f"{name} is {value!r}; give the owner and the name, such as you/lectern-talks"
                )
        if self.unlicensed not in ("refuse", "allow"):
            raise ValueError(f"unlicensed is {self.unlicensed!r}; use refuse or allow")
        if empty := [who for who, how in self.consent.items() if not str(how).strip()]:
            raise ValueError(f"consent of {empty[0]!r} says nothing; say how and when they agreed")
