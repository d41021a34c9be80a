"""The figures of `lectern check --gpu`: operations against torch's count, shares of a peak, rows, shapes, weights."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from lectern.core.schema import Provenance, TokenRow
from lectern.models import loading
from lectern.tools.checking.gpu import bench, clock, device, flops, rows, weights
from lectern.tools.checking.gpu.shapes import REAL, SHAPES, TINY
from lectern.training import memory
from tests.unit.training.test_memory import PUBLISHED

AS_PUBLISHED = {
    "phi_1_5": "phi_1_5",
    "llama3_8b": "llama3_8b_instruct",
    "mistral_7b": "mistral_7b_instruct",
}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return loading.get_tokenizer(bench.make_settings(SHAPES["tiny_llama"], None))


def token_row(*ids: int, trained: int = 1) -> TokenRow:
    masks = [0] * (len(ids) - trained) + [1] * trained
    place = Provenance(item="talk", method="test")
    return TokenRow(id="a", example="a", input_ids=list(ids), assistant_masks=masks, provenance=place)


def test_torch_counts_the_same_operations() -> None:
    import peft
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import AutoConfig, AutoModelForCausalLM

    from lectern.models import likelihood

    rank, tokens, trained = 4, 48, 10
    for shape in TINY:
        values = {**shape.values, "vocab_size": 512}
        config = AutoConfig.for_model(shape.architecture, **values)
        # eager attention is two plain products, which torch's counter knows on every device
        plain = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
        sizes = memory.of_model(plain)
        adapter = peft.LoraConfig(r=rank, target_modules="all-linear", task_type="CAUSAL_LM")
        model = peft.get_peft_model(plain, adapter)
        # without it, torch leaves out the first block's gradients of inputs, which no model of real size feels
        model.enable_input_require_grads()
        ids = torch.randint(0, 512, (1, tokens))
        labels = ids.clone()
        labels[:, :-trained] = -100
        with FlopCounterMode(display=False) as counter:
            likelihood.token_losses(model, {"input_ids": ids}, labels).sum().backward()
        counted = flops.of_row(sizes, sizes.adapter(rank), tokens, trained)
        assert counted == pytest.approx(counter.get_total_flops(), rel=0.005), shape.name


def test_the_share_of_the_peak_is_operations_a_second_by_the_peak() -> None:
    sizes = memory.Sizes(
        linear=1000, other=0, layers=2, hidden=8, heads=2, vocabulary=50, widths=80, largest=300
    )
    assert flops.of_row(sizes, 160, 10, 4) == 40 * 1000 + 12 * 100 * 8 * 2 + 16 * 8 * 50 + 60 * 160
    needed = flops.a_token(sizes, 160, [token_row(*range(10), trained=4)] * 3)
    assert needed == (40_000 + 19_200 + 6_400 + 9_600) / 10
    assert flops.utilization(needed, 1000.0, 75.2e6) == pytest.approx(0.1)
    assert flops.utilization(needed, None, 1e12) is None
    assert flops.utilization(needed, 1000.0, None) is None


def test_a_known_gpu_has_a_peak_and_a_slice_of_it_or_a_strange_one_has_none() -> None:
    assert device.find_peak("NVIDIA H200") == device.find_peak("NVIDIA H100 80GB HBM3") == 989e12
    assert device.find_peak("NVIDIA A100-SXM4-40GB") == 312e12
    assert device.find_peak("NVIDIA A100-SXM4-40GB MIG 1g.5gb") is None
    assert device.find_peak("Some Accelerator 9") is None


def test_the_first_step_is_not_timed() -> None:
    timed = clock.Clock()
    timed.ends = [10.0, 12.0, 14.0]
    assert timed.find_speed([1000, 30, 50]) == (4.0, 20.0)
    timed.ends = [10.0]
    assert timed.find_speed([1000]) == (None, None)


def test_every_step_of_a_training_ends_once_for_the_clock() -> None:
    import torch

    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([weight])
    with clock.watching() as timed:
        for _ in range(3):
            weight.sum().backward()
            optimizer.step()
    optimizer.step()
    assert len(timed.ends) == 3
    assert timed.ends == sorted(timed.ends)


def test_a_real_shape_has_the_published_dimensions() -> None:
    assert {shape.name for shape in REAL} == set(AS_PUBLISHED)
    for shape in REAL:
        published = PUBLISHED[AS_PUBLISHED[shape.name]]
        assert {"model_type": shape.architecture, **shape.values}.items() >= published.items()


def test_a_smaller_vocabulary_keeps_lengths_masks_and_control_tokens() -> None:
    row = token_row(1, 2, 32767, 32768, 49151, trained=2)
    folded = rows.fold(row, 32768)
    assert folded.input_ids[:3] == [1, 2, 32767]
    assert all(16384 <= token < 32768 for token in folded.input_ids[3:])
    assert folded.assistant_masks == row.assistant_masks
    assert rows.fold(row, 49152) == row


def test_examples_are_the_texts_of_the_repository() -> None:
    dialogues, pairs = rows.list_dialogues(), rows.list_pairs()
    assert len({example.id for example in [*dialogues, *pairs]}) == len(dialogues) + len(pairs)
    assert all([message.role for message in pair.messages] == ["user", "assistant"] for pair in pairs)
    talks = [example for example in dialogues if len(example.messages) > 2]
    assert sum(len(talk.messages) for talk in talks) == 2 * len(pairs)


def test_random_weights_are_loaded_as_a_model_in_a_directory(
    tmp_path: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = SHAPES["tiny_phi"]
    sizes = weights.make(shape, tmp_path / "whole", tokenizer)
    monkeypatch.setattr(weights, "SHARD", 2_000_000)
    weights.make(shape, tmp_path / "cut", tokenizer)
    assert len(list((tmp_path / "whole").glob("*.safetensors"))) == 1
    sizes_of_files = [path.stat().st_size for path in sorted((tmp_path / "cut").glob("*.safetensors"))]
    assert len(sizes_of_files) > 1
    # property: as few files as hold at most so much each, so that two that follow each other are more than one holds
    assert all(sum(pair) > 2_000_000 for pair in itertools.pairwise(sizes_of_files))
    whole, cut = (
        loading.get_model(bench.make_settings(shape, tmp_path / name)).state_dict()
        for name in ("whole", "cut")
    )
    assert whole.keys() == cut.keys()
    assert all(whole[name].equal(cut[name]) for name in whole)
    assert sum(weight.numel() for weight in whole.values()) == sizes.linear + sizes.other
    for name, weight in whole.items():
        if weight.dim() == 2:
            assert float(weight.std()) == pytest.approx(weights.SPREAD, rel=0.1), name
        else:
            assert weight.unique().tolist() == [0.0 if name.endswith("bias") else 1.0], name


def test_a_disk_without_room_is_said_before_anything_is_written(
    tmp_path: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lectern.tools.checking.gpu.found import NotRunError

    monkeypatch.setattr(weights, "ROOM", 1e12)
    with pytest.raises(NotRunError, match="set TMPDIR"):
        weights.make(SHAPES["tiny_llama"], tmp_path / "model", tokenizer)
    assert list((tmp_path / "model").iterdir()) == []
