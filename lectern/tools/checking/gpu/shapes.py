"""The shapes of the models that are made with random weights: the tiny ones, and those of real models.

The dimensions of real models are those of their config.json on the model hub, which `source` names; no weight of
theirs is used. The base of the rotary embedding is left at its default, since neither speed nor memory depends on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Shape:
    """A model without its weights."""

    name: str
    architecture: str
    """the model type in transformers"""
    source: str
    """where the dimensions are from"""
    dtype: str
    """data type in which the weights are saved"""
    values: Mapping[str, Any]
    """the fields of the config"""
    template: str = "smollm2.jinja"
    """chat template, a file of lectern/models/chat_templates, that suits the bundled tokenizer"""
    own_template: bool = True
    """whether it is the tokenizer's own"""


_TINY = {
    "vocab_size": 49152,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": False,
}
_EIGHT = {
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "tie_word_embeddings": False,
}
_OWN = "made up; the vocabulary is that of the bundled tokenizer"

TINY = (
    Shape("tiny_llama", "llama", _OWN, "float32", _TINY | {"num_key_value_heads": 2}),
    Shape("tiny_mistral", "mistral", _OWN, "float32", _TINY | {"num_key_value_heads": 2}),
    Shape("tiny_phi", "phi", _OWN, "float32", _TINY, template="phi_qa.jinja", own_template=False),
)
REAL = (
    Shape(
        "phi_1_5",
        "phi",
        "config.json of microsoft/phi-1_5 (Li et al. 2023, arXiv:2309.05463): 1.4 billion weights",
        "bfloat16",
        {
            "vocab_size": 51200,
            "hidden_size": 2048,
            "intermediate_size": 8192,
            "num_hidden_layers": 24,
            "num_attention_heads": 32,
            "partial_rotary_factor": 0.5,
            "max_position_embeddings": 2048,
            "tie_word_embeddings": False,
        },
        template="phi_qa.jinja",
        own_template=False,
    ),
    Shape(
        "llama3_8b",
        "llama",
        "config.json of meta-llama/Meta-Llama-3-8B-Instruct (Dubey et al. 2024, arXiv:2407.21783): 8.03 billion",
        "bfloat16",
        _EIGHT | {"vocab_size": 128256, "max_position_embeddings": 8192, "rms_norm_eps": 1e-5},
    ),
    Shape(
        "mistral_7b",
        "mistral",
        "config.json of mistralai/Mistral-7B-Instruct-v0.3 (Jiang et al. 2023, arXiv:2310.06825): 7.25 billion",
        "bfloat16",
        _EIGHT
        | {
            "vocab_size": 32768,
            "max_position_embeddings": 32768,
            "rms_norm_eps": 1e-5,
            "sliding_window": None,
        },
    ),
)
SHAPES: Mapping[str, Shape] = {shape.name: shape for shape in (*TINY, *REAL)}
