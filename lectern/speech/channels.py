"""Tell speakers apart by the channels of a recording, where each of them has a microphone of their own.

No model is needed: who speaks is who is loud on their own channel. A microphone also hears the others, more softly, so
a channel is compared with its own usual level of speech and with the other channels at the same time.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lectern.core.errors import ItemError
from lectern.core.schema import Diarization, SpeakerTurn
from lectern.formats.audio import RATE, measure_channels
from lectern.speech import diarization

MODEL = "channels"
BLOCK = RATE // 50
"""Samples of 20 ms, in which the energy is measured."""
SMOOTH = 5
"""Blocks over which it is averaged."""
FLOOR = 1e-7
"""Mean square below which a channel is silent: -70 dB."""
ABOVE_NOISE = 10.0
"""A channel is heard from so many times the energy of its quietest tenth."""
BESIDE_OTHERS = 0.1
"""A channel is heard from this share of the energy of the loudest one, each measured by its own level of speech."""
FILL = 0.5
"""Seconds of silence that do not end a turn."""
LEAST = 0.2
"""Seconds of the shortest turn."""


def diarize(item: str, media: Path, names: Sequence[str]) -> tuple[Diarization, Mapping[str, Any]]:
    """Find the turns of each channel. `names` are the speakers of the channels.

    Raises:
        ItemError: the recording cannot be decoded, or does not have as many channels as there are names.
    """
    energies = measure_channels(media, BLOCK)
    if energies.shape[1] != max(1, len(names)):
        raise ItemError(
            f"{media.name} has {energies.shape[1]} channels, not {len(names)}. Take the source's `speakers: channels` "
            "out, or give a recording with a channel for each speaker."
        )
    speaking = find_speaking(energies)
    seconds = BLOCK / RATE
    runs = [
        (start * seconds, end * seconds, name)
        for channel, name in enumerate(names)
        for start, end in _find_runs(speaking[:, channel], round(FILL / seconds), round(LEAST / seconds))
    ]
    turns = [SpeakerTurn(speaker=name, start=start, end=end) for start, end, name in sorted(runs)]
    found = Diarization(
        item=item,
        duration=len(energies) * seconds,
        model=MODEL,
        turns=turns,
        voices=diarization.describe_voices(turns, dict.fromkeys(names, ()), 0.0) if turns else {},
    )
    return found, diarization.find_facts(found, merged_groups=0, damaged_packets=0)


def find_speaking(energies: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Decide in which blocks each channel is the voice of its own speaker. Shape (blocks, channels)."""
    if not len(energies):
        return np.zeros(energies.shape, bool)
    window = np.ones(SMOOTH) / SMOOTH
    smooth = np.stack([np.convolve(column, window, "same") for column in energies.T], axis=1)
    heard = np.where(energies > FLOOR, energies, np.nan)
    level = np.array(
        [np.nanpercentile(column, 95) if np.isfinite(column).any() else np.inf for column in heard.T]
    )
    noise = np.minimum(np.percentile(energies, 10, axis=0) * ABOVE_NOISE, level / 100)
    relative = smooth / level
    loudest = relative.max(axis=1, keepdims=True)
    return (smooth > np.maximum(noise, FLOOR)) & (relative >= BESIDE_OTHERS * loudest)


def _find_runs(mask: NDArray[np.bool_], fill: int, least: int) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    runs: list[tuple[int, int]] = []
    for start, end in edges.tolist():
        if runs and start - runs[-1][1] <= fill:
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return [(start, end) for start, end in runs if end - start >= least]
