"""How a voice sounds, as a vector: CAM++ on log mel filter banks (Wang et al. 2023, arXiv:2303.00332)."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lectern.formats.audio import RATE, Samples
from lectern.models import bundled
from lectern.speech.segmentation import FIELD, FRAME, LOCAL, WINDOW, Floats, Sound, Windows, import_file

EMBEDDING = "campplus_cn_en_common"
"""Name of the model of speaker embeddings."""
DIMENSIONS = 192
"""Of a speaker embedding."""
HOP = 160
"""Samples from one feature to the next."""
GRAIN = 20
"""Features are embedded in multiples of it, the rest left out: a GPU prepares itself for each new length, which takes
three times as long as the embedding."""

Embed = Callable[[Floats], Floats]
"""(features, 80) -> (DIMENSIONS,), unit length."""


class LocalSpeakers(NamedTuple):
    """The local speakers that speak long enough to have an embedding."""

    where: NDArray[np.int64]  # (speakers, 2): window and local speaker
    seconds: NDArray[np.float64]  # of speech that the embedding rests on
    embeddings: Floats  # (speakers, DIMENSIONS), unit length


def load_embedder(*, device: str) -> Embed:
    """Load CAM++ on a device of torch, such as "cpu" or "cuda"."""
    import torch

    folder = bundled.fetch("campplus")
    model = import_file(folder / "camplusplus.py").CAMPPlus(feat_dim=80, embedding_size=DIMENSIONS)
    model.load_state_dict(
        torch.load(folder / "campplus_cn_en_common.pt", map_location=device, weights_only=True)
    )
    model.to(device).eval()

    @torch.inference_mode()
    def embed(features: Floats) -> Floats:
        features = features[: len(features) // GRAIN * GRAIN or None]
        vector = model(torch.from_numpy(features - features.mean(axis=0))[None].to(device))[0].cpu().numpy()
        return vector / np.linalg.norm(vector)

    return embed


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


def embed_speakers(
    sound: Sound, windows: Windows, embed: Embed, least: float, every: int = 1
) -> LocalSpeakers:
    """Embed each local speaker from the frames in which nobody else speaks.

    With `every` 2 it is done in every second window and in the last, with 3 in every third, and so on.
    Where those are under `least` seconds, overlapped frames count too; who speaks less than 0.2 s gets none.
    """
    where, seconds, embeddings = [], [], []
    last = len(windows.starts) - 1
    for window in sorted({*range(0, last, every), last}):
        start, active = windows.starts[window], windows.active[window]
        if not active.any():
            continue
        features = compute_features(sound.read(start * FRAME, start * FRAME + WINDOW))
        centres = np.arange(len(features)) * HOP + 200
        nearest = np.clip(np.round((centres - FIELD // 2) / FRAME).astype(np.int64), 0, len(active) - 1)
        alone = active & (active.sum(axis=1) == 1)[:, None]
        for speaker in range(LOCAL):
            enough = alone[:, speaker].sum() * FRAME / RATE >= least
            chosen = features[(alone if enough else active)[nearest, speaker]]
            if len(chosen) < GRAIN:
                continue
            where.append((window, speaker))
            seconds.append(len(chosen) * HOP / RATE)
            embeddings.append(embed(chosen))
    return LocalSpeakers(
        np.array(where, dtype=np.int64).reshape(-1, 2),
        np.array(seconds),
        np.array(embeddings, dtype=np.float32).reshape(-1, DIMENSIONS),
    )
