"""The model that is tuned: section `base_model` of params.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCES = ("embedded", "hub", "random")
PACKAGES = ("smollm2_135m",)
"""Packaged chat models (`models.bundled.PACKAGES`)."""
ARCHITECTURES = ("llama", "mistral", "phi", "qwen3")


@dataclass(frozen=True)
class BaseModelSettings:
    """The model that is tuned: section `base_model` of params.yaml, which render, train and generate share."""

    name: str
    """name of the model in the adapter and in the report"""
    source: str
    """embedded, hub or random"""
    context_length: int
    """greatest number of tokens of a row or prompt"""
    end_of_turn: str
    """token that ends each turn in the chat template; it is trained at the end of each answer, and stops generation"""
    chat_template: str | None
    """a file of lectern/models/chat_templates: the model's own template plus generation marks; null where the model's
    own has them"""
    own_template: bool
    """false if the model has no chat template, or another one: it is then served with `chat_template` too"""
    package: str | None
    """a bundled model of core/embedded.py; for `random`, the model whose tokenizer is used"""
    hub_id: str | None
    """for `hub`: organisation/model, or a directory"""
    revision: str | None
    """for `hub`: a commit, so that the weights cannot change during the experiment; `lectern pin` fills it in"""
    target_modules: list[str]
    """names of the linear layers that get an adapter, without the head; an empty list means all"""
    architecture: str | None
    """for `random`: llama, mistral, phi or qwen3"""
    seed: int
    """for `random`: seed of the weights"""

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise ValueError(f"source is {self.source!r}; choose one of {', '.join(SOURCES)}")
        needed = {"embedded": ["package"], "hub": ["hub_id"], "random": ["package", "architecture"]}[
            self.source
        ]
        if missing := [field for field in needed if getattr(self, field) is None]:
            raise ValueError(
                f"source {self.source} needs {' and '.join(missing)}; give it in conf/base_model"
            )
        if not self.own_template and self.chat_template is None:
            raise ValueError(
                "own_template is false, so chat_template must name the template with which the model is served"
            )
        if self.package is not None and self.package not in PACKAGES:
            raise ValueError(f"package is {self.package!r}; choose one of {', '.join(PACKAGES)}")
        if self.source == "random" and self.architecture not in ARCHITECTURES:
            raise ValueError(
                f"architecture is {self.architecture!r}; choose one of {', '.join(ARCHITECTURES)}"
            )
        if self.context_length < 1:
            raise ValueError(
                f"context_length is {self.context_length}; give the number of tokens that the model can read"
            )

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
