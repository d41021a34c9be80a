"""A packaged language model as transformers loads it: weights, tokenizer and chat template in a directory."""

import tempfile
from importlib.metadata import version
from pathlib import Path

from lectern.core.errors import LecternError
from lectern.models import bundled


def language_models() -> list[str]:
    """The names of the packages that hold a language model, which is one GGUF file."""
    return [
        name
        for name, package in bundled.PACKAGES.items()
        if [Path(file).suffix for file in package.files] == [".gguf"]
    ]


def converted(package: str) -> Path:
    """The directory of a packaged GGUF model in transformers' own format, which loads in seconds.

    The first call converts the model. The directory is in the user's cache; its name holds the sha256 of the weights
    and the version of transformers that converted them.

    Raises:
        LecternError: there is no such language model, or its package cannot be downloaded.
    """
    if package not in language_models():
        raise LecternError(
            f"the packaged model {package} is not a GGUF language model; choose one of {', '.join(language_models())}"
        )
    [(file, sha256)] = bundled.PACKAGES[package].files.items()
    target = bundled.cache_dir() / f"{package}-{sha256[:12]}-transformers-{version('transformers')}"
    if not target.is_dir():
        source = bundled.fetch(package)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".convert-") as scratch:
            _convert(source, Path(file).name, Path(scratch) / "model")
            bundled.move_into_cache(Path(scratch) / "model", target)
    return target


def _convert(folder: Path, file: str, out: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    # Without dequantize=True the weights load but cannot be saved.
    model = AutoModelForCausalLM.from_pretrained(
        folder,
        gguf_file=file,
        dtype=torch.float32,
        trust_remote_code=False,
        quantization_config=GgufConfig(gguf_file=file, dequantize=True),
    )
    model.save_pretrained(out)
    AutoTokenizer.from_pretrained(folder, gguf_file=file, trust_remote_code=False).save_pretrained(out)
