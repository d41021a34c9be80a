"""The contestants: base model, tuned model and comparators. What determines their answers, and how they are loaded."""

import gc
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from omegaconf import OmegaConf

from lectern.answering import files, llama_answers
from lectern.answering.comparators import find_commit
from lectern.answering.files import ModelFile
from lectern.core import io, params
from lectern.core.errors import LecternError
from lectern.core.revisions import HERE, Revision
from lectern.core.schema import BASE, TUNED, WITH_SOURCES
from lectern.models import bundled, chat_format, devices
from lectern.models import loading as models
from lectern.settings.base_model import LEFT_OUT, BaseModelSettings
from lectern.settings.comparators import Comparator
from lectern.settings.llm import LLM
from lectern.training import adapters

ADAPTER = "models/adapter"
IN_SETTINGS = {"adapter": "revision"}
"""Kinds whose name in the settings is another one."""


@dataclass(frozen=True)
class Served:
    """A contestant that answers at an endpoint."""

    name: str
    llm: LLM
    sources: bool = False
    """whether it answers with the passages that a search found"""


@dataclass(frozen=True)
class Local:
    """A contestant that runs on this machine."""

    name: str
    kind: Literal["base", "tuned", "model", "adapter", "gguf", "merged"]
    base: BaseModelSettings
    """weights, tokenizer and chat template; for an adapter, its base model"""
    persona: str | None
    """template of the system message (`render.persona`)"""
    record: adapters.Record
    """how the tuned model was trained; all kinds but `adapter` are loaded in its precision, for a fair comparison"""
    adapter: Path | None = None
    """for kind `tuned`: folder of the adapter"""
    commit: Revision | None = None
    """for kind `adapter`: the commit that holds the adapter"""
    file: ModelFile | None = None
    """for kinds `gguf` and `merged`: where the weights and the tokenizer are"""
    sources: bool = False
    """whether it answers with the passages that a search found"""

    @property
    def model(self) -> str:
        """Name of the contestant with the same weights that answers without passages; its own name if it is that."""
        return self.name.removesuffix(WITH_SOURCES)

    @property
    def quantized(self) -> bool:
        """Whether the base model is loaded in 4 bits, as for the training; other models are loaded whole."""
        return self.record.quantized and self.kind not in ("model", "merged")


W = TypeVar("W", Served, Local)


def gather(
    base: BaseModelSettings,
    adapter: Path,
    persona: str | None,
    comparators: Mapping[str, Comparator],
    root: Path = HERE,
    with_sources: Collection[str] = (),
) -> tuple[list[Local], list[Served]]:
    """Return all contestants: base and tuned, then the comparators by name; those at endpoints in a list of their own.

    Those that also answer with passages come a second time, at the end of their list.

    Args:
        base: section `base_model`.
        adapter: folder of the trained weights.
        persona: `render.persona`.
        comparators: section `comparators`.
        root: folder of dvc.yaml in its repository, in which revisions are looked up.
        with_sources: kinds of contestants that also answer with passages (`retrieval.contestants`).

    Raises:
        LecternError: there are no trained weights, they were made for another base model, a revision is unknown, or the
            file of a comparator is missing or cannot be used.
    """
    record = adapters.read_record(base, adapter)
    local = [
        Local(BASE, "base", base, persona, record),
        Local(TUNED, "tuned", base, persona, record, adapter=adapter),
    ]
    served = []
    for name, given in sorted(comparators.items()):
        if given.endpoint is not None:
            served.append(Served(name, given.endpoint))
        elif given.model is not None:
            local.append(Local(name, "model", given.model, persona, record))
        elif given.gguf is not None:
            file = files.find_gguf(f"comparators.{name}.gguf", given.gguf, root)
            local.append(Local(name, "gguf", base, persona, record, file=file))
        elif given.merged is not None:
            file = files.find_merged(f"comparators.{name}.merged", given.merged, root)
            local.append(Local(name, "merged", files.as_base(file, base), persona, record, file=file))
        elif given.revision is not None:
            local.append(_of_revision(name, find_commit(name, given.revision, root), record))
    local += [_with_sources(who) for who in local if IN_SETTINGS.get(who.kind, who.kind) in with_sources]
    if "endpoint" in with_sources:
        served += [_with_sources(who) for who in served]
    return local, served


def _with_sources(who: W) -> W:
    return replace(who, name=who.name + WITH_SOURCES, sources=True)


def _of_revision(name: str, commit: Revision, record: adapters.Record) -> Local:
    """Return the tuned model of a commit, with the base model and persona of that commit."""
    where = f"comparators.{name}: params.yaml of {commit.commit[:10]}"
    text = commit.read("params.yaml")
    then = OmegaConf.create(text or "")
    section = OmegaConf.select(then, "base_model") if text else None
    if section is None:
        raise LecternError(f"{where} has no section base_model. Choose a commit of this pipeline.")
    base = params.parse(OmegaConf.merge(OmegaConf.create(dict(LEFT_OUT)), section), BaseModelSettings, where)
    return Local(name, "adapter", base, OmegaConf.select(then, "render.persona"), record, commit=commit)


