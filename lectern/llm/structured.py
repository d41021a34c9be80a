"""JSON that fits a schema: requesting it, extracting it from a reply, and checking it."""

import json
import re
from collections.abc import Mapping
from typing import Any

# What OpenAI's strict mode accepts. It rejects a schema with any other keyword, so such a schema is only sent as a
# hint. vLLM, llama.cpp and Ollama enforce the schema either way.
STRICT_KEYWORDS = {
    *(
        "type",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "enum",
        "const",
        "anyOf",
        "$ref",
        "$defs",
    ),
    *(
        "title",
        "description",
        "minItems",
        "maxItems",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
    ),
    *("multipleOf", "pattern"),
}
FENCED = re.compile(r"```[a-zA-Z]*[ \t]*\n(.*?)\n?[ \t]*```", re.DOTALL)
THOUGHT = re.compile(r"\s*<think>.*?</think>", re.DOTALL)


def closed_object(**properties: dict[str, Any]) -> dict[str, Any]:
    """The JSON schema of an object that has these properties, in this order, and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def response_format(output: str, schema: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The `response_format` option; `None` if JSON is requested by the prompt only."""
    if schema is None or output == "prompt":
        return None
    if output == "json_object":
        return {"type": "json_object"}
    described = {"name": "reply", "schema": dict(schema), "strict": may_be_strict(schema)}
    return {"type": "json_schema", "json_schema": described}


def instruction(output: str, schema: Mapping[str, Any] | None) -> str:
    """The text to add to the last message; empty if the server is given the schema."""
    if schema is None or output == "json_schema":
        return ""
    shown = json.dumps(schema, ensure_ascii=False)
    return f"\n\nReply with JSON alone, without any other words, that fits this JSON schema:\n{shown}"


def may_be_strict(schema: Any) -> bool:
    """Whether OpenAI's strict mode accepts the schema: closed objects, all properties required, no other keywords."""
    if isinstance(schema, bool):
        return True
    if not STRICT_KEYWORDS.issuperset(schema):
        return False
    properties = schema.get("properties", {})
    if (schema.get("type") == "object" or properties) and (
        schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(properties)
    ):
        return False
    inner = [*properties.values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", ())]
    return all(may_be_strict(part) for part in [*inner, *([schema["items"]] if "items" in schema else [])])


def unwrap(text: str) -> str:
    """The JSON of a reply, without the reasoning, code fence or words that some models put around it."""
    text = THOUGHT.sub("", text, count=1).strip() if text.lstrip().startswith("<think>") else text.strip()
    if text[:1] not in ("{", "[") and (found := FENCED.findall(text)):
        return found[0].strip() if len(found) == 1 else text
    return text


def find_problem(text: str, schema: Mapping[str, Any] | None) -> str | None:
    """Why `text` does not fit the JSON schema, in one line that a person or the LLM can act on; `None` if it fits."""
    if schema is None:
        return None if text.strip() else "the reply is empty"
    from jsonschema import Draft202012Validator

    try:
        value = json.loads(text, parse_constant=_refuse)
        json.dumps(value, ensure_ascii=False).encode()
        wrong = min(Draft202012Validator(schema).iter_errors(value), key=str, default=None)
    except RecursionError:
        return "the reply is not usable: it is nested too deep"
    except UnicodeEncodeError:
        return "the reply is not text: it holds half a surrogate pair, such as \\ud83d alone"
    except ValueError as error:
        return f"the reply is not JSON: {error}" if text.strip() else "the reply is empty"
    if wrong is None:
        return None
    where = "/".join(str(part) for part in wrong.absolute_path) or "the reply"
    return " ".join(f"{where}: {wrong.message[:200]}".split())


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
