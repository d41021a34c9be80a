"""Whether the sections of params.yaml are as they must be."""

import itertools
from collections.abc import Iterator
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from lectern.answering import files
from lectern.core.errors import LecternError
from lectern.settings import sections
from lectern.tools.checking.finding import MISSING, OK, Finding
from lectern.tools.checking.requirements import get


def read(path: Path) -> DictConfig:
    """The parameters as they stand in the file.

    Raises:
        LecternError: there is no such file, or it is no YAML with sections.
    """
    try:
        settings = OmegaConf.load(path)
    except FileNotFoundError as error:
        raise LecternError(f"{path} does not exist. `lectern params` writes it from conf/.") from error
    except (OmegaConfBaseException, YAMLError, OSError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise LecternError(f"{path} cannot be read ({reason}). `lectern params` writes it anew.") from error
    if not isinstance(settings, DictConfig):
        raise LecternError(f"{path} has no sections. `lectern params` writes it from conf/.")
    return settings


def check_sections(path: Path) -> Iterator[Finding]:
    """A finding for each section that does not fit, or one for all if they do."""
    faults = list(sections.find_faults(path))
    yield from (Finding(MISSING, fault) for fault in faults)
    if not faults:
        yield Finding(OK, f"{path}: all {len(sections.SECTIONS) + 1} sections fit")


def check_files(settings: DictConfig) -> Iterator[Finding]:
    """A finding for each file that the parameters name and that does not exist."""
    named = [
        (f"{key}: {name!r}", Path(folder, f"{name}.jsonl"))
        for key, folder in (("generate.evals", "data/evals"), ("episodes.openings", "data/openings"))
        for name in get(settings, key) or []
    ]
    if adapter := get(settings, "train.from_adapter"):
        named.append((f"train.from_adapter: {adapter!r}", Path("models/adapters", str(adapter))))
    if metadata := get(settings, "converse.metadata"):
        named.append((f"converse.metadata: {metadata!r}", Path("data/corrections", str(metadata))))
    for what, path in named:
        if not path.exists():
            yield Finding(
                MISSING, f"{what}: {path} does not exist", "correct the name under conf/, or put it there"
            )
    comparators = get(settings, "comparators")
    for name, kind in itertools.product(comparators or {}, ("gguf", "merged")):
        if value := get(comparators, f"{name}.{kind}"):
            find = files.find_gguf if kind == "gguf" else files.find_merged
            try:
                find(f"comparators.{name}.{kind}", str(value), Path())
            except LecternError as error:
                yield Finding(MISSING, str(error))
