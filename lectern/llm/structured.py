"""JSON that fits a schema: requesting it, extracting it from a reply, and checking it."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lectern.core.io import parse_json
from lectern.llm import python_literals

# What OpenAI's strict mode accepts. It rejects a schema with any other keyword, so such a schema is only sent as a
# hint. vLLM, llama.cpp and Ollama enforce the schema either way.
STRICT_KEYWORDS = frozenset({
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref", "$defs",
    "title", "description", "minItems", "maxItems", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "multipleOf", "pattern",
})  # fmt: skip
FENCED = re.compile(r"```[a-zA-Z]*\s+(.*?)\s*```", re.DOTALL)
THOUGHT = re.compile(r"</think(?:ing)?>|\[/THINK\]|</(?:reasoning|thought)>", re.I)
"""The end of a model's reasoning. What stands before the last one is not the reply."""
OPENED = re.compile(r"\s*(?:<think(?:ing)?>|\[THINK\]|<(?:reasoning|thought)>)", re.I)
SPARE_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[\]}])', re.DOTALL)
QUOTES = dict.fromkeys(map(ord, "'`\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb"), '"')
WISHES = frozenset({"additionalProperties", "maxItems", "maxLength"})
MOST_TRIES = 200
"""How many places of a reply are tried as the beginning of JSON."""


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


def unwrap(text: str, schema: Mapping[str, Any] | None = None, asked: Sequence[str] = ()) -> str:
    """The JSON of a reply, without the reasoning, code fence or words that some models put around it.

    JSON between other words is no reply if one of the texts `asked` holds it too: a judge may quote the answer that
    tells it its score. A whole reply counts whatever it is.

    It is the last JSON object or array that fits the schema (`find_problem`), in the text after the reasoning. If none
    fits, it is the last one, so that the problem can be named. A comma before a closing bracket is left out, and a
    dict of Python (`{'question': 'x'}`) is written as JSON.
    """
    text = _unfenced(text)
    after = _unfenced(THOUGHT.split(text)[-1])
    if _is_json(text) or (OPENED.match(text) and after == text):  # the reasoning was cut off
        return _as_object(text, schema)
    best, condensed = None, [_condense(one) for one in asked]
    literal = python_literals.to_json(after)
    ways = [after, SPARE_COMMA.sub(r"\1", after), literal, text]
    if _is_json(literal):  # the whole reply is a dict of Python, whose strings may hold JSON
        ways.insert(0, literal)
    for where in dict.fromkeys(ways):
        is_whole = _is_json(where)
        found = [_as_object(value, schema) for value in ([where] if is_whole else _values(where))]
        is_broken = not is_whole and where[:1] in ("{", "[")  # then what is inside of it is not the reply
        if fitting := [value for value in found if find_problem(value, schema) is None]:
            own = [value for value in fitting if is_whole or not _is_quoted(value, condensed)]
            if own and (schema is not None or not is_broken):
                return own[-1]
        elif found and not is_broken:
            best = best or found[-1]
    return best or after or text


def _is_quoted(value: str, condensed: Iterable[str]) -> bool:
    """Whether one of the texts, as `_condense` returns them, holds this JSON."""
    found = _condense(value)
    return any(found in text for text in condensed)


def _condense(text: str) -> str:
    """The text without spaces, with one kind of quotation marks."""
    return "".join(text.translate(QUOTES).split()).lower()  # Python writes True


def _as_object(text: str, schema: Mapping[str, Any] | None) -> str:
    """The reply; a bare array becomes the only property of the object that was asked for."""
    properties = (schema or {}).get("properties", {})
    if text.startswith("[") and [part.get("type") for part in properties.values()] == ["array"]:
        return f"{{{json.dumps(next(iter(properties)))}: {text}}}"
    return text


def _unfenced(text: str) -> str:
    found = FENCED.fullmatch(text.strip())
    return found[1].strip() if found else text.strip()


def _values(text: str) -> list[str]:
    """The JSON objects and arrays in a text, without those inside of another one."""
    decoder = json.JSONDecoder()
    found: list[str] = []
    begin = tries = 0
    while tries < MOST_TRIES and (start := re.compile(r"[{\[]").search(text, begin)):
        tries += 1
        try:
            value, begin = decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            begin = start.end()
            continue
        if value:
            found.append(text[start.start() : begin])
    return found


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def find_problem(text: str, schema: Mapping[str, Any] | None) -> str | None:
    """Why `text` does not fit the JSON schema, in one line that a person or the LLM can act on; `None` if it fits.

    Bounds on the number of rows and on the length of a text are wishes, other properties do no harm, and of several
    rows (objects in an array) one must fit: whoever reads the reply leaves the others out (`fits`).
    """
    if schema is None:
        return None if text.strip() else "the reply is empty"
    try:
        value = parse_json(text)
        wrong = min(_validator(schema).iter_errors(value), key=str, default=None)
    except RecursionError:  # what can be read may still be too deep to be shown in an error
        return "the reply is not usable: it is nested too deeply"
    except json.JSONDecodeError:
        # Its own words differ between versions of Python, and the prompt that asks again would quote them.
        return "the reply is not JSON" if text.strip() else "the reply is empty"
    except ValueError as error:
        return f"the reply is not JSON: {error}"
    if wrong is None:
        return None
    if wrong.validator == "contains" and not wrong.instance:
        return _tell(wrong.absolute_path, "[] should be non-empty")
    if wrong.validator == "contains":
        first = _validator(wrong.validator_value).iter_errors(wrong.instance[0])
        inner = min(first, key=str)
        return _tell([*wrong.absolute_path, 0, *inner.absolute_path], inner.message)
    return _tell(wrong.absolute_path, wrong.message)


def fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a part of a reply, such as a row, fits its own schema as `find_problem` reads it."""
    return bool(_validator(schema).is_valid(value))


def _tell(path: Iterable[Any], message: str) -> str:
    where = "/".join(map(str, path)) or "the reply"
    return " ".join(f"{where}: {message[:200]}".split())


def _validator(schema: Mapping[str, Any]) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(_relaxed(schema))


def _relaxed(schema: Any) -> Any:
    """The schema without what `find_problem` takes for a wish."""
    if not isinstance(schema, Mapping):
        return schema
    kept = {key: value for key, value in schema.items() if key not in WISHES}
    if "properties" in kept:
        kept["properties"] = {name: _relaxed(part) for name, part in kept["properties"].items()}
    if kept.get("minItems", 0) > 1:
        kept["minItems"] = 1
    if isinstance(items := kept.get("items"), Mapping):
        kept["items"] = _relaxed(items)
        if items.get("type") == "object" and kept.get("minItems"):
            kept["contains"] = kept.pop("items")
    return kept
