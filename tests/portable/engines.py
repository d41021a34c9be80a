"""Compute something small with each numeric engine, and print hashes: `python -m tests.portable.engines [ENGINE ...]`.

Prints a line of JSON for each engine: its name, and the hash of each of its results. compare.py runs this on several
processors. Run it from the root of the repository. LECTERN_INSTRUCTIONS in the environment chooses the instructions;
without it they are portable.
"""

import os
import sys

from lectern.core import instructions

if __name__ == "__main__":  # whoever imports the names alone goes on as before
    instructions.choose(os.environ.get(instructions.CHOSEN, "portable"))

import functools
import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
TALK = ROOT / "data/sources/smoke/smoke-01-logs.mp3"
RATE = 16_000
TEXTS = [
    "We keep the raw files and never change them.",
    "A seed is a number from which all chance is drawn.",
    "How do you choose a baseline?",
    "A test set that was looked at is no test set any more, and whoever reports a figure of it should say so.",
    "Logs say what happened and when.",
    "Backups that were never restored are a hope.",
    "She answers slowly.",
    "The pipeline makes again what has changed and nothing else.",
]

Results = Iterator[tuple[str, Any]]
"""Name and value: an array, bytes, or what JSON can hold."""


def compute_numpy() -> Results:
    """NumPy's and SciPy's functions, products and decompositions."""
    from scipy.optimize import curve_fit
    from scipy.stats import norm

    chance = np.random.default_rng(0)
    for kind in (np.float32, np.float64):
        values = chance.standard_normal((96, 200)).astype(kind)
        name = np.dtype(kind).name
        for function in (np.exp, np.tanh, np.sin, np.cos, np.sqrt, np.arctan):
            yield f"{function.__name__} {name}", function(values)
        for function in (np.log, np.log2, np.log1p, np.log10):
            yield f"{function.__name__} {name}", function(np.abs(values))
        yield f"power {name}", np.abs(values) ** kind(0.3)
        yield f"sums {name}", [float(values.sum()), float(values.mean()), float(values.std())]
        yield f"product {name}", values @ values.T
        yield f"norm {name}", np.linalg.norm(values, axis=1)
        yield f"solve {name}", np.linalg.solve(values[:, :96], values[:, 96:])
        yield f"svd {name}", np.linalg.svd(values, compute_uv=False)
        yield f"fft {name}", np.fft.rfft(values)
    yield "quantiles", norm.ppf(chance.random(1000))
    times = np.arange(1.0, 9.0)
    yield "curve_fit", curve_fit(lambda x, a, b, c: a + b * x**-c, times, 2 + 3 * times**-0.5, (1, 1, 1))[0]


def compute_torch() -> Results:
    """torch's functions, products of many shapes, convolutions, an LSTM, attention, gradients."""
    import torch

    chance = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Any:
        return torch.randn(*shape, generator=chance)

    values, scale, shift = draw(128, 576), draw(576), draw(576)
    for name in ("exp", "tanh", "sigmoid", "erf", "sin", "cos", "sqrt", "rsqrt", "log", "abs"):
        taken = values.abs() if name in ("log", "sqrt", "rsqrt") else values
        yield name, getattr(torch, name)(taken)
    yield "roots", [torch._foreach_sqrt([values.abs()])[0].tolist(), (values.abs() ** 0.5).tolist()]
    yield "sums", [float(values.sum()), float(values.mean()), float(values.var()), float(values.norm())]
    yield "softmax", values.softmax(-1)
    yield "silu", torch.nn.functional.silu(values)
    yield "gelu", torch.nn.functional.gelu(values)
    yield "layer_norm", torch.nn.functional.layer_norm(values, (576,), scale, shift)
    for rows in (1, 2, 7, 33, 128, 256):
        for inputs, outputs in ((576, 576), (576, 1536), (1536, 576), (576, 16), (16, 576), (384, 1536)):
            left, right = draw(rows, inputs), draw(outputs, inputs)
            yield f"product {rows} {inputs} {outputs}", left @ right.T
            yield f"gradient {rows} {inputs} {outputs}", (left @ right.T).T @ left
    yield "logits", draw(4, 576) @ draw(576, 49_152)
    yield "batched", draw(9, 40, 64) @ draw(9, 64, 40)
    query, key, value = draw(2, 9, 40, 64), draw(2, 9, 40, 64), draw(2, 9, 40, 64)
    for causal in (False, True):
        attend = torch.nn.functional.scaled_dot_product_attention
        yield f"attention {causal}", attend(query, key, value, is_causal=causal)
    mask = torch.ones(2, 1, 40, 40, dtype=torch.bool).tril()
    yield "masked attention", torch.nn.functional.scaled_dot_product_attention(query, key, value, mask)
    torch.manual_seed(0)
    with torch.inference_mode():
        yield "conv1d", torch.nn.Conv1d(8, 16, 5)(draw(2, 8, 400))
        yield "conv2d", torch.nn.Conv2d(4, 8, 3, padding=1)(draw(2, 4, 40, 60))
        yield "lstm", torch.nn.LSTM(60, 64, 2, bidirectional=True, batch_first=True)(draw(2, 50, 60))[0]
    layer = torch.nn.Linear(576, 384)
    steps = torch.optim.AdamW(layer.parameters(), lr=1e-2)
    for _ in range(3):
        layer(values).square().mean().backward()
        steps.step()
    yield "adam", layer.weight.detach()


