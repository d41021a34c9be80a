"""When a training ends before its time: by the validation loss, by a loss that runs away, for want of memory."""

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lectern.core.errors import LecternError
from lectern.core.schema import TokenRow
from lectern.models import likelihood
from lectern.training import adapters, checkpoints
from tests.support.tiny import TINY
from tests.support.training import curve, figures, outputs, run, with_params, write

Rows = Callable[[int], list[TokenRow]]

OVERFITTING = {"learning_rate": 5e-2, "epochs": 12, "scheduler": "constant", "explosion": 100.0}
"""ten rows, learned by heart: the others become less and less likely"""


def scored(folder: Path, rows: list[TokenRow]) -> float:
    pairs = [(row.input_ids, row.assistant_masks) for row in rows]
    found = likelihood.negative_log_likelihoods(
        adapters.load(TINY, folder / "adapter"), pairs, pad=2, batch_size=4
    )
    return sum(nll for nll, _ in found) / sum(tokens for _, tokens in found)


def unlike(rows: Rows) -> list[TokenRow]:
    """Validation rows whose answers stand nowhere in the others: their tokens run backwards."""
    return [row.model_copy(update={"input_ids": row.input_ids[::-1]}) for row in rows(13)[10:]]


def test_the_best_weights_are_kept_and_a_worsening_run_ends(tmp_path: Path, rows: Rows) -> None:
    write(tmp_path, rows(10), unlike(rows))
    run(tmp_path, with_params(**OVERFITTING, keep="best", early_stopping=2))
    losses, said = curve(tmp_path, "validation_loss"), figures(tmp_path)
    trained = {step: loss for step, loss in losses.items() if step}
    best = min(trained, key=lambda step: trained[step])
    assert said["stopped_early"]
    assert max(losses) < 36, "twelve epochs of three steps were asked for"
    assert said["kept_step"] == best < max(losses)
    assert said["validation_loss"] == losses[best]
    # and the exported weights are those of that step
    assert scored(tmp_path, unlike(rows)) == pytest.approx(losses[best], rel=1e-4)
    # two evaluations without a better one, and no third
    assert sorted(losses).index(max(losses)) - sorted(losses).index(best) == 2


def test_the_last_weights_are_kept_where_that_is_asked(tmp_path: Path, rows: Rows) -> None:
    write(tmp_path, rows(10), unlike(rows))
    run(tmp_path, with_params(**OVERFITTING | {"epochs": 6}, keep="last"))
    losses, said = curve(tmp_path, "validation_loss"), figures(tmp_path)
    assert not said["stopped_early"]
    assert said["kept_step"] == max(losses) == 18
    assert scored(tmp_path, unlike(rows)) == pytest.approx(losses[18], rel=1e-4)


def test_the_weights_that_are_most_often_right_are_kept_where_that_is_asked(
    tmp_path: Path, rows: Rows
) -> None:
    alike = rows(13)[10:]
    write(tmp_path, rows(10), alike)
    run(tmp_path, with_params(**OVERFITTING | {"epochs": 6}, keep="accuracy"))
    shares, said = curve(tmp_path, "validation_accuracy"), figures(tmp_path)
    trained = {step: share for step, share in shares.items() if step}
    losses = curve(tmp_path, "validation_loss")
    first_best = min(step for step, share in trained.items() if share == max(trained.values()))
    assert said["kept_step"] == first_best
    assert said["validation_accuracy"] == trained[first_best] > said["validation_accuracy_before"]
    assert first_best != min(trained, key=lambda step: losses[step]), "the loss would have kept others"
    pairs = [(row.input_ids, row.assistant_masks) for row in alike]
    found = likelihood.score_rows(adapters.load(TINY, tmp_path / "adapter"), pairs, pad=2, batch_size=4)
    right, tokens = (sum(getattr(one, name) for one in found) for name in ("right", "tokens"))
    assert right / tokens == pytest.approx(trained[first_best], abs=1e-6)


