"""The options of section `decoding` by the names that servers have for them."""

from collections.abc import Mapping

_SHARED = {name: name for name in ("temperature", "top_p", "top_k", "min_p")}
LLAMA_CPP: Mapping[str, str] = {**_SHARED, "repetition_penalty": "repeat_penalty"}
"""Option -> its name in llama.cpp and Ollama. Options that are not here, they do not have."""
VLLM: Mapping[str, str] = {**_SHARED, "repetition_penalty": "repetition_penalty"}
"""Option -> its name in vLLM. It ignores llama.cpp's name of the penalty, and llama.cpp ignores vLLM's."""


def name_options(options: Mapping[str, float], names: Mapping[str, str]) -> dict[str, float]:
    """Name the options as a server does, without those that it does not have."""
    return {names[option]: value for option, value in options.items() if option in names}
