"""Which LLM is asked, how, and what it may cost: sections `teacher` and `judge` of params.yaml."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lectern.core.secrets import has_credentials
from lectern.settings.checks import check_share

ENGINES = ("embedded", "openai")
OUTPUTS = ("json_schema", "json_object", "prompt")


@dataclass(frozen=True)
class LLM:
    """Sections `teacher` and `judge`. Fields marked * decide the reply; the others say where and how fast to ask."""

    name: str
    """Name of the file under conf/teacher or conf/judge."""
    engine: str
    """`embedded`, a packaged model in this process, or `openai`, any server with OpenAI's chat API."""
    model: str
    """* The server's name for the model; for `embedded`, a key of models.bundled.PACKAGES."""
    base_url: str | None
    """Address of the server, such as http://127.0.0.1:8000/v1; null for OpenAI's own."""
    api_key: str | None
    """NAME of the environment variable that holds the token; null if the server needs none."""
    temperature: float
    """* 0 takes the most likely token each time; above 0 tokens are drawn at random."""
    max_tokens: int
    """* Most tokens of a reply."""
    seed: int | None
    """* For servers that respect a seed."""
    extra: dict[str, Any]
    """* Other options of the chat API, such as top_p. The value null removes an option: models that only accept
    max_completion_tokens need `{max_tokens: null, max_completion_tokens: 1024}`."""
    output: str
    """How JSON is requested: `json_schema` (enforced by the server), `json_object`, or `prompt` (words only)."""
    repair: bool
    """Whether to ask once more, quoting the error, when a reply does not fit the schema."""
    concurrency: int
    """Number of calls in flight; for `embedded`, requests in a batch."""
    requests_per_minute: float | None
    """Limit of the provider; null for none."""
    tokens_per_minute: float | None
    """Limit of the provider on input and output together; null for none."""
    timeout: float
    """Seconds after which a call counts as failed."""
    max_tries: int
    """Tries in all for a call that fails (408, 409, 429, 5xx, no connection, timeout)."""
    backoff: float
    """Longest wait in seconds before the second try. It doubles for each further try, up to a minute. A wait that the
    server asks for (Retry-After) is added."""
    max_wait: float
    """Longest wait in seconds that the server may ask for. If it asks for more, the run stops and keeps its replies."""
    input_price: float | None
    """Price of a million input tokens; null if they cost nothing."""
    output_price: float | None
    """Price of a million output tokens; null if they cost nothing."""
    max_calls: int | None
    """Most calls of one run, which stops before it would exceed them and keeps its replies; null for no limit."""
    max_total_tokens: int | None
    """Most input and output tokens of one run; null for no limit."""
    max_cost: float | None
    """Most money that one run may cost; null for no limit. It needs both prices."""
    allow_failed: float
    """Share of the calls, 0 to 1, that may stay without a reply before the stage fails."""

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise ValueError(f"engine is {self.engine!r}; choose one of {', '.join(ENGINES)}")
        if self.output not in OUTPUTS:
            raise ValueError(f"output is {self.output!r}; choose one of {', '.join(OUTPUTS)}")
        for name in ("max_tokens", "concurrency", "max_tries", "timeout", "backoff", "max_wait"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")
        for name in ("requests_per_minute", "tokens_per_minute", "max_calls", "max_total_tokens", "max_cost"):
            if (limit := getattr(self, name)) is not None and limit <= 0:
                raise ValueError(f"{name} is {limit}; it must be above 0, or null for no limit")
        if has_credentials(self.base_url or ""):
            raise ValueError(
                "base_url holds a user, a password or a key. Remove it, and name an environment variable in api_key"
            )
        check_share("allow_failed", self.allow_failed)
        if self.max_cost is not None and (self.input_price is None or self.output_price is None):
            raise ValueError("max_cost needs input_price and output_price (money for a million tokens)")


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
