"""Each method of tuning, whole: what it changes, that it is saved, loaded, resumed and gone on with."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import TokenRow
from lectern.models import likelihood, loading
from lectern.settings.train import METHODS
from lectern.training import adapters, checkpoints
from tests.support.tiny import TINY
from tests.support.training import curve, figures, outputs, run, with_params, write

Rows = Callable[[int], list[TokenRow]]


def score(model: Any, rows: list[TokenRow]) -> float:
    """Nats per trained token."""
    scored = likelihood.negative_log_likelihoods(
        model, [(row.input_ids, row.assistant_masks) for row in rows], pad=2, batch_size=4
    )
    return sum(nll for nll, _ in scored) / sum(tokens for _, tokens in scored)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, rows: Rows) -> Callable[[str], Path]:
    """The finished run of a method, made once."""
    made: dict[str, Path] = {}

    def make(method: str) -> Path:
        if method not in made:
            made[method] = tmp_path_factory.mktemp(method)
            write(made[method], rows(13)[:10], rows(13)[10:])
            run(made[method], with_params(method=method))
        return made[method]

    return make


@pytest.mark.parametrize(
    "method",
    [pytest.param(name, marks=pytest.mark.slow if name in ("rslora", "dora") else ()) for name in METHODS],
)
def test_what_was_learned_is_saved_and_loaded(tuned: Callable[[str], Path], method: str, rows: Rows) -> None:
    folder = tuned(method)
    learned = figures(folder)
    assert learned["validation_loss"] < learned["validation_loss_before"]
    # the loaded model is the one that was scored at the end of the training
    loaded = adapters.load(TINY, folder / "adapter")
    assert score(loaded, rows(13)[10:]) == pytest.approx(learned["validation_loss"], rel=1e-4)
    record = adapters.read_record(TINY, folder / "adapter")
    assert (record.method, record.precision, record.quantized) == (method, "fp32", method == "qlora")
    assert (folder / "adapter/chat_template.jinja").read_text() == loading.get_tokenizer(TINY).chat_template


@pytest.mark.parametrize(
    "method", [pytest.param(name, marks=() if name == "qlora" else pytest.mark.slow) for name in METHODS]
)
def test_each_method_resumes_with_the_same_bytes(
    tuned: Callable[[str], Path], method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = tuned(method)
    shutil.copytree(undisturbed / "sft", tmp_path / "sft")
    seal = checkpoints.seal

    def interrupt(folder: Path) -> None:
        if folder.name == "checkpoint-4":
            raise KeyboardInterrupt
        seal(folder)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "seal", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, with_params(method=method))
    run(tmp_path, with_params(method=method))
    assert outputs(tmp_path) == outputs(undisturbed)


def test_methods_differ_in_what_they_learn(tuned: Callable[[str], Path]) -> None:
    weights = {method: outputs(tuned(method)) for method in ("lora", "qlora", "dora", "rslora")}
    assert len({files["adapter/adapter_model.safetensors"] for files in weights.values()}) == 4
    config = {method: io.read_plain(tuned(method) / f"adapter/{adapters.CONFIG}") for method in weights}
    assert [method for method, found in config.items() if found["use_dora"]] == ["dora"]
    assert [method for method, found in config.items() if found["use_rslora"]] == ["rslora"]
    assert (tuned("full") / "adapter/model.safetensors").is_file()
    assert not (tuned("full") / f"adapter/{adapters.CONFIG}").exists()


def test_an_evaluation_leaves_the_gradients_of_a_quantised_model_as_they_are(
    tmp_path: Path, rows: Rows
) -> None:
    """Bitsandbytes would lay the weights out for inference at the first evaluation, and pass no gradient on."""
    found = []
    for name, validation in (("scored", rows(13)[10:]), ("unscored", [])):
        write(tmp_path / name, rows(13)[:10], validation)
        run(tmp_path / name, with_params(method="qlora"))
        found.append(curve(tmp_path / name, "train_loss"))
    assert found[0] == found[1]


def test_a_training_goes_on_from_an_adapter(tuned: Callable[[str], Path], tmp_path: Path, rows: Rows) -> None:
    before = tuned("lora")
    write(tmp_path, rows(13)[:10], rows(13)[10:])
    shutil.copytree(before / "adapter", tmp_path / "adapters/first")
    run(tmp_path, with_params(from_adapter="first"))
    # it begins where the first one ended, and ends lower
    assert figures(tmp_path)["validation_loss_before"] == pytest.approx(
        figures(before)["validation_loss"], rel=1e-5
    )
    assert figures(tmp_path)["validation_loss"] < figures(before)["validation_loss"]
    # another adapter under the same name is another run
    first = outputs(tmp_path)
    shutil.copytree(tmp_path / "adapter", tmp_path / "adapters/first", dirs_exist_ok=True)
    run(tmp_path, with_params(from_adapter="first"))
    assert outputs(tmp_path) != first


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"from_adapter": "second"}, r"second holds no adapter. Adapters here: first"),
        ({"from_adapter": "first", "r": 4}, r"has r 2, but section train has r 4"),
        (
            {"from_adapter": "first", "method": "dora"},
            r"has use_dora False, but section train has use_dora True",
        ),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused(
    tuned: Callable[[str], Path], tmp_path: Path, rows: Rows, change: dict[str, Any], complaint: str
) -> None:
    write(tmp_path, rows(4), [])
    shutil.copytree(tuned("lora") / "adapter", tmp_path / "adapters/first")
    with pytest.raises(LecternError, match=complaint):
        run(tmp_path, with_params(**change))


def test_an_adapter_of_another_base_model_is_refused(
    tuned: Callable[[str], Path], tmp_path: Path, rows: Rows
) -> None:
    from dataclasses import replace

    other = replace(TINY, name="tiny_other")
    write(tmp_path, rows(4), [])
    shutil.copytree(tuned("lora") / "adapter", tmp_path / "adapters/first")
    with pytest.raises(LecternError, match="was made for tiny_llama, but base_model is tiny_other"):
        run(tmp_path, with_params(from_adapter="first"), other)
    with pytest.raises(LecternError, match="was made for tiny_llama, but base_model is tiny_other"):
        adapters.load(other, tuned("lora") / "adapter")


def test_a_damaged_adapter_to_go_on_with_is_refused(
    tuned: Callable[[str], Path], tmp_path: Path, rows: Rows
) -> None:
    write(tmp_path, rows(4), [])
    shutil.copytree(tuned("lora") / "adapter", tmp_path / "adapters/first")
    weights = tmp_path / "adapters/first" / adapters.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(LecternError, match=r"adapters/first cannot be put on tiny_llama"):
        run(tmp_path, with_params(from_adapter="first"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1000], lambda data: b"", lambda data: b"\xff" * 8 + data,
        lambda data: data[:8] + b"[" * 400 + data[400:], lambda data: b"<html>not found</html>",
    ],
)  # fmt: skip
def test_damaged_weights_are_named(
    tuned: Callable[[str], Path], tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    shutil.copytree(tuned("lora") / "adapter", tmp_path / "adapter")
    weights = tmp_path / "adapter" / adapters.WEIGHTS
    weights.write_bytes(damage(weights.read_bytes()))
    with pytest.raises(
        LecternError, match=r"the weights in .*/adapter cannot be read \(.*`dvc repro -f train`"
    ):
        adapters.load(TINY, tmp_path / "adapter")


@pytest.mark.parametrize("targets", [["q_proj", "query_key_value"], "query_key_value"])
def test_a_wrong_target_module_names_the_right_ones(tmp_path: Path, rows: Rows, targets: Any) -> None:
    write(tmp_path, rows(4), [])
    with pytest.raises(
        LecternError,
        match=r"query_key_value is not a linear layer .* which has q_proj, k_proj, v_proj, o_proj",
    ):
        run(tmp_path, with_params(target_modules=targets))


def test_the_base_model_names_the_targets_where_train_does_not(tmp_path: Path, rows: Rows) -> None:
    from dataclasses import replace

    write(tmp_path, rows(4), [])
    run(tmp_path, with_params(target_modules=None), replace(TINY, target_modules=["q_proj", "v_proj"]))
    assert io.read_plain(tmp_path / f"adapter/{adapters.CONFIG}")["target_modules"] == ["q_proj", "v_proj"]


def test_checkpointing_activations_changes_memory_and_no_gradient(tmp_path: Path, rows: Rows) -> None:
    found = []
    for name, on in (("with", True), ("without", False)):
        write(tmp_path / name, rows(10), [])
        run(tmp_path / name, with_params(dropout=0.0, gradient_checkpointing=on))
        found.append(curve(tmp_path / name, "train_loss"))
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_trackers_are_told_and_change_nothing(
    tuned: Callable[[str], Path], tmp_path: Path, rows: Rows
) -> None:
    pytest.importorskip("tensorboard")
    write(tmp_path, rows(13)[:10], rows(13)[10:])
    run(tmp_path, with_params(trackers=["tensorboard"]))
    assert list(tmp_path.glob("checkpoints/*/runs/**/events.out.tfevents.*"))
    assert outputs(tmp_path) == outputs(tuned("lora"))


def test_a_tracker_that_is_not_installed_is_named(tmp_path: Path, rows: Rows) -> None:
    from importlib.util import find_spec

    if find_spec("mlflow") is not None:
        pytest.skip("it is installed here")
    write(tmp_path, rows(4), [])
    with pytest.raises(LecternError, match=r"mlflow is not installed\. Run `pip install mlflow`"):
        run(tmp_path, with_params(trackers=["mlflow"]))


def test_training_changes_nothing_of_a_model_but_the_adapter(tuned: Callable[[str], Path]) -> None:
    import torch

    loaded = adapters.load(TINY, tuned("lora") / "adapter")
    fresh = loading.get_model(TINY).state_dict()
    with loaded.disable_adapter():
        base = {
            name.replace("base_layer.", ""): weight
            for name, weight in loaded.get_base_model().state_dict().items()
            if "lora_" not in name
        }
    assert base.keys() == fresh.keys()
    assert all(torch.equal(base[name], fresh[name]) for name in fresh)
