"""A section of params.yaml as a frozen dataclass.

OmegaConf does the work: it checks types, rejects unknown keys, and reads `1e-4` as a number (PyYAML reads it as a
string). Each dataclass checks its values in `__post_init__`.
"""

from pathlib import Path
from typing import Any, TypeVar

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from lectern.core.errors import LecternError
from lectern.core.printing import first_line

P = TypeVar("P")


def load(section: str, cls: type[P], path: Path = Path("params.yaml")) -> P:
    """Read `section` of the parameter file into `cls`.

    Raises:
        LecternError: the file or the section is missing, a key is unknown, or a value has the wrong type or is out
            of bounds; the message names the key.
    """
    try:
        everything = OmegaConf.load(path)
    except FileNotFoundError as error:
        raise LecternError(f"{path} does not exist. `lectern params` writes it from conf/.") from error
    chosen = OmegaConf.select(everything, section)
    if chosen is None:
        raise LecternError(f"{path} has no section {section!r}. `lectern params` writes it from conf/.")
    return parse(chosen, cls, f"{path}: section {section!r}")


def parse(values: Any, cls: type[P], where: str) -> P:
    """Check plain values against `cls`; `where` begins the error message.

    Raises:
        LecternError: a key is unknown, or a value has the wrong type or is out of bounds.
    """
    try:
        parsed = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(cls), values))
    except (OmegaConfBaseException, ValueError) as error:
        reason = first_line(error)
        raise LecternError(f"{where}: {reason}. Correct it under conf/ and run `lectern params`.") from error
    assert isinstance(parsed, cls)
    return parsed
