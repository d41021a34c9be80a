"""Write models/export/USAGE.md, which tells others how to load the exported model."""

import shlex
from collections.abc import Sequence

from lectern.llm import option_names
from lectern.publishing import engine_options
from lectern.settings.decoding import Decoding


def write(name: str, method: str, ggufs: Sequence[str], decoding: Decoding) -> str:
    """The text, with commands for the forms that were exported.

    Args:
        name: of the model.
        method: of section `train`; with `full` there is no adapter.
        ggufs: paths of the GGUF files, relative to the folder.
        decoding: how tokens were chosen for the answers that were measured.
    """
    as_measured = f"--override-generation-config {shlex.quote(engine_options.name_for_vllm(decoding))}"
    llama = [engine_options.LLAMA_CPP, engine_options.OLLAMA] if ggufs else []
    programs = [engine_options.TRANSFORMERS, engine_options.VLLM, *llama]
    parts = [
        f"# Load {name}",
        "",
        "Run from this folder. The chat template travels with each form; use the chat endpoints, which apply it.",
        "",
        *_describe(decoding, programs),
        *_block("transformers", _TRANSFORMERS.format(options=_name_for_transformers(decoding)), "python"),
        *_block("vLLM, with OpenAI's API", f"vllm serve merged --served-model-name {name} {as_measured}"),
    ]
    if method != "full":
        parts += _block(
            "vLLM, the adapter beside its base model (`adapter/adapter_config.json` names it)",
            f"vllm serve BASE_MODEL --enable-lora --lora-modules {name}=adapter {as_measured}",
        )
    if ggufs:
        parts += [
            *_block(
                "llama.cpp, with OpenAI's API",
                f"llama-server --jinja -m {ggufs[0]} {_name_for_llama_cpp(decoding)}",
            ),
            *_block("Ollama", "ollama create lectern -f Modelfile && ollama run lectern"),
            *_block(
                "text-generation-webui: copy a GGUF file to its models folder",
                f"cp {ggufs[0]} PATH/user_data/models/ && python server.py --model {ggufs[0].rpartition('/')[2]} --api",
            ),
        ]
    return "\n".join(parts).rstrip() + "\n"


_TRANSFORMERS = """from transformers import pipeline

ask = pipeline("text-generation", "merged")
asked = [{{"role": "user", "content": "Your question"}}]
print(ask(asked, max_new_tokens=256, {options})[0]["generated_text"][-1]["content"])"""


def _describe(decoding: Decoding, programs: Sequence[str]) -> list[str]:
    """How tokens were chosen, and what the programs do otherwise."""
    lines = [f"{engine_options.describe(decoding)} The commands say the same."]
    for program in programs:
        lines += engine_options.list_differences(decoding, program)
    return [*lines, ""]


def _name_for_transformers(decoding: Decoding) -> str:
    named = engine_options.name_for_transformers(decoding)
    return ", ".join(f"{name}={value}" for name, value in named.items())


def _name_for_llama_cpp(decoding: Decoding) -> str:
    named = {**option_names.name_for_llama_cpp(decoding)}
    flags = {"temp": named.pop("temperature"), **named, "samplers": f"'{';'.join(option_names.ORDER)}'"}
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in flags.items())


def _block(title: str, code: str, language: str = "bash") -> list[str]:
    return [f"**{title}**", "", f"```{language}", *code.splitlines(), "```", ""]
