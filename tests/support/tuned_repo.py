"""A made-up repository with a tiny tuned model: its adapter is drawn, not trained, and changes every answer."""

from pathlib import Path

from lectern.core import params
from lectern.models import loading
from lectern.settings.base_model import BaseModelSettings
from lectern.tools import params as compose
from lectern.training import adapters
from tests.support import review_repo, training


def make(root: Path, *overrides: str, hostile: bool = False, base_model: str = "tiny_llama") -> None:
    """As `review_repo.make`, with models/adapter and params.yaml of the smoke recipe."""
    review_repo.make(root, hostile=hostile)
    chosen = ["recipe=smoke", f"base_model={base_model}", *overrides]
    compose.main(chosen, review_repo.ROOT / "conf", root / "params.yaml")
    base = params.load("base_model", BaseModelSettings, root / "params.yaml")
    draw_adapter(root / "models/adapter", base)


def draw_adapter(folder: Path, base: BaseModelSettings) -> None:
    """An adapter with random weights in both halves."""
    import torch

    learning = training.with_params(method="lora", r=4, alpha=8, dropout=0.0)
    tuned = adapters.start(base, loading.get_model(base), learning, folder.parent)
    chance = torch.Generator().manual_seed(3)
    for name, weight in tuned.named_parameters():
        if "lora_B" in name:
            weight.data = torch.randn(weight.shape, generator=chance) * 0.3
    folder.mkdir(parents=True)
    tuned.save_pretrained(folder)
    adapters.write_record(folder, base, "lora", "fp32", loading.get_tokenizer(base).chat_template)
