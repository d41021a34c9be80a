"""What the tuned model knows of what it was trained on, asked in other words than the training rows'.

People's questions (data/evals) may name the items or rows that hold the answer. Those whose answer was trained measure
knowledge; those whose answer was held out measure how the tuning carries over. `curate` keeps both out of the rows.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from lectern.answering.questions import Ask
from lectern.core.schema import SPLITS, Example
from lectern.evaluation import summary
from lectern.evaluation.rows import RowScore

TRAINED, UNSEEN = "trained", "unseen"
UNNAMED = (
    "No question of people says where its answer stands. Write a set in data/evals whose questions name `items`, and "
    "name the set in generate.evals."
)


def measure(
    rows: Sequence[RowScore],
    asked: Iterable[Ask],
    splits: Mapping[str, Sequence[Example]],
    *,
    seed: int,
    resamples: int,
    confidence: float,
) -> dict[str, Any]:
    """Return the figures of questions whose answer was trained, and of those whose answer was not.

    Args:
        rows: the scores of all questions.
        asked: people's questions.
        splits: split -> its rows.
        seed: seed of the bootstrap.
        resamples: number of draws of the bootstrap.
        confidence: of the intervals.

    Returns: the content of metrics/knowledge.json. A group without questions is left out; `why` says that no question
        names a place. `unknown` has the places that no split has.
    """
    places = {
        name: {row.provenance.item for row in found} | {row.id for row in found}
        for name, found in splits.items()
    }
    groups, unknown = {}, set[str]()
    for ask in asked:
        named = {*ask.items, *ask.rows}
        unknown |= named - set().union(*places.values())
        if named:
            groups[ask.key] = _find_group(named, places)
    if not groups:
        return {"why": UNNAMED}
    found: dict[str, Any] = {"confidence": confidence, "unknown": sorted(unknown)}
    for group in (TRAINED, UNSEEN):
        own = [row for row in rows if groups.get(f"{row.set}/{row.id}") == group]
        if own:
            figures = summary.summarise_set(own, seed=seed, resamples=resamples, confidence=confidence)
            found[group] = {**figures, "questions": [[row.set, row.id] for row in own]}
    return found


def _find_group(named: Set[str], places: Mapping[str, Set[str]]) -> str | None:
    """Tell whether all of the named places were trained, or none; None if only some were."""
    train, *others = (places[split] for split in SPLITS)
    if named <= train:
        return TRAINED
    return UNSEEN if named <= set().union(*others) - train else None
