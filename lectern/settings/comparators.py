"""Read section `comparators` of params.yaml: models that answer besides base and tuned, by name.

comparators:
  qwen: {model: {...}}          another model, with the fields of conf/base_model
  gpt: {endpoint: {...}}        a server with OpenAI's chat API, with the fields of conf/judge
  before: {revision: 4df32fa}   the adapter of an earlier commit, from DVC's cache
  small: {gguf: models/export/gguf/lectern-smollm2-135m-q4_k_m.gguf}   a GGUF file, which llama.cpp runs
  whole: {merged: models/export/merged}   a folder with whole weights and their tokenizer
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lectern.core import params, revisions
from lectern.core.errors import LecternError
from lectern.core.schema import BASE, TUNED
from lectern.settings import base_model, llm
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.llm import LLM

KINDS = ("model", "endpoint", "revision", "gguf", "merged")
FILES = ("gguf", "merged")
"""Kinds that name a file or folder, which has to hold the tokenizer of the base model."""
EXAMPLES = {"gguf": "models/export/gguf/MODEL-q8_0.gguf", "merged": "models/export/merged"}
RESERVED = (BASE, TUNED, "reference")
"""Names that the figures use for something else."""


@dataclass(frozen=True)
class Comparator:
    """An entry of the section; exactly one of the fields is given."""

    model: BaseModelSettings | None = None
    """Another model, which is not tuned."""
    endpoint: LLM | None = None
    """A server."""
    revision: str | None = None
    """A commit; its adapter answers, on the base model of that commit."""
    gguf: str | None = None
    """A GGUF file, such as `lectern export` writes."""
    merged: str | None = None
    """A folder with whole weights and their tokenizer, such as `lectern export` writes."""


def load_comparators(path: Path = Path("params.yaml")) -> dict[str, Comparator]:
    """Read the section, in order of name. Its keys are free, so `params.load` cannot read it.

    Raises:
        LecternError: the file or section is missing, or entries are wrong; the message has a line for each of them.
    """
    try:
        chosen = OmegaConf.select(params.read_file(path), "comparators")
        section: Any = OmegaConf.to_container(chosen, resolve=True)
    except (OmegaConfBaseException, ValueError) as error:
        raise LecternError(
            f"{path}: section 'comparators' is missing or is not a mapping ({error}). Write `comparators: {{}}` into "
            "conf/config.yaml and run `lectern params`."
        ) from error
    if not isinstance(section, dict):
        raise LecternError(
            f"{path}: comparators is {section!r}; it must map names to models, endpoints, revisions or files (or be "
            "{})"
        )
    found, faults = {}, []
    for name in sorted(section, key=str):
        try:
            found[str(name)] = _read(str(name), section[name], path)
        except LecternError as error:
            faults.append(str(error))
    if faults:
        raise LecternError("\n".join(faults))
    return found


def _read(name: str, entry: Any, path: Path) -> Comparator:
    where = f"{path}: comparators.{name}"
    if not re.fullmatch("[a-z0-9_]+", name) or name.startswith("_") or name in RESERVED:
        raise LecternError(
            f"{where}: a comparator cannot be called {name!r}: use a-z, 0-9 and _, do not begin with _, and do not use "
            f"{', '.join(RESERVED)}, which mean something else. Rename it under conf/ and run `lectern params`."
        )
    given = (
        {kind: value for kind, value in entry.items() if value is not None} if isinstance(entry, dict) else {}
    )
    if len(given) != 1 or not set(given) <= set(KINDS):
        found = ", ".join(map(str, given)) if isinstance(entry, dict) else repr(entry)
        raise LecternError(
            f"{where}: it has {found or 'nothing'}; give exactly one of {', '.join(KINDS)} under conf/ and run "
            "`lectern params`."
        )
    [(kind, value)] = given.items()
    if kind == "model":
        return Comparator(
            model=params.parse(_fill(value, base_model.LEFT_OUT), BaseModelSettings, f"{where}.model")
        )
    if kind == "endpoint":
        return Comparator(endpoint=params.parse(_fill(value, llm.LEFT_OUT), LLM, f"{where}.endpoint"))
    if kind in FILES:
        if not isinstance(value, str) or not value.strip():
            raise LecternError(
                f"{where}.{kind}: it is {value!r}; give the path of a {'file' if kind == 'gguf' else 'folder'}, such "
                f"as {EXAMPLES[kind]}."
            )
        return Comparator(gguf=value) if kind == "gguf" else Comparator(merged=value)
    if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{7,40}", value):
        raise LecternError(f"{where}.revision: {why_no_commit(value)}")
    return Comparator(revision=value)


def why_no_commit(value: Any, root: Path = revisions.HERE) -> str:
    """Return why a value cannot be a revision. A branch cannot, since DVC would not notice when it moves."""
    asked = "give a commit of 7 to 40 hex digits, in quotes, since YAML takes some for numbers"
    if not isinstance(value, str):
        return f"it is {value!r}; {asked}"
    try:
        commit = revisions.find(value, root).commit
    except LecternError:
        return f"it is {value!r}, which is not a commit that git knows; {asked}"
    return (
        f"{value!r} may move to another commit, which DVC would not notice. Write its current commit instead: "
        f"{commit[:10]}."
    )


def _fill(values: Any, left_out: Mapping[str, Any]) -> Any:
    """The values with those that people leave out when they write an entry by hand."""
    return {**left_out, **values} if isinstance(values, Mapping) else values
