"""Stand-ins for the shipped models of today: the packaged tokenizer with their control tokens, tiny models.

The text of Qwen3's, Gemma 3's and Llama 3.2's own chat template is that which TRL ships as the original. Phi-4-mini's
is in no package: what serves here is written to behave as its makers describe the format, and is not their text.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from lectern.core import params
from lectern.models import chat_format, stand_ins
from lectern.settings.base_model import BaseModelSettings
from tests.support import real_tokenizers as makers

CONTEXT = 512


@dataclass(frozen=True)
class Kind:
    """What a stand-in needs besides the shipped file."""

    architecture: str
    """the model type in transformers"""
    own: str | None
    """the name of its own template in TRL"""
    special: Mapping[str, str]
    """its special tokens by their roles"""
    control: list[str] = field(default_factory=list)
    """its other control tokens, which the packaged tokenizer lacks"""


CHATML = {"eos_token": "<|im_end|>"}
LLAMA3_BEGIN, LLAMA3_END, *LLAMA3 = makers.LLAMA3_CONTROL
KINDS = {
    "qwen3_1_7b": Kind("qwen3", "qwen3", CHATML),
    "smollm3_3b": Kind("smollm3", None, CHATML),
    "gemma3_1b": Kind(
        "gemma3_text",
        "gemma3",
        {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>"},
        ["<start_of_turn>", "<end_of_turn>"],
    ),
    "llama3_2_3b_instruct": Kind(
        "llama", "llama3_2", {"bos_token": LLAMA3_BEGIN, "eos_token": LLAMA3_END}, LLAMA3
    ),
    "phi_4_mini_instruct": Kind(
        "phi3",
        None,
        dict.fromkeys(("bos_token", "eos_token", "pad_token"), "<|endoftext|>"),
        ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>"],
    ),
}


def shipped(name: str) -> BaseModelSettings:
    """The settings of a shipped base model."""
    file = f"conf/base_model/{name}.yaml"
    return params.parse(OmegaConf.load(file), BaseModelSettings, file)


def ours(name: str) -> str:
    """The text of the template with marks."""
    return (chat_format.FOLDER / str(shipped(name).chat_template)).read_text(encoding="utf-8")


def get_tokenizer(name: str, packaged: Any, *, lines: bool = True) -> Any:
    """The packaged tokenizer with the control tokens of a model, serving as the shipped file says.

    `lines` has it cut at line breaks as theirs do, which llama.cpp's converter does not know of this vocabulary.
    """
    from tokenizers import Regex, pre_tokenizers

    kind, tokenizer = KINDS[name], copy.deepcopy(packaged)
    if lines:
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(r"\s*[\r\n]+"), "isolated"),
                tokenizer.backend_tokenizer.pre_tokenizer,
            ]
        )
    tokenizer.add_special_tokens({**kind.special, "extra_special_tokens": kind.control})
    if "thinking" in str(shipped(name).chat_template):
        tokenizer.add_tokens(["<think>", "</think>"])  # plain ones, as in their makers' tokenizers
    tokenizer.chat_template = chat_format.without_marks(ours(name))
    if shipped(name).own_template and kind.own:
        tokenizer.chat_template = makers.template_in_trl(kind.own)
    return tokenizer


def make(name: str, folder: Path, packaged: Any, *, lines: bool = True) -> BaseModelSettings:
    """Write a stand-in into a folder, and return the shipped settings with that folder as their model."""
    tokenizer = get_tokenizer(name, packaged, lines=lines)
    model = stand_ins.random_model(KINDS[name].architecture, tokenizer, context_length=CONTEXT, seed=0)
    for part in (tokenizer, model):
        part.save_pretrained(folder)
    return replace(shipped(name), hub_id=str(folder), context_length=CONTEXT)
