"""Write a model with random weights as transformers saves one, so that the project's own code loads it from a folder.

The weights are drawn on the device, one tensor after the other, so that neither the device nor the machine ever holds
the whole model. They are those of a new model: normal with a standard deviation of 0.02, ones in the norms, no biases.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lectern.core import io
from lectern.tools.checking.gpu.found import NotRunError
from lectern.tools.checking.gpu.shapes import Shape
from lectern.training import memory

SHARD = 2 * 10**9
"""Bytes of a file."""
SPREAD = 0.02
"""Standard deviation of a weight: `initializer_range` of all these architectures."""
ROOM = 1.05
"""So much more than the weights take must be free on the disk."""


def make(shape: Shape, folder: Path, tokenizer: Any) -> memory.Sizes:
    """Write config, weights and tokenizer; returns the sizes of the model.

    Args:
        shape: of the model.
        folder: that is created.
        tokenizer: is saved beside the weights.

    Raises:
        NotRunError: the disk has not enough room.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    ends = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    config = AutoConfig.for_model(shape.architecture, **shape.values, **ends)
    config.dtype = shape.dtype
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, shape.dtype))
    model.config.architectures = [type(model).__name__]  # TRL reads it
    needed = sum(weight.numel() * weight.element_size() for weight in model.state_dict().values())
    folder.mkdir(parents=True)
    if (free := shutil.disk_usage(folder).free) < ROOM * needed:
        raise NotRunError(
            f"{folder.parent} has {memory.show(free)} free, and {shape.name} takes {memory.show(needed)}: set TMPDIR "
            "to a folder with more room"
        )
    model.config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    _write(model.state_dict(), folder)
    return memory.of_model(model)


def _write(described: dict[str, Any], folder: Path) -> None:
    """Draw the weights that the tensors of `described`, on the meta device, describe, and write them in shards."""
    from safetensors.torch import save_file

    place: dict[str, str] = {}
    for number, names in enumerate(_cut(described), 1):
        file = f"model-{number:05}.safetensors"
        drawn = {name: _draw(name, described[name], len(place) + at) for at, name in enumerate(names)}
        save_file(drawn, folder / file, metadata={"format": "pt"})
        place |= dict.fromkeys(names, file)
    size = sum(weight.numel() * weight.element_size() for weight in described.values())
    io.write_json(
        folder / "model.safetensors.index.json", {"metadata": {"total_size": size}, "weight_map": place}
    )


def _cut(described: dict[str, Any]) -> Iterator[list[str]]:
    """The names of the weights of each file."""
    names: list[str] = []
    size = 0
    for name, weight in described.items():
        own = weight.numel() * weight.element_size()
        if names and size + own > SHARD:
            yield names
            names, size = [], 0
        names.append(name)
        size += own
    yield names


def _draw(name: str, like: Any, seed: int) -> Any:
    """One weight, on the CPU."""
    import torch

    from lectern.models.devices import device

    if like.dim() < 2:
        filled = torch.zeros_like if name.endswith("bias") else torch.ones_like
        return filled(like, device="cpu")
    where = device()
    chance = torch.Generator(where).manual_seed(seed)
    return torch.empty_like(like, device=where).normal_(0.0, SPREAD, generator=chance).cpu()
