"""What the server accepts of a request: the last value within each limit, the first beyond it, and what is sent on."""

import json
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from lectern.publishing import chat_requests
from lectern.publishing.chat_requests import Chat, Completion, Template, Tokenize
from lectern.settings.decoding import Decoding
from tests.settings import configure

GREEDY = configure(Decoding)
SAID = [{"role": "user", "content": "Why?"}]
CALL = {"id": "1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "look_up"}}


def read(kind: type[BaseModel], **values: Any) -> Any:
    return kind.model_validate_json(json.dumps(values))


def chat(**values: Any) -> Chat:
    found: Chat = read(Chat, **{"messages": SAID, **values})
    return found


def fault(kind: type[BaseModel], **values: Any) -> tuple[str, str | None]:
    with pytest.raises(ValidationError) as caught:
        read(kind, **values)
    return chat_requests.explain(caught.value)


@pytest.mark.parametrize(
    ("field", "accepted", "refused"),
    [
        ("max_tokens", [1], [0, 1.5, "1"]),
        ("max_completion_tokens", [1], [0]),
        ("temperature", [0, 2.0], [-0.1, 2.1, "1"]),
        ("top_p", [0, 1], [-0.1, 1.1]),
        ("top_k", [0, 2**31 - 1], [-1, 2**31]),
        ("min_p", [0, 1], [-0.1, 1.1]),
        ("presence_penalty", [-2, 2], [-2.1, 2.1]),
        ("frequency_penalty", [-2, 2], [-2.1, 2.1]),
        ("repeat_penalty", [0.1, 2], [0, 2.1]),
        ("repetition_penalty", [0.1, 2], [0, 2.1]),
        ("no_repeat_ngram_size", [0, None], [3, -1, 1.5]),
        ("seed", [-(2**63), 2**63 - 1], [2**63, -(2**63) - 1]),
        ("n", [1, 4], [0, 5]),
        ("stop", ["x", ["a"] * 4, "x" * 256, []], ["", ["a"] * 5, "x" * 257, ["a", ""]]),
        (
            "logit_bias",
            [{}, {"7": 100}, {"999999999": -100}],
            [{"7": 100.1}, {"7": -100.1}, {"x": 1}, {"-1": 1}, {"1234567890": 1}],
        ),
        ("logit_bias", [{str(n): 1 for n in range(300)}], [{str(n): 1 for n in range(301)}]),
        ("modalities", [["text"]], [["audio"], ["text", "text"]]),
        ("tool_choice", ["none", "auto", "required"], ["some"]),
        (
            "response_format",
            [{"type": "text"}, {"type": "json_object"}],
            [{"type": "xml"}, {"type": "json_schema"}],
        ),
        ("chat_template_kwargs", [{"enable_thinking": False}], [{"x": 1}]),
        ("tools", [[TOOL] * 32], [[TOOL] * 33]),
        ("messages", [SAID * 1024], [[], SAID * 1025]),
    ],
)
def test_a_field_has_its_limits_and_the_fault_names_it(
    field: str, accepted: list[Any], refused: list[Any]
) -> None:
    for value in accepted:
        chat(**{field: value})
    for value in refused:
        message, named = fault(Chat, **{"messages": SAID, field: value})
        assert named is not None
        assert named.partition(".")[0] == field
        assert message.startswith(f"{named}: ")
        assert "Value error" not in message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"logprobs": True, "top_logprobs": 20}, None),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"top_logprobs": 0}, None),
        ({"top_logprobs": 1}, "top_logprobs needs logprobs: true"),
        ({"stream": True, "stream_options": {"include_usage": True, "x": 1}}, None),
        ({"stream": False, "stream_options": {}}, "stream_options needs stream: true"),
        ({"tools": [TOOL], "response_format": {"type": "text"}}, None),
        ({"tools": [], "response_format": {"type": "json_object"}}, None),
        ({"tools": [TOOL], "response_format": {"type": "json_object"}}, "cannot be combined"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}}, None),
        (
            {"response_format": {"type": "text", "json_schema": {"name": "a", "schema": {}}}},
            "and only with it",
        ),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}}}, "name"),
        ({"grammar": "root ::= x"}, "does not support this field"),
        ({"repeat_penalty": 1.2, "repetition_penalty": 1.2}, None),
        ({"repeat_penalty": 1.2, "repetition_penalty": 1.3}, "are the same option"),
        ({"no_repeat_ngram_size": 3}, "llama.cpp cannot forbid repeated runs of tokens"),
        ({"user": "me", "metadata": {"a": 1}, "store": True}, None),
        ({"temperature": None, "grammar": None}, None),
    ],
)
def test_fields_must_fit_together_and_unknown_ones_are_refused(
    values: dict[str, Any], message: str | None
) -> None:
    if message is None:
        chat(**values)
    else:
        assert message in fault(Chat, messages=SAID, **values)[0]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"role": "user", "content": "x", "annotations": []}, None),
        ({"role": "developer", "content": ""}, None),
        ({"role": "user", "content": [{"type": "text", "text": "x"}]}, None),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {}}]},
            "only text, but a part is of the type image_url",
        ),
        ({"role": "user"}, "has no content"),
        ({"role": "user", "content": None, "tool_calls": [CALL]}, "has no content"),
        ({"role": "assistant", "content": None, "tool_calls": [CALL]}, None),
        ({"role": "assistant", "tool_calls": []}, "no content"),
        ({"role": "assistant", "content": "x", "tool_calls": []}, None),
        ({"role": "user", "content": "x", "tool_calls": []}, None),
        ({"role": "user", "content": "x", "tool_calls": [CALL]}, "only an assistant may call tools"),
        ({"role": "tool", "content": "x", "tool_call_id": "1"}, None),
        ({"role": "tool", "content": "x"}, "needs its tool_call_id"),
        ({"role": "god", "content": "x"}, "role"),
        ({"role": "assistant", "content": "x", "tool_calls": [CALL] * 33}, "tool_calls"),
    ],
)
def test_a_message_says_something_in_a_role_that_may(said: dict[str, Any], message: str | None) -> None:
    if message is None:
        [found] = read(Template, messages=[said]).messages
        assert found.tool_calls or found.tool_calls is None
    else:
        assert message in fault(Template, messages=[said])[0]


