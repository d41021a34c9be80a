"""Write models/export/USAGE.md, which tells others how to load the exported model."""

from collections.abc import Sequence


def write(name: str, method: str, ggufs: Sequence[str]) -> str:
    """The text, with commands for the forms that were exported.

    Args:
        name: of the model.
        method: of section `train`; with `full` there is no adapter.
        ggufs: paths of the GGUF files, relative to the folder.
    """
    parts = [
        f"# Load {name}",
        "",
        "Run from this folder. The chat template travels with each form; use the chat endpoints, which apply it.",
        "",
        *_block("transformers", _TRANSFORMERS, "python"),
        *_block("vLLM, with OpenAI's API", f"vllm serve merged --served-model-name {name}"),
    ]
    if method != "full":
        parts += _block(
            "vLLM, the adapter beside its base model (`adapter/adapter_config.json` names it)",
            f"vllm serve BASE_MODEL --enable-lora --lora-modules {name}=adapter",
        )
    if ggufs:
        parts += [
            *_block("llama.cpp, with OpenAI's API", f"llama-server --jinja -m {ggufs[0]}"),
            *_block("Ollama", "ollama create lectern -f Modelfile && ollama run lectern"),
            *_block(
                "text-generation-webui: copy a GGUF file to its models folder",
                f"cp {ggufs[0]} PATH/user_data/models/ && python server.py --model {ggufs[0].rpartition('/')[2]} --api",
            ),
        ]
    return "\n".join(parts).rstrip() + "\n"


_TRANSFORMERS = """from transformers import pipeline

ask = pipeline("text-generation", "merged")
print(ask([{"role": "user", "content": "Your question"}], max_new_tokens=256)[0]["generated_text"][-1]["content"])"""


def _block(title: str, code: str, language: str = "bash") -> list[str]:
    return [f"**{title}**", "", f"```{language}", *code.splitlines(), "```", ""]
