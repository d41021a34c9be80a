"""Compute speaker embeddings: CAM++ on log mel filter banks (Wang et al. 2023, arXiv:2303.00332)."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lectern.formats.audio import RATE, Samples
from lectern.models import bundled
from lectern.speech.segmentation import FIELD, FRAME, LOCAL, WINDOW, Floats, Sound, Windows, import_file

EMBEDDING = "campplus_cn_en_common"
"""Name of the speaker embedding model."""
DIMENSIONS = 192
"""Number of dimensions of a speaker embedding."""
HOP = 160
"""Samples from one feature frame to the next."""
GRAIN = 20
"""The number of embedded features is rounded down to a multiple of this. A GPU compiles for each new length, which
takes three times as long as the embedding itself."""

Embed = Callable[[Floats], Floats]
"""Takes features of shape (features, 80); returns a vector of shape (DIMENSIONS,) and unit length."""


class LocalSpeakers(NamedTuple):
    """The local speakers that speak long enough to be embedded."""

    where: NDArray[np.int64]  # (speakers, 2): window and local speaker
    seconds: NDArray[np.float64]  # (speakers,): seconds of speech in the embedding
    embeddings: Floats  # (speakers, DIMENSIONS), unit length


def load_embedder(*, device: str) -> Embed:
    """Load CAM++ on a torch device such as "cpu" or "cuda"."""
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
    """Compute the log mel filter banks that CAM++ was trained on: 80 bands, 25 ms every 10 ms, no dither.

    The shape is (features, 80).
    """
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

    If these are fewer than `least` seconds, overlapped frames are used too. A speaker with less than 0.2 s gets no
    embedding. With `every` = 2, every second window and the last one are embedded, with 3 every third, and so on.
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
