"""Section `decoding` as other programs name its options, and what they do otherwise."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lectern.llm import option_names
from lectern.llm.option_names import PENALTY_WINDOW, name_options
from lectern.settings.decoding import Decoding

LLAMA_CPP, OLLAMA, VLLM, TRANSFORMERS = "llama.cpp", "Ollama", "vLLM", "transformers"
LAST = f"tokens of the prompt too if they are among the last {PENALTY_WINDOW}"
COUNTED = {LLAMA_CPP: LAST, OLLAMA: LAST, VLLM: "the prompt too", TRANSFORMERS: "the prompt too"}
"""Program -> what a repetition penalty counts besides the tokens of the answer."""


def name_for_vllm(decoding: Decoding) -> str:
    """The value of vLLM's `--override-generation-config`, as JSON.

    The options hold for the requests that do not give them, in place of those of generation_config.json.
    """
    return json.dumps(name_options(asdict(decoding), option_names.VLLM))


def name_for_transformers(decoding: Decoding) -> Mapping[str, Any]:
    """The arguments of `generate`."""
    return {"do_sample": bool(decoding.temperature), **decoding.changes}


def describe(decoding: Decoding) -> str:
    """How tokens were chosen, as a sentence."""
    said = ", ".join(f"{name} {value}" for name, value in decoding.changes.items())
    how = f"with {said}" if said else "by taking the most likely token each time"
    return f"The answers that were measured were written {how}."


def list_differences(decoding: Decoding, program: str) -> list[str]:
    """What a program does otherwise than the stages with these options, in sentences."""
    found = []
    if decoding.repetition_penalty != 1:
        found.append(
            f"The repetition penalty of {program} counts {COUNTED[program]}. The answers that were measured were "
            "penalised for their own tokens alone."
        )
    if decoding.no_repeat_ngram_size:
        size = decoding.no_repeat_ngram_size
        found.append(
            f"transformers forbids runs of {size} tokens that the prompt has, too (no_repeat_ngram_size)."
            if program == TRANSFORMERS
            else f"{program} has no option no_repeat_ngram_size, which is {size}, so it writes answers without it."
        )
    return found
