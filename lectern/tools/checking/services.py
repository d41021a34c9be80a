"""Whether keys are set, endpoints answer, and sources have something to fetch."""

import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

from omegaconf import DictConfig, OmegaConf

from lectern.core import secrets
from lectern.core.errors import LecternError
from lectern.llm import reaching
from lectern.sources.crawl import browser
from lectern.tools.checking.finding import MISSING, NOTE, OK, Finding
from lectern.tools.checking.requirements import find_variables, get, list_renders, list_servers

PATIENCE = 3.0
"""Seconds for the head of a Ray cluster to take a connection."""
SHOWN = 5
"""Models of an endpoint that are named."""


def check_variables(settings: DictConfig) -> Iterator[Finding]:
    """A finding for each variable of the environment that holds a key. Only its name is shown."""
    for name, key in find_variables(settings).items():
        if os.environ.get(name, "").strip():
            yield Finding(OK, f"the variable {name} ({key}) is set")
        else:
            yield Finding(MISSING, f"the variable {name} ({key}) is not set", f"export {name}=...")


def check_endpoints(settings: DictConfig) -> Iterator[Finding]:
    """A finding for each server with OpenAI's API: whether it answers, and has the model."""
    for key, values in list_servers(settings):
        address, token, model = (values.get(name) for name in ("base_url", "api_key", "model"))
        if secrets.has_credentials(address or "") or not isinstance(model, str):
            continue  # it is said where the sections are checked
        if token and not os.environ.get(token, "").strip():
            continue  # it is said where the variables are
        yield _check_endpoint(key, address, token, model)


def _check_endpoint(key: str, address: str | None, token: str | None, model: str) -> Finding:
    try:
        models = reaching.find_models(address, token)
    except LecternError as error:
        return Finding(MISSING, f"{key}: {error}")
    where = address or reaching.OPENAI
    if models is None:
        return Finding(NOTE, f"{key}: {where} answers, and does not tell which models it has")
    if model in models:
        return Finding(OK, f"{key}: {where} has {model}")
    named = ", ".join(models[:SHOWN]) + (f" and {len(models) - SHOWN} more" if len(models) > SHOWN else "")
    return Finding(
        MISSING,
        f"{key}: {where} has no model {model!r}; it has {named or 'none'}",
        f"correct {key}.model",
    )


def check_cluster(settings: DictConfig) -> Iterator[Finding]:
    """Whether the head of the Ray cluster takes a connection, where its address is given."""
    address = str(get(settings, "compute.address") or "")
    match = re.fullmatch(r"([\w.-]+):(\d+)", address)
    if get(settings, "compute.executor") != "ray" or match is None:
        return
    try:
        with closing(socket.create_connection((match[1], int(match[2])), PATIENCE)):
            yield Finding(OK, f"compute.address: {address} takes connections")
    except (OSError, OverflowError) as error:
        yield Finding(
            MISSING, f"compute.address: {address} takes no connection ({error})", "`ray start --head` there"
        )


def check_browser(settings: DictConfig) -> Iterator[Finding]:
    """Whether there is a Chromium, where the pages of a web site may need it."""
    renders = set(list_renders(settings)) - {"never"}
    if not renders:
        return
    if found := browser.find():
        yield Finding(OK, f"Chromium for pages that JavaScript makes: {found}")
    else:
        state = MISSING if "always" in renders else NOTE
        yield Finding(state, f"corpus.sources: {browser.MISSING}")


def check_sources(
    settings: DictConfig, read: Callable[[Mapping[str, Any], int], tuple[Any, Any]]
) -> Iterator[Finding]:
    """A finding for each source of the corpus: whether `fetch` would find an item in it. No site is asked.

    Args:
        settings: the parameters.
        read: returns the module of a source's kind and its checked settings.
    """
    sources: Any = OmegaConf.to_container(get(settings, "corpus.sources") or OmegaConf.create([]))
    for number, values in enumerate(sources):
        where = f"corpus.sources[{number}] ({values.get('kind')} {values.get('name') or values.get('path')})"
        try:
            module, source = read(values, number)
            next(iter(module.list_items(source)))
        except LecternError as error:
            yield Finding(MISSING, f"{where}: {error}")
        except StopIteration:
            yield Finding(NOTE, f"{where} has no item")
        else:
            yield Finding(OK, f"{where} has items")
