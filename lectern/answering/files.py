"""Contestants that are a file: a GGUF file, which `llama_answers` runs, or a folder with whole weights.

Both get the prompts of the tuned model. So their tokenizer has to be that of the base model, which is checked before
they answer.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lectern.core import batches, io
from lectern.core.errors import LecternError
from lectern.core.schema import Message
from lectern.models import chat_format, loading
from lectern.settings.base_model import BaseModelSettings
from lectern.training import persona

MAGIC = b"GGUF"
DECIDING = (".json", ".safetensors", ".jinja", ".model", ".txt")
"""Suffixes of the files in a folder that affect its answers; a model card does not."""
PROBE = "Which seeds were sown first, and why?\nTell me about the gardener's reasons."
"""Plain words. In rare texts, such as two spaces before a number, llama.cpp cuts otherwise than the same tokenizer in
transformers."""


@dataclass(frozen=True)
class ModelFile:
    """Where a contestant's weights and tokenizer are."""

    where: str
    """the parameter that names it, for messages"""
    path: Path
    shown: str
    """the path in metrics/generation.json; only the name if the path is absolute"""
    sha256: str
    """of the file, or over the files of the folder that affect its answers"""


def find_gguf(where: str, value: str, root: Path) -> ModelFile:
    """Find a GGUF file.

    Raises:
        LecternError: there is no such file, or it is not GGUF.
    """
    path = root / value
    if not path.is_file():
        known = ", ".join(sorted(found.name for found in path.parent.glob("*.gguf")))
        raise LecternError(
            f"{where}: {value} is no file. "
            + (f"Files there: {known}. " if known else "")
            + "`lectern export` writes models/export/gguf; correct the path under conf/ and run `lectern params`."
        )
    with path.open("rb") as file:
        begin = file.read(len(MAGIC))
    if begin != MAGIC:
        raise LecternError(
            f"{where}: {value} is not a GGUF file: it begins with {begin!r} instead of {MAGIC!r}. Name a file that "
            "`lectern export` wrote, or use `merged` for a folder with safetensors."
        )
    return ModelFile(where, path, _show(value), io.sha256(path))


def find_merged(where: str, value: str, root: Path) -> ModelFile:
    """Find a folder with whole weights and a tokenizer.

    Raises:
        LecternError: there is no such folder, or a part is missing in it.
    """
    path = root / value
    if not path.is_dir():
        raise LecternError(
            f"{where}: {value} is no folder. `lectern export --no-gguf` writes models/export/merged; correct the path "
            "under conf/ and run `lectern params`."
        )
    wanted = {"config.json": "config.json", "*.safetensors": "weights in safetensors"}
    wanted["tokenizer*.json"] = "a tokenizer"
    missing = [name for pattern, name in wanted.items() if not any(path.glob(pattern))]
    if missing:
        adapter = " It holds an adapter." if (path / "adapter_config.json").is_file() else ""
        raise LecternError(
            f"{where}: {value} lacks {', '.join(missing)}, so it is not a whole model.{adapter} Name a folder such as "
            "models/export/merged, which `lectern export --no-gguf` writes."
        )
    deciding = [file for file in path.iterdir() if file.is_file() and file.suffix in DECIDING]
    found = {file.name: io.sha256(file) for file in deciding}
    return ModelFile(where, path, _show(value), batches.make_key(found))


def _show(value: str) -> str:
    return Path(value).name if Path(value).is_absolute() else value


def as_base(file: ModelFile, base: BaseModelSettings) -> BaseModelSettings:
    """The settings with which a folder is loaded: those of the base model, but with its own weights and template.

    Raises:
        LecternError: the folder has no chat template, or another tokenizer or template than the base model.
    """
    saved = file.path / "tokenizer_config.json"
    inside = saved.is_file() and io.read_plain(saved).get("chat_template")
    if not inside and not (file.path / "chat_template.jinja").is_file():
        raise LecternError(
            f"{file.where}: {file.shown} has no chat template, so nobody can chat with it. `lectern export` writes "
            "chat_template.jinja beside the weights: export the model again."
        )
    own = replace(
        base, name=file.path.name, source="hub", hub_id=str(file.path), revision=None, own_template=True
    )
    expected = loading.get_tokenizer(base)
    try:
        found = chat_format.serve(loading.get_tokenizer(own), chats := probe(expected, base), answering=True)
    except LecternError as error:  # it has no such token as end_of_turn
        raise other_tokenizer(file, base) from error
    if found != chat_format.serve(expected, chats, answering=True):
        raise other_tokenizer(file, base)
    return own


def probe(tokenizer: Any, base: BaseModelSettings) -> list[list[Message]]:
    """Chats by which tokenizers and chat templates are told apart."""
    template = chat_format.training_template(tokenizer, base.chat_template)
    shape = persona.Shape(None, persona.has_system_role(tokenizer, template))
    said = [Message(role=role, content=PROBE) for role in ("user", "assistant", "user")]
    system = Message(role="system", content="Be brief.")
    return [shape.place(messages) for messages in (said[:1], said, [system, *said])]


def other_tokenizer(file: ModelFile, base: BaseModelSettings) -> LecternError:
    """The error for a file that turns chats into other tokens than the base model."""
    return LecternError(
        f"{file.where}: {file.shown} turns a chat into other tokens than base_model {base.name} does, so it was made "
        "from another tokenizer or has another chat template. Export the model that is tuned here (`lectern export`); "
        "a model of another kind answers as a comparator with `model` or `endpoint`."
    )
