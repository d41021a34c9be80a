"""The requests that the server accepts: OpenAI's chat API and the three requests of `serve --check`, all with limits.

llama.cpp accepts anything: a billion log-probabilities for each token, a negative temperature, a grammar that repeats a
rule a million times. Requests to it are built anew from these models, so that nothing outside the limits reaches it.
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

from lectern.llm import option_names
from lectern.settings.decoding import Decoding

MOST_MESSAGES = 1024
TOP_LOGPROBS = 20
TEMPERATURE = 2.0
PENALTY = 2.0
STOPS, STOP_CHARACTERS = 4, 256
BIASES, BIAS = 300, 100.0
CHOICES = 4
TOOLS = 32
DEFAULT_TOKENS = 512
"""Most tokens of an answer if `max_tokens` is not given."""
SCHEMA_CHARACTERS, SCHEMA_DEPTH, REPETITIONS = 16_384, 16, 256
"""Limits for a JSON schema, which llama.cpp turns into a grammar: characters, depth, and repetitions of a part."""
LARGEST = 10**15
"""Largest absolute value of a number in a JSON schema."""
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
"""Accepted keywords of JSON Schema that contain no schema."""
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
"""Fields that clients send and that have no effect here; they are removed."""
SEEDS = 2**32 - 1
"""llama.cpp accepts seeds below this; this value itself means a random seed."""

Token = Annotated[int, Field(ge=0, lt=2**31)]
ToolName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Lenient(BaseModel):
    """Other fields are ignored, because clients send back fields from the answers of other servers."""

    model_config = ConfigDict(extra="ignore", strict=True, allow_inf_nan=False)


class Text(_Lenient):
    """A part of a message."""

    type: Literal["text"]
    text: str


class CalledFunction(_Lenient):
    """The function that an assistant called, and its arguments."""

    name: ToolName
    arguments: str


class Call(_Lenient):
    """An assistant's call of a tool."""

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
                raise ValueError(f"the model reads only text, but a part is of the type {_short(kind)}")
        return content

    @model_validator(mode="after")
    def _says_something(self) -> "ChatMessage":
        if self.content is None and not (self.role == "assistant" and self.tool_calls):
            raise ValueError("the message has no content")
        if not self.tool_calls:
            self.tool_calls = None  # other servers return an empty list
        elif self.role != "assistant":
            raise ValueError("only an assistant may call tools")
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
    """A JSON schema that the answer must follow."""

    name: ToolName
    description: str | None = None
    schema_: Annotated[dict[str, Any], AfterValidator(_take_bounded)] = Field(alias="schema")
    strict: bool | None = None


