"""Which of the local speakers are one person, and how many persons there are.

A fixed threshold on the cosine of two embeddings does not carry over from one recording to another, because what two
stretches of one voice have in common depends on how long they are: measured with CAM++ on clean speech, about .57
between stretches of 1.5 s, .75 of 3 s and .9 of 10 s, while two voices stay near .4 whatever the length. So a
similarity is read as a share of the way from two voices to one voice, at the lengths at hand (`_agreement`), in the
spirit of the scores of probabilistic linear discriminant analysis, which rest on the amount of speech as well. Groups
are merged by that, the best pair first, each group being the mean of its members: the more speech a group has, the
more exactly another one has to sound like it.
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
"""Seconds of speech at which an embedding is half voice, half words. As measured it is 1.2; more asks less of groups
with little speech, and so leaves fewer fragments."""
STRANGERS = 0.42
"""Cosine of two voices."""
LEAST_SPAN = 0.2
"""From two voices to one voice, at the least: below it, very short stretches would agree by chance."""
LIMIT = 1.5
"""Agreement to which the threshold is raised at most: nothing agrees so well."""
BLOCK = 2000
"""Groups that are merged together: the memory is 8 bytes times its square, the time grows alike."""


class Groups(NamedTuple):
    """Local speakers that are taken for one person each."""

    sums: Doubles  # (groups, dimensions) of the members' embeddings times their seconds
    seconds: Doubles  # (groups,) of the members together, a second counted in each window that hears it
    longest: Doubles  # (groups,) of one member


class Speakers(NamedTuple):
    """The persons of a recording."""

    labels: Ints  # (local speakers,) from 0
    surplus: int  # groups that were too many for max_speakers
    threshold: float  # what was asked for, or more where min_speakers needed more


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
    """Join local speakers to persons.

    Those with `least` seconds or more make the groups. Each of the others, and the members of the smallest groups where
    there are more than `max_speakers`, go to the nearest group; two local speakers of one window to different ones.

    Args:
        local: at least one.
        threshold: agreement from which two groups are one: 0 is as alike as two voices, 1 as one voice.
        least: seconds.
        repeats: how many windows hear each second of the recording.
        min_share: share of the speech that makes a group count for `min_speakers`.
        min_speakers: where fewer are found, the threshold is raised until there are as many.
        max_speakers: the groups with most speech are kept.
    """
    sure = np.flatnonzero(local.seconds >= least)
    if not len(sure):
        sure = np.array([local.seconds.argmax()])  # too little is said to tell anybody apart
    seconds = local.seconds[sure]
    singles = Groups(local.embeddings[sure].astype(np.float64) * seconds[:, None], seconds, seconds)
    groups, asked, kept = merge(singles, threshold, repeats), threshold, max_speakers
    while _count(groups, min_share) < min_speakers and threshold < LIMIT:
        threshold, kept = threshold + 0.02, min_speakers
        groups = merge(singles, threshold, repeats)
    largest = np.argsort(-groups.seconds, kind="stable")[:kept]
    surplus = len(groups.seconds) - len(largest) if threshold == asked else 0
    return Speakers(assign(local, groups.sums[largest]), surplus, round(threshold, 2))


def _count(groups: Groups, min_share: float) -> int:
    return int((groups.seconds >= min_share * groups.seconds.sum()).sum())


def merge(groups: Groups, threshold: float, repeats: float) -> Groups:
    """Merge the two groups that agree most, again and again, while they agree by `threshold`.

    More than BLOCK groups are merged in blocks first, in order, then what the blocks left; where that is too much,
    the groups with least speech are left out, and their members go wherever they are nearest.
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
    """`merge` with a matrix of all pairs, of which each group knows its best, so that a step costs one row."""
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
        # whoever is nearest to the merged group now need not know it: the group itself does
        best[into], value[into] = row.argmax(), row.max()
    return Groups(sums[alive], seconds[alive], longest[alive])


def _voice_share(seconds: Any) -> Any:
    """How much of an embedding of that much speech is the voice: the cosine with the same voice heard for ever."""
    return np.sqrt(seconds / (seconds + HALFWAY))


def _agreement(cosines: Any, shares: Any, others: Any) -> Any:
    """0 where a cosine is that of two voices, 1 where it is that of one voice at these lengths."""
    return (cosines - STRANGERS) / np.maximum(shares * others - STRANGERS, LEAST_SPAN)


def assign(local: LocalSpeakers, centroids: Doubles) -> Ints:
    """The nearest centroid of each local speaker, different ones within a window as far as there are enough."""
    from scipy.optimize import linear_sum_assignment

    similarity = local.embeddings @ (centroids / np.linalg.norm(centroids, axis=1, keepdims=True)).T
    labels = similarity.argmax(axis=1)
    edges = np.flatnonzero(np.diff(local.where[:, 0], prepend=-1, append=-1))
    for first, past in pairwise(edges):
        if 1 < past - first <= len(centroids):
            labels[first:past] = linear_sum_assignment(-similarity[first:past])[1]
    return labels


def spread(windows: Windows, local: LocalSpeakers, labels: Ints) -> Ints:
    """The person of every local speaker of every window, -1 where there is none. Shape (windows, LOCAL).

    Those without an embedding, in windows between, are whom the embedded windows hear in the same frames.
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
