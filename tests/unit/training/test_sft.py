import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lectern.core import io
from lectern.core import params as core_params
from lectern.core.errors import LecternError
from lectern.core.schema import TokenRow
from lectern.models import batching, loading
from lectern.settings.train import Train
from lectern.training import checkpoints, sft
from tests.support.training import PARAMS, curve, outputs, run, write

Rows = Callable[[int], list[TokenRow]]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, rows: Rows) -> Path:
    """An undisturbed run: 10 rows, 3 steps an epoch."""
    folder = tmp_path_factory.mktemp("undisturbed")
    write(folder, rows(13)[:10], rows(13)[10:])
    run(folder)
    return folder


def copy_data(done: Path, folder: Path) -> None:
    shutil.copytree(done / "sft", folder / "sft")


def test_outputs_are_the_adapter_and_its_figures_alone(done: Path) -> None:
    assert sorted(outputs(done)) == [
        "adapter/adapter_config.json",
        "adapter/adapter_model.safetensors",
        "adapter/chat_template.jinja",
        "adapter/training.json",
        "metrics/train.json",
        "metrics/train/metrics.json",
        "metrics/train/plots/metrics/gradient_norm.tsv",
        "metrics/train/plots/metrics/learning_rate.tsv",
        "metrics/train/plots/metrics/train_loss.tsv",
        "metrics/train/plots/metrics/validation_accuracy.tsv",
        "metrics/train/plots/metrics/validation_loss.tsv",
    ]
    # nothing of this machine: the adapter is compared byte for byte with one made elsewhere
    config = (done / "adapter/adapter_config.json").read_text()
    assert json.loads(config)["base_model_name_or_path"] == "tiny_llama"
    assert str(Path.home()) not in config
    assert str(done) not in config


def test_figures_and_curves_agree(done: Path) -> None:
    figures = io.read_plain(done / "metrics/train.json")
    trained, scored = curve(done, "train_loss"), curve(done, "validation_loss")
    # the start, three steps, a score, three steps, a score
    assert list(trained) == [1, 2, 3, 4, 5, 6]
    assert list(scored) == [0, 3, 6]
    assert (figures["rows"], figures["validation_rows"], figures["steps"], figures["epochs"]) == (10, 3, 6, 2)
    assert figures["validation_loss_before"] == scored[0]
    assert figures["validation_loss"] == scored[6] < figures["validation_loss_before"]
    assert figures["train_loss"] == pytest.approx(sum(trained[step] for step in (4, 5, 6)) / 3, abs=1e-4)


def test_the_same_seed_gives_the_same_bytes_and_another_others(done: Path, tmp_path: Path) -> None:
    for name, seed in (("same", 0), ("other", 1)):
        copy_data(done, tmp_path / name)
        run(tmp_path / name, replace(PARAMS, seed=seed))
    assert outputs(tmp_path / "same") == outputs(done)
    changed = outputs(tmp_path / "other")
    assert changed["adapter/adapter_model.safetensors"] != outputs(done)["adapter/adapter_model.safetensors"]


@pytest.mark.parametrize(
    "after",
    [
        pytest.param(2, id="in epoch 1"),
        pytest.param(3, id="between epochs", marks=pytest.mark.slow),
        pytest.param(5, id="in epoch 2", marks=pytest.mark.slow),
    ],
)
def test_an_interrupted_run_ends_with_the_same_bytes(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    copy_data(done, tmp_path)
    seal = checkpoints.seal

    def interrupt(folder: Path) -> None:
        if folder.name == f"checkpoint-{after + 1}":
            raise KeyboardInterrupt  # its files are written, its seal is not
        seal(folder)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "seal", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path)
    (folder,) = (tmp_path / "checkpoints").iterdir()
    assert (folder / f"checkpoint-{after + 1}").exists()
    run(tmp_path)
    assert outputs(tmp_path) == outputs(done)