class Format(_Strict):
    """The required format of an answer."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: Schema | None = None

    @model_validator(mode="after")
    def _one(self) -> "Format":
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("json_schema must be given with the type json_schema, and only with it")
        return self


class StreamOptions(_Lenient):
    """What a stream contains besides the answer."""

    include_usage: bool | None = None


class TemplateOptions(_Strict):
    """Options for the chat template."""

    enable_thinking: bool | None = None


class Chat(_Strict):
    """POST /v1/chat/completions, as in https://platform.openai.com/docs/api-reference/chat/create.

    Four fields of llama.cpp are accepted too: `top_k`, `min_p`, `repeat_penalty` and `cache_prompt`, and
    `repetition_penalty`, which is vLLM's name for `repeat_penalty`.
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
    repetition_penalty: float | None = Field(default=None, gt=0, le=PENALTY)
    no_repeat_ngram_size: int | None = None
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
            raise ValueError(f"there are {len(stops)}, but at most {STOPS} are accepted")
        if not all(1 <= len(each) <= STOP_CHARACTERS for each in stops):
            raise ValueError(f"each must have 1 to {STOP_CHARACTERS} characters")
        return stop

    @field_validator("logit_bias")
    @classmethod
    def _of_tokens(cls, biases: dict[str, float] | None) -> dict[str, float] | None:
        for token, bias in (biases or {}).items():
            if not re.fullmatch(r"[0-9]{1,9}", token) or abs(bias) > BIAS:
                raise ValueError(f"each must be a token's number with a bias from -{BIAS:g} to {BIAS:g}")
        return biases

    @field_validator("no_repeat_ngram_size")
    @classmethod
    def _no_ngrams(cls, size: int | None) -> None:
        if size:
            raise ValueError(
                "llama.cpp cannot forbid repeated runs of tokens; leave it out, or give repeat_penalty"
            )

    @model_validator(mode="after")
    def _fits(self) -> "Chat":
        penalties = {self.repeat_penalty, self.repetition_penalty} - {None}
        if len(penalties) > 1:
            raise ValueError(
                "repeat_penalty and repetition_penalty are the same option, but have different values"
            )
        if self.top_logprobs and not self.logprobs:
            raise ValueError("top_logprobs needs logprobs: true")
        if self.stream_options is not None and not self.stream:
            raise ValueError("stream_options needs stream: true")
        if self.tools and self.response_format is not None and self.response_format.type != "text":
            raise ValueError("tools and response_format cannot be combined")
        return self

    def for_llama(self, default: int, decoding: Decoding) -> dict[str, Any]:
        """The body for llama.cpp.

        Args:
            default: most tokens of the answer if the request gives no number.
            decoding: how tokens are chosen as far as the request does not say.
        """
        left_out = {"max_tokens", "max_completion_tokens", "modalities", "model", "repetition_penalty"}
        given = self.model_dump(exclude_none=True, exclude=left_out, by_alias=True)
        if self.repetition_penalty is not None:
            given["repeat_penalty"] = self.repetition_penalty
        sent = {
            **option_names.name_for_llama_cpp(decoding),
            "samplers": list(option_names.ORDER),
            **given,
        }
        if not self.tools:  # llama.cpp's parser wants both or neither
            sent = {name: value for name, value in sent.items() if name not in ("tools", "tool_choice")}
        if not self.logprobs:
            sent.pop("top_logprobs", None)
        sent["max_tokens"] = self.most_tokens or default
        if self.seed is not None:
            sent["seed"] = self.seed % SEEDS
        return sent

    @property
    def most_tokens(self) -> int | None:
        """Most tokens of the answer, as the caller states; `None` if he does not."""
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
    """Raise ValueError if a JSON schema would become too large a grammar, or cannot become one.

    llama.cpp uses up all memory for a schema whose minimum is above its maximum. So unknown keywords are rejected.
    """
    # JSON has no NaN or infinity (1e999 is parsed as infinity), so such a schema could not be sent on.
    if not depth and len(json.dumps(schema, allow_nan=False)) > SCHEMA_CHARACTERS:
        raise ValueError(f"the schema has more than {SCHEMA_CHARACTERS} characters")
    if depth > SCHEMA_DEPTH:
        raise ValueError(f"the schema is more than {SCHEMA_DEPTH} deep")
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise ValueError("a part of the schema is not a schema")
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
            raise ValueError(f"{_short(name)} in a schema is not supported")
        for part in parts:
            check_schema(part, depth + 1)
    if not str(schema.get("$ref", "#")).startswith("#"):
        raise ValueError("$ref of the schema points outside the schema")
    for least, most, top in RANGES:
        low, high = schema.get(least, 0 if top == REPETITIONS else -top), schema.get(most, top)
        if not all(type(value) in (int, float) and abs(value) <= top for value in (low, high)) or low > high:
            raise ValueError(
                f"{least} and {most} of the schema must be numbers up to {top}, the first not above the second"
            )
        if top == REPETITIONS and not (isinstance(low, int) and isinstance(high, int) and low >= 0):
            raise ValueError(f"{least} and {most} of the schema must be whole numbers from 0")
    above, below = schema.get("exclusiveMinimum", -LARGEST - 1), schema.get("exclusiveMaximum", LARGEST + 1)
    lowest = max(math.ceil(schema.get("minimum", -LARGEST)), math.floor(above) + 1)
    highest = min(math.floor(schema.get("maximum", LARGEST)), math.ceil(below) - 1)
    if lowest > highest and "integer" in str(schema.get("type")):
        raise ValueError("a range of the schema contains no whole number")


def explain(error: ValidationError) -> tuple[str, str | None]:
    """The first fault of a request as a message, and the field that has it."""
    first = error.errors()[0]
    # A part of the location in brackets names a type, not a field.
    places = [str(place) for place in first["loc"] if "[" not in str(place) and place not in ("str",)]
    field = _short(".".join(places)) if places else None
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = "this server does not support this field"
    return (f"{field}: {message}" if field else message), field


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:80]}..."