def test_llama_is_sent_what_was_asked_and_a_limit() -> None:
    assert chat(model="x", user="me", modalities=["text"]).for_llama(77, GREEDY) == {
        "messages": SAID,
        "max_tokens": 77,
        "temperature": 0.0,
        "top_p": 1.0,
        "top_k": 0,
        "min_p": 0.0,
        "repeat_penalty": 1.0,
        "repeat_last_n": 64,
        "samplers": ["penalties", "temperature", "top_k", "top_p", "min_p"],
    }
    assert chat(max_tokens=5).for_llama(77, GREEDY)["max_tokens"] == 5
    assert chat(max_tokens=5, max_completion_tokens=6).for_llama(77, GREEDY)["max_tokens"] == 6
    assert (chat().most_tokens, chat(max_tokens=5).most_tokens) == (None, 5)
    # property: a choice of tools without tools, and likeliest tokens without probabilities, are not passed on
    assert "tool_choice" not in chat(tool_choice="auto").for_llama(1, GREEDY)
    assert "tools" not in chat(tools=[]).for_llama(1, GREEDY)
    assert chat(tools=[TOOL], tool_choice="auto").for_llama(1, GREEDY)["tools"] == [TOOL]
    assert chat(tools=[TOOL], tool_choice="auto").for_llama(1, GREEDY)["tool_choice"] == "auto"
    assert "top_logprobs" not in chat(top_logprobs=0).for_llama(1, GREEDY)
    assert chat(logprobs=True, top_logprobs=3).for_llama(1, GREEDY)["top_logprobs"] == 3
    # property: every seed is one that llama.cpp takes as one
    assert [chat(seed=seed).for_llama(1, GREEDY)["seed"] for seed in (0, 7, -1, 2**32 - 1, 2**32)] == [
        0,
        7,
        2**32 - 2,
        0,
        1,
    ]
    assert "seed" not in chat().for_llama(1, GREEDY)
    schema = {"name": "a", "schema": {"type": "object"}}
    asked = {"type": "json_schema", "json_schema": schema}
    assert chat(response_format=asked).for_llama(1, GREEDY)["response_format"] == asked


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (
            Completion,
            {"prompt": [0, 2**31 - 1], "n_predict": 1},
            [{"prompt": []}, {"prompt": [-1]}, {"prompt": [2**31]}, {"n_predict": 0}],
        ),
        (
            Completion,
            {"prompt": [1], "n_predict": 1, "temperature": 2.0},
            [{"temperature": 2.1}, {"temperature": -1}, {"x": 1}],
        ),
        (Tokenize, {"content": ""}, [{"content": 1}, {"x": 1}]),
    ],
)
def test_what_the_check_asks_has_limits_too(
    kind: type[BaseModel], good: dict[str, Any], bad: list[dict[str, Any]]
) -> None:
    read(kind, **good)
    for values in bad:
        assert next(iter(values)) in str(fault(kind, **{**good, **values})[1])


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"items": schema}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        True,
        False,
        {},
        {
            "type": "object",
            "properties": {"a": {"type": "string"}},
            "required": ["a"],
            "additionalProperties": False,
        },
        {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/a"}], "$defs": {"a": {}}},
        nested(16),
        {"minItems": 256, "maxItems": 256},
        {"minLength": 0, "maxLength": 256},
        {"maxLength": 1},
        {"minimum": -(10**15), "maximum": 10**15},
        {"minimum": 1.5, "maximum": 1.5},
        {"exclusiveMinimum": 0, "exclusiveMaximum": 0},
        {"type": "integer", "minimum": 1.5, "maximum": 2},
        {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 2},
        {"type": "integer", "exclusiveMinimum": 0.5, "maximum": 1},
        {"type": "number", "minimum": 1.2, "maximum": 1.8},
        {"enum": [1, "x"], "default": {"anything": 1}, "description": "x" * 1000},
    ],
)
def test_a_schema_of_some_size_is_taken(schema: Any) -> None:
    chat_requests.check_schema(schema)


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"description": "x" * 16_384}, "more than 16384 characters"),
        (nested(17), "more than 16 deep"),
        ([], "is not a schema"),
        ({"properties": []}, "is not a schema"),
        ({"properties": {"a": 1}}, "is not a schema"),
        ({"anyOf": []}, "is not a schema"),
        ({"allOf": {}}, "is not a schema"),
        ({"items": [{}]}, "is not a schema"),
        ({"$defs": {"a": {"pattern": "x"}}}, "pattern in a schema"),
        ({"pattern": "(a|b)*"}, "pattern in a schema is not supported"),
        ({"$ref": "https://example.org"}, "outside the schema"),
        ({"minItems": 257}, "up to 256"),
        ({"maxItems": 257}, "up to 256"),
        ({"minLength": 3, "maxLength": 2}, "not above the second"),
        ({"minItems": -1}, "whole numbers from 0"),
        ({"minItems": 1.5}, "whole numbers"),
        ({"maxLength": 2.5}, "whole numbers"),
        ({"minItems": True}, "must be numbers"),
        ({"minimum": "1"}, "must be numbers"),
        ({"maximum": 1e16}, "up to 1000000000000000"),
        ({"minimum": 2, "maximum": 1}, "minimum and maximum"),
        ({"exclusiveMinimum": 2, "exclusiveMaximum": 1}, "exclusiveMinimum and"),
        ({"minimum": 2, "exclusiveMaximum": 1}, "minimum and exclusiveMaximum"),
        ({"exclusiveMinimum": 2, "maximum": 1}, "exclusiveMinimum and maximum"),
        ({"type": "integer", "minimum": 1.2, "maximum": 1.8}, "no whole number"),
        ({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, "no whole number"),
        ({"type": ["integer", "null"], "exclusiveMinimum": 1, "maximum": 1}, "no whole number"),
        ({"type": "integer", "minimum": 1, "exclusiveMaximum": 1}, "no whole number"),
    ],
    ids=str,
)
def test_a_schema_that_would_become_too_large_or_no_grammar_is_refused(schema: Any, message: str) -> None:
    with pytest.raises(ValueError, match=r"schema|numbers") as caught:
        chat_requests.check_schema(schema)
    assert message in str(caught.value)


