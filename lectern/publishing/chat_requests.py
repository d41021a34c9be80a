"""What may be asked of the server: OpenAI's chat API and the three questions of `serve --check`, each within limits.

llama.cpp takes what it is given: a billion likely tokens for each token, a temperature below zero, a grammar that
repeats a rule a million times. What reaches it is written anew from these models, so that nothing else can.
"""

import json
import math
import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

MOST_MESSAGES = 1024
TOP_LOGPROBS = 20
TEMPERATURE = 2.0
PENALTY = 2.0
STOPS, STOP_CHARACTERS = 4, 256
BIASES, BIAS = 300, 100.0
CHOICES = 4
TOOLS = 32
DEFAULT_TOKENS = 512
"""Of an answer, where `max_tokens` is left out."""
SCHEMA_CHARACTERS, SCHEMA_DEPTH, REPETITIONS = 16_384, 16, 256
"""Of a JSON schema, which llama.cpp turns into a grammar: its size, its depth, and how often a part may repeat."""
LARGEST = 10**15
"""Number in a JSON schema."""
RANGES = (
    ("minItems", "maxItems", REPETITIONS),
    ("minLength", "maxLength", REPETITIONS),
    ("minimum", "maximum", LARGEST),
    ("exclusiveMinimum", "exclusiveMaximum", LARGEST),
    ("minimum", "exclusiveMaximum", LARGEST),
    ("exclusiveMinimum", "maximum", LARGEST),
)
SCHEMAS_BY_NAME = frozenset(("properties", "$defs", "definitions"))
LISTS_OF_SCHEMAS = frozenset(("anyOf", "oneOf", "allOf", "prefixItems"))
SCHEMAS = frozenset(("items", "additionalProperties"))
WORDS = frozenset(
    (
        *(
            "$id",
            "$ref",
            "$schema",
            "const",
            "default",
            "deprecated",
            "description",
            "enum",
            "examples",
            "format",
        ),
        *("nullable", "required", "title", "type"),
        *(name for least, most, _ in RANGES for name in (least, most)),
    )
)
"""What of JSON Schema is taken: keywords that hold no schema."""
HARMLESS = frozenset(
    (
        "metadata",
        "parallel_tool_calls",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning_effort",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
        "verbosity",
    )
)
"""Fields that clients send and that change nothing here: they are left out."""
SEEDS = 2**32 - 1
"""llama.cpp takes seeds below this; this one itself means chance."""

Token = Annotated[int, Field(ge=0, lt=2**31)]
ToolName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Lenient(BaseModel):
    """Other fields are left out: clients send back what other servers answered."""

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)


class Text(_Lenient):
    """A part of a message."""

    type: Literal["text"]
    text: str


class CalledFunction(_Lenient):
    """What an assistant called."""

    name: ToolName
    arguments: str


class Call(_Lenient):
    """A call of a tool by the assistant."""

    id: str
    type: Literal["function"] = "function"
    function: CalledFunction


class ChatMessage(_Lenient):
    """One message of a conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[Text] | None = None
    reasoning_content: str | None = None
    tool_calls: list[Call] | None = Field(default=None, max_length=TOOLS)
    tool_call_id: str | None = None
    name: str | None = None

    @field_validator("content", mode="before")
    @classmethod
    def _only_text(cls, content: Any) -> Any:
        for part in content if isinstance(content, list) else []:
            kind = part.get("type") if isinstance(part, dict) else None
            if isinstance(kind, str) and kind != "text":
                raise ValueError(f"the model reads text alone, and a part is of the type {_short(kind)}")
        return content

    @model_validator(mode="after")
    def _says_something(self) -> "ChatMessage":
        if self.content is None and not (self.role == "assistant" and self.tool_calls):
            raise ValueError("the message has no content")
        if not self.tool_calls:
            self.tool_calls = None  # other servers answer with an empty list
        elif self.role != "assistant":
            raise ValueError("only an assistant calls tools")
        if self.role == "tool" and self.tool_call_id is None:
            raise ValueError("a tool's message needs its tool_call_id")
        return self


Messages = Annotated[list[ChatMessage], Field(min_length=1, max_length=MOST_MESSAGES)]


def _take_bounded(schema: Any) -> Any:
    check_schema(schema)
    return schema


class Function(_Strict):
    """A function that the model may call."""

    name: ToolName
    description: str | None = None
    parameters: Annotated[dict[str, Any] | None, AfterValidator(_take_bounded)] = None
    strict: bool | None = None


class Tool(_Strict):
    """A tool; functions are the only kind."""

    type: Literal["function"]
    function: Function


class Schema(_Strict):
    """A JSON schema that the answer follows."""

    name: ToolName
    description: str | None = None
    schema_: Annotated[dict[str, Any], AfterValidator(_take_bounded)] = Field(alias="schema")
    strict: bool | None = None


class Format(_Strict):
    """The form of an answer."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: Schema | None = None

    @model_validator(mode="after")
    def _one(self) -> "Format":
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("json_schema is given with the type json_schema, and with no other")
        return self


