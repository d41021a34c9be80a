import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lectern.core.schema import TokenRow
from lectern.models import chat_format, loading, stand_ins
from lectern.settings.base_model import BaseModelSettings
from lectern.training import rendering
from tests import shared
from tests.support import running, training, tuned_repo
from tests.support.tiny import TINY, example

TOKENIZERS: dict[str, Any] = {}
"""Base model as text -> its tokenizer. Reading one from its file takes a tenth of a second, and trainings, answers and
random models did it hundreds of times."""
read_tokenizer = loading.get_tokenizer


def get_tokenizer(base: BaseModelSettings) -> Any:
    """As `loading.get_tokenizer`, read once in a process unless it comes from a hub or a directory. Each caller may
    change its own one, but for the tokens that are added to it."""
    if base.source == "hub":
        return read_tokenizer(base)
    if repr(base) not in TOKENIZERS:
        TOKENIZERS[repr(base)] = read_tokenizer(base)
    own = copy.copy(TOKENIZERS[repr(base)])
    for name, value in vars(own).items():
        if isinstance(value, dict | list | set):
            setattr(own, name, copy.copy(value))
    return own


MODELS: dict[Any, Any] = {}
"""What decides a random model -> the model, of which each caller has a copy."""
draw_model = stand_ins.random_model


def random_model(architecture: str, tokenizer: Any, **options: int) -> Any:
    """As `stand_ins.random_model`, drawn once in a process."""
    special = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
    key = (architecture, len(tokenizer), special, *sorted(options.items()))
    if key not in MODELS:
        MODELS[key] = draw_model(architecture, tokenizer, **options)
    return copy.deepcopy(MODELS[key])


loading.get_tokenizer, loading.stand_ins.random_model = get_tokenizer, random_model


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return loading.get_tokenizer(TINY)


@pytest.fixture(scope="session")
def template(tokenizer: Any) -> str:
    return chat_format.training_template(tokenizer, TINY.chat_template)


@pytest.fixture(scope="session")
def model() -> Any:
    return loading.get_model(TINY)


@pytest.fixture(scope="session")
def rows(tokenizer: Any, template: str) -> Callable[[int], list[TokenRow]]:
    """Any number of short, different token rows, of different lengths."""

    def make(count: int) -> list[TokenRow]:
        asked = [
            example(f"What is {n} plus one?", "It is " + "so " * (n % 5) + f"{n + 1}.") for n in range(count)
        ]
        return rendering.render(asked, tokenizer, template, max_length=512).rows

    return make


@pytest.fixture(scope="session")
def adapter(tmp_path_factory: pytest.TempPathFactory, rows: Callable[[int], list[TokenRow]]) -> Path:
    """Of TINY, trained until it knows that `It` comes first."""
    learning = training.with_params(
        r=8,
        alpha=16,
        dropout=0.0,
        learning_rate=3e-2,
        epochs=6,
        batch_size=4,
        gradient_accumulation=1,
        warmup_share=0.0,
        scheduler="constant",
        checkpoint_every=100,
    )

    def train(folder: Path) -> None:
        training.write(folder, rows(8), [])
        training.run(folder, learning)

    return shared.once(tmp_path_factory, "adapter", train) / "adapter"


@pytest.fixture(scope="session")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a tiny tuned model; nobody may change it."""
    return shared.once(tmp_path_factory, "tuned", lambda root: tuned_repo.make(root / "repo")) / "repo"


@pytest.fixture(scope="session")
def exported(tuned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose tiny model was exported by the command; nobody may change it."""

    def export(folder: Path) -> None:
        shutil.copytree(tuned, folder / "repo")
        done = running.run(folder / "repo")
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "export: models/export: made 6, kept 0"

    return shared.once(tmp_path_factory, "exported", export) / "repo"
