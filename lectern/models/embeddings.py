"""Embed texts: each becomes a vector of unit length, and texts with the same meaning point in the same direction.

The model is all-MiniLM-L6-v2 (Reimers and Gurevych 2019, Sentence-BERT), which arrives as a package (see
`models.bundled`). It reads English. Texts in scripts other than Latin would all look alike to it (`is_readable`); other
languages in Latin script are read, but less well than English.

Batches do not depend on the number of threads, and one thread computes each batch, so that more threads change the
time, but no bit of the result.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import regex
from tqdm import tqdm

from lectern.models import bundled, integer_layers

MODEL = "minilm_l6"
DIMENSIONS = 384
WINDOW = 254
"""Tokens that are read at once, without the start and end tokens; a longer text is the mean of its windows."""
BATCH_TOKENS = 2048
BATCH_TOKENS_QUICK = 1024
"""Integer products are so fast that memory access dominates, so these batches must fit into the cache."""
TOKENIZED_AT_ONCE = 4096
LATIN = 0.9
"""Least share of letters in Latin script in a text that the model can read."""

_LETTER = regex.compile(r"\p{L}")
_LATIN_LETTER = regex.compile(r"\p{Script=Latin}")


def embed(texts: Sequence[str], *, quick: bool = False) -> np.ndarray:
    """The embeddings of `texts`: float32, of shape (texts, 384), rows of unit length; zero for a text without tokens.

    `quick` computes with 8-bit integers (`models.integer_layers`), which takes a third of the time on a processor with
    VNNI. The cosine of two texts then differs by .007 on average and .036 at most (600 texts of 42 words), and by .002
    between kinds of processor. That is good enough for a mean over thousands, but not for a decision on one pair.
    """
    unique = list(dict.fromkeys(texts))
    vectors = np.zeros((len(unique), DIMENSIONS), np.float32)
    if unique:
        windows = _cut(unique, quick)
        for numbers, means in _embed_windows(windows, quick):
            np.add.at(vectors, numbers, means)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.where(norms == 0, 1, norms)
    position = {text: number for number, text in enumerate(unique)}
    return vectors if len(unique) == len(texts) else vectors[[position[text] for text in texts]]


Window = tuple[int, np.ndarray]
"""The index of a text and the tokens of one of its windows."""


def _cut(texts: Sequence[str], quick: bool) -> list[Window]:
    """The windows of all texts, shortest first, so that batches need little padding."""
    tokenizer = _load(quick)[0]  # loaded here, since the batches, which need it too, run in parallel
    windows: list[Window] = []
    for first in range(0, len(texts), TOKENIZED_AT_ONCE):
        found = tokenizer.encode_batch(
            list(texts[first : first + TOKENIZED_AT_ONCE]), add_special_tokens=False
        )
        for number, encoding in enumerate(found, first):
            ids = np.array(encoding.ids, dtype=np.int32)
            windows += [(number, ids[i : i + WINDOW]) for i in range(0, len(ids), WINDOW)]
    return sorted(windows, key=lambda window: len(window[1]))


def _embed_windows(windows: Sequence[Window], quick: bool) -> Iterator[tuple[list[int], np.ndarray]]:
    """(indices of the texts, summed embeddings of their tokens) of each batch, in a fixed order."""
    import torch

    # One thread per batch, and as many batches at once as torch would use threads, so that the sums never change.
    threads = torch.get_num_threads()
    batches = list(_batches(windows, BATCH_TOKENS_QUICK if quick else BATCH_TOKENS))
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            sums = pool.map(partial(_embed_batch, quick=quick), batches)
            progress = tqdm(
                zip(batches, sums, strict=True),
                total=len(batches),
                desc="embeddings",
                unit="batch",
                disable=None,
            )
            for batch, summed in progress:
                yield [number for number, _ in batch], summed
    finally:
        torch.set_num_threads(threads)


def _batches(windows: Sequence[Window], tokens: int) -> Iterator[Sequence[Window]]:
    first = 0
    while first < len(windows):
        last = first + 1  # windows are sorted by length, so the last one of a batch is the longest
        while last < len(windows) and (last + 1 - first) * (len(windows[last][1]) + 2) <= tokens:
            last += 1
        yield windows[first:last]
        first = last


def _embed_batch(batch: Sequence[Window], *, quick: bool) -> np.ndarray:
    import torch

    tokenizer, model = _load(quick)
    start, end = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    length = max(len(ids) for _, ids in batch) + 2
    tokens = np.zeros((len(batch), length), np.int64)
    mask = np.zeros((len(batch), length), np.int64)
    for line, (_, ids) in enumerate(batch):
        tokens[line, : len(ids) + 2] = [start, *ids, end]
        mask[line, : len(ids) + 2] = 1
    with torch.inference_mode():
        read = torch.from_numpy(mask)
        states = model(input_ids=torch.from_numpy(tokens), attention_mask=read).last_hidden_state
        return (states * read[..., None]).sum(1).numpy()  # mean pooling; `embed` divides by the norm


@lru_cache
def _load(quick: bool) -> tuple[Any, Any]:
    """(tokenizer, model)"""
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModel
    from transformers.utils import logging

    folder: Path = bundled.fetch(MODEL)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    logging.disable_progress_bar()  # and, below, no warning of the pooling layer, which is not used
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        model = AutoModel.from_pretrained(
            folder, dtype=torch.float32, add_pooling_layer=False, trust_remote_code=False
        ).eval()
    finally:
        logging.set_verbosity(verbosity)
    return tokenizer, integer_layers.quantise(model) if quick else model


def is_readable(text: str) -> bool:
    """Whether the model can read this text: nearly all its letters are Latin."""
    letters = len(_LETTER.findall(text))
    return letters > 0 and len(_LATIN_LETTER.findall(text)) >= LATIN * letters


def similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cosines of the rows of `a` and `b`, arrays of unit vectors, in double precision, rounded to four digits."""
    return np.round((a.astype(np.float64) * b.astype(np.float64)).sum(-1), 4)
