"""What the JSON of `lectern check --gpu` holds. Times are seconds, memory is bytes, losses are nats a trained token."""

import json
from typing import Any, Literal

from pydantic import Field

from lectern.core.schema import Record

State = Literal["passed", "failed", "out_of_memory", "not_run"]
FORMAT = 1
"""Raised when a field changes its meaning."""


class Machine(Record):
    """The device that computed, and what is assumed of it."""

    device: str = Field(description="name of the GPU as its driver gives it, or cpu")
    memory: int | None = Field(description="bytes of the GPU; null for a CPU")
    capability: str | None = Field(description="compute capability, such as 9.0; null for a CPU")
    peak_flops: float | None = Field(
        description="dense bf16 operations a second that mfu assumes; null for an unknown device"
    )
    packages: dict[str, str | None] = Field(description="package -> version; null where it is not installed")
    cuda: str | None = Field(description="version of CUDA that torch was built for")


class Training(Record):
    """One training and its figures; those of a CPU say nothing of a GPU."""

    model: str
    trainer: Literal["ours", "trl"]
    method: str
    precision: str
    packing: bool
    activation_checkpointing: bool
    batch_size: int = Field(
        description="rows of a micro-batch; a packed one is as long as so many longest rows"
    )
    rows: int
    tokens: int = Field(description="tokens of all rows, without padding")
    trained_tokens: int
    steps: int
    timed_seconds: float | None = Field(description="from the end of the first step to the end of the last")
    tokens_a_second: float | None = Field(description="useful tokens (no padding) in that time, by it")
    flops_a_token: float = Field(description="operations that a useful token needs (`flops`)")
    mfu: float | None = Field(description="share of the peak; null where the peak or the time is unknown")
    peak_memory: int | None = Field(description="most bytes of tensors, the loading included; null on a CPU")
    estimated_memory: int = Field(
        description="what lectern/training/memory.py foretells of our trainer this way"
    )
    peak_of_estimate: float | None = Field(description="peak_memory / estimated_memory")
    first_loss: float | None = Field(description="of the first step; null where it is no number")
    last_loss: float | None


class Outcome(Record):
    """What one check found."""

    name: str
    proves: str = Field(description="what it means that the check passed")
    state: State
    message: str | None = Field(description="why it did not pass; null where it did")
    seconds: float
    figures: dict[str, Any] = Field(
        description="what the check measured, with the tolerances that it allowed"
    )
    trainings: list[Training]


class Report(Record):
    """The whole JSON."""

    format: int = FORMAT
    quick: bool = Field(description="whether only tiny models were tried; speeds then mean nothing")
    complete: bool = Field(description="whether all checks had their turn; else the process ended before")
    passed: bool = Field(description="whether no check failed; what was not run does not count")
    counts: dict[State, int]
    machine: Machine
    budget_seconds: float
    seconds: float
    flops: str = Field(description="which operations flops_a_token counts")
    checks: list[Outcome]

    def to_plain(self) -> dict[str, Any]:
        """The JSON's content; what is infinite or no number is null, since JSON has neither."""
        plain: dict[str, Any] = json.loads(self.model_dump_json())
        return plain