def test_numbers_that_json_does_not_have_are_refused() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        chat_requests.check_schema({"maximum": float("inf")})
    schema = {"name": "a", "schema": {"maxItems": 257}}
    message, named = fault(
        Chat, messages=SAID, response_format={"type": "json_schema", "json_schema": schema}
    )
    assert (named, "up to 256" in message) == ("response_format.json_schema.schema", True)
    assert fault(Chat, messages=SAID, **{"x" * 100: 1})[1] == "x" * 80 + "..."
    assert fault(Chat, messages=SAID, **{"x" * 80: 1})[1] == "x" * 80


def test_the_options_of_the_stages_hold_unless_a_request_says_otherwise() -> None:
    chosen = configure(
        Decoding,
        temperature=0.7,
        top_p=0.9,
        top_k=5,
        min_p=0.1,
        repetition_penalty=1.2,
        no_repeat_ngram_size=3,
    )
    told = {
        "temperature": 0.7,
        "top_p": 0.9,
        "top_k": 5,
        "min_p": 0.1,
        "repeat_penalty": 1.2,
        "repeat_last_n": 64,
    }
    assert told.items() <= chat().for_llama(1, chosen).items()
    sent = chat(temperature=0.0, repetition_penalty=1.0, no_repeat_ngram_size=0).for_llama(1, chosen)
    assert {**told, "temperature": 0.0, "repeat_penalty": 1.0}.items() <= sent.items()
    # property: llama.cpp is sent no option that it does not have
    assert not {"repetition_penalty", "no_repeat_ngram_size"} & set(sent)
