"""The options of section `decoding` by the names that servers have for them."""

from collections.abc import Mapping
from dataclasses import asdict

from lectern.settings.decoding import Decoding

_SHARED = {name: name for name in ("temperature", "top_p", "top_k", "min_p")}
LLAMA_CPP: Mapping[str, str] = {**_SHARED, "repetition_penalty": "repeat_penalty"}
"""Option -> its name in llama.cpp and Ollama. Options that are not here, they do not have."""
VLLM: Mapping[str, str] = {**_SHARED, "repetition_penalty": "repetition_penalty"}
"""Option -> its name in vLLM. It ignores llama.cpp's name of the penalty, and llama.cpp ignores vLLM's."""

PENALTY_WINDOW = 64
"""Number of last tokens that a penalty counts in llama.cpp and Ollama, whose default it is. The prompt's count too, so
a longer window would penalise what an answer should quote from the prompt."""
ORDER = ("penalties", "temperature", "top_k", "top_p", "min_p")
"""The order in which transformers applies the options. llama.cpp's own order has the temperature last."""


def name_options(options: Mapping[str, float], names: Mapping[str, str]) -> dict[str, float]:
    """Name the options as a server does, without those that it does not have."""
    return {names[option]: value for option, value in options.items() if option in names}


def name_for_llama_cpp(decoding: Decoding) -> Mapping[str, float]:
    """The options by the names of llama.cpp and Ollama."""
    return {**name_options(asdict(decoding), LLAMA_CPP), "repeat_last_n": PENALTY_WINDOW}
