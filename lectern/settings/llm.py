"""Which LLM is asked, how, and what it may cost: sections `teacher` and `judge` of params.yaml."""

from dataclasses import dataclass, field
from typing import Any

from lectern.core.secrets import has_credentials
from lectern.settings.checks import check_share

ENGINES = ("embedded", "openai")
OUTPUTS = ("json_schema", "json_object", "prompt")


@dataclass(frozen=True)
class LLM:
    """Sections `teacher` and `judge`. Where it is asked and how fast decides no byte; what decides some is marked *."""

    name: str
    """Of the file under conf/teacher or conf/judge."""
    engine: str
    """`embedded`, a packaged model in this process, or `openai`, any server with OpenAI's chat API."""
    model: str
    """* As the server calls it; for `embedded`, a key of core.embedded.PACKAGES."""
    base_url: str | None = None
    """Of the server, such as http://127.0.0.1:8000/v1; null is OpenAI's own."""
    api_key: str | None = None
    """NAME of the environment variable that holds the token; null where the server wants none."""
    temperature: float = 0.0
    """* 0 takes the likeliest token each time."""
    max_tokens: int = 1024
    """* Limit of a reply."""
    seed: int | None = None
    """* For servers that honour one."""
    extra: dict[str, Any] = field(default_factory=dict)
    """* Other options of the chat API, such as top_p; null leaves one out. Models that know only max_completion_tokens:
    `{max_tokens: null, max_completion_tokens: 1024}`."""
    output: str = "json_schema"
    """How JSON is asked for: `json_schema` (the server holds to the schema), `json_object`, or `prompt` alone."""
    repair: bool = True
    """Ask once more, with the error, where a reply does not fit the schema."""
    concurrency: int = 8
    """Calls in flight; for `embedded`, requests in a batch."""
    requests_per_minute: float | None = None
    """Limit of the provider; null for none."""
    tokens_per_minute: float | None = None
    """Limit of the provider on input and output together; null for none."""
    timeout: float = 120.0
    """Seconds until a call counts as failed."""
    max_tries: int = 6
    """Calls that fail (408, 409, 429, 5xx, no connection, timeout) are tried so often in all."""
    backoff: float = 0.5
    """Seconds that the wait before the second try lasts at most; doubled for each further one, up to a minute. What the
    server asks for (Retry-After) comes on top."""
    max_wait: float = 300.0
    """Longest wait in seconds that the server may ask for; where it wants more, the run stops and keeps what it has."""
    input_price: float | None = None
    """Money for a million tokens read; null where it costs nothing."""
    output_price: float | None = None
    """Money for a million tokens written."""
    max_calls: int | None = None
    """Budget of one run: it stops before it would go beyond, keeps what it has, and says so. Null for none."""
    max_total_tokens: int | None = None
    """Budget of one run."""
    max_cost: float | None = None
    """Budget of one run; needs the prices."""
    allow_failed: float = 0.0
    """Share of the calls that may get no reply at all before the stage fails, 0 to 1."""

    def __post_init__(self) -> None:
        if self.engine not in ENGINES:
            raise ValueError(f"engine is {self.engine!r}; choose one of {', '.join(ENGINES)}")
        if self.output not in OUTPUTS:
            raise ValueError(f"output is {self.output!r}; choose one of {', '.join(OUTPUTS)}")
        for name in ("max_tokens", "concurrency", "max_tries", "timeout", "backoff", "max_wait"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it is above 0")
        for name in ("requests_per_minute", "tokens_per_minute", "max_calls", "max_total_tokens", "max_cost"):
            if (limit := getattr(self, name)) is not None and limit <= 0:
                raise ValueError(f"{name} is {limit}; it is above 0, or null for no limit")
        if has_credentials(self.base_url or ""):
            raise ValueError(
                "base_url holds a user, a password or a key; api_key names an environment variable for it"
            )
        check_share("allow_failed", self.allow_failed)
        if self.max_cost is not None and (self.input_price is None or self.output_price is None):
            raise ValueError("max_cost needs input_price and output_price (money for a million tokens)")
