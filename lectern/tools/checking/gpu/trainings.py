"""Whether each way to train runs, how fast, and with how much memory, beside a plain script of TRL on the same rows."""

import math
from dataclasses import replace
from typing import Any

from lectern.tools.checking.gpu import ours, plain
from lectern.tools.checking.gpu.bench import Bench, is_tiny
from lectern.tools.checking.gpu.found import Found, claim, furthest
from lectern.tools.checking.gpu.losses import AGREES
from lectern.tools.checking.gpu.ways import Way

TINY_ROWS, TINY_VALIDATION = 12, 2
REAL_ROWS = 96
"""Dialogues and passages of the rows for a model of real size: about 30,000 tokens."""
HIGHEST = 3.0
"""A loss of an untrained model may lie so much above that of one to which all tokens are equally likely: its logits
vary by chance."""


def learn(bench: Bench, name: str, way: Way) -> Found:
    """Train a tiny model: the loss of rows that it does not see falls, and checkpointing changes no step's loss."""
    model, way = bench.get_model(name), replace(way, batch_size=4, learning_rate=1e-2)
    rows = bench.get_rows(model, TINY_ROWS + TINY_VALIDATION)
    trained = ours.train(bench, model, way, rows[:TINY_ROWS], rows[TINY_ROWS:])
    bench.kept[("finished", name, way.method)] = trained.finished
    before, *_, after = trained.validation
    figures = {"validation_loss_before": before, "validation_loss": after}
    found = Found(figures | _compare(bench, name, way, trained.losses), [trained.figures])
    claim(after < before, "it learned nothing: the validation loss did not fall", found)
    return _claim_curve(found, way)


def measure(bench: Bench, name: str, way: Way) -> Found:
    """Train a model of real size with random weights by our trainer, once over the rows."""
    model = bench.get_model(name)
    trained = ours.train(bench, model, way, bench.get_rows(model, REAL_ROWS))
    bench.kept[("finished", name, way.method)] = trained.finished
    figures = _compare(bench, name, way, trained.losses)
    highest = math.log(model.sizes.vocabulary) + HIGHEST
    found = Found(figures | {"highest_loss": round(highest, 2)}, [trained.figures])
    sound = all(0 < loss <= highest for loss in trained.losses)
    claim(sound, "a loss is not that of an untrained model that learns", found)
    return _claim_curve(found, way)


def measure_trl(bench: Bench, name: str, way: Way) -> Found:
    """Train the same by a plain script of TRL, on the same rows."""
    model = bench.get_model(name)
    count = TINY_ROWS if is_tiny(name) else REAL_ROWS
    figures = plain.train(bench, model, way, bench.get_rows(model, count))
    found = Found(trainings=[figures])
    finite = figures.last_loss is not None and math.isfinite(figures.last_loss)
    return claim(finite, "the loss is not finite", found)


def _compare(bench: Bench, name: str, way: Way, losses: list[float]) -> dict[str, Any]:
    """How far the losses are from those of the same training with or without checkpointing, once both were made."""
    key = ("losses", name, way.method, way.packing)
    other = bench.kept.setdefault(key, losses)
    if other is losses:
        return {}
    return {"checkpointing_difference": furthest(losses, other), "tolerance": AGREES[way.precision]}


def _claim_curve(found: Found, way: Way) -> Found:
    apart = found.figures.get("checkpointing_difference", 0.0)
    return claim(
        apart <= AGREES[way.precision], "activation checkpointing changed the losses of the steps", found
    )
