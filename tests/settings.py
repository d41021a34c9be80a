"""Settings for tests: what conf/ composes for the demo, with the changes that a test makes."""

import dataclasses
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import OmegaConf

from lectern.core import params
from lectern.models.generation import AnswerOptions
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.decoding import Decoding
from lectern.settings.sections import SECTIONS

T = TypeVar("T")
CONF = Path(__file__).parents[1] / "conf"
NO_MODEL = {"chat_template": None, "package": None, "target_modules": []}
"""A base model of a test is another one than the demo's: what is not given is not taken from that."""
LIKELIEST = {"repetition_penalty": 1.0}
"""Tests compare with what others make of the plain scores, unless they say otherwise."""


def configure(cls: type[T], *given: Any, **changes: Any) -> T:
    """The section of this dataclass with other values: by name, or the first ones in the order of the fields.

    Raises:
        ValueError: a value is out of bounds.
    """
    names = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    own = {BaseModelSettings: NO_MODEL, Decoding: LIKELIEST}.get(cls, {})
    return dataclasses.replace(  # type: ignore[type-var]
        defaults(cls), **(own | dict(zip(names, given, strict=False)) | changes)
    )


def write_answers(max_new_tokens: int, seed: int = 0, **decoding: float) -> AnswerOptions:
    """Options of answers of this length: the likeliest token each time, but for the options of `decoding` given."""
    return AnswerOptions(max_new_tokens, configure(Decoding, **decoding), seed)


@cache
def defaults(cls: type[T]) -> T:
    """The section of this dataclass as the demo has it; of the three LLMs the teacher."""
    section = next(name for name, known in SECTIONS.items() if known is cls)
    return params.parse(demo()[section], cls, f"section {section!r}")


@cache
def demo() -> Any:
    """What conf/ composes for the demo, whatever params.yaml holds; its sections are shared and not to be changed."""
    from hydra import compose, initialize_config_dir

    with initialize_config_dir(str(CONF), version_base=None):
        sections: Any = OmegaConf.to_container(compose("config", overrides=["recipe=demo"]), resolve=True)
    sections["converse"]["metadata"] = None  # a table of the demo's own talks
    return sections
