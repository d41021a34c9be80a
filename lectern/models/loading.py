"""Load the base model and its tokenizer from one of three sources.

`embedded`: bundled weights from a Python package, without a model hub (`models.bundled`); they are converted once into
the user's cache. `hub`: a model hub, or a directory. `random`: a tiny untrained model with a bundled tokenizer, for
smoke runs and tests.
"""

import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lectern.core.errors import LecternError
from lectern.core.printing import first_line
from lectern.models import chat_format, hub, stand_ins
from lectern.models.packaged import converted
from lectern.settings.base_model import BaseModelSettings

DTYPES = ("float32", "float16", "bfloat16")


def get_tokenizer(base: BaseModelSettings) -> Any:
    """The tokenizer with the chat template that serving uses, padding token set.

    Raises:
        LecternError: the model cannot be loaded, has no chat template, or does not have `end_of_turn` as a token.
    """
    from transformers import AutoTokenizer

    tokenizer = _load(
        base,
        lambda place, **options: AutoTokenizer.from_pretrained(place, trust_remote_code=False, **options),
    )
    if base.end_of_turn not in tokenizer.get_vocab():
        raise LecternError(
            f"base_model {base.name}: end_of_turn {base.end_of_turn!r} is not a token of this model. Look in its chat "
            "template for the token that ends a turn, and correct conf/base_model."
        )
    if not base.own_template:
        tokenizer.chat_template = chat_format.without_marks(
            chat_format.training_template(tokenizer, base.chat_template)
        )
    if tokenizer.chat_template is None:
        raise LecternError(
            f"base_model {base.name} has no chat template of its own. Set own_template: false in conf/base_model, and "
            "name in chat_template the format that it shall learn, such as phi_qa.jinja."
        )
    if tokenizer.pad_token is None:
        # Labels are masked by length, never by this token, so the end of a turn is trained even if it is the same one.
        tokenizer.pad_token = tokenizer.eos_token or base.end_of_turn
    return tokenizer


def get_model(
    base: BaseModelSettings, *, quantized: bool = False, dtype: str = "float32", attention: str | None = None
) -> Any:
    """Load the causal language model, in evaluation mode, on this process's GPU if there is one.

    Args:
        base: section `base_model`.
        quantized: whether the linear layers, without the head, are held in 4 bits: NF4 with double quantisation
            (Dettmers et al. 2023, arXiv:2305.14314), by bitsandbytes. The computation uses `dtype`.
        dtype: data type of the weights: float32, float16 or bfloat16.
        attention: attention implementation of transformers, such as sdpa or flash_attention_2; None for its default.

    Raises:
        LecternError: the model cannot be loaded, or not with these options.
    """
    if dtype not in DTYPES:
        raise LecternError(f"a model cannot be loaded in {dtype!r}; choose one of {', '.join(DTYPES)}")
    options = _options(quantized, dtype, attention)
    if base.source == "random":
        model = _stand_in(base, options)
    else:
        model = _load(base, lambda place, **where: _from_pretrained(place, **where, **options))
    limit = getattr(model.config, "max_position_embeddings", base.context_length)
    if base.context_length > limit:
        raise LecternError(
            f"base_model {base.name}: context_length {base.context_length} is above the {limit} tokens that the model "
            "can read. Lower it in conf/base_model."
        )
    if quantized:
        _stay_differentiable(model)
    return model.eval()


def _stay_differentiable(model: Any) -> None:
    """Keep bitsandbytes from rearranging 4-bit weights for inference.

    On a CPU with AVX512-BF16, the first evaluation would do so permanently. The kernel for that layout computes in
    bfloat16 and does not pass gradients on, so that the rest of a training would silently use wrong gradients.
    """
    for layer in model.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False


def _options(quantized: bool, dtype: str, attention: str | None) -> dict[str, Any]:
    """Return the options with which transformers loads the weights."""
    import torch

    options: dict[str, Any] = {"dtype": getattr(torch, dtype)}
    if attention is not None:
        options["attn_implementation"] = attention
    sharded = any(
        os.environ.get(f"ACCELERATE_USE_{name}") == "true" for name in ("FSDP", "DEEPSPEED")
    )  # accelerate then places the weights itself
    if torch.cuda.is_available() and not sharded:
        options["device_map"] = {"": int(os.environ.get("LOCAL_RANK", "0"))}
    if quantized:
        from transformers import BitsAndBytesConfig

        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=options["dtype"],
            # FSDP shards only modules whose weights all have the same data type
            bnb_4bit_quant_storage=options["dtype"] if sharded else torch.uint8,
        )
    return options


def _from_pretrained(place: str | Path, **options: Any) -> Any:
    from transformers import AutoModelForCausalLM

    # Pickled weights and a repository's own code can run anything that their author wrote.
    safe = {"use_safetensors": True, "trust_remote_code": False}
    try:
        return AutoModelForCausalLM.from_pretrained(place, **safe, **options)
    except (ImportError, ValueError) as error:
        asked = options.get("attn_implementation")
        if asked is None or not re.search("attention|attn", str(error), re.IGNORECASE):
            raise
        raise LecternError(
            f"train.attention: {asked} cannot be used: {first_line(error)}. Install it, or set "
            "train.attention to sdpa (or to null for the model's default)."
        ) from error


def _stand_in(base: BaseModelSettings, options: dict[str, Any]) -> Any:
    """Return the random model. It is saved and loaded like a real one, since only that can quantise to 4 bits."""
    assert base.architecture is not None
    tokenizer = get_tokenizer(base)
    model = stand_ins.random_model(
        base.architecture, tokenizer, context_length=base.context_length, seed=base.seed
    )
    with tempfile.TemporaryDirectory(prefix="lectern-") as folder:
        model.save_pretrained(folder)
        loaded = _from_pretrained(folder, **options)
    loaded.name_or_path = loaded.config._name_or_path = base.name  # not the temporary directory
    return loaded


def _load(base: BaseModelSettings, load: Callable[..., Any]) -> Any:
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    if base.source != "hub":
        assert base.package is not None
        return load(converted(base.package), local_files_only=True)
    try:
        return load(base.hub_id, revision=base.revision)
    except Exception as error:
        if not hub.is_refusal(error):
            raise
        raise LecternError(
            f"base_model {base.name}: {hub.why_not(str(base.hub_id), base.revision, error)}"
        ) from error
