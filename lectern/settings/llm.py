"""Which LLM is asked, how, and what it may cost: sections `teacher`, `judge` and `cleaner` of params.yaml."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lectern.core.secrets import has_credentials
from lectern.settings import checks

ENGINES = ("embedded", "openai")
OUTPUTS = ("json_schema", "json_object", "prompt")


@dataclass(frozen=True)
class LLM:
    """An LLM that is asked: sections `teacher`, `judge` and `cleaner`, and the `endpoint` of a comparator.

    Only `model`, `temperature`, `max_tokens`, `seed` and `extra` decide a reply; the others say where it is asked for,
    how fast, and at what cost.
    """

    name: str
    """Name of the file in conf/teacher or conf/judge."""
    engine: str
    """`embedded`, a packaged model in this process, or `openai`, any server with OpenAI's chat API. Choices:
    ENGINES."""
    model: str
    """The server's name for the model; for `embedded`, the name of a packaged model."""
    base_url: str | None
    """Address of the server, such as http://127.0.0.1:8000/v1; null for OpenAI's own."""
    api_key: str | None
    """NAME of the environment variable that holds the token; null if the server needs none."""
    temperature: float
    """0 takes the most likely token each time; with more, tokens are sampled."""
    max_tokens: int
    """Greatest length of a reply. Unit: tokens."""
    seed: int | None
    """Seed of the sampling, for servers that respect one."""
    extra: dict[str, Any]
    """Other options of the chat API, such as top_p. The value null removes an option: models that only accept
    max_completion_tokens need `{max_tokens: null, max_completion_tokens: 1024}`."""
    output: str
    """How JSON is requested: `json_schema` (enforced by the server), `json_object`, or `prompt` (by words only).
    Choices: OUTPUTS."""
    repair: bool
    """Whether to ask once more, quoting the error, if a reply does not fit the schema."""
    concurrency: int
    """Number of calls at a time; for `embedded`, of requests in a batch."""
    requests_per_minute: float | None
    """Limit of the provider; null for none. Unit: requests per minute."""
    tokens_per_minute: float | None
    """Limit of the provider on input and output together; null for none. Unit: tokens per minute."""
    timeout: float
    """Time after which a call counts as failed. Unit: seconds."""
    max_tries: int
    """Number of tries in all for a call that fails (408, 409, 429, 5xx, no connection, timeout)."""
    backoff: float
    """Longest wait before the second try. It doubles for each further try, up to a minute. A wait that the server asks
    for (Retry-After) is added. Unit: seconds."""
    max_wait: float
    """Longest wait that the server may ask for. If it asks for more, the run stops and keeps its replies. Unit:
    seconds."""
    input_price: float | None
    """Price of the input; null if it costs nothing. Unit: money per million tokens."""
    output_price: float | None
    """Price of the output; null if it costs nothing. Unit: money per million tokens."""
    max_calls: int | None
    """Greatest number of calls of one run, which stops before it would exceed them and keeps its replies; null for no
    limit."""
    max_total_tokens: int | None
    """Greatest number of input and output tokens of one run; null for no limit. Unit: tokens."""
    max_cost: float | None
    """Greatest cost of one run, for which both prices must be given; null for no limit. Unit: money."""
    allow_failed: float
    """Share of the calls, from 0 to 1, that may stay without a reply before the stage fails."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        yield from checks.choice("engine", self.engine, ENGINES)
        yield from checks.choice("output", self.output, OUTPUTS)
        yield from checks.above_zero(
            self, "max_tokens", "concurrency", "max_tries", "timeout", "backoff", "max_wait"
        )
        for name in ("requests_per_minute", "tokens_per_minute", "max_calls", "max_total_tokens", "max_cost"):
            if (limit := getattr(self, name)) is not None and limit <= 0:
                yield f"{name} is {limit}; it must be above 0, or null for no limit"
        if has_credentials(self.base_url or ""):
            yield "base_url holds a user, a password or a key; remove it, and name an environment variable in api_key"
        yield from checks.share("allow_failed", self.allow_failed)
        if self.max_cost is not None and (self.input_price is None or self.output_price is None):
            yield "max_cost needs input_price and output_price (money per million tokens)"


LEFT_OUT: Mapping[str, Any] = {
    "base_url": None,
    "api_key": None,
    "temperature": 0.0,
    "max_tokens": 1024,
    "seed": None,
    "extra": {},
    "output": "json_schema",
    "repair": True,
    "concurrency": 8,
    "requests_per_minute": None,
    "tokens_per_minute": None,
    "timeout": 120.0,
    "max_tries": 6,
    "backoff": 0.5,
    "max_wait": 300.0,
    "input_price": None,
    "output_price": None,
    "max_calls": None,
    "max_total_tokens": None,
    "max_cost": None,
    "allow_failed": 0.0,
}
"""What a value means that an entry of `comparators` leaves out; the sections have theirs in conf/."""
