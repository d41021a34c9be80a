"""Estimate how much memory a training takes from the sizes of model and rows, and advise what to change if it is too
much.

All figures are bytes that tensors take on one device at the most, beside the libraries (0.5 GB on a CPU). They are
estimates: a test holds them to within a factor of 1.5 of what small trainings took. On a CPU the allocator of glibc
holds 1.3 to 5 times as much, because it keeps freed blocks for the next ones.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lectern.settings.train import METHODS

BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}
NF4 = 0.5 + 0.127 / 8
"""Bytes of a weight in 4 bits with double quantisation (Dettmers et al. 2023, arXiv:2305.14314, section 3)."""


@dataclass(frozen=True)
class Sizes:
    """The sizes of a model that determine its memory."""

    linear: int
    """number of weights in the linear layers without the head, which qlora holds in 4 bits"""
    other: int
    """number of all other weights: embedding, head, norms, biases"""
    layers: int
    """number of transformer blocks"""
    hidden: int
    """width of the hidden state: values per token between blocks"""
    heads: int
    """number of attention heads"""
    vocabulary: int
    """number of tokens in the vocabulary"""
    widths: int
    """sum of the input and output widths of all linear layers without the head"""
    largest: int
    """number of weights in the largest of these layers"""

    def adapter(self, r: int) -> int:
        """Return the number of weights of an adapter of rank r on all linear layers without the head."""
        return r * self.widths


@dataclass(frozen=True)
class Load:
    """The properties of a training that determine its memory."""

    sizes: Sizes
    """sizes of the base model"""
    method: str
    """full, lora, rslora, dora or qlora"""
    trained: int
    """number of trained weights: those of the adapter, or all"""
    rows: int
    """number of rows in a micro-batch"""
    longest: int
    """number of tokens of the longest row, or of the longest packed sequence"""
    answered: int
    """number of positions in a micro-batch for which logits are computed, because they are trained"""
    precision: str = "fp32"
    """precision of the computation, and of weights that are not trained"""
    gradient_checkpointing: bool = False
    """whether activations inside a block are computed again in the backward pass"""
    optimizer: str = "adamw_torch"
    """name of the optimizer in transformers"""
    attention: str | None = None
    """attention implementation in transformers; only `eager` keeps the matrix of all pairs of tokens"""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method is {self.method!r}; choose one of {', '.join(METHODS)}")
        if self.precision not in BYTES:
            raise ValueError(f"precision is {self.precision!r}; choose one of {', '.join(BYTES)}")


@dataclass(frozen=True)
class Estimate:
    """Peak memory of a training in bytes, by part; all parts are in memory at the same moment."""

    load: Load
    weights: int
    """weights of the base model"""
    adapter: int
    gradients: int
    optimizer: int
    """state of the optimizer"""
    activations: int
    """activations kept for the backward pass, and temporary values"""
    logits: int

    @property
    def total(self) -> int:
        """Sum of all parts."""
        return self.held + self.to_come

    @property
    def held(self) -> int:
        """Bytes taken once the model and its adapter are loaded."""
        return self.weights + self.adapter

    @property
    def to_come(self) -> int:
        """Bytes that the training takes in addition to the loaded model."""
        return self.gradients + self.optimizer + self.activations + self.logits

    def describe(self) -> str:
        """Return one line with the total and its parts, the largest first."""
        names = ("weights", "adapter", "gradients", "optimizer", "activations", "logits")
        parts = sorted(((getattr(self, name), name) for name in names), key=lambda part: -part[0])
        shown = ", ".join(f"{name} {show(size)}" for size, name in parts if size >= 0.01 * self.total)
        return f"about {show(self.total)} of memory (estimated): {shown}"


@dataclass(frozen=True)
class Advice:
    """A parameter to change, and the bytes that it would save."""

    parameter: str
    value: object
    saves: int

    def __str__(self) -> str:
        return f"{self.parameter}={str(self.value).lower()} saves about {show(self.saves)}"


def estimate(load: Load) -> Estimate:
    """Estimate the memory of a training, by part.

    Weights, gradients and the two moments of Adam follow Rajbhandari et al. 2020 (arXiv:1910.02054), section 3.1.
    Trained weights are held in float32, with a copy in the precision of the computation. Weights in 4 bits take `NF4`
    bytes; the other weights of such a model are in float32 (peft.prepare_model_for_kbit_training).
    """
    sizes, size = load.sizes, BYTES[load.precision]
    copies = load.trained * size if size < 4 else 0
    if load.method == "full":
        weights = 4 * (sizes.linear + sizes.other) + copies
    elif load.method == "qlora":
        weights = round(NF4 * sizes.linear) + 4 * sizes.other
    else:
        weights = size * (sizes.linear + sizes.other)
    return Estimate(
        load=load,
        weights=weights,
        adapter=0 if load.method == "full" else 4 * load.trained + copies,
        gradients=4 * load.trained,
        optimizer=round(_moments(load.optimizer) * load.trained),
        activations=round(_activations(load)),
        logits=round(_logits(load)),
    )


def _activations(load: Load) -> float:
    """Estimate the bytes that the forward pass keeps for the backward pass.

    These are the input and output of each linear layer, each about once, and the inputs of a block's two norms in
    float32. In a GPT block the widths of the linear layers sum to 16 times `hidden`; in 16 bits this gives the factor
    34 in equation 1 of Korthikanti et al. 2022 (arXiv:2205.05198). Their other term, the attention matrix, is kept by
    `eager` only. With gradient checkpointing each block keeps only its input, and one block at a time is computed again
    (ibid., section 5).
    """
    sizes, size = load.sizes, BYTES[load.precision]
    tokens = load.rows * load.longest
    block = tokens * (sizes.widths / sizes.layers * size + 2 * sizes.hidden * 4)
    if load.method == "dora":  # the outputs of base and adapter are kept separately, to be scaled
        block += tokens * sizes.widths / sizes.layers * size
    if load.attention == "eager":
        block += load.rows * sizes.heads * load.longest**2 * (size + 4)
    # In addition to what is kept: the gradients of one block's activations, and one weight in full precision.
    working = block + _workspace(load)
    if load.gradient_checkpointing:
        return sizes.layers * tokens * sizes.hidden * size + block + working
    return sizes.layers * block + working


def _workspace(load: Load) -> int:
    """Bytes of temporary copies of the largest weight: dequantised for qlora, or with the adapter for DoRA's norm."""
    if load.method == "qlora":
        return load.sizes.largest * BYTES[load.precision]
    return 2 * load.sizes.largest * 4 if load.method == "dora" else 0


