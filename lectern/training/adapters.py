"""Prepare, save and load the trained weights of a model: a new adapter, one that is trained further, or all weights.

A folder with an adapter holds the files that PEFT writes and `training.json` (`Record`), which names the base model.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lectern.core import io, params
from lectern.core.errors import LecternError
from lectern.core.printing import first_line
from lectern.models import loading
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.train import Train

RECORD = "training.json"
CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
TEMPLATE = "chat_template.jinja"


@dataclass(frozen=True)
class Record:
    """`training.json`: the base model and the method of the trained weights in the same folder."""

    base_model: str
    """identity of the base model"""
    revision: str | None
    """commit of the base model on the hub; None if none is pinned"""
    method: str
    """method of training, as in section `train`"""
    precision: str
    """precision of the training: fp32, bf16 or fp16"""

    @property
    def quantized(self) -> bool:
        """Whether the base model was held in 4 bits."""
        return self.method == "qlora"


def start(base: BaseModelSettings, model: Any, chosen: Train, adapters: Path) -> Any:
    """The model with what is trained of it switched on.

    Args:
        base: section `base_model` of the parameters.
        model: the causal language model, in 4 bits for qlora.
        chosen: section `train`: method, rank, and so on.
        adapters: folder that holds the adapter which `from_adapter` names.

    Raises:
        LecternError: a target module is not a linear layer of the model, or the adapter to train further does not fit.
    """
    import peft
    from transformers import set_seed

    set_seed(chosen.seed)
    if chosen.method == "full":
        return model.requires_grad_(True)
    targets = chosen.target_modules or base.target_modules or "all-linear"
    check_targets(base, model, targets)
    if chosen.quantized:
        # The trainer does the gradient checkpointing. This call keeps the norms in fp32 and freezes the weights.
        model = peft.prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    if chosen.from_adapter is not None:
        return _go_on(base, model, chosen, adapters / chosen.from_adapter)
    config = peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=chosen.r,
        lora_alpha=chosen.alpha,
        lora_dropout=chosen.dropout,
        target_modules=targets,
        use_dora=chosen.method == "dora",
        use_rslora=chosen.method == "rslora",
    )
    return peft.get_peft_model(model, config)


def check_targets(base: BaseModelSettings, model: Any, targets: str | list[str]) -> None:
    """Raise a LecternError unless `targets` is all-linear or a list of names of linear layers of the model."""
    if targets == "all-linear":
        return
    known = linear_layers(model)
    if isinstance(targets, str) or (unknown := sorted(set(targets) - set(known))):
        wrong = targets if isinstance(targets, str) else ", ".join(unknown)
        raise LecternError(
            f"target_modules: {wrong} is not a linear layer of {base.name}, which has {', '.join(known)}. Correct "
            "train.target_modules (null takes base_model.target_modules, all-linear takes all of them)."
        )


def linear_layers(model: Any) -> list[str]:
    """Return the last names of all linear layers except the head, in the order in which they first occur."""
    import torch

    head = model.get_output_embeddings()
    return list(
        dict.fromkeys(
            name.rpartition(".")[2]
            for name, layer in model.named_modules()
            if isinstance(layer, torch.nn.Linear) and layer is not head
        )
    )


def files(folder: Path) -> list[Path]:
    """Return the files of an adapter that affect a training which starts from it."""
    return [path for path in (folder / CONFIG, folder / WEIGHTS) if path.is_file()]


def _go_on(base: BaseModelSettings, model: Any, chosen: Train, folder: Path) -> Any:
    import peft
    from safetensors import SafetensorError

    if not (folder / CONFIG).is_file():
        known = sorted(path.parent.name for path in folder.parent.glob(f"*/{CONFIG}"))
        raise LecternError(
            f"train.from_adapter: {folder} holds no adapter. Adapters here: {', '.join(known) or 'none'}. "
            f"`dvc get . models/adapter --rev REVISION -o {folder}` fetches that of an earlier commit."
        )
    made_for = io.read_plain(folder / CONFIG)
    if made_for["base_model_name_or_path"] != base.identity:
        raise LecternError(
            f"train.from_adapter: {folder} was made for {made_for['base_model_name_or_path']}, but base_model is "
            f"{base.identity}. Choose the base model that it was made for."
        )
    asked = {
        "r": chosen.r,
        "lora_alpha": chosen.alpha,
        "use_dora": chosen.method == "dora",
        "use_rslora": chosen.method == "rslora",
    }
    if wrong := [name for name, value in asked.items() if made_for.get(name) != value]:
        found = ", ".join(f"{name} {made_for.get(name)}" for name in wrong)
        raise LecternError(
            f"train.from_adapter: {folder} has {found}, but section train has "
            f"{', '.join(f'{name} {asked[name]}' for name in wrong)}. An adapter keeps its shape when it is trained "
            "further: set train.r, train.alpha and train.method to its values."
        )
    try:
        return peft.PeftModel.from_pretrained(model, folder, is_trainable=True)
    except (SafetensorError, RuntimeError, ValueError, OSError) as error:
        raise LecternError(
            f"train.from_adapter: the adapter in {folder} cannot be put on {base.name}: {error}"
        ) from error


def write_record(folder: Path, base: BaseModelSettings, method: str, precision: str, template: str) -> None:
    """Say beside saved weights what they belong to, and bring PEFT's file into a form without places or chance.

    Args:
        folder: the folder that `save_pretrained` wrote.
        base: the model that was tuned.
        method: method of training, as in section `train`.
        precision: precision of the training.
        template: the chat template with which the model must be served.
    """
    (folder / "README.md").unlink(missing_ok=True)
    if method != "full":
        _check_weights(folder / WEIGHTS)
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        config["base_model_name_or_path"] = base.identity
        config["revision"] = base.revision
        config["inference_mode"] = True
        # PEFT keeps these as sets, whose order changes with each process.
        for field, value in config.items():
            if isinstance(value, list) and all(isinstance(part, str) for part in value):
                config[field] = sorted(value)
        io.write_json(folder / CONFIG, config)
    io.write_text(folder / TEMPLATE, template)
    io.write_json(folder / RECORD, asdict(Record(base.identity, base.revision, method, precision)))


def _check_weights(file: Path) -> None:
    """Raise if an adapter was saved without weights, which happens if the wrong process gathers them."""
    from safetensors import safe_open

    with safe_open(file, framework="pt") as weights:
        if not list(weights.keys()):
            raise LecternError(
                f"{file} holds no weights. This is a fault of this project with the installed versions of PEFT and "
                "accelerate: please report it, together with requirements.lock and section `compute`."
            )


def read_record(base: BaseModelSettings, folder: Path) -> Record:
    """The record of trained weights.

    Raises:
        LecternError: there is no record, or it names another base model.
    """
    record = params.parse(io.read_plain(folder / RECORD), Record, str(folder / RECORD))
    if record.base_model != base.identity:
        raise LecternError(
            f"{folder} was made for {record.base_model}, but base_model is {base.identity}. Choose the base model that "
            "it was made for, or train again with `dvc repro`."
        )
    return record


def load(base: BaseModelSettings, folder: Path) -> Any:
    """Load the tuned model, ready to answer. The base model has the same precision as in the training.

    Raises:
        LecternError: there are no weights, they are damaged, or they were made for another base model.
    """
    from safetensors import SafetensorError

    from lectern.models.devices import DTYPES, device

    record = read_record(base, folder)
    dtype = DTYPES[record.precision]
    model = (
        None if record.method == "full" else loading.get_model(base, quantized=record.quantized, dtype=dtype)
    )
    try:
        if model is None:
            from transformers import AutoModelForCausalLM

            tuned = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, trust_remote_code=False)
        else:
            from peft import PeftModel

            tuned = PeftModel.from_pretrained(model, folder)
    except (SafetensorError, RuntimeError, ValueError, OSError, KeyError, TypeError) as error:
        raise LecternError(
            f"the weights in {folder} cannot be read ({first_line(error, 200)}). Fetch them again (`dvc checkout`, or "
            "`dvc pull`), or train again with `dvc repro -f train`."
        ) from error
    return (tuned if record.quantized else tuned.to(device())).eval()
