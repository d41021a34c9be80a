"""Whether a training that was killed goes on from its last checkpoint as if nothing had happened."""

from pathlib import Path
from typing import Any

from lectern.models import devices
from lectern.tools.checking.gpu import child
from lectern.tools.checking.gpu.bench import Bench
from lectern.tools.checking.gpu.found import Found, claim, furthest
from lectern.tools.checking.gpu.losses import AGREES, SHORT, get_split, read_losses, train_short
from lectern.training import adapters, checkpoints, sft

KILLED_AFTER = 4
"""The step after which the process dies, before the checkpoint of that step is written."""


def resume(bench: Bench) -> Found:
    """Kill a training (SIGKILL) in its fourth step, resume it, and compare with the undisturbed one."""
    whole = train_short(bench, SHORT.precision)
    model = bench.get_model("tiny_llama")
    files, run = get_split(bench, model), bench.open_folder("killed")
    child.run(model.base, SHORT.choose(), files, run, seconds=bench.left, kill_after=KILLED_AFTER)
    left = checkpoints.latest(run)
    finished = sft.tune(model.base, *files, run, SHORT.choose())
    pair = [folder / adapters.WEIGHTS for folder in (finished, whole.finished)]
    figures: dict[str, Any] = {
        "resumed_from": left and left.name,
        "same_bytes": pair[0].read_bytes() == pair[1].read_bytes(),
        "largest_weight_difference": _compare(*pair),
        "loss_difference": furthest(read_losses(finished), read_losses(whole.finished)),
        "loss_tolerance": AGREES[SHORT.precision],
    }
    same = figures["loss_difference"] <= AGREES[SHORT.precision]
    if devices.device().type == "cpu":  # on a GPU, the order of sums may differ from run to run
        same = same and figures["same_bytes"]
    resumed = figures["resumed_from"] == f"checkpoint-{KILLED_AFTER - 1}"
    return claim(same and resumed, "the resumed training is not the undisturbed one", Found(figures))


def _compare(one: Path, other: Path) -> float:
    """The greatest difference of two weights of the same place."""
    from safetensors.torch import load_file

    first, second = load_file(one), load_file(other)
    return max(float((first[name] - second[name]).abs().max()) for name in second)
