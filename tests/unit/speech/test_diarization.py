"""The arithmetic of diarization on made-up windows and embeddings; the models are used in test_stages.py."""

import numpy as np
import pytest

from stages.speech.diarization import (
    FRAME,
    LOCAL,
    POWERSET,
    WINDOW,
    LocalSpeakers,
    Windows,
    cluster_speakers,
    embed_speakers,
    find_turns,
    reconstruct,
    segment_windows,
)

RULES = {"threshold": 0.4, "least": 1.0, "min_share": 0.0, "min_speakers": 1, "max_speakers": 8}


def local(groups: list[int], seconds: list[float] | None = None, noise: float = 0.05) -> LocalSpeakers:
    """One local speaker per window, near the direction of its group."""
    rng = np.random.default_rng(0)
    vectors = np.eye(192)[groups] + noise * rng.standard_normal((len(groups), 192)) / np.sqrt(192)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    where = [(i, 0) for i in range(len(groups))]
    return LocalSpeakers(where, np.array(seconds or [5.0] * len(groups)), vectors.astype(np.float32))


def same_partition(labels: np.ndarray, groups: list[int]) -> bool:
    return (
        len(set(zip(labels.tolist(), groups, strict=True))) == len(set(groups)) == len(set(labels.tolist()))
    )


@pytest.mark.parametrize("groups", [[0], [0] * 9, [0, 1], [0, 1, 0, 2, 1, 0], list(range(6)) * 3])
def test_clusters_are_the_voices_one_voice_included(groups: list[int]) -> None:
    # Property: well separated voices come out as they went in, however many.
    labels, ghosts = cluster_speakers(local(groups), **RULES)
    assert same_partition(labels, groups)
    assert ghosts == 0


def test_the_number_of_speakers_obeys_its_bounds() -> None:
    # Property: the bounds hold against what the threshold says.
    groups = [0, 1, 2, 3] * 3
    assert len(set(cluster_speakers(local(groups), **{**RULES, "max_speakers": 2})[0].tolist())) == 2
    forced = cluster_speakers(local([0] * 8, noise=1.0), **{**RULES, "threshold": 1.9, "min_speakers": 2})[0]
    assert len(set(forced.tolist())) == 2


def test_a_ghost_joins_the_nearest_voice_and_is_counted() -> None:
    labels, ghosts = cluster_speakers(
        local([0] * 5 + [1] * 5 + [2], seconds=[10.0] * 10 + [1.0]), **{**RULES, "min_share": 0.02}
    )
    assert len(set(labels.tolist())) == 2
    assert ghosts == 1


def test_two_speakers_of_one_window_are_never_joined() -> None:
    # Property: the segmentation heard two people at that moment, so they are two, however alike.
    several = local([0, 1, 0, 1, 0, 0])
    where = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    labels, _ = cluster_speakers(several._replace(where=where), **RULES)
    assert labels[4] != labels[5]


def test_windows_cover_the_recording_and_classes_decode() -> None:
    # Property: the last window ends with the recording, and a class's members are those of the powerset.
    def segment(windows: np.ndarray) -> np.ndarray:
        scores = np.zeros((len(windows), 589, len(POWERSET)), dtype=np.float32)
        scores[:, :, POWERSET.index((0, 2))] = 1
        return scores

    windows = segment_windows(np.zeros(3 * WINDOW + 12345, np.float32), segment, step=4.0)
    assert windows.starts[0] == 0
    assert 0 <= 3 * WINDOW + 12345 - (windows.starts[-1] * FRAME + WINDOW) < FRAME
    assert (np.diff(windows.starts) * FRAME / 16_000 <= 4.01).all()
    assert windows.active.shape == (len(windows.starts), 589, LOCAL)
    assert windows.active.all(axis=(0, 1)).tolist() == [True, False, True]
    short = segment_windows(np.zeros(16_000, np.float32), segment, step=4.0)
    assert short.active[:, 70:].sum() == 0  # padding is nobody's speech


def test_windows_agree_on_one_grid_though_their_local_speakers_have_other_numbers() -> None:
    # Property: reconstruction undoes the windows' permutations of speakers.
    truth = np.zeros((200, 2), dtype=bool)
    truth[10:90, 0] = truth[80:150, 1] = True
    starts = np.array([0, 50, 100])
    active = np.zeros((3, 100, LOCAL), dtype=bool)
    where, labels = [], []
    for window, (start, order) in enumerate(zip(starts, [(0, 1), (2, 0), (1, 2)], strict=True)):
        for person, place in enumerate(order):
            active[window, :, place] = truth[start : start + 100, person]
            where.append((window, place))
            labels.append(person)
    speakers = LocalSpeakers(where, np.ones(6), np.zeros((6, 192), np.float32))
    assert (reconstruct(Windows(starts, active), speakers, np.array(labels)) == truth).all()


def test_turns_are_named_by_first_voice_with_gaps_filled_and_specks_dropped() -> None:
    speaking = np.zeros((1000, 3), dtype=bool)
    speaking[200:300, 0] = speaking[310:400, 0] = True  # a gap of 0.17 s
    speaking[50:150, 2] = True
    speaking[500:505, 1] = True  # 0.08 s
    turns = find_turns(speaking, fill_gap=0.3, min_turn=0.2, duration=16.0)
    assert [(t.speaker, round(t.start, 1), round(t.end, 1)) for t in turns] == [
        ("speaker_1", 0.9, 2.6),
        ("speaker_2", 3.4, 6.8),
    ]
    assert find_turns(np.zeros((10, 1), dtype=bool), fill_gap=0.3, min_turn=0.2, duration=1.0) == []


def test_an_embedding_rests_on_the_frames_in_which_nobody_else_speaks() -> None:
    # Property: overlapped frames are left out while enough others remain, and used where they are all there is.
    active = np.zeros((1, 589, LOCAL), dtype=bool)
    active[0, :300, 0] = active[0, 200:400, 1] = active[0, 500:505, 2] = True
    samples = np.random.default_rng(0).standard_normal(WINDOW).astype(np.float32)
    embed = lambda features: np.full(192, len(features), np.float32)  # noqa: E731
    windows = Windows(np.array([0]), active)
    alone = embed_speakers(samples, windows, embed, least=1.0)
    assert alone.where == [(0, 0), (0, 1)]  # the third speaks 0.08 s
    assert alone.seconds == pytest.approx([200 * FRAME / 16_000, 100 * FRAME / 16_000], abs=0.05)
    mixed = embed_speakers(samples, windows, embed, least=2.0)
    assert mixed.seconds == pytest.approx([200 * FRAME / 16_000, 200 * FRAME / 16_000], abs=0.05)
