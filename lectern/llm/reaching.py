"""Whether an endpoint would answer: asked for its list of models, which costs nothing."""

import os

from lectern.core import secrets
from lectern.core.errors import LecternError
from lectern.llm.completions import moved
from lectern.llm.endpoint import MOVED, OPENAI, REMEDIES

PATIENCE = 5.0
"""Seconds that it has to answer."""


def find_models(base_url: str | None, api_key: str | None, timeout: float = PATIENCE) -> list[str] | None:
    """The models that the endpoint offers; None where it answers but does not tell (not every server does).

    Args:
        base_url: its address; None for OpenAI's own.
        api_key: name of the environment variable with the token, if it needs one.
        timeout: see PATIENCE.

    Raises:
        LecternError: it does not answer, or not to this token.
    """
    import httpx

    url = base_url or OPENAI
    token = os.environ.get(api_key or "", "").strip()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        answer = httpx.get(f"{url.rstrip('/')}/models", headers=headers, timeout=timeout)
    except httpx.HTTPError as error:
        reason = secrets.mask(str(error) or type(error).__name__, token)
        raise LecternError(
            f"{url} does not answer ({reason}). Start the server, or correct base_url."
        ) from error
    if answer.status_code in (401, 403):
        raise LecternError(f"{url} answers {answer.status_code}. {REMEDIES[answer.status_code]}")
    if answer.is_redirect:
        raise LecternError(f"{url} has moved to {secrets.mask(moved(answer.headers), token)}. {MOVED}")
    if answer.status_code >= 500:
        raise LecternError(f"{url} answers {answer.status_code}. Try again, or look into its log.")
    try:
        return [str(model["id"]) for model in answer.json()["data"]]
    except (ValueError, KeyError, TypeError):
        return None
