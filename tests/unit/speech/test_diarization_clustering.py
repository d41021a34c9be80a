"""Clustering on made-up voices that behave as measured: the longer a stretch, the more it is like its voice."""

from typing import Any

import numpy as np
import pytest

from lectern.speech import clustering
from lectern.speech.clustering import HALFWAY, LEAST_SPAN, STRANGERS, Groups, cluster, merge, spread
from lectern.speech.segmentation import LOCAL, Windows
from lectern.speech.voiceprints import LocalSpeakers

RULES: dict[str, Any] = {
    "threshold": 0.6,
    "least": 1.5,
    "repeats": 2.0,
    "min_share": 0.01,
    "min_speakers": 1,
    "max_speakers": 8,
}


def make_local(groups: list[int], seconds: list[float] | None = None, seed: int = 0) -> LocalSpeakers:
    """One local speaker a window. Voices have the cosine STRANGERS; a stretch of s seconds has s / (s + 1.2) of its
    variance from its voice, as was measured."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((192, 192)))[0]
    voices = np.sqrt(STRANGERS) * basis[0] + np.sqrt(1 - STRANGERS) * basis[1 : max(groups) + 2]
    lengths = np.array(seconds or [8.0] * len(groups))
    share = (lengths / (lengths + 1.2))[:, None]
    words = rng.standard_normal((len(groups), 192)) / np.sqrt(192)
    vectors = np.sqrt(share) * voices[groups] + np.sqrt(1 - share) * words
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    where = np.array([(i, 0) for i in range(len(groups))])
    return LocalSpeakers(where, lengths, vectors.astype(np.float32))


def same_partition(labels: np.ndarray, groups: list[int]) -> bool:
    pairs = set(zip(labels.tolist(), groups, strict=True))
    return len(pairs) == len(set(groups)) == len(set(labels.tolist()))


@pytest.mark.parametrize("length", [2.0, 3.0, 10.0])
@pytest.mark.parametrize(
    "groups", [[0], [0] * 40, [0, 1], [0] * 30 + [1] * 3, [0, 1, 0, 2, 1, 0] * 5, [*range(8)] * 9]
)
def test_the_number_of_voices_is_found_at_any_length_of_stretch(groups: list[int], length: float) -> None:
    # Property: one threshold serves short stretches and long ones, which no threshold on a plain cosine does.
    found = cluster(make_local(groups, [length] * len(groups)), **RULES)
    assert same_partition(found.labels, groups)
    assert found.surplus == 0


def change_tone(local: LocalSpeakers, which: list[int], cosine: float) -> LocalSpeakers:
    """Turn some local speakers, so that the mean of them has this cosine with the mean before, and they stay alike."""
    rng = np.random.default_rng(1)
    tone = rng.standard_normal(192)
    vectors = local.embeddings.astype(np.float64)
    mean = vectors[which].mean(axis=0)
    tone -= tone @ mean / (mean @ mean) * mean
    tone /= np.linalg.norm(tone)
    vectors[which] = cosine * vectors[which] + np.sqrt(1 - cosine**2) * tone
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return local._replace(embeddings=vectors.astype(np.float32))


def test_a_voice_that_changes_its_tone_for_a_turn_is_one_voice() -> None:
    # Property: a turn of .61 with its own voice, where two voices have .42, is no third person; a person who is heard
    # once stays one, and so does a voice that is heard again and again, or that min_speakers asks for.
    groups = [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1]
    changed = change_tone(make_local(groups, [9.0] * 16), [8, 9, 10, 11], 0.64)
    assert same_partition(cluster(changed, **RULES).labels, groups)
    assert len(set(cluster(changed, **{**RULES, "min_speakers": 3}).labels.tolist())) == 3
    once = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 0, 1, 1, 1, 1]
    assert same_partition(cluster(make_local(once, [9.0] * 16), **RULES).labels, once)
    scattered = change_tone(make_local(groups, [9.0] * 16), [0, 8, 10], 0.64)
    assert len(set(cluster(scattered, **RULES).labels.tolist())) == 3


def test_short_stretches_follow_and_do_not_decide() -> None:
    groups = [0, 1] * 10 + [0, 1] * 10
    local = make_local(groups, [6.0] * 20 + [0.8] * 20)
    assert same_partition(cluster(local, **RULES).labels, groups)
    little = cluster(make_local([0, 0], [0.5, 0.6]), **RULES).labels
    assert little.tolist() == [0, 0]  # too little to say that they are two


def test_the_bounds_hold_and_what_they_cost_is_counted() -> None:
    # Property: never more than max_speakers; the groups that had to go are counted; min_speakers divides one voice.
    groups = [0] * 9 + [1] * 6 + [2] * 3 + [3]
    bounded = cluster(make_local(groups), **{**RULES, "max_speakers": 2})
    assert (len(set(bounded.labels.tolist())), bounded.surplus) == (2, 2)
    assert same_partition(bounded.labels[:15], groups[:15])  # the largest two stay whole
    forced = cluster(make_local([0] * 12), **{**RULES, "min_speakers": 2})
    assert len(set(forced.labels.tolist())) == 2
    assert forced.threshold > RULES["threshold"]
    assert cluster(make_local([0]), **{**RULES, "min_speakers": 2}).labels.tolist() == [
        0
    ]  # there is only one


def test_two_speakers_of_one_window_are_never_joined() -> None:
    # Property: the segmentation heard two people at that moment, so they are two, however alike.
    local = make_local([0, 1, 0, 1, 0, 0])
    where = np.array([(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)])
    labels = cluster(local._replace(where=where), **RULES).labels
    assert labels[4] != labels[5]


def test_blocks_find_what_one_block_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    # Property: a recording too long for one matrix of pairs has the same voices; what never merges is bounded too.
    groups = ([0] * 5 + [1] * 3 + [2]) * 20
    local = make_local(groups)
    whole = cluster(local, **RULES).labels
    monkeypatch.setattr(clustering, "BLOCK", 16)
    assert same_partition(cluster(local, **RULES).labels, groups)
    assert same_partition(whole, groups)
    strangers = make_local(list(range(60)))
    left = merge(Groups(strangers.embeddings.astype(float), strangers.seconds, strangers.seconds), 0.6, 2.0)
    assert len(left.seconds) == 16


def test_merging_takes_the_best_pair_first() -> None:
    # Property: the same as comparing all pairs anew after each merge, the slow and plain way.
    local = make_local([0, 1, 2, 3] * 6, seed=3)
    rng = np.random.default_rng(1)
    seconds = rng.uniform(1.5, 9, 24)
    start = Groups(local.embeddings.astype(float) * seconds[:, None], seconds, seconds)
    for threshold in (0.2, 0.6, 0.9, 1.0):
        plain = [tuple(part[[i]] for part in start) for i in range(24)]
        while len(plain) > 1:
            units = [s[0] / np.linalg.norm(s[0]) for s, _, _ in plain]
            heard = np.array([max(longest[0], total[0] / 2.0) for _, total, longest in plain])
            shares = np.sqrt(heard / (heard + HALFWAY))
            score = (np.array(units) @ np.array(units).T - STRANGERS) / np.maximum(
                np.outer(shares, shares) - STRANGERS, LEAST_SPAN
            )
            np.fill_diagonal(score, -9)
            a, b = np.unravel_index(score.argmax(), score.shape)
            if score[a, b] < threshold:
                break
            (s, t, m), (s2, t2, m2) = plain[a], plain[b]
            plain[a] = (s + s2, t + t2, np.maximum(m, m2))
            del plain[b]
        merged = merge(start, threshold, 2.0)
        assert sorted(merged.seconds) == pytest.approx(sorted(t[0] for _, t, _ in plain))


def test_windows_between_follow_those_that_hear_the_same_frames() -> None:
    # Property: local numbers differ from window to window, persons do not; who overlaps nobody stays nobody.
    truth = np.zeros((200, 2), dtype=bool)
    truth[10:90, 0] = truth[95:150, 1] = True
    starts = np.array([0, 50, 100, 150])
    active = np.zeros((4, 100, LOCAL), dtype=bool)
    for window, (start, order) in enumerate(zip(starts, [(0, 1), (2, 0), (1, 2)], strict=False)):
        for person, place in enumerate(order):
            active[window, :, place] = truth[start : start + 100, person]
    active[1, 42:45, 1] = active[3, 60:65, 2] = True  # specks that no embedded window hears
    where = np.array([(0, 0), (0, 1), (2, 2)])
    local = LocalSpeakers(where, np.ones(3), np.zeros((3, 192), np.float32))
    persons = spread(Windows(starts, active), local, np.array([0, 1, 1]))
    assert persons.tolist() == [[0, 1, -1], [1, -1, 0], [-1, -1, 1], [-1, -1, -1]]
