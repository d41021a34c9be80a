"""What a configuration needs: packages, models, endpoints, variables of the environment. Nothing is looked for here."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from lectern.core import secrets
from lectern.models import bundled

ENDPOINTS = ("teacher", "judge", "cleaner")
"""Sections that name an LLM."""
WEIGHTS = ("config.json", "*.safetensors")


@dataclass(frozen=True)
class HubModel:
    """A model that comes from a hub."""

    key: str
    """the parameter that names it"""
    hub_id: str
    revision: str | None
    files: tuple[str, ...]
    """that a complete copy in the cache has; the first is a name, others may be patterns"""


def get(settings: DictConfig, key: str) -> Any:
    """A value such as `base_model.source`; None where there is none."""
    return OmegaConf.select(settings, key, default=None)


def list_models(settings: DictConfig) -> Iterator[tuple[str, DictConfig]]:
    """Each language model that answers or is tuned: the key of its section, and the section."""
    keys = ["base_model", *(f"comparators.{name}.model" for name in _names(settings))]
    yield from ((key, found) for key in keys if (found := get(settings, key)) is not None)


def list_endpoints(settings: DictConfig) -> Iterator[tuple[str, DictConfig]]:
    """Each LLM that is asked: the key of its section, and the section."""
    idle = set() if get(settings, "clean_answers.contestants") else {"cleaner"}
    keys = [*ENDPOINTS, *(f"comparators.{name}.endpoint" for name in _names(settings))]
    yield from ((key, found) for key in keys if key not in idle and (found := get(settings, key)) is not None)


def list_servers(settings: DictConfig) -> Iterator[tuple[str, DictConfig]]:
    """Each section that names a server with OpenAI's API: its key, and the section."""
    sections = [
        *list_endpoints(settings),
        ("transcribe", get(settings, "transcribe") or OmegaConf.create({})),
    ]
    yield from ((key, found) for key, found in sections if found.get("engine") == "openai")


def _names(settings: DictConfig) -> list[str]:
    comparators = get(settings, "comparators")
    return [str(name) for name in comparators] if isinstance(comparators, DictConfig) else []


def find_extras(settings: DictConfig) -> set[str]:
    """The optional dependencies of pyproject.toml that the pipeline needs with these settings."""
    extras = {"speech", "text", "train"}
    if get(settings, "compute.executor") == "ray":
        extras.add("cluster")
    if get(settings, "forget.tasks"):
        extras.add("harness")
    if get(settings, "extract.ocr") == "rapidocr":
        extras.add("ocr")
    if "always" in list_renders(settings):
        extras.add("browser")
    return extras


def list_renders(settings: DictConfig) -> list[str]:
    """When the scripts of each web site's pages are run: `never`, `empty` or `always`."""
    sites = [source for source in get(settings, "corpus.sources") or [] if source.get("kind") == "website"]
    return [str(site.get("render", "empty")) for site in sites]


def find_bundled(settings: DictConfig) -> dict[str, list[str]]:
    """Bundled model -> the parameters that name it."""
    named = [
        ("transcribe.model", "embedded", "whisper_tiny_en"),
        ("diarize.engine", "embedded", "segmentation_3"),
        ("diarize.engine", "embedded", "campplus"),
        ("score.similarity", "embedded", "minilm_l6"),
    ]
    needed = [(model, key) for key, value, model in named if get(settings, key) == value]
    for key in ("curate.semantic_duplicate_threshold", "curate.decontamination_semantic_threshold"):
        if get(settings, key) is not None:
            needed.append(("minilm_l6", key))
    looks_up = bool(get(settings, "retrieval.contestants")) or bool(get(settings, "retrieval.train_share"))
    if looks_up and "embeddings" in get(settings, "retrieval.methods"):
        needed.append(("minilm_l6", "retrieval.methods"))
    needed += [(model.get("package"), f"{key}.package") for key, model in list_models(settings)]
    needed += [
        (llm.get("model"), f"{key}.model")
        for key, llm in list_endpoints(settings)
        if llm.get("engine") == "embedded"
    ]
    needed.append((get(settings, "parse.tokenizer"), "parse.tokenizer"))
    found: dict[str, list[str]] = {}
    for model, key in needed:
        if model in bundled.PACKAGES and key not in found.setdefault(model, []):
            found[model].append(key)
    return found


def find_hub_models(settings: DictConfig) -> list[HubModel]:
    """The models that come from a hub, not from a directory."""
    found = [
        HubModel(f"{key}.hub_id", str(model.get("hub_id")), model.get("revision"), WEIGHTS)
        for key, model in list_models(settings)
        if model.get("source") == "hub"
    ]
    tokenizer = get(settings, "parse.tokenizer")
    if tokenizer is not None and tokenizer not in bundled.PACKAGES:
        found.append(HubModel("parse.tokenizer", *_split(str(tokenizer)), ("tokenizer.json",)))
    if get(settings, "diarize.engine") == "pyannote":
        found.append(
            HubModel("diarize.model", *_split(str(get(settings, "diarize.model"))), ("config.yaml",))
        )
    whisper = get(settings, "transcribe.model")
    if whisper is not None and "/" in whisper and get(settings, "transcribe.engine") != "openai":
        found.append(HubModel("transcribe.model", str(whisper), None, ("config.json", "model.bin")))
    return [model for model in found if not Path(model.hub_id).is_dir()]


def _split(name: str) -> tuple[str, str | None]:
    """The name and the revision of `name@revision`."""
    before, _, revision = name.partition("@")
    return (before, revision or None) if not Path(name).is_dir() else (name, None)


def find_variables(settings: DictConfig) -> dict[str, str]:
    """Variable of the environment -> the parameter that names it. Their values are nobody's business here."""
    found = {
        str(name): f"{key}.api_key"
        for key, server in list_servers(settings)
        if (name := server.get("api_key"))
    }
    for number, source in enumerate(get(settings, "corpus.sources") or []):
        for text in _list_texts(OmegaConf.to_container(source)):
            for name in secrets.PLACEHOLDER.findall(text):
                if re.fullmatch("LECTERN_[A-Za-z0-9_]+", name):
                    found[name] = f"corpus.sources[{number}]"
    return found


def _list_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _list_texts(inner)
