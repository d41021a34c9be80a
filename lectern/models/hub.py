"""What it means when a model cannot be had from the hub, or from a directory, and what to do."""

from collections.abc import Iterator
from pathlib import Path

from lectern.core.printing import first_line

HUB = "https://huggingface.co"
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
"""what the hub's client and its HTTP library raise when the hub does not answer, or not as a hub"""


def is_refusal(error: Exception) -> bool:
    """Whether it says that a model cannot be had; anything else is a fault of the program."""
    # the hub's client lets errors of its HTTP library through, whose name changes with its version
    library = type(error).__module__.partition(".")[0]
    return isinstance(error, (OSError, ValueError, ImportError)) or library.startswith(
        ("httpx", "safetensors")
    )


def why_not(hub_id: str, revision: str | None, error: BaseException) -> str:
    """What a failed request for a model means, and what to do.

    Args:
        hub_id: organisation/model, or a directory.
        revision: that was asked for.
        error: of huggingface_hub or transformers.
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
            f"the hub knows no model {hub_id}, or shows it to nobody without a token. Look whether {page} exists, "
            "correct base_model.hub_id, or set HF_TOKEN for a private model."
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


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__
