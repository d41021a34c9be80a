"""How much memory a training takes, reckoned from the sizes of the model and the rows, and what to change when it is
too much.

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
"""bytes of a weight in 4 bits with double quantisation (Dettmers et al. 2023, arXiv:2305.14314, section 3)"""


@dataclass(frozen=True)
class Sizes:
    """What of a model decides how much memory it takes."""

    linear: int
    """weights in the linear layers but the head, which qlora holds in 4 bits"""
    other: int
    """all other weights: the embedding, the head, norms, biases"""
    layers: int
    """blocks"""
    hidden: int
    """values that stand for a token between blocks"""
    heads: int
    """of attention"""
    vocabulary: int
    """tokens"""
    widths: int
    """values that all linear layers but the head read and write for one token"""
    largest: int
    """weights in the largest of them"""

    def adapter(self, r: int) -> int:
        """Weights of an adapter of rank r on all these linear layers: r for each value read and each one written."""
        return r * self.widths


@dataclass(frozen=True)
class Load:
    """A training, as far as its memory depends on it."""

    sizes: Sizes
    """of the base model"""
    method: str
    """full, lora, rslora, dora or qlora"""
    trained: int
    """weights that are trained: the adapter's, or all"""
    rows: int
    """in a micro-batch"""
    longest: int
    """tokens of the longest row (of the longest pack, when rows are packed)"""
    answered: int
    """positions of a micro-batch that are trained, for which logits are computed"""
    precision: str = "fp32"
    """in which it is computed, and in which weights are held that stay as they are"""
    gradient_checkpointing: bool = False
    """activations inside a block are computed again in the backward pass"""
    optimizer: str = "adamw_torch"
    """by its name in transformers"""
    attention: str | None = None
    """the implementation in transformers; `eager` alone keeps the matrix of all pairs of tokens"""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method is {self.method!r}; choose one of {', '.join(METHODS)}")
        if self.precision not in BYTES:
            raise ValueError(f"precision is {self.precision!r}; choose one of {', '.join(BYTES)}")


@dataclass(frozen=True)
class Estimate:
    """Bytes by part, all of them at the same moment: what a training takes at most."""

    load: Load
    weights: int
    """of the base model"""
    adapter: int
    gradients: int
    optimizer: int
    """its state"""
    activations: int
    """kept for the backward pass, and what is computed with"""
    logits: int

    @property
    def total(self) -> int:
        """All parts."""
        return self.held + self.to_come

    @property
    def held(self) -> int:
        """What is taken once the model and its adapter are loaded."""
        return self.weights + self.adapter

    @property
    def to_come(self) -> int:
        """What the training takes on top of the loaded model."""
        return self.gradients + self.optimizer + self.activations + self.logits

    def describe(self) -> str:
        """One line: the total and its parts, largest first."""
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
    """What a training takes, by part.

    Weights, gradients and the two moments of Adam: Rajbhandari et al. 2020 (arXiv:1910.02054), section 3.1; what is
    trained is held in float32, with a copy in the precision that is computed in. Weights in 4 bits: `NF4`; what of such
    a model is not in 4 bits is float32 (peft.prepare_model_for_kbit_training).
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
    """What the backward pass needs of the forward pass.

    A linear layer's input and output are kept, each of them about once, and the inputs of a block's two norms in
    float32. For the block of GPT, whose linear layers read and write 16 values for each of the `hidden`, this gives the
    34 bytes in 16 bits of Korthikanti et al. 2022 (arXiv:2205.05198), equation 1. The matrix of attention, their other
    term, is kept by `eager` alone. With gradient checkpointing a block keeps its input, and one block at a time is
    computed again (ibid., section 5).
    """
    sizes, size = load.sizes, BYTES[load.precision]
    tokens = load.rows * load.longest
    block = tokens * (sizes.widths / sizes.layers * size + 2 * sizes.hidden * 4)
    if load.method == "dora":  # the outputs of base and adapter are kept apart, to be scaled
        block += tokens * sizes.widths / sizes.layers * size
    if load.attention == "eager":
        block += load.rows * sizes.heads * load.longest**2 * (size + 4)
    # beside what is kept: the gradient of a block's values, and a weight as it is computed with
    working = block + _workspace(load)
    if load.gradient_checkpointing:
        return sizes.layers * tokens * sizes.hidden * size + block + working
    return sizes.layers * block + working


def _workspace(load: Load) -> int:
    """Copies of the largest weight: out of 4 bits, or with the adapter in it, whose norm DoRA takes."""
    if load.method == "qlora":
        return load.sizes.largest * BYTES[load.precision]
    return 2 * load.sizes.largest * 4 if load.method == "dora" else 0


def _logits(load: Load) -> float:
    """Logits at each trained position, as computed and in float32, their logarithms and their gradient."""
    return (
        load.answered
        * load.sizes.vocabulary
        * (3 * 4 + (BYTES[load.precision] if load.precision != "fp32" else 0))
    )


def _moments(optimizer: str) -> float:
    """Bytes of state for each trained weight."""
    if "8bit" in optimizer:
        return 2.03  # two moments of 1 byte, a float32 scale for every 256 (Dettmers et al. 2022, arXiv:2110.02861)
    if "adafactor" in optimizer:
        return 0.1  # a value for each row and column (Shazeer and Stern 2018, arXiv:1804.04235)
    return 4 if "sgd" in optimizer or "lion" in optimizer else 8


def lower(estimated: Estimate) -> list[Advice]:
    """What to change, that which costs least first; each alone, and no change that saves nothing to speak of."""
    found = [
        Advice(parameter, value, estimated.total - estimate(changed).total)
        for parameter, value, changed in _changes(estimated.load)
    ]
    return [advice for advice in found if advice.saves > 0.02 * estimated.total]


def _changes(load: Load) -> Iterator[tuple[str, object, Load]]:
    if load.rows > 1:  # with as many more train.gradient_accumulation the same steps are taken
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
    """The sizes of a causal language model, in 4 bits or not, with or without an adapter, or on the meta device."""
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
    """Weights that are trained."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def busiest(batches: Sequence[Sequence[tuple[int, int]]], *, packed: bool) -> tuple[int, int, int]:
    """Rows, longest and answered, as `Load` wants them, at their largest in any micro-batch.

    Args:
        batches: for each micro-batch the (tokens, trained tokens) of its rows.
        packed: its rows stand behind each other in one sequence.
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
    """Bytes that this process may still take on its GPU, or on the CPU where it has none; None where nobody says."""
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
    """What a container (control group, version 2) may still take; the machine's own report does not know of it."""
    limit = group / "memory.max"
    if not limit.is_file() or limit.read_text().strip() == "max":
        return None
    used = int((group / "memory.current").read_text())
    counts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    return int(limit.read_text()) - used + int(counts.get("inactive_file", 0))


def show(size: float) -> str:
    """Bytes for people: GB with one decimal below 10, MB below 0.1 GB."""
    if size < 1e8:
        return f"{size / 1e6:.0f} MB"
    return f"{size / 1e9:.1f} GB" if size < 1e10 else f"{size / 1e9:.0f} GB"
