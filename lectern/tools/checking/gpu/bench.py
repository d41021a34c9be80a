"""What the checks share: a temporary folder, the models that were made in it, their rows, and trainings to compare."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import filterfalse
from pathlib import Path
from typing import Any

from lectern.core.printing import first_line
from lectern.core.schema import TokenRow
from lectern.settings.base_model import LEFT_OUT, BaseModelSettings
from lectern.tools.checking.gpu import rows, weights
from lectern.tools.checking.gpu.found import NotRunError
from lectern.tools.checking.gpu.shapes import SHAPES, TINY, Shape
from lectern.training import memory

END = "<|im_end|>"
"""What ends a turn for the bundled tokenizer."""


@dataclass(frozen=True)
class Model:
    """A model with random weights in a folder."""

    shape: Shape
    base: BaseModelSettings
    """section `base_model` that loads it, as a model in a directory"""
    folder: Path
    sizes: memory.Sizes


class Bench:
    """Makes each thing once, when the first check asks for it."""

    def __init__(self, folder: Path, ends: float) -> None:
        """Take an empty folder, and the moment of `time.monotonic` at which the budget is used up."""
        self.folder, self.ends = folder, ends
        self.kept: dict[object, Any] = {}
        """what a check leaves for a later one: losses to compare with, folders with trained weights"""
        self._made: dict[str, Model | str] = {}
        """the models, or why they could not be made (not the error, which would hold the device's memory)"""
        self._rows: dict[str, list[TokenRow]] = {}

    @property
    def left(self) -> float:
        """The seconds that are left of the budget."""
        return max(0.0, self.ends - time.monotonic())

    @cached_property
    def tokenizer(self) -> Any:
        """The bundled tokenizer, which all models get."""
        from lectern.models import loading

        return loading.get_tokenizer(make_settings(SHAPES["tiny_llama"], None))

    def get_model(self, name: str) -> Model:
        """Return a model of `SHAPES`, made now if this is the first call. The one of another size goes before.

        Raises:
            NotRunError: the disk has not enough room, or an earlier check could not make it.
            torch.OutOfMemoryError: the device has not enough memory for one of its weights.
        """
        if isinstance(known := self._made.get(name), Model):
            return known
        if known is not None:
            raise NotRunError(f"{name} could not be made: {known}")
        if not is_tiny(name):
            self._remove_large()
        shape, folder = SHAPES[name], self.folder / "models" / name
        try:
            sizes = weights.make(shape, folder, self.tokenizer)
        except Exception as error:
            shutil.rmtree(folder, ignore_errors=True)
            self._made[name] = first_line(error, 200)
            raise
        made = self._made[name] = Model(shape, make_settings(shape, folder), folder, sizes)
        return made

    def _remove_large(self) -> None:
        """Make room on the disk: there is one large model at a time."""
        for name in list(filterfalse(is_tiny, self._made)):
            if isinstance(self._made[name], Model):
                shutil.rmtree(self.folder / "models" / name)
                del self._made[name]

    def get_rows(self, model: Model, count: int) -> list[TokenRow]:
        """Return the rows of the first examples for a model, rendered once: pairs for a tiny one, else dialogues."""
        name = model.shape.name
        if name not in self._rows:
            examples = rows.list_pairs() if is_tiny(name) else rows.list_dialogues()
            self._rows[name] = rows.render(model.base, model.sizes.vocabulary, examples)
        return self._rows[name][:count]

    def keep(self, key: object, make: Callable[[], Any]) -> Any:
        """Return what is kept under a key, made now if this is the first call."""
        if key not in self.kept:
            self.kept[key] = make()
        return self.kept[key]

    def open_folder(self, name: str) -> Path:
        """Return a new empty folder."""
        folder = self.folder / "runs" / f"{len(list(self.folder.glob('runs/*'))):03}-{name}"
        folder.mkdir(parents=True)
        return folder


def is_tiny(name: str) -> bool:
    """Whether a model is one of `shapes.TINY`."""
    return name in {shape.name for shape in TINY}


def make_settings(shape: Shape, folder: Path | None) -> BaseModelSettings:
    """Section `base_model` for a model in a folder; without one, for the bundled tokenizer."""
    values = dict(LEFT_OUT) | {
        "name": shape.name,
        "context_length": shape.values["max_position_embeddings"],
        "end_of_turn": END,
        "chat_template": shape.template,
        "own_template": shape.own_template,
    }
    where = {"source": "hub", "hub_id": str(folder)}
    if folder is None:
        where = {"source": "random", "package": "smollm2_135m", "architecture": shape.architecture}
    return BaseModelSettings(**values | where)
