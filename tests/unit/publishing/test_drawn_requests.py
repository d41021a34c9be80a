"""What becomes of drawn requests and options, and what is written beside a model, is committed case by case."""

import json
import random
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lectern.publishing import chat_requests, engine_options, modelfile, usage, writing
from lectern.settings.decoding import Decoding
from tests.settings import configure
from tests.support import expected

VALUES: dict[str, tuple[Any, ...]] = {
    "max_tokens": (5, 0, None),
    "max_completion_tokens": (7, "7"),
    "temperature": (0, 2, 3),
    "repeat_penalty": (1.1, 0),
    "repetition_penalty": (1.1, 1.2),
    "seed": (-1, 2**63 - 1),
    "stop": ("x", ["a", "b"], []),
    "logprobs": (True, False),
    "top_logprobs": (2, 21),
    "stream": (True, False),
    "stream_options": ({"include_usage": True},),
    "response_format": (
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
    ),
    "tools": ([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}], []),
    "tool_choice": ("auto", "some"),
    "user": ("ann",),
    "unknown": (1,),
    "messages": (
        [{"role": "user", "content": [{"type": "text", "text": "Why?"}]}],
        [{"role": "user"}],
        [{"role": "assistant", "tool_calls": []}],
    ),
}
WORDS: dict[str, tuple[Any, ...]] = {
    "type": ("object", "integer", "string"),
    "minimum": (1, 5.5, "x"),
    "maximum": (5, 6, 0),
    "exclusiveMinimum": (5,),
    "exclusiveMaximum": (6,),
    "minItems": (0, 2),
    "maxItems": (1, 10**9),
    "$ref": ("#/a", "http://x"),
    "pattern": ("a+",),
    "enum": ([1, 2],),
}


def draw_schema(draw: random.Random, depth: int = 0) -> Any:
    schema: dict[str, Any] = {
        name: draw.choice(values) for name, values in WORDS.items() if draw.random() < 0.2
    }
    if depth < 3:
        inner = {
            "properties": {"a": draw_schema(draw, depth + 1)},
            "items": draw_schema(draw, depth + 1),
            "anyOf": [draw_schema(draw, depth + 1)],
        }
        schema |= {name: part for name, part in inner.items() if draw.random() < 0.3}
    return schema if draw.random() < 0.97 else draw.choice([True, 3])


def test_requests() -> None:
    found: dict[str, Any] = {}
    decoding = configure(Decoding, temperature=0.5, top_k=3)
    for case in range(200):
        draw = random.Random(case)
        body = {"messages": [{"role": "user", "content": "Why?"}]}
        body |= {name: draw.choice(values) for name, values in VALUES.items() if draw.random() < 0.12}
        try:
            read = chat_requests.Chat.model_validate_json(json.dumps(body))
            found[str(case)] = [read.for_llama(99, decoding), read.most_tokens]
        except ValidationError as error:
            found[str(case)] = chat_requests.explain(error)
        try:
            chat_requests.check_schema(draw_schema(draw))
            found[f"schema {case}"] = "fits"
        except ValueError as error:
            found[f"schema {case}"] = str(error)
    expected.check_many("drawn/requests.json", found)


def test_options_and_files(tuned: Path, tmp_path: Path, tokenizer: Any) -> None:
    found: dict[str, Any] = {}
    for temperature in (0.0, 0.7):
        for penalty in (1.0, 1.2):
            for size in (0, 3):
                decoding = configure(
                    Decoding,
                    temperature=temperature,
                    repetition_penalty=penalty,
                    no_repeat_ngram_size=size,
                    top_p=0.9,
                )
                found[f"{temperature} {penalty} {size}"] = [
                    engine_options.name_for_vllm(decoding),
                    engine_options.name_for_transformers(decoding),
                    engine_options.describe(decoding),
                    [
                        engine_options.list_differences(decoding, program)
                        for program in engine_options.COUNTED
                    ],
                    usage.write("m", "lora" if size else "full", ["gguf/m.gguf"][: size + 1], decoding),
                    modelfile.write(
                        "m.gguf",
                        tokenizer,
                        context=512,
                        end_of_turn="<|im_end|>",
                        persona=["Be brief.", None][bool(size)],
                        decoding=decoding,
                    ),
                ]
    writing.write(tuned, tmp_path / "out")
    for path in sorted((tmp_path / "out").rglob("*")):
        if path.is_file():
            found[path.relative_to(tmp_path).as_posix()] = path.read_text(encoding="utf-8")
    expected.check_many("published.json", found)
