"""What the model is given: the tokens of the rows, the labels of their masks, and rows that do not see each other."""

import copy
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.core.errors import LecternError
from lectern.core.schema import TokenRow
from lectern.models import batching, likelihood, loading
from lectern.settings.base_model import ARCHITECTURES
from lectern.training import sft
from tests.support.tiny import TINY
from tests.support.training import curve, figures, run, with_params, write

Rows = Callable[[int], list[TokenRow]]
PAD = 2
"""the token that also ends a turn"""

LENGTHS = st.lists(st.integers(1, 50), max_size=60)


@given(LENGTHS, st.integers(50, 120), st.integers(0, 3))
def test_packs_hold_each_row_once_and_never_too_much(lengths: list[int], capacity: int, epoch: int) -> None:
    packs = batching.packs(lengths, capacity, seed=0, epoch=epoch)
    assert sorted(row for pack in packs for row in pack) == list(range(len(lengths)))
    assert all(sum(lengths[row] for row in pack) <= capacity for pack in packs)
    # first fit: no two packs could be one
    fills = sorted(sum(lengths[row] for row in pack) for pack in packs)
    assert len(fills) < 2 or fills[0] + fills[1] > capacity


@given(LENGTHS)
def test_each_epoch_has_the_same_packs_in_another_order(lengths: list[int]) -> None:
    first, second = (batching.packs(lengths, 60, seed=0, epoch=epoch) for epoch in (0, 1))
    assert sorted(first) == sorted(second)
    assert batching.packs(lengths, 60, seed=0, epoch=0) == first


def test_epochs_and_seeds_order_packs_differently() -> None:
    lengths = random.Random(0).choices(range(5, 40), k=200)
    orders = [batching.packs(lengths, 60, seed, epoch) for seed, epoch in ((0, 0), (0, 1), (1, 0))]
    assert orders[0] != orders[1] != orders[2] != orders[0]


def test_packing_ten_thousand_rows_takes_little_room() -> None:
    lengths = random.Random(0).choices(range(20, 400), k=10_000)
    packs = batching.packs(lengths, 512, seed=0, epoch=0)
    # within 2 % of all tokens in full packs; the method's bound is 22 %
    assert len(packs) < 1.02 * sum(lengths) / 512