@functools.cache
def _read_sound(seconds: float = 10.0) -> Any:
    from lectern.formats import audio

    return audio.decode(TALK).samples[: round(seconds * RATE)]


def compute_sound() -> Results:
    """What FFmpeg decodes, and the features of speech."""
    from lectern.speech import voiceprints

    yield "decoded", _read_sound()
    yield "features", voiceprints.compute_features(_read_sound())


def compute_vad() -> Results:
    """Silero's voice activity detection by onnxruntime."""
    from faster_whisper.vad import get_speech_timestamps, get_vad_model

    sound = _read_sound()
    yield "spans", get_speech_timestamps(sound)
    yield "probabilities", np.asarray(get_vad_model()(sound[: len(sound) // 512 * 512]))


def compute_whisper() -> Results:
    """Whisper tiny in 8-bit integers, as the demo hears: spectrogram, encoder and words."""
    import ctranslate2
    from faster_whisper.feature_extractor import FeatureExtractor

    from lectern.core.item import use_one_blas_thread
    from lectern.speech import faster_whisper_engine

    use_one_blas_thread()
    model = faster_whisper_engine.load_model("embedded", "cpu", "int8", 0)
    spectrogram = FeatureExtractor()(_read_sound(5.0))
    yield "spectrogram", spectrogram
    padded = np.zeros((1, 80, 3000), np.float32)
    padded[0, :, : min(3000, spectrogram.shape[1])] = spectrogram[:, :3000]
    encoded = model.model.encode(ctranslate2.StorageView.from_array(padded), to_cpu=True)
    yield "encoded", np.asarray(encoded)
    segments, _ = model.transcribe(_read_sound(5.0), beam_size=5, temperature=0.0, word_timestamps=True)
    yield (
        "words",
        [[word.word, word.start, word.end, word.probability] for one in segments for word in one.words or []],
    )


def compute_diarization() -> Results:
    """The bundled diarization's two models: who speaks in ten seconds, and a print of the voice."""
    from lectern.core.item import use_one_blas_thread
    from lectern.speech import segmentation, voiceprints

    use_one_blas_thread()
    sound = _read_sound()
    yield "segmentation", segmentation.load_segmenter(device="cpu", batch_size=1)(sound[None, :])
    embed = voiceprints.load_embedder(device="cpu")
    yield "voiceprint", embed(voiceprints.compute_features(sound[: 2 * RATE]))


def compute_embeddings() -> Results:
    """Embeddings of texts, as curate, retrieve and score compute them, and with 8-bit integers."""
    from lectern.models import embeddings

    yield "float32", embeddings.embed(TEXTS)
    yield "int8", embeddings.embed(TEXTS, quick=True)


def compute_likeness() -> Results:
    """scikit-learn's regression on words, as score uses it."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    weights = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit_transform(TEXTS)
    fitted = LogisticRegression(C=3.0, max_iter=1000).fit(
        weights, [number % 2 for number in range(len(TEXTS))]
    )
    yield "margins", fitted.decision_function(weights)


def compute_training() -> Results:
    """Two steps of a LoRA on a tiny untrained model."""
    from lectern.core.schema import TokenRow
    from lectern.training import sft
    from tests.support.made_up_rows import row
    from tests.support.tiny import TINY
    from tests.support.training import with_params

    rows = [
        TokenRow(
            id=str(number),
            example=str(number),
            input_ids=[(number * 977 + place * 131) % 49_000 for place in range(24)],
            assistant_masks=[int(place > 8) for place in range(24)],
            provenance=row("Why?", "Because.").provenance,
        )
        for number in range(4)
    ]
    with tempfile.TemporaryDirectory() as folder:
        done = sft.tune(
            TINY,
            rows[:3],
            rows[3:],
            Path(folder),
            with_params(epochs=1, batch_size=1, gradient_accumulation=1),
        )
        yield "adapter", (done / "adapter_model.safetensors").read_bytes()


@functools.cache
def _load_smollm2() -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from lectern.models import packaged

    folder = packaged.converted("smollm2_135m")
    return (
        AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval(),
        AutoTokenizer.from_pretrained(folder),
    )


def compute_generation() -> Results:
    """Answers of SmolLM2 135M and their likelihood, as generate, episodes and forget compute them."""
    import torch

    from lectern.models import generation, likelihood

    model, tokenizer = _load_smollm2()
    prompts = [tokenizer(text)["input_ids"] for text in TEXTS[:2]]
    with torch.inference_mode():
        yield "logits", model(input_ids=torch.tensor(prompts[:1])).logits
    answers = generation.answer(
        model,
        prompts,
        max_new_tokens=6,
        stop={tokenizer.eos_token_id},
        pad=tokenizer.eos_token_id,
        batch_size=2,
    )
    yield "answers", [one.tokens for one in answers]
    marked = [(ids, [1] * len(ids)) for ids in prompts]
    yield "likelihood", likelihood.negative_log_likelihoods(model, marked, pad=0, batch_size=2)


def compute_judge() -> Results:
    """The bundled judge's 8-bit products."""
    import torch

    from lectern.models import integer_layers

    model, tokenizer = _load_smollm2()
    quick = integer_layers.quantise(model)
    _load_smollm2.cache_clear()
    with torch.inference_mode():
        yield "logits", quick(input_ids=torch.tensor([tokenizer(TEXTS[2])["input_ids"]])).logits


ENGINES: dict[str, Callable[[], Results]] = {
    "numpy": compute_numpy,
    "torch": compute_torch,
    "sound": compute_sound,
    "vad": compute_vad,
    "whisper": compute_whisper,
    "diarization": compute_diarization,
    "embeddings": compute_embeddings,
    "likeness": compute_likeness,
    "training": compute_training,
    "generation": compute_generation,
    "judge": compute_judge,
}
"""Name -> what it computes. `judge` changes the model of `generation`, so it comes last."""


def hash_value(value: Any) -> str:
    """The first 16 digits of the sha256 of an array (with its shape), bytes, or what JSON can hold."""
    if hasattr(value, "detach"):
        value = value.detach().numpy()
    if isinstance(value, np.ndarray):
        content = f"{value.dtype}{value.shape}".encode() + np.ascontiguousarray(value).tobytes()
    elif isinstance(value, bytes):
        content = value
    else:
        content = json.dumps(value).encode()
    return hashlib.sha256(content).hexdigest()[:16]


def main(names: list[str]) -> None:
    """Print a line for each of these engines, or for all."""
    for name in names or ENGINES:
        began = time.perf_counter()
        hashes = {part: hash_value(value) for part, value in ENGINES[name]()}
        seconds = round(time.perf_counter() - began, 2)
        print(json.dumps({"engine": name, "seconds": seconds, "hashes": hashes}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
