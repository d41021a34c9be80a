"""Tiny untrained models of common architectures, with a real tokenizer, for smoke runs and tests.

Their outputs are meaningless, but they run the same code as real models of the architecture.
"""

from typing import Any

SIZE = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


def random_model(architecture: str, tokenizer: Any, *, context_length: int, seed: int) -> Any:
    """Make a causal language model with random weights, float32, in evaluation mode. Most weights are the embedding's.

    Args:
        architecture: one of `settings.base_model.ARCHITECTURES`, the model type in transformers.
        tokenizer: whose vocabulary and special tokens it has.
        context_length: tokens that it can read.
        seed: the same seed gives the same weights, whatever was drawn before.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    # Some have separate parameters for the width of a head, whose defaults suit a large model.
    width = SIZE["hidden_size"] // SIZE["num_attention_heads"]
    apart = {"qwen3": ("head_dim",), "gemma3_text": ("head_dim", "query_pre_attn_scalar")}
    own = dict.fromkeys(apart.get(architecture, ()), width)
    config = AutoConfig.for_model(
        architecture,
        vocab_size=len(tokenizer),
        max_position_embeddings=context_length,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **SIZE,
        **own,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
