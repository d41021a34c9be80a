"""The figures of a training run, from its history of losses (`sft.losses`)."""

from collections.abc import Mapping, Sequence
from typing import Any

from stages.core.schema import TokenRow
from stages.tuning import batching

COLUMNS = ("step", "train_loss", "validation_loss")


def summarise(
    history: Sequence[Mapping[str, Any]],
    rows: Sequence[TokenRow],
    validation: Sequence[TokenRow],
    *,
    epochs: int,
    batch_size: int,
    seed: int,
) -> dict[str, Any]:
    """Losses in nats per trained token, and the rows and tokens that they rest on.

    The train loss is the mean over the steps of the last epoch. A validation loss is None where there are no rows.
    """
    lengths = [len(row.input_ids) for row in rows]
    trained = [line["train_loss"] for line in history if line["train_loss"] is not None]
    scored = [line["validation_loss"] for line in history if line["validation_loss"] is not None]
    last = trained[-(len(trained) // epochs) :]
    cut = [batch for epoch in range(epochs) for batch in batching.batches(lengths, batch_size, seed, epoch)]
    return {
        "rows": len(rows),
        "tokens": sum(lengths),
        "trained_tokens": sum(sum(row.assistant_masks) for row in rows),
        "epochs": epochs,
        "steps": len(trained),
        "padding_share": round(batching.padding_share(lengths, cut), 4),
        "train_loss": round(sum(last) / len(last), 6),
        "validation_rows": len(validation),
        "validation_loss_before": scored[0] if scored else None,
        "validation_loss": scored[-1] if scored else None,
    }


def table(history: Sequence[Mapping[str, Any]]) -> str:
    """The history as tab-separated values with a header; empty where nothing was scored."""
    lines = [["" if line[column] is None else str(line[column]) for column in COLUMNS] for line in history]
    return "".join("\t".join(line) + "\n" for line in [list(COLUMNS), *lines])