class StreamOptions(_Lenient):
    """What a stream tells besides."""

    include_usage: bool | None = None


class TemplateOptions(_Strict):
    """What the chat template is told."""

    enable_thinking: bool | None = None


class Chat(_Strict):
    """POST /v1/chat/completions, as https://platform.openai.com/docs/api-reference/chat/create has it.

    Of llama.cpp's own fields there are `top_k`, `min_p`, `repeat_penalty` and `cache_prompt`.
    """

    model: str | None = None
    messages: Messages
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=TEMPERATURE)
    top_p: float | None = Field(default=None, ge=0, le=1)
    top_k: int | None = Field(default=None, ge=0, lt=2**31)
    min_p: float | None = Field(default=None, ge=0, le=1)
    presence_penalty: float | None = Field(default=None, ge=-PENALTY, le=PENALTY)
    frequency_penalty: float | None = Field(default=None, ge=-PENALTY, le=PENALTY)
    repeat_penalty: float | None = Field(default=None, gt=0, le=PENALTY)
    seed: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    n: int | None = Field(default=None, ge=1, le=CHOICES)
    stop: str | list[str] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=TOP_LOGPROBS)
    logit_bias: dict[str, float] | None = Field(default=None, max_length=BIASES)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    response_format: Format | None = None
    tools: list[Tool] | None = Field(default=None, max_length=TOOLS)
    tool_choice: Literal["none", "auto", "required"] | None = None
    modalities: list[Literal["text"]] | None = Field(default=None, max_length=1)
    cache_prompt: bool | None = None
    chat_template_kwargs: TemplateOptions | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_the_harmless(cls, given: Any) -> Any:
        return (
            {name: value for name, value in given.items() if name not in HARMLESS and value is not None}
            if isinstance(given, dict)
            else given
        )

    @field_validator("stop")
    @classmethod
    def _few_stops(cls, stop: str | list[str] | None) -> str | list[str] | None:
        stops = [stop] if isinstance(stop, str) else stop or []
        if len(stops) > STOPS:
            raise ValueError(f"there are {len(stops)}, and {STOPS} are taken at most")
        if not all(1 <= len(each) <= STOP_CHARACTERS for each in stops):
            raise ValueError(f"each has 1 to {STOP_CHARACTERS} characters")
        return stop

    @field_validator("logit_bias")
    @classmethod
    def _of_tokens(cls, biases: dict[str, float] | None) -> dict[str, float] | None:
        for token, bias in (biases or {}).items():
            if not re.fullmatch(r"[0-9]{1,9}", token) or abs(bias) > BIAS:
                raise ValueError(f"each is the number of a token, with a bias from -{BIAS:g} to {BIAS:g}")
        return biases

    @model_validator(mode="after")
    def _fits(self) -> "Chat":
        if self.top_logprobs and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs: true")
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options needs stream: true")
        if self.tools and self.response_format is not None and self.response_format.type != "text":
            raise ValueError("tools and response_format do not go together")
        return self

    def for_llama(self, default: int) -> dict[str, Any]:
        """What llama.cpp is sent; `default` tokens are written at most where no number is given."""
        left_out = {"max_tokens", "max_completion_tokens", "modalities", "model"}
        sent = self.model_dump(exclude_none=True, exclude=left_out, by_alias=True)
        if not self.tools:  # its parser wants both or none
            sent = {name: value for name, value in sent.items() if name not in ("tools", "tool_choice")}
        if not self.logprobs:
            sent.pop("top_logprobs", None)
        sent["max_tokens"] = self.most_tokens or default
        if self.seed is not None:
            sent["seed"] = self.seed % SEEDS
        return sent

    @property
    def most_tokens(self) -> int | None:
        """Of the answer, as the caller says."""
        return self.max_completion_tokens if self.max_completion_tokens is not None else self.max_tokens