@given(
    st.lists(st.lists(st.integers(0, 99), min_size=1, max_size=3), max_size=30), st.sampled_from([1, 2, 3, 4])
)
def test_processes_share_each_step_whole(cut: list[list[int]], processes: int) -> None:
    together = 4 if processes != 3 else 6
    shares = [batching.share(cut, process, processes, together) for process in range(processes)]
    # as many for each, or they would wait for one another for ever
    assert len({len(share) for share in shares}) == 1
    own = together // processes
    for step in range(-(-len(cut) // together)):
        taken = [batch for share in shares for batch in share[step * own : (step + 1) * own] if batch]
        asked = cut[step * together : (step + 1) * together]
        assert Counter(map(tuple, taken)) == Counter(map(tuple, asked))


def test_padding_is_told_by_its_place_and_not_by_its_token(rows: Rows) -> None:
    """The padding token ends a turn too: whoever masks labels by it never trains an end."""
    from lectern.models import microbatches

    some = rows(4)
    made = microbatches.pad_rows([(row.input_ids, row.assistant_masks) for row in some], PAD)
    for place, row in enumerate(some):
        count = len(row.input_ids)
        expected = [t if m else -100 for t, m in zip(row.input_ids, row.assistant_masks, strict=True)]
        assert made["labels"][place].tolist() == expected + [-100] * (made["labels"].shape[1] - count)
        assert made["input_ids"][place, :count].tolist() == row.input_ids
        assert made["attention_mask"][place].sum() == count
        assert PAD in expected, "the end of the turn is trained"


def test_a_pack_begins_its_positions_anew_with_each_row(rows: Rows) -> None:
    from lectern.models import microbatches

    some = rows(3)
    made = microbatches.pack_rows([(row.input_ids, row.assistant_masks) for row in some], PAD)
    assert made["input_ids"][0].tolist() == [token for row in some for token in row.input_ids]
    assert made["position_ids"][0].tolist() == [at for row in some for at in range(len(row.input_ids))]
    assert set(made) == {"input_ids", "position_ids", "labels"}, (
        "an attention mask would hide that they are several"
    )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_packed_rows_do_not_see_each_other(architecture: str, attention: str, rows: Rows) -> None:
    """Loss and gradient of a pack are those of its rows alone."""
    import torch

    from lectern.models import microbatches

    model = loading.get_model(replace(TINY, architecture=architecture), attention=attention)
    pairs = [(row.input_ids, row.assistant_masks) for row in rows(5)]
    gradients = []
    losses = []
    for inputs in (
        [microbatches.pad_rows([pair], PAD) for pair in pairs],
        [microbatches.pad_rows(pairs, PAD)],
        [microbatches.pack_rows(pairs, PAD)],
    ):
        model.zero_grad()
        total = 0.0
        for part in copy.deepcopy(inputs):
            labels = part.pop("labels")
            loss = likelihood.token_losses(model, part, labels).sum()
            loss.backward()
            total += loss.item()
        losses.append(total)
        gradients.append(torch.cat([weight.grad.flatten() for weight in model.parameters()]))
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-5)
    for gradient in gradients[1:]:
        assert torch.allclose(gradient, gradients[0], atol=1e-4, rtol=1e-3)


def test_a_pack_is_not_what_its_rows_would_be_without_their_positions(rows: Rows) -> None:
    """So that the test above could fail: behind each other without anew beginning positions, rows do see each other."""
    from lectern.models import microbatches

    model = loading.get_model(TINY)
    made = microbatches.pack_rows([(row.input_ids, row.assistant_masks) for row in rows(5)], PAD)
    labels = made.pop("labels")
    apart = likelihood.token_losses(model, made, labels).sum().item()
    seen = likelihood.token_losses(model, {"input_ids": made["input_ids"]}, labels).sum().item()
    assert abs(apart - seen) > 1e-3


def test_packed_training_learns_from_the_same_tokens(tmp_path: Path, rows: Rows) -> None:
    for name, packing in (("packed", True), ("padded", False)):
        write(tmp_path / name, rows(12), rows(15)[12:])
        run(
            tmp_path / name, with_params(packing=packing, batch_size=12, gradient_accumulation=1, dropout=0.0)
        )
    packed, padded = (figures(tmp_path / name) for name in ("packed", "padded"))
    assert packed["padding_share"] == 0.0 < padded["padding_share"]
    # all rows fit into one pack: a step of either holds the same rows
    assert curve(tmp_path / "packed", "train_loss") == pytest.approx(
        curve(tmp_path / "padded", "train_loss"), rel=1e-5
    )


def test_a_model_that_lets_packed_rows_see_each_other_is_refused(
    tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a model would that makes its own mask and knows nothing of positions."""
    import torch

    from lectern.models import microbatches

    pack = microbatches.pack_rows

    def forget(some: Any, pad: int) -> dict[str, Any]:
        made = pack(some, pad)
        return made | {"attention_mask": torch.ones_like(made["input_ids"])}

    write(tmp_path, rows(6), [])
    monkeypatch.setattr(microbatches, "pack_rows", forget)
    with pytest.raises(LecternError, match="packed rows attend to each other"):
        run(tmp_path, with_params(packing=True))


def test_the_trainer_is_given_the_labels_of_the_masks(
    tmp_path: Path, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the libraries do on the way: what reaches the model is what `render` wrote, every row once an epoch."""
    from lectern.training.trainer import AnswerTrainer

    some = rows(7)
    seen: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    inner = AnswerTrainer.compute_loss

    def listen(self: Any, model: Any, inputs: Any, *arguments: Any, **options: Any) -> Any:
        for ids, mask, labels in zip(
            inputs["input_ids"], inputs["attention_mask"], inputs["labels"], strict=True
        ):
            shown = mask.bool()
            assert (labels[~shown] == -100).all()
            seen.append((tuple(ids[shown].tolist()), tuple(labels[shown].tolist())))
        return inner(self, model, inputs, *arguments, **options)

    write(tmp_path, some, [])
    monkeypatch.setattr(AnswerTrainer, "compute_loss", listen)
    run(tmp_path, with_params(epochs=1))
    asked = [
        (
            tuple(r.input_ids),
            tuple(t if m else -100 for t, m in zip(r.input_ids, r.assistant_masks, strict=True)),
        )
        for r in some
    ]
    assert Counter(seen) == Counter(asked)


def test_the_loss_on_a_gpu_is_that_on_a_cpu(tmp_path: Path, rows: Rows) -> None:
    """On one GPU TRL's fused head computes the loss; here it runs on the CPU, packed and padded."""
    for packing in (True, False):
        trainer = sft._get_trainer(
            TINY,
            rows(6),
            [],
            tmp_path / str(packing),
            with_params(packing=packing, dropout=0.0),
            tmp_path,
            None,
        )
        for batch in trainer.get_train_dataloader():
            batch.pop("rows")
            items = (batch["labels"][:, 1:] != -100).sum()
            theirs = super(type(trainer), trainer).compute_loss(
                trainer.model, dict(batch), num_items_in_batch=items
            )
            labels = batch.pop("labels")
            ours = likelihood.token_losses(trainer.model, batch, labels).sum() / items
            assert theirs.item() == pytest.approx(ours.item(), rel=1e-5)
