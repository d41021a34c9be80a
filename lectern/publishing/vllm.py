"""vLLM's command and configuration for the tuned model: merged weights, or the adapter with its base model."""

import shlex
from pathlib import Path
from typing import Any

import yaml

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.publishing import engine_options
from lectern.publishing.chat_requests import TOP_LOGPROBS
from lectern.publishing.exporting import ADAPTER, MERGED, Model
from lectern.settings.decoding import Decoding
from lectern.training import adapters

FILE = "vllm.yaml"
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Ranks for which vLLM has kernels (`--max-lora-rank`)."""


def configure(model: Model, out: Path, *, host: str, port: int) -> dict[str, Any]:
    """The configuration that `vllm serve --config` reads. It contains no key: vLLM takes that from VLLM_API_KEY.

    A base model from the hub is served with the adapter beside it, so that several adapters can share it. Any other
    model, and one that was tuned in full, is served as merged weights.

    Args:
        model: of the pipeline.
        out: models/export.
        host: the address to listen on.
        port: the port to listen on.

    Raises:
        LecternError: the adapter's rank is higher than vLLM supports.
    """
    record = adapters.read_record(model.base, model.adapter)
    chosen: dict[str, Any] = {
        "host": host,
        "port": port,
        "max-model-len": model.base.context_length,
        "max-logprobs": TOP_LOGPROBS,
        "allowed-origins": "[]",  # JSON; by default every web site may read the answers
        "override-generation-config": engine_options.name_for_vllm(model.decoding),
    }
    # vLLM does not support DoRA.
    beside = model.base.source == "hub" and record.method in ("lora", "qlora", "rslora")
    if not beside:
        return {"model": str(out / MERGED), "served-model-name": [model.name], **chosen}
    rank = io.read_plain(model.adapter / adapters.CONFIG)["r"]
    if rank > RANKS[-1]:
        raise LecternError(
            f"the adapter has rank {rank}, but vLLM supports at most {RANKS[-1]}. Serve the merged weights."
        )
    served: dict[str, Any] = {
        "model": str(model.base.hub_id),
        "enable-lora": True,
        "max-lora-rank": next(size for size in RANKS if size >= rank),
        "lora-modules": [f"{model.name}={out / ADAPTER}"],
        "chat-template": str(out / ADAPTER / adapters.TEMPLATE),
        # It names each token that ends a turn, as the base model's may not.
        "generation-config": str(out / MERGED),
        **chosen,
    }
    if model.base.revision:
        served["revision"] = model.base.revision
    return served


def write(configured: dict[str, Any], decoding: Decoding, out: Path) -> Path:
    """Write the configuration beside the exported model, with what differs as comments. Returns its path."""
    differences = engine_options.list_differences(decoding, engine_options.VLLM)
    comments = "".join(f"# {said}\n" for said in differences)
    io.write_text(
        out / FILE, comments + yaml.safe_dump(configured, sort_keys=False, allow_unicode=True, width=4096)
    )
    return out / FILE


def command(file: Path) -> list[str]:
    """The command, as a list of arguments."""
    return ["vllm", "serve", "--config", str(file)]


def show(file: Path) -> str:
    """The command as text that can be pasted into a shell."""
    return shlex.join(command(file))
