"""The marks that chat templates put around messages, and how text that holds some is made harmless.

A server renders the messages with its model's template and turns the result into tokens. Most servers take a mark
inside of a message for the template's own, so a text that holds one could end its message and begin the system's. The
models behind a server are not known here, so the marks of all usual ones are replaced. A packaged model needs no list:
its messages are made into tokens as plain text (`llm.bundled`).
"""

import re

NAMES = (
    # Llama 2, Mistral, Gemma
    r"s|bos|eos|pad|unk|mask|cls|sep|start_of_turn|end_of_turn|start_of_\w+|end_of_\w+|image_soft_token|unused\d+",
    # reasoning and tools: Qwen, Hermes, Granite, GLM
    r"think|tools?|tool_\w+|function_\w+|arg_key|arg_value",
    # code and other tokens of pretraining: SmolLM, StarCoder, T5, Nemotron
    r"repo_?name|file_?sep|filename|gh_stars|issue_\w+|jupyter_\w+|empty_output|commit_\w+|fim_\w+|pr_\w+",
    r"extra_id_\d+|SPECIAL_\d+|reserved_\w+|TOKENS_UNUSED_\d+",
    # InternLM, ChatGLM, Baichuan, MiniCPM
    r"eoh|eoa|eot|sop|eop|eod|用户|AI",
)
SQUARE = (
    "INST",
    "SYSTEM_PROMPT",
    "AVAILABLE_TOOLS",
    "TOOL_CALLS",
    "TOOL_RESULTS",
    "TOOL_CONTENT",
    "THINK",
    "MODEL_SETTINGS",
    "IMG",
    "IMG_BREAK",
    "IMG_END",
    "gMASK",
    "sMASK",
    "MASK",
    "CLS",
    "SEP",
    "UNK",
    "PAD",
    "BOS",
    "EOS",
)
ANGLE = re.compile(
    rf"<(?=/?(?:{'|'.join(NAMES)})>"
    r"|\|[^<>|\n]{1,60}\|>"  # <|im_end|>: ChatML, Llama 3, Phi, Cohere, gpt-oss
    r"|｜[^<>\n]{1,60}｜>"
    r"|</?SYS>>)",  # Llama 2: <<SYS>>
    re.I,
)
BRACKET = re.compile(
    rf"\[(?=/?(?:{'|'.join(SQUARE)})\]|\|[^\[\]|\n]{{1,60}}\|\])"
)  # the last: EXAONE's [|user|]


def disarm(text: str) -> str:
    """The text without marks: the first character of each becomes one that looks like it."""
    return BRACKET.sub("\u2045", ANGLE.sub("\u2039", text))
