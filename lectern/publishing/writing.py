"""Write the cards and the data set of models/export, anew each time, because they describe the working tree."""

from pathlib import Path

from lectern.core import io, params
from lectern.publishing import cards, facts, layouts
from lectern.publishing.facts import Facts
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.publish import Publish

DATASET = "dataset"


def load_settings(root: Path) -> Publish:
    """Section `publish`.

    Raises:
        LecternError: the section is missing or not valid.
    """
    return params.load("publish", Publish, root / "params.yaml")


def write(root: Path, out: Path) -> Facts:
    """Write `README.md`, and `dataset/` with its own, from the outputs below `root`. Returns the facts in them.

    Raises:
        LecternError: there are no splits, or an output is broken.
    """
    known, chosen = facts.gather(root), load_settings(root)
    base = params.load("base_model", BaseModelSettings, root / "params.yaml")
    left_out = layouts.write(root / "data/splits", out / DATASET)
    io.write_text(out / DATASET / "README.md", cards.write_dataset_card(known, chosen, left_out))
    io.write_text(out / "README.md", cards.write_model_card(known, chosen, base.identity))
    return known
