"""The model that is tuned: section `base_model` of params.yaml."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lectern.settings import checks

SOURCES = ("embedded", "hub", "random")
PACKAGES = ("smollm2_135m",)
"""Packaged chat models; `models.bundled.PACKAGES` has their files."""
ARCHITECTURES = ("llama", "mistral", "phi", "qwen3")
NEEDED = {"embedded": ("package",), "hub": ("hub_id",), "random": ("package", "architecture")}
"""Source -> the fields that it needs."""


@dataclass(frozen=True)
class BaseModelSettings:
    """Section `base_model`: the model that is tuned; also the `model` of a comparator."""

    name: str
    """Name of the model in the adapter and in the report."""
    source: str
    """Where the model comes from: a package, a model hub or a directory, or random weights. Choices: SOURCES."""
    context_length: int
    """Greatest length of a row or prompt. Unit: tokens."""
    end_of_turn: str
    """Token that ends each turn in the chat template. It is trained at the end of each answer, and stops generation."""
    chat_template: str | None
    """A file of lectern/models/chat_templates, which is the model's own template with generation marks; null if the
    model's own template has them."""
    own_template: bool
    """false if the model has no chat template, or another one: it is then served with `chat_template` too."""
    package: str | None
    """Of `embedded`: the packaged model; of `random`: the one whose tokenizer is used. Choices: PACKAGES."""
    hub_id: str | None
    """Of `hub`: organisation/model, or a directory."""
    revision: str | None
    """Of `hub`: a commit, so that the weights cannot change during the experiment; `lectern pin` fills it in."""
    target_modules: list[str]
    """Names of the linear layers that get an adapter, without the head; an empty list means all."""
    architecture: str | None
    """Of `random`: the model's family. Choices: ARCHITECTURES."""
    seed: int
    """Of `random`: seed of the weights."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from checks.choice("source", self.source, SOURCES)
        if missing := [field for field in NEEDED.get(self.source, ()) if getattr(self, field) is None]:
            yield f"source {self.source} needs {' and '.join(missing)}; give it in conf/base_model"
        if not self.own_template and self.chat_template is None:
            yield "own_template is false, so chat_template must name the template with which the model is served"
        if self.package is not None:
            yield from checks.choice("package", self.package, PACKAGES)
        if self.architecture is not None:
            yield from checks.choice("architecture", self.architecture, ARCHITECTURES)
        if self.context_length < 1:
            yield f"context_length is {self.context_length}; give the number of tokens that the model can read"

    @property
    def identity(self) -> str:
        """The name that an adapter records as its base model: the name on the hub if there is one, never a path."""
        on_hub = self.source == "hub" and self.hub_id is not None and not Path(self.hub_id).is_dir()
        return str(self.hub_id) if on_hub else self.name


LEFT_OUT: Mapping[str, Any] = {
    "chat_template": None,
    "own_template": True,
    "package": None,
    "hub_id": None,
    "revision": None,
    "target_modules": [],
    "architecture": None,
    "seed": 0,
}
"""What a value means that an entry of `comparators` leaves out, or the params.yaml of an earlier commit."""