@pytest.mark.slow
def test_patience_and_the_best_survive_a_kill(
    tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = with_params(**OVERFITTING, keep="best", early_stopping=2)
    for name in ("undisturbed", "killed"):
        write(tmp_path / name, rows(10), unlike(rows))
    run(tmp_path / "undisturbed", chosen)
    kept = figures(tmp_path / "undisturbed")["kept_step"]
    seal = checkpoints.seal

    def interrupt(folder: Path) -> None:
        if folder.name == f"checkpoint-{kept + 4}":  # after the best, with one evaluation of patience used
            raise KeyboardInterrupt
        seal(folder)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "seal", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "killed", chosen)
    run(tmp_path / "killed", chosen)
    assert outputs(tmp_path / "killed") == outputs(tmp_path / "undisturbed")


@pytest.mark.parametrize(
    ("evaluations", "steps"), [(1, [0, 3, 6]), (2, [0, 2, 3, 5, 6]), (9, list(range(7)))]
)
def test_evaluations_stand_at_even_distances_and_at_the_end(
    tmp_path: Path, rows: Rows, evaluations: int, steps: list[int]
) -> None:
    write(tmp_path, rows(10), rows(13)[10:])
    run(tmp_path, with_params(evaluations=evaluations))
    assert list(curve(tmp_path, "validation_loss")) == steps


def test_a_loss_that_explodes_names_the_step_and_the_rows(tmp_path: Path, rows: Rows) -> None:
    some = rows(10)
    write(tmp_path, some, [])
    runaway = with_params(
        method="full", learning_rate=1.0, max_grad_norm=1e9, warmup_share=0.0, explosion=1.5
    )
    with pytest.raises(
        LecternError, match=r"the loss exploded: [\d.]+ at step \d+, .* on rows [0-9a-f]{16}"
    ) as error:
        run(tmp_path, runaway)
    assert "Lower train.learning_rate" in str(error.value)
    assert not (tmp_path / "adapter").exists()
    # a lower rate is another run, which does not go on from those weights
    run(tmp_path, with_params())
    assert figures(tmp_path)["steps"] == 6


@pytest.mark.parametrize(
    ("first", "loss", "explodes"),
    [
        (
            [0.28, 0.2, 0.25],
            4.87,
            False,
        ),  # the first rows quote a passage that stands before them, this one does not
        ([0.28, 0.2, 0.25], 10.9, True),
        ([4.0, 4.2, 3.9], 10.9, False),
        ([4.0, 4.2, 3.9], 12.7, True),
    ],
)
def test_a_loss_explodes_beyond_the_first_ones_and_beyond_guessing(
    first: list[float], loss: float, explodes: bool
) -> None:
    from lectern.training import trainer  # it imports torch

    most = trainer.highest_loss(first, factor=3.0, vocabulary=49_152)  # ln 49,152 is 10.80
    assert (loss > most) is explodes


NARROW = """
import resource, sys
from pathlib import Path
import torch
from lectern.core import stage
from tests.support.training import run, with_params
resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))
stage.RUNTIME = Path(sys.argv[1]) / "runtime"
stage.run("train", lambda: run(Path(sys.argv[1]), with_params(batch_size=64, gradient_accumulation=1)))
"""


@pytest.mark.slow
def test_too_little_memory_says_what_to_lower(tmp_path: Path, rows: Rows) -> None:
    """The machine really refuses: the process may take no more address space than the model and a little."""
    long = [
        row.model_copy(
            update={field: (getattr(row, field) * 16)[:500] for field in ("input_ids", "assistant_masks")}
        )
        for row in rows(64)
    ]
    write(tmp_path, long, [])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = 6_000_000_000
    if hard != resource.RLIM_INFINITY and hard < limit:
        pytest.skip("this shell is itself held to less")
    done = subprocess.run(
        [sys.executable, "-c", NARROW.format(limit=limit), str(tmp_path)],
        capture_output=True,
        text=True,
        env={"PATH": "", "HOME": str(Path.home()), "PYTHONPATH": ".", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 1, done.stderr[-2000:]
    assert "train: error: there is not enough memory" in done.stderr
    for advice in ("train.batch_size=32 saves about", "render.max_length=250 saves about"):
        assert advice in done.stderr
    assert "Traceback" not in done.stderr
