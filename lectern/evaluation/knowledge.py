"""What the tuned model knows of what it was trained on, asked in other words than the training rows'.

People's questions (data/evals) may name the items or rows that hold the answer. Those whose answer was trained measure
knowledge; those whose answer was held out measure how the tuning carries over. `curate` keeps both out of the rows.
Training questions in other words (stage `reword`) measure knowledge too, and stand apart from people's.
"""

from collections.abc import Collection, Mapping, Sequence, Set
from typing import Any

from lectern.core.schema import REWORDED, SPLITS, Example
from lectern.evaluation import summary
from lectern.evaluation.rows import RowScore

TRAINED, UNSEEN = "trained", "unseen"
UNNAMED = (
    "No question of people says where its answer stands. Write a set in data/evals whose questions name items, and "
    "name the set in generate.evals; or let an LLM reword training questions (reword.count)."
)


def measure(
    rows: Sequence[RowScore],
    places: Mapping[tuple[str, str], Collection[str]],
    splits: Mapping[str, Sequence[Example]],
    *,
    seed: int,
    resamples: int,
    confidence: float,
) -> dict[str, Any]:
    """Return the figures of questions whose answer was trained, of reworded ones, and of those held out.

    Args:
        rows: the scores of all questions.
        places: set and id of a question -> the items and rows that hold its answer, empty if they are unknown.
        splits: split -> its rows.
        seed: seed of the bootstrap.
        resamples: number of draws of the bootstrap.
        confidence: of the intervals.

    Returns: the content of metrics/knowledge.json. A group without questions is left out; `why` says that no question
        names a place. `unknown` has the places that no split has.
    """
    home = {
        name: {row.provenance.item for row in found} | {row.id for row in found}
        for name, found in splits.items()
    }
    groups, unknown = {}, set[str]()
    for key, named in places.items():
        unknown |= set(named) - set().union(*home.values())
        if named:
            groups[key] = REWORDED if key[0] == REWORDED else _find_group(set(named), home)
    if not groups:
        return {"why": UNNAMED}
    found: dict[str, Any] = {"confidence": confidence, "unknown": sorted(unknown)}
    for group in (TRAINED, REWORDED, UNSEEN):
        own = [row for row in rows if groups.get((row.set, row.id)) == group]
        if own:
            figures = summary.summarise_set(own, seed=seed, resamples=resamples, confidence=confidence)
            found[group] = {**figures, "questions": [[row.set, row.id] for row in own]}
    return found


def _find_group(named: Set[str], home: Mapping[str, Set[str]]) -> str | None:
    """Tell whether all of the named places were trained, or none; None if only some were."""
    train, *others = (home[split] for split in SPLITS)
    if named <= train:
        return TRAINED
    return UNSEEN if named <= set().union(*others) - train else None