class Completion(_Strict):
    """POST /completion of llama.cpp, as far as `fidelity` asks it: how a prompt of tokens goes on."""

    prompt: list[Token] = Field(min_length=1)
    n_predict: int = Field(ge=1)
    temperature: float = Field(default=0.0, ge=0, le=TEMPERATURE)
    top_k: int = Field(default=1, ge=0, lt=2**31)
    return_tokens: bool = True
    cache_prompt: bool = True


class Tokenize(_Strict):
    """POST /tokenize of llama.cpp."""

    content: str
    add_special: bool = False
    parse_special: bool = True


class Template(_Strict):
    """POST /apply-template of llama.cpp."""

    messages: Messages


def check_schema(schema: Any, depth: int = 0) -> None:
    """Raise ValueError where a JSON schema would become a grammar that is too large, or cannot become one.

    llama.cpp takes all memory for a schema whose minimum is above its maximum. So what is not known here is refused.
    """
    # JSON has no NaN and no infinity, which 1e999 is read as; what is sent on could not be written
    if not depth and len(json.dumps(schema, allow_nan=False)) > SCHEMA_CHARACTERS:
        raise ValueError(f"the schema has more than {SCHEMA_CHARACTERS} characters")
    if depth > SCHEMA_DEPTH:
        raise ValueError(f"the schema is more than {SCHEMA_DEPTH} deep")
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise ValueError("a part of the schema is no schema")
    for name, value in schema.items():
        if name in SCHEMAS_BY_NAME:
            parts = list(value.values()) if isinstance(value, dict) else [None]
        elif name in LISTS_OF_SCHEMAS:
            parts = value if isinstance(value, list) and value else [None]
        elif name in SCHEMAS:
            parts = [value]
        elif name in WORDS:
            parts = []
        else:
            raise ValueError(f"{_short(name)} in a schema is not taken")
        for part in parts:
            check_schema(part, depth + 1)
    if not str(schema.get("$ref", "#")).startswith("#"):
        raise ValueError("$ref of the schema points outside of it")
    for least, most, top in RANGES:
        low, high = schema.get(least, 0 if top == REPETITIONS else -top), schema.get(most, top)
        if not all(type(value) in (int, float) and abs(value) <= top for value in (low, high)) or low > high:
            raise ValueError(
                f"{least} and {most} of the schema are numbers up to {top}, the first the smaller one"
            )
        if top == REPETITIONS and not (isinstance(low, int) and isinstance(high, int) and low >= 0):
            raise ValueError(f"{least} and {most} of the schema are whole numbers")
    above, below = schema.get("exclusiveMinimum", -LARGEST - 1), schema.get("exclusiveMaximum", LARGEST + 1)
    lowest = max(math.ceil(schema.get("minimum", -LARGEST)), math.floor(above) + 1)
    highest = min(math.floor(schema.get("maximum", LARGEST)), math.ceil(below) - 1)
    if lowest > highest and "integer" in str(schema.get("type")):
        raise ValueError("no whole number lies in a range of the schema")


def explain(error: ValidationError) -> tuple[str, str | None]:
    """The first fault of a request, in words, and the field that it is in."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    # what stands between brackets names a kind of value, not a field
    places = [str(place) for place in first["loc"] if "[" not in str(place) and place not in ("str",)]
    field = _short(".".join(places)) if places else None
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "this server does not take this field"
    return (f"{field}: {message}" if field else message), field


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:80]}..."
