"""Explain why a model cannot be loaded from the hub or from a directory, and what to do about it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from lectern.core.errors import LecternError
from lectern.core.printing import first_line

HUB = "https://huggingface.co"
PATIENCE = 5.0
"""seconds that the hub has to answer where it is only asked whether it would"""
OUT_OF_REACH = {
    "LocalEntryNotFoundError",
    "OfflineModeIsEnabled",
    "HfHubHTTPError",
    "ConnectError",
    "ConnectTimeout",
    "ReadError",
    "ReadTimeout",
    "RemoteProtocolError",
}
"""Errors of the hub's client and its HTTP library when the hub does not answer, or gives no valid answer."""


def is_refusal(error: Exception) -> bool:
    """Tell whether an error means that a model cannot be loaded; any other error is a fault of the program."""
    # The hub's client passes errors of its HTTP library on, whose name changes with its version.
    library = type(error).__module__.partition(".")[0]
    return isinstance(error, (OSError, ValueError, ImportError)) or library.startswith(
        ("httpx", "safetensors")
    )


def why_not(hub_id: str, revision: str | None, error: BaseException) -> str:
    """Return what a failed request for a model means, and what to do.

    Args:
        hub_id: organisation/model, or a directory.
        revision: the requested revision.
        error: an error of huggingface_hub or transformers.
    """
    from huggingface_hub import constants

    page = f"{HUB}/{hub_id}"
    kinds = {type(link).__name__ for link in _chain(error)}
    reason = first_line(error)
    if "GatedRepoError" in kinds:
        return (
            f"{hub_id} is gated: its owner asks for consent. Accept the licence at {page}, make a token at "
            f"{HUB}/settings/tokens, and set HF_TOKEN to it (a token without that consent is refused "
            "too)."
        )
    if "RepositoryNotFoundError" in kinds:
        return (
            f"the hub has no model {hub_id}, or it is private. Check whether {page} exists and correct "
            "base_model.hub_id, or set HF_TOKEN for a private model."
        )
    if "RevisionNotFoundError" in kinds:
        return (
            f"{hub_id} has no revision {revision}. Look at {page}/commits/main, or let `lectern pin` write the newest "
            "into conf/base_model."
        )
    if kinds & OUT_OF_REACH:
        return (
            f"{hub_id} is not in this machine's cache, and the hub {constants.ENDPOINT} could not be reached "
            f"({reason}). Check the connection and HF_HUB_OFFLINE, or copy the model here and set base_model.hub_id "
            "to its directory."
        )
    if not Path(hub_id).is_dir() and hub_id.startswith((".", "/", "~")):
        return f"there is no directory {hub_id}. Correct base_model.hub_id (~ is not replaced)."
    return (
        f"{hub_id} could not be loaded: {reason}\nIts weights must be .safetensors, of an architecture that "
        "transformers itself knows: pickled weights and a model's own code are not run."
    )


def is_cached(hub_id: str, revision: str | None, files: Sequence[str]) -> bool:
    """Whether this machine's cache has the files of a model, each given as a name or as a pattern like *.safetensors.

    The first of `files` is a name, not a pattern.
    """
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(hub_id, files[0], revision=revision or "main")
    return isinstance(found, str) and all(any(Path(found).parent.glob(file)) for file in files)


def find_size(hub_id: str, revision: str | None, file: str, timeout: float = PATIENCE) -> int:
    """Ask the hub whether it gives a model to this machine; returns the bytes of its weights. Nothing is downloaded.

    Args:
        hub_id: organisation/model.
        revision: None is the main branch.
        file: one that the model has. The hub tells of a gated model to everybody, and gives its files to some.
        timeout: seconds for each of two requests.

    Raises:
        LecternError: the hub does not give it, or does not answer; says what to do.
    """
    from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_url

    try:
        found = HfApi().model_info(hub_id, revision=revision, timeout=timeout, files_metadata=True)
        get_hf_file_metadata(hf_hub_url(hub_id, file, revision=revision), timeout=timeout)
    except Exception as error:
        if not is_refusal(error):
            raise
        raise LecternError(why_not(hub_id, revision, error)) from error
    return sum(one.size or 0 for one in found.siblings or [] if one.rfilename.endswith(".safetensors"))


def why_unreachable(timeout: float = PATIENCE) -> str | None:
    """Why the hub cannot be asked from here; None where it answers."""
    from huggingface_hub import constants, get_session

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    try:
        answer = get_session().head(constants.ENDPOINT, timeout=timeout)
    except Exception as error:
        if not is_refusal(error):
            raise
        return str(error) or type(error).__name__
    return f"it answers {answer.status_code}" if answer.status_code >= 500 else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and the errors that caused it."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__
