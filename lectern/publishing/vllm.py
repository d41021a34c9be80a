"""vLLM's command and configuration for the tuned model: the merged weights, or the adapter on its base model."""

import shlex
from pathlib import Path
from typing import Any

import yaml

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.publishing.chat_requests import TOP_LOGPROBS
from lectern.publishing.exporting import ADAPTER, MERGED, Model
from lectern.training import adapters

FILE = "vllm.yaml"
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""That vLLM has kernels for (`--max-lora-rank`)."""


def configure(model: Model, out: Path, *, host: str, port: int) -> dict[str, Any]:
    """What `vllm serve --config` reads. The key is not in it: vLLM takes it from VLLM_API_KEY.

    A base model of the hub is served with the adapter beside it, so that several adapters can share it; any other, and
    one that was tuned whole, as merged weights.

    Args:
        model: of the pipeline.
        out: models/export.
        host: address to listen on.
        port: of it.

    Raises:
        LecternError: the adapter's rank is above what vLLM can serve.
    """
    record = adapters.read_record(model.base, model.adapter)
    chosen: dict[str, Any] = {
        "host": host,
        "port": port,
        "max-model-len": model.base.context_length,
        "max-logprobs": TOP_LOGPROBS,
        "allowed-origins": "[]",  # JSON; the default lets every site read the answers
    }
    # vLLM has no kernels for DoRA
    beside = model.base.source == "hub" and record.method in ("lora", "qlora", "rslora")
    if not beside:
        return {"model": str(out / MERGED), "served-model-name": [model.name], **chosen}
    rank = io.read_plain(model.adapter / adapters.CONFIG)["r"]
    if rank > RANKS[-1]:
        raise LecternError(
            f"the adapter has rank {rank}, and vLLM serves up to {RANKS[-1]}. Serve the merged weights."
        )
    served: dict[str, Any] = {
        "model": str(model.base.hub_id),
        "enable-lora": True,
        "max-lora-rank": next(size for size in RANKS if size >= rank),
        "lora-modules": [f"{model.name}={out / ADAPTER}"],
        "chat-template": str(out / ADAPTER / adapters.TEMPLATE),
        **chosen,
    }
    if model.base.revision:
        served["revision"] = model.base.revision
    return served


def write(configured: dict[str, Any], out: Path) -> Path:
    """Write the configuration beside the exported model; returns the file."""
    io.write_text(out / FILE, yaml.safe_dump(configured, sort_keys=False, allow_unicode=True))
    return out / FILE


def command(file: Path) -> list[str]:
    """The command, as a list of arguments."""
    return ["vllm", "serve", "--config", str(file)]


def show(file: Path) -> str:
    """The command to paste."""
    return shlex.join(command(file))
