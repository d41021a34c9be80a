"""The model that is tuned: section `base_model` of params.yaml."""

from dataclasses import dataclass
from pathlib import Path

SOURCES = ("embedded", "hub", "random")
PACKAGES = ("smollm2_135m",)
"""Packaged chat models (`models.bundled.PACKAGES`)."""
ARCHITECTURES = ("llama", "mistral", "phi", "qwen3")


@dataclass(frozen=True)
class BaseModelSettings:
    """The model that is tuned: section `base_model` of params.yaml, which render, train and generate share."""

    name: str
    """what the adapter and the report call it"""
    source: str
    """embedded, hub or random"""
    context_length: int
    """tokens; no row may be longer"""
    end_of_turn: str
    """the token that ends each turn of its chat template; trained in each answer, and it stops generation"""
    chat_template: str | None
    """a file of lectern/models/chat_templates: the model's own template plus generation marks; null where the model's
    own has them"""
    own_template: bool
    """false where the model has no chat template, or not this one: `chat_template` is what it is served with too"""
    package: str | None
    """the packaged model of core/embedded.py; for `random`, the one whose tokenizer is used"""
    hub_id: str | None
    """for `hub`: organisation/model, or a directory"""
    revision: str | None
    """for `hub`: a commit, so that the weights cannot change under the experiment; `lectern pin` fills it in"""
    target_modules: list[str]
    """names of the linear layers of this architecture that an adapter may go on, its head left out; none given: all"""
    architecture: str | None
    """for `random`: llama, mistral, phi or qwen3"""
    seed: int
    """for `random`: of the weights"""

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
            raise ValueError("own_template is false, so chat_template must name the file to serve with")
        if self.package is not None and self.package not in PACKAGES:
            raise ValueError(f"package is {self.package!r}; choose one of {', '.join(PACKAGES)}")
        if self.source == "random" and self.architecture not in ARCHITECTURES:
            raise ValueError(
                f"architecture is {self.architecture!r}; choose one of {', '.join(ARCHITECTURES)}"
            )
        if self.context_length < 1:
            raise ValueError(
                f"context_length is {self.context_length}; give the number of tokens the model can read"
            )

    @property
    def identity(self) -> str:
        """What an adapter records as its base: the hub's name where there is one, never a directory."""
        on_hub = self.source == "hub" and self.hub_id is not None and not Path(self.hub_id).is_dir()
        return str(self.hub_id) if on_hub else self.name