def describe(who: Local | Served) -> dict[str, Any]:
    """Return kind, model and revision of a contestant, and whether it has passages, for metrics/generation.json.

    The revision of a file is its sha256.
    """
    sources = {"sources": True} if who.sources else {}
    if isinstance(who, Served):
        return {"kind": "endpoint", "model": who.llm.model, "revision": None, **sources}
    if who.file is not None:
        return {"kind": who.kind, "model": who.file.shown, "revision": who.file.sha256, **sources}
    revision = who.commit.commit if who.commit else who.base.revision
    return {"kind": who.kind, "model": who.base.identity, "revision": revision, **sources}


def fingerprint(who: Local) -> dict[str, Any]:
    """Return everything that affects a contestant's answers, except for prompts and code.

    A model on the hub is identified by name and revision. Without a revision, it may change unnoticed.
    """
    if who.file is not None:
        template = who.base.chat_template and _chat_template(who.base.chat_template)
        named: dict[str, Any] = {
            "sha256": who.file.sha256,
            "chat_template": template,
            "end_of_turn": who.base.end_of_turn,
        }
        return named if who.kind == "gguf" else {**named, "precision": who.record.precision}
    decides: dict[str, Any] = {
        "weights": _weights(who.base),
        "chat_template": who.base.chat_template and _chat_template(who.base.chat_template),
        "end_of_turn": who.base.end_of_turn,
        "own_template": who.base.own_template,
    }
    if who.commit is not None:
        return {**decides, "commit": who.commit.commit}
    decides |= {"precision": who.record.precision, "quantized": who.quantized}
    if who.adapter is None:
        return decides
    return {**decides, "method": who.record.method, "adapter": _hash_files(who.adapter)}


def _weights(base: BaseModelSettings) -> dict[str, Any]:
    """Return everything that determines the weights and the tokenizer of a base model."""
    packaged = dict(bundled.PACKAGES[base.package].files) if base.package else None
    if base.source == "embedded":
        return {"package": packaged}
    if base.source == "random":
        size = {"architecture": base.architecture, "context_length": base.context_length}
        return {"tokenizer": packaged, "seed": base.seed, **size}
    if Path(str(base.hub_id)).is_dir():
        return {"files": _hash_files(Path(str(base.hub_id)))}
    return {"hub_id": base.hub_id, "revision": base.revision}


def _chat_template(file: str) -> str | None:
    path = chat_format.FOLDER / file
    return io.sha256(path) if path.is_file() else None  # the error comes when the template is loaded


def _hash_files(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): io.sha256(path) for path in files}


def load_in_turn(wanted: Sequence[Local]) -> Iterator[tuple[Local, Any]]:
    """Yield each contestant with its model, one after the other. A model is freed before the next one is loaded.

    The model of a GGUF file is the server that runs it.

    The base model and its adapter are loaded together. The base model comes first, with the adapter switched off. Of
    the contestants with the same weights, the one without passages comes last.

    Raises:
        LecternError: there are no weights, they were made for another base model, or they cannot be loaded.
    """
    by_model: dict[str, list[Local]] = {}
    for who in sorted(wanted, key=lambda who: not who.sources):
        by_model.setdefault(who.model, []).append(who)
    loading = sorted(by_model, key=[who.model for who in wanted].index)
    shared = {BASE, TUNED} <= set(by_model) and by_model[TUNED][0].record.method != "full"
    if shared:
        loading.remove(BASE)
    for name in loading:
        if name != loading[0]:
            _free()
        with _load(by_model[name][0]) as model:
            if name == TUNED and shared:
                with model.disable_adapter():
                    for who in by_model[BASE]:
                        yield who, model
            for who in by_model[name]:
                yield who, model
            del model


@contextmanager
def _load(who: Local) -> Iterator[Any]:
    if who.kind == "gguf" and who.file is not None:
        with llama_answers.run(who.file, who.base) as server:
            yield server
    elif who.adapter is not None:
        yield adapters.load(who.base, who.adapter)
    elif who.commit is None:
        dtype = devices.DTYPES[who.record.precision]
        yield models.get_model(who.base, quantized=who.quantized, dtype=dtype)
    else:
        with tempfile.TemporaryDirectory(prefix="lectern-") as folder:
            place = Path(folder) / "adapter"
            if not who.commit.copy(ADAPTER, place):
                raise LecternError(
                    f"comparators.{who.name}: commit {who.commit.commit[:10]} has no {ADAPTER}. Choose a commit with a "
                    "trained adapter: `git log --oneline -- dvc.lock` lists candidates."
                )
            yield adapters.load(who.base, place)


def _free() -> None:
    """Free the memory of an unused model. Its parts refer to each other, so this needs the garbage collector."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
