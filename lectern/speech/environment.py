"""What an engine's libraries need of the Python that runs the stage."""

import importlib.metadata
import logging
import os
import sys
import warnings
from collections.abc import Sequence

from lectern.core.errors import LecternError

OWN_ENVIRONMENT = ("whisperx", "pyannote-audio")
"""Distributions that cannot live beside the pipeline's own packages: they want an older huggingface-hub and torch."""


def check_installed(libraries: Sequence[str], section: str) -> None:
    """Check that this Python has what the engine chosen in `section` of params.yaml needs.

    Raises:
        LecternError: a distribution is missing; the message says how to get it and how to choose the right Python.
    """
    missing = [name for name in libraries if not _is_installed(name)]
    apart = [name for name in missing if name in OWN_ENVIRONMENT]
    if apart:
        raise LecternError(
            f"{sys.executable} has no {' and no '.join(apart)}, which section {section!r} asks for. These live in an "
            f"environment of their own: `make whisperx` builds it, and {section}.python=python-whisperx runs the stage "
            "in it."
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
    """Call before pyannote.audio is imported: it reports home unless told not to, and warns of what is of no use here.

    pyannote.audio 4 sends the length of each recording and the number of speakers asked for to its makers, by default;
    whoever wants that sets PYANNOTE_METRICS_ENABLED=1. torchcodec, without the FFmpeg libraries it looks for, is not
    needed: the models are given samples.
    """
    os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "0")
    warnings.filterwarnings("ignore", message=r"\s*torchcodec is not installed correctly")
    warnings.filterwarnings("ignore", module="pyannote")
    logging.getLogger("lightning.pytorch.utilities.migration").setLevel(logging.ERROR)