def _logits(load: Load) -> float:
    """Bytes of the logits at trained positions: as computed, in float32, as log-probabilities, and their gradient."""
    return (
        load.answered
        * load.sizes.vocabulary
        * (3 * 4 + (BYTES[load.precision] if load.precision != "fp32" else 0))
    )


def _moments(optimizer: str) -> float:
    """Bytes of optimizer state for each trained weight."""
    if "8bit" in optimizer:
        return 2.03  # two moments of 1 byte, a float32 scale for every 256 (Dettmers et al. 2022, arXiv:2110.02861)
    if "adafactor" in optimizer:
        return 0.1  # a value for each row and column (Shazeer and Stern 2018, arXiv:1804.04235)
    return 4 if "sgd" in optimizer or "lion" in optimizer else 8


def lower(estimated: Estimate) -> list[Advice]:
    """Advise what to change to save memory, the change with the least drawback first.

    The saving of each is for that change alone. Changes that save less than 2 % are left out.
    """
    found = [
        Advice(parameter, value, estimated.total - estimate(changed).total)
        for parameter, value, changed in _changes(estimated.load)
    ]
    return [advice for advice in found if advice.saves > 0.02 * estimated.total]


def _changes(load: Load) -> Iterator[tuple[str, object, Load]]:
    if load.rows > 1:  # if train.gradient_accumulation is doubled, the steps stay the same
        rows = load.rows // 2
        answered = load.answered * rows // load.rows
        yield "train.batch_size", rows, replace(load, rows=rows, answered=answered)
    if not load.gradient_checkpointing:
        yield "train.gradient_checkpointing", True, replace(load, gradient_checkpointing=True)
    if load.method in ("lora", "rslora", "dora"):
        yield "train.method", "qlora", replace(load, method="qlora")
    if load.method == "full":
        yield "train.method", "lora", replace(load, method="lora", trained=load.sizes.adapter(16))
    half = load.longest // 2
    yield "render.max_length", half, replace(load, longest=half, answered=load.answered // 2)


def of_model(model: Any) -> Sizes:
    """Return the sizes of a causal language model; it may be in 4 bits, have an adapter, or be on the meta device."""
    import torch

    bare = model.get_base_model() if hasattr(model, "get_base_model") else model
    head = bare.get_output_embeddings()
    # an adapter puts its own layers inside those of the model
    layers = [
        layer
        for name, layer in bare.named_modules()
        if isinstance(layer, torch.nn.Linear) and layer is not head and ".lora_" not in name
    ]
    weights = [layer.in_features * layer.out_features for layer in layers]
    own = {id(layer.weight) for layer in layers}
    config = bare.config
    return Sizes(
        linear=sum(weights),
        other=sum(
            weight.numel()
            for name, weight in bare.named_parameters()
            if id(weight) not in own and ".lora_" not in name
        ),
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        heads=config.num_attention_heads,
        vocabulary=config.vocab_size,
        widths=sum(layer.in_features + layer.out_features for layer in layers),
        largest=max(weights),
    )


def count_trained(model: Any) -> int:
    """Count the weights that are trained."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def busiest(batches: Sequence[Sequence[tuple[int, int]]], *, packed: bool) -> tuple[int, int, int]:
    """Return `rows`, `longest` and `answered` of `Load` for the micro-batches that take the most memory.

    Args:
        batches: (tokens, trained tokens) of the rows of each micro-batch.
        packed: whether the rows of a micro-batch form one sequence.
    """
    shapes, answered = [(1, 0)], [0]
    for batch in batches:
        tokens, trained = [tokens for tokens, _ in batch], sum(trained for _, trained in batch)
        rows, longest = (1, sum(tokens)) if packed else (len(batch), max(tokens, default=0))
        shapes.append((rows, longest))
        # in a padded micro-batch logits are computed in every column that some row trains
        answered.append(rows * min(trained, longest))
    rows, longest = max(shapes, key=lambda shape: shape[0] * shape[1])
    return rows, longest, max(answered)


def free_memory() -> int | None:
    """Return the free bytes on this process's GPU, or of main memory if it has none; None if they are unknown."""
    import torch

    if torch.cuda.is_available():
        unused = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
        return int(torch.cuda.mem_get_info()[0]) + unused
    known = [size for size in (_available(), _left_to_container()) if size is not None]
    return min(known, default=None)


def _available(report: Path = Path("/proc/meminfo")) -> int | None:
    if not report.is_file():
        return None
    lines = dict(line.split(":", 1) for line in report.read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in lines else None


def _left_to_container(group: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return the bytes that a container (control group, version 2) may still take; /proc/meminfo does not know it."""
    limit = group / "memory.max"
    if not limit.is_file() or limit.read_text().strip() == "max":
        return None
    used = int((group / "memory.current").read_text())
    counts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    return int(limit.read_text()) - used + int(counts.get("inactive_file", 0))


def show(size: float) -> str:
    """Format bytes for people: in GB, with one decimal below 10 GB, or in MB below 0.1 GB."""
    if size < 1e8:
        return f"{size / 1e6:.0f} MB"
    return f"{size / 1e9:.1f} GB" if size < 1e10 else f"{size / 1e9:.0f} GB"
