"""The bundled diarization engine, whose models are Python packages: segmentation, speaker embeddings, clustering.

The method is that of pyannote.audio 2.1 (Bredin 2023): each local speaker of each window of ten seconds gets an
embedding, clustering assigns local speakers to speakers of the recording, and the votes of the windows are summed on
one grid of frames. The recording is read window by window, so that only the grid grows with its length.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lectern.core.schema import Diarization
from lectern.formats.audio import RATE, open_recording
from lectern.speech import clustering, diarization
from lectern.speech.segmentation import (
    FIELD,
    FRAME,
    WINDOW,
    Bools,
    Sound,
    Windows,
    load_segmenter,
    segment_windows,
)
from lectern.speech.voiceprints import EMBEDDING, Embed, compute_features, embed_speakers, load_embedder

OWN_SECONDS = 1.0
"""Seconds. If a local speaker speaks alone for at least so long, its embedding leaves out overlapped speech."""
PRINT_SECONDS = 60.0
"""The embedding of a voice is computed from at most so many seconds of speech."""
PIECE = 65_536
"""Frames that are decided at once, which bounds the memory."""

Run = tuple[float, float]
"""Start and end in seconds."""


def load_engine(
    *,
    device: str,
    threads: int,
    batch_size: int,
    step: float,
    embed_every: int,
    threshold: float,
    min_embedding: float,
    min_share: float,
    min_speakers: int,
    max_speakers: int,
    fill_gap: float,
    min_turn: float,
) -> diarization.Diarize:
    """Load both models. stages/diarize.py explains the parameters."""
    import torch

    torch.set_num_threads(threads)
    segment = load_segmenter(device=device, batch_size=batch_size)
    embed = load_embedder(device=device)

    def diarize(item: str, media: Path) -> tuple[Diarization, Mapping[str, Any]]:
        with open_recording(media) as sound:
            windows = segment_windows(sound, segment, step)
            local = embed_speakers(sound, windows, embed, OWN_SECONDS, embed_every)
            if not len(local.seconds):
                silence = Diarization(item=item, duration=sound.seconds, model=EMBEDDING, turns=[], voices={})
                return silence, diarization.find_facts(
                    silence, merged_groups=0, damaged_packets=sound.damaged
                )
            speakers = clustering.cluster(
                local,
                threshold=threshold,
                least=min_embedding,
                repeats=max(1.0, WINDOW / RATE / step / embed_every),
                min_share=min_share,
                min_speakers=min_speakers,
                max_speakers=max_speakers,
            )
            speaking = reconstruct(windows, clustering.spread(windows, local, speakers.labels))
            runs = {
                label: find_runs(speaking[:, label], sound.seconds, fill_gap=fill_gap, least=min_turn)
                for label in range(speaking.shape[1])
            }
            turns, names = diarization.name_turns(
                [(*run, label) for label, own in runs.items() for run in own]
            )
            alone = speaking.sum(axis=1) == 1
            prints = {
                name: embed_voice(
                    sound, find_runs(speaking[:, label] & alone, sound.seconds) or runs[label], embed
                )
                for label, name in names.items()
            }
            found = Diarization(
                item=item,
                duration=sound.seconds,
                model=EMBEDDING,
                turns=turns,
                voices=diarization.describe_voices(turns, prints, min_share),
            )
            return found, diarization.find_facts(
                found, merged_groups=speakers.surplus, damaged_packets=sound.damaged
            )

    return diarize


def reconstruct(windows: Windows, persons: NDArray[np.int64]) -> Bools:
    """Sum the votes of the windows on one grid, and decide who speaks. Shape (frames of the recording, persons).

    Args:
        windows: of the recording.
        persons: the person of each local speaker, shape (windows, LOCAL), from 0; -1 has no vote.
    """
    frames = windows.active.shape[1]
    total = int(windows.starts.max()) + frames
    votes = np.zeros((total, int(persons.max()) + 1), dtype=np.int16)
    seen = np.zeros(total, dtype=np.int16)
    for start, active, own in zip(windows.starts, windows.active, persons, strict=True):
        seen[start : start + frames] += 1
        for person in np.unique(own[own >= 0]):
            votes[start : start + frames, person] += active[:, own == person].any(axis=1)
    pieces = range(0, total, PIECE)
    return np.concatenate([_decide(votes[p : p + PIECE], seen[p : p + PIECE]) for p in pieces])


def _decide(votes: NDArray[np.int16], seen: NDArray[np.int16]) -> Bools:
    """Choose as many speakers in each frame as the windows found on average: those with the most votes."""
    at_once = np.round(votes.sum(axis=1) / seen).astype(np.int64)
    order = np.argsort(-votes, axis=1, kind="stable")
    rank = np.argsort(order, axis=1, kind="stable")
    return (rank < at_once[:, None]) & (votes > 0)


def find_runs(mask: Bools, duration: float, *, fill_gap: float = 0.0, least: float = 0.0) -> list[Run]:
    """Return the runs of true frames as (start, end) in seconds, in order, none after `duration`.

    Gaps of up to `fill_gap` seconds are filled; then runs shorter than `least` seconds are dropped.
    """
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    runs: list[list[float]] = []
    for start, end in (edges.reshape(-1, 2) * FRAME + (FIELD - FRAME) / 2) / RATE:
        if runs and start - runs[-1][1] <= fill_gap:
            runs[-1][1] = end
        else:
            runs.append([start, end])
    return [(start, min(end, duration)) for start, end in runs if end - start >= least and start < duration]


def embed_voice(sound: Sound, runs: list[Run], embed: Embed) -> NDArray[np.float32]:
    """Return the embedding of a voice, from its longest runs up to PRINT_SECONDS in total."""
    features, left = [], PRINT_SECONDS
    for start, end in sorted(runs, key=lambda run: (run[0] - run[1], run[0])):
        if left < 0.1:
            break
        end = min(end, start + left)
        features.append(compute_features(sound.read(round(start * RATE), round(end * RATE))))
        left -= end - start
    return embed(np.concatenate(features))