def test_each_epoch_has_its_own_order(done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    epochs = []
    batches = batching.batches

    def listen(lengths: Any, size: int, seed: int, epoch: int) -> Any:
        epochs.append(epoch)
        return batches(lengths, size, seed, epoch)

    copy_data(done, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(batching, "batches", listen)
        patch.setattr(sft.checkpoints, "finishing", lambda run: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path)
    assert set(epochs) == {0, 1}


def test_a_corrupt_checkpoint_is_passed_over(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_data(done, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "finishing", lambda run: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path)
    newest, older = (next((tmp_path / "checkpoints").glob(f"*/checkpoint-{step}")) for step in (6, 5))
    (newest / "optimizer.pt").write_bytes((newest / "optimizer.pt").read_bytes()[:-100])
    assert checkpoints.latest(newest.parent) == older
    run(tmp_path)
    assert outputs(tmp_path) == outputs(done)


def test_a_finished_run_is_exported_and_not_trained_again(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # DVC removes the outs before it runs a stage
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "adapter")
    shutil.rmtree(tmp_path / "metrics")
    monkeypatch.setattr(loading, "get_model", None)  # nothing may load a model
    run(tmp_path)
    assert outputs(tmp_path) == outputs(done)


def test_a_changed_parameter_or_row_starts_anew(done: Path, tmp_path: Path, rows: Rows) -> None:
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    run(tmp_path, replace(PARAMS, epochs=1))
    assert io.read_plain(tmp_path / "metrics/train.json")["steps"] == 3
    write(tmp_path, rows(4), [])
    run(tmp_path, replace(PARAMS, epochs=1))
    assert io.read_plain(tmp_path / "metrics/train.json")["rows"] == 4
    assert len(list((tmp_path / "checkpoints").iterdir())) == 3


def test_one_row_and_no_validation_are_enough(tmp_path: Path, rows: Rows) -> None:
    write(tmp_path, rows(1), [])
    run(tmp_path)
    figures = io.read_plain(tmp_path / "metrics/train.json")
    assert (figures["rows"], figures["steps"], figures["validation_loss"]) == (1, 2, None)


def test_a_process_without_a_launcher_trains_on_one_of_several_gpus(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import transformers

    there = transformers.TrainingArguments._setup_devices.func  # type: ignore[attr-defined]

    def several(arguments: Any) -> Any:
        device = there(arguments)
        arguments._n_gpu = 3  # what the library counts where three are visible
        return device

    copy_data(done, tmp_path)
    monkeypatch.setattr(transformers.TrainingArguments._setup_devices, "func", several)
    run(tmp_path)
    assert outputs(tmp_path) == outputs(done)
    said = [line for line in capsys.readouterr().err.splitlines() if "GPUs are visible" in line]
    assert len(said) == 1
    assert "lectern params compute=gpus compute.processes=3" in said[0]


def test_no_row_is_an_error_that_says_so(tmp_path: Path) -> None:
    write(tmp_path, [], [])
    with pytest.raises(LecternError, match=r"data/sft/train\.jsonl is empty"):
        run(tmp_path)
    assert not (tmp_path / "adapter").exists()


def test_a_loss_that_is_not_finite_stops_and_names_the_rows(tmp_path: Path, rows: Rows) -> None:
    write(tmp_path, rows(4), [])
    with pytest.raises(LecternError, match=r"the loss is (nan|inf) at step \d+, on rows") as raised:
        run(tmp_path, replace(PARAMS, learning_rate=1e30, max_grad_norm=1e30, epochs=4, warmup_share=0.0))
    assert sum(row.id in str(raised.value) for row in rows(4)) == PARAMS.batch_size


def test_the_answer_is_trained_and_the_question_is_not(tmp_path: Path, rows: Rows, model: Any) -> None:
    """The loss of a step is that of the marked tokens alone, their end of turn among them."""
    from lectern.models import likelihood

    some = rows(4)
    write(tmp_path, some, [])
    run(tmp_path, replace(PARAMS, dropout=0.0, epochs=1, batch_size=2, gradient_accumulation=2))
    scored = likelihood.negative_log_likelihoods(
        model, [(row.input_ids, row.assistant_masks) for row in some], pad=2, batch_size=4
    )
    expected = sum(nll for nll, _ in scored) / sum(tokens for _, tokens in scored)
    assert io.read_plain(tmp_path / "metrics/train.json")["train_loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"learning_rate": 0.0}, "above 0"),
    ],
)
def test_senseless_parameters_are_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        replace(PARAMS, **change)


@pytest.mark.parametrize("file", sorted(Path("conf/train").glob("*.yaml")), ids=lambda file: file.stem)
def test_each_shipped_training_is_valid(file: Path, tmp_path: Path) -> None:
    lines = file.read_text().splitlines(keepends=True)
    (tmp_path / "params.yaml").write_text("train:\n" + "".join("  " + line for line in lines))
    assert core_params.load("train", Train, tmp_path / "params.yaml").name == file.stem
