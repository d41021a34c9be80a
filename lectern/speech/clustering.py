"""Find which local speakers are the same person, and how many persons there are.

A fixed threshold on the cosine of two embeddings does not carry over from one recording to another, because the cosine
of two stretches of one voice depends on their length: measured with CAM++ on clean speech, it is about .57 for
stretches of 1.5 s, .75 for 3 s and .9 for 10 s, while that of two voices stays near .4 whatever the length. Therefore
`_agreement` scales a cosine: 0 is what two voices give, 1 is what one voice gives at these lengths. Scores of
probabilistic linear discriminant analysis depend on the amount of speech in a similar way. Groups are merged
agglomeratively, the pair with the highest agreement first, and a group is represented by the mean of its members. The
more speech a group has, the higher the cosine that another group needs to join it.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lectern.speech.segmentation import LOCAL, Windows
from lectern.speech.voiceprints import LocalSpeakers

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

HALFWAY = 2.0
"""Seconds of speech at which an embedding depends on the voice and on the spoken words in equal parts. The measured
value is 1.2; the larger one demands less similarity from groups with little speech, and so leaves fewer fragments."""
STRANGERS = 0.42
"""Cosine of the embeddings of two different voices."""
LEAST_SPAN = 0.2
"""Least difference between the cosine of one voice and that of two voices that is assumed. With a smaller one, very
short stretches would agree by chance."""
LIMIT = 1.5
"""The threshold is raised at most to this agreement, which no two groups reach."""
ONCE = 0.5
"""Share of the threshold that a group needs to join another one if it is heard in one stretch only."""
BLOCK = 2000
"""Groups that are merged at once. Memory is 8 bytes times the square of this number, and time grows with the square."""


class Groups(NamedTuple):
    """Groups of local speakers; each group is taken for one person."""

    sums: Doubles  # (groups, dimensions): sum of the members' embeddings, each times its seconds
    seconds: Doubles  # (groups,): speech of all members; a second counts once for each window that holds it
    longest: Doubles  # (groups,): seconds of the member with the most speech


class Speakers(NamedTuple):
    """The persons of a recording."""

    labels: Ints  # (local speakers,): the person of each, from 0
    surplus: int  # how many groups there were beyond max_speakers
    threshold: float  # the given threshold, or the higher one that min_speakers needed


def cluster(
    local: LocalSpeakers,
    *,
    threshold: float,
    least: float,
    repeats: float,
    min_share: float,
    min_speakers: int,
    max_speakers: int,
) -> Speakers:
    """Assign each local speaker to a person of the recording.

    Local speakers with at least `least` seconds of speech form the groups. All others go to the nearest group, and so
    do the members of the smallest groups if there are more than `max_speakers`. Two local speakers of one window go to
    different groups as far as there are enough.

    Args:
        local: at least one local speaker.
        threshold: agreement from which two groups are merged: 0 is as similar as two voices, 1 as one voice.
        least: seconds of speech.
        repeats: how many of the embedded windows hold each second of the recording.
        min_share: share of the speech from which a group counts towards `min_speakers`.
        min_speakers: if fewer are found, the threshold is raised until there are as many.
        max_speakers: if more are found, the groups with the most speech are kept.
    """
    sure = np.flatnonzero(local.seconds >= least)
    if not len(sure):
        sure = np.array([local.seconds.argmax()])  # there is too little speech to tell speakers apart
    seconds = local.seconds[sure]
    singles = Groups(local.embeddings[sure].astype(np.float64) * seconds[:, None], seconds, seconds)
    groups, asked, kept = merge(singles, threshold, repeats), threshold, max_speakers
    while _count(groups, min_share) < min_speakers and threshold < LIMIT:
        threshold, kept = threshold + 0.02, min_speakers
        groups = merge(singles, threshold, repeats)
    largest = np.argsort(-groups.seconds, kind="stable")[:kept]
    surplus = len(groups.seconds) - len(largest) if threshold == asked else 0
    chosen = Groups(*(part[largest] for part in groups))
    labels = assign(local, chosen.sums)
    while len(chosen.seconds) > max(2, min_speakers):
        pair = _find_changed_tone(local, labels, chosen, ONCE * threshold, repeats)
        if pair is None:
            break
        gone, into = pair
        chosen.sums[into] += chosen.sums[gone]
        chosen.seconds[into] += chosen.seconds[gone]
        chosen = Groups(*(np.delete(part, gone, axis=0) for part in chosen))
        labels = assign(local, chosen.sums)
    return Speakers(labels, surplus, round(threshold, 2))


def _find_changed_tone(
    local: LocalSpeakers, labels: Ints, groups: Groups, least: float, repeats: float
) -> tuple[int, int] | None:
    """Find a group that is heard once, and the other group that it belongs to; None if there is none.

    A voice may change its tone for a turn. That turn is less like the rest of the voice than the threshold asks, but
    more than two voices are alike; a person who is heard in one stretch only is asked for less agreement.

    Args:
        local: all local speakers.
        labels: the group of each.
        groups: the groups.
        least: agreement that such a group needs.
        repeats: as in `cluster`.
    """
    units = groups.sums / np.linalg.norm(groups.sums, axis=1, keepdims=True)
    shares = _voice_share(np.maximum(groups.longest, groups.seconds / repeats))
    agreements = _agreement(units @ units.T, shares[:, None], shares)
    np.fill_diagonal(agreements, -np.inf)
    windows = np.unique(local.where[:, 0])
    for group in np.argsort(groups.seconds, kind="stable"):
        places = np.searchsorted(windows, np.unique(local.where[labels == group, 0]))
        heard_once = len(places) == 0 or places[-1] - places[0] == len(places) - 1
        into = int(agreements[group].argmax())
        if heard_once and agreements[group, into] >= least:
            return int(group), into
    return None


def _count(groups: Groups, min_share: float) -> int:
    return int((groups.seconds >= min_share * groups.seconds.sum()).sum())


def merge(groups: Groups, threshold: float, repeats: float) -> Groups:
    """Merge the two groups with the highest agreement, again and again, until it is below `threshold`.

    More than BLOCK groups are first merged within blocks, in order of time, and then the results of all blocks. If
    these are still too many, the groups with the least speech are left out; `assign` gives their members to the nearest
    group.
    """
    while (count := len(groups.seconds)) > BLOCK:
        blocks = [
            _merge_block(Groups(*(part[start : start + BLOCK] for part in groups)), threshold, repeats)
            for start in range(0, count, BLOCK)
        ]
        groups = Groups(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))
        if len(groups.seconds) > count / 2:
            largest = np.sort(np.argsort(-groups.seconds, kind="stable")[:BLOCK])
            groups = Groups(*(part[largest] for part in groups))
    return _merge_block(groups, threshold, repeats)


def _merge_block(groups: Groups, threshold: float, repeats: float) -> Groups:
    """Merge with a matrix of all pairs.

    Each group remembers its best partner, so that a step computes one row of the matrix only.
    """
    sums, seconds, longest = (part.copy() for part in groups)
    count = len(seconds)
    if count < 2:
        return groups
    units = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    shares = _voice_share(np.maximum(longest, seconds / repeats))
    agreements = _agreement(units @ units.T, shares[:, None], shares)
    np.fill_diagonal(agreements, -np.inf)
    alive = np.ones(count, dtype=bool)
    best = agreements.argmax(axis=1)
    value = agreements[np.arange(count), best]
    while value[into := int(value.argmax())] >= threshold:
        gone = int(best[into])
        sums[into] += sums[gone]
        seconds[into] += seconds[gone]
        longest[into] = max(longest[into], longest[gone])
        units[into] = sums[into] / np.linalg.norm(sums[into])
        shares[into] = _voice_share(max(longest[into], seconds[into] / repeats))
        alive[gone] = False
        value[gone] = -np.inf
        agreements[gone], agreements[:, gone] = -np.inf, -np.inf
        row = np.where(alive, _agreement(units @ units[into], shares, shares[into]), -np.inf)
        row[into] = -np.inf
        agreements[into], agreements[:, into] = row, row
        for stale in np.flatnonzero(alive & ((best == into) | (best == gone))):
            best[stale] = agreements[stale].argmax()
            value[stale] = agreements[stale, best[stale]]
        # The best partners of other groups are not updated: the merged group itself remembers the pair.
        best[into], value[into] = row.argmax(), row.max()
    return Groups(sums[alive], seconds[alive], longest[alive])


def _voice_share(seconds: Any) -> Any:
    """Return the expected cosine of an embedding of so many seconds with one of endless speech of the same voice."""
    return np.sqrt(seconds / (seconds + HALFWAY))


def _agreement(cosines: Any, shares: Any, others: Any) -> Any:
    """Scale cosines: 0 is the cosine of two voices, 1 that of one voice with these amounts of speech.

    `shares` and `others` are the values of `_voice_share` for the two sides.
    """
    return (cosines - STRANGERS) / np.maximum(shares * others - STRANGERS, LEAST_SPAN)


def assign(local: LocalSpeakers, centroids: Doubles) -> Ints:
    """Return the nearest centroid of each local speaker; within a window they differ, as far as there are enough."""
    from scipy.optimize import linear_sum_assignment

    similarity = local.embeddings @ (centroids / np.linalg.norm(centroids, axis=1, keepdims=True)).T
    labels = similarity.argmax(axis=1)
    edges = np.flatnonzero(np.diff(local.where[:, 0], prepend=-1, append=-1))
    for first, past in pairwise(edges):
        if 1 < past - first <= len(centroids):
            labels[first:past] = linear_sum_assignment(-similarity[first:past])[1]
    return labels


def spread(windows: Windows, local: LocalSpeakers, labels: Ints) -> Ints:
    """Return the person of each local speaker of each window, -1 where there is none. Shape (windows, LOCAL).

    A window whose speakers were not embedded takes over the persons who speak in the same frames of embedded windows.
    """
    from scipy.optimize import linear_sum_assignment

    everybody = np.full((len(windows.starts), LOCAL), -1, dtype=np.int64)
    everybody[local.where[:, 0], local.where[:, 1]] = labels
    embedded = np.unique(local.where[:, 0])
    frames, persons = windows.active.shape[1], int(labels.max()) + 1
    for window in np.setdiff1d(np.flatnonzero(windows.active.any(axis=(1, 2))), embedded):
        heard = np.zeros((LOCAL, persons))
        for other in embedded[np.abs(windows.starts[embedded] - windows.starts[window]) < frames]:
            shift = windows.starts[other] - windows.starts[window]
            mine = windows.active[window, max(0, shift) : frames + min(0, shift)]
            theirs = windows.active[other, max(0, -shift) : frames + min(0, -shift)]
            known = np.flatnonzero(everybody[other] >= 0)
            heard[:, everybody[other, known]] += mine.T.astype(np.float64) @ theirs[:, known]
        for speaker, person in zip(*linear_sum_assignment(-heard), strict=True):
            if heard[speaker, person] > 0:
                everybody[window, speaker] = person
    return everybody
