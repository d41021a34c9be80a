"""Check and prepare the Python environment that an engine's libraries need."""

import importlib.metadata
import logging
import os
import sys
import warnings
from collections.abc import Sequence

from lectern.core.errors import LecternError

OWN_ENVIRONMENT = ("whisperx", "pyannote-audio")
"""Distributions that cannot be installed beside the pipeline's packages: they need older huggingface-hub and torch."""


def check_installed(libraries: Sequence[str], section: str) -> None:
    """Check that this Python has what the engine chosen in `section` of params.yaml needs.

    Raises:
        LecternError: a distribution is missing; the message says how to get it and how to choose the right Python.
    """
    missing = [name for name in libraries if not _is_installed(name)]
    apart = [name for name in missing if name in OWN_ENVIRONMENT]
    if apart:
        raise LecternError(
            f"{sys.executable} has no {' and no '.join(apart)}, which section {section!r} of params.yaml needs. They "
            f"need an environment of their own: `make whisperx` builds it, and {section}.python=python-whisperx runs "
            "the stage in it."
        )
    if missing:
        raise LecternError(
            f"{sys.executable} lacks {', '.join(missing)}. `make setup` installs what the pipeline needs, "
            "`make whisperx` what the engines whisperx and pyannote need."
        )


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def quieten() -> None:
    """Turn off pyannote.audio's telemetry and its warnings that do not matter here. Call this before importing it.

    By default, pyannote.audio 4 sends the length of each recording and the requested number of speakers to its makers.
    Set PYANNOTE_METRICS_ENABLED=1 to allow that. It also warns if torchcodec does not find FFmpeg libraries, which are
    not needed because the models are given samples.
    """
    os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "0")
    warnings.filterwarnings("ignore", message=r"\s*torchcodec is not installed correctly")
    warnings.filterwarnings("ignore", module="pyannote")
    logging.getLogger("lightning.pytorch.utilities.migration").setLevel(logging.ERROR)
