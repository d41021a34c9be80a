"""How surely each contestant's answers are taken for the speaker's, between the base and the speaker's own.

`likeness` learns from the training split's answers against the base's answers to the same questions and what other
people say in these rows. It is measured on questions that were not trained. The floor is the base, the ceiling are the
speaker's own answers to these questions, which nothing has seen. The figure of each is the mean probability that a pool
of its answers is the speaker's.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lectern.core.errors import LecternError
from lectern.core.schema import BASE, TUNED, Example, Prediction
from lectern.evaluation import likeness
from lectern.evaluation.bootstrap import Bootstrap, Statistic, fewest, ratio
from lectern.evaluation.figure_type import Figure
from lectern.evaluation.likeness import Likeness, Said, Scored
from lectern.evaluation.rows import LikenessRank

SIZES = (300, 100, 50, 20)
"""Words of a pool. The largest is used of which each side has enough pools for an interval."""
ENOUGH = 5_500
"""Words of either side to learn from, below which the method errs much more (see `likeness`)."""
LONGEST = 0.75
"""Share of the answers of the side with the shorter ones that are not cut."""
OWN = "reference"
"""The speaker's own answers, as if a contestant had given them."""
LIKENESS = Figure(
    key="likeness", name="Likeness", about="probability that a pool of answers is the speaker's; higher is better",
    lower_is_better=False, digits=2, is_share=True,
)  # fmt: skip

Answers = Mapping[str, Sequence[Prediction]]


def measure(
    trained: Sequence[Example],
    background: Sequence[Prediction],
    answers: Answers,
    *,
    seed: int,
    resamples: int,
    confidence: float,
) -> tuple[dict[str, Any], list[LikenessRank]]:
    """Measure the likeness of each contestant.

    Args:
        trained: the rows of the training split.
        background: the base's answers to some of their questions.
        answers: contestant -> its answers to questions that were not trained, base and tuned among them.
        seed: seed of the bootstrap.
        resamples: number of draws of the bootstrap.
        confidence: of the intervals.

    Returns: the content of metrics/likeness.json, and the ranks of the tuned model's answers. If likeness cannot be
    measured, the former only has `why`, and the latter is empty.
    """
    speaker, others = _distinct(_own(trained)), _distinct([*_told(background), *_other_people(trained)])
    words = {"speaker": _count(speaker), "others": _count(others)}
    longest = _choose_length(_distinct(_own(trained)), _distinct(_told(background)))
    speaker, others = _cut(speaker, longest), _cut(others, longest)
    said = {name: _cut(_told(rows), longest) for name, rows in answers.items()}
    said[OWN] = _cut(_true(answers[BASE]), longest)
    try:
        learned, pools = _learn(speaker, others, said, fewest(confidence))
    except LecternError as error:
        return {"words": words, "why": str(error)}, []
    drawn: dict[str, Any] = {"seed": seed, "resamples": resamples, "confidence": confidence}
    found = {
        "pool_words": learned.pool_words,
        "answer_words": longest,
        "words": words,
        "enough": min(words.values()) >= ENOUGH,
        "told_apart": likeness.auc(pools[OWN], pools[BASE], **drawn).as_dict() if pools[OWN] else None,
        "confidence": confidence,
        **_summarise(pools, drawn),
    }
    ranks = [
        LikenessRank(set=row.set, id=row.id, rank=rank)
        for row in answers[TUNED]
        if (rank := learned.rank(_cut_words(row.prediction, longest))) is not None
    ]
    return found, ranks


def _own(rows: Iterable[Example]) -> Iterator[Said]:
    for row in rows:
        yield from (
            Said(row.provenance.item, said.content) for said in row.messages if said.role == "assistant"
        )


def _other_people(rows: Iterable[Example]) -> Iterator[Said]:
    """What the speaker was told in the rows, unless an LLM wrote it."""
    for row in rows:
        if row.provenance.model is None:
            yield from (
                Said(row.provenance.item, said.content) for said in row.messages if said.role == "user"
            )


def _told(rows: Iterable[Prediction]) -> list[Said]:
    return [Said(row.provenance.item, row.prediction) for row in rows]


def _true(rows: Iterable[Prediction]) -> list[Said]:
    return [Said(row.provenance.item, row.reference) for row in rows if row.reference]


def _distinct(said: Iterable[Said]) -> list[Said]:
    """Keep each text once, since a dialogue's row repeats the answers of other rows."""
    return list(dict.fromkeys(said))


def _count(said: Iterable[Said]) -> int:
    return sum(len(likeness.style_words(one.text)) for one in said)


def _choose_length(speaker: Sequence[Said], base: Sequence[Said]) -> int:
    """Choose where answers are cut, so that no side has more of the words that open answers."""
    sides = [[len(one.text.split()) for one in said if one.text.strip()] for said in (speaker, base)]
    return min((int(np.quantile(lengths, LONGEST)) for lengths in sides if lengths), default=0) or 1


def _cut(said: Iterable[Said], longest: int) -> list[Said]:
    return [Said(one.item, _cut_words(one.text, longest)) for one in said]


def _cut_words(text: str, longest: int) -> str:
    return " ".join(text.split()[:longest])


def _learn(
    speaker: Sequence[Said], others: Sequence[Said], said: Mapping[str, Sequence[Said]], least: int
) -> tuple[Likeness, dict[str, list[Scored]]]:
    """Learn at the largest size that leaves enough pools of base, tuned and the speaker, or else at the smallest."""
    for size in SIZES:
        try:
            learned = likeness.learn(speaker, others, pool_words=size)
        except LecternError:
            if size == SIZES[-1]:
                raise
            continue
        pools = {name: learned.score_pools(texts) for name, texts in said.items()}
        if min(len(pools[name]) for name in (BASE, TUNED, OWN)) >= least:
            break
    for name in (BASE, TUNED):
        if not pools[name]:
            raise LecternError(
                f"The answers of {name} have fewer than {size} words, questions not counted, which is too few to tell "
                "how they sound. Hold more rows out (split.test), or name an evaluation set (generate.evals)."
            )
    return learned, pools


def _summarise(pools: Mapping[str, Sequence[Scored]], drawn: Mapping[str, Any]) -> dict[str, Any]:
    """The figure of each contestant, and its difference from the base's."""
    every = [(name, pool) for name, found in pools.items() for pool in found]
    bootstrap = Bootstrap([pool.item for _, pool in every], **drawn)
    probabilities = np.array([likeness.probability(pool.log_odds) for _, pool in every])
    sides = {
        name: np.array([who == name for who, _ in every], dtype=np.float64)
        for name, found in pools.items()
        if found
    }
    means = {
        name: ratio(probabilities * side, side, measured=side.astype(bool)) for name, side in sides.items()
    }
    differences = {
        name: _subtract(means[name], means[BASE], sides[name] + sides[BASE]) for name in means if name != BASE
    }
    return {
        "contestants": {name: one.as_dict() for name, one in bootstrap.intervals(means).items()},
        "difference": {name: one.as_dict() for name, one in bootstrap.intervals(differences).items()},
    }


def _subtract(ours: Statistic, theirs: Statistic, measured: np.ndarray) -> Statistic:
    """The difference of two figures that count different rows."""
    width = ours.columns.shape[1]
    return Statistic(
        np.concatenate([ours.columns, theirs.columns], axis=1),
        lambda sums: ours.finish(sums[:, :width]) - theirs.finish(sums[:, width:]),
        measured.astype(bool),
    )
