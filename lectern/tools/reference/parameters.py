"""docs/reference/parameters.md: every parameter with its meaning, type, default and choices.

The meaning is the docstring below the field in lectern/settings, which may end with `Unit: seconds.` or with
`Choices: ENGINES.`, the name of a tuple of that module. The default is what conf/ composes. The choices of a whole
section are the files of its group in conf/.
"""

import ast
import dataclasses
import inspect
import itertools
import re
import sys
import textwrap
from pathlib import Path
from typing import Any, get_type_hints

from omegaconf import OmegaConf

from lectern.settings import sections, sources

HEAD = """# Parameters

Each section of `params.yaml` is a dataclass in `lectern/settings`, and its defaults stand in `conf/`. Change there what
you want to keep and run `lectern params`; for a trial, give it as `lectern params train.seed=2` or
`dvc exp run -S train.seed=2`. Both check every section at once. This page is generated.
"""


def write(root: Path = Path()) -> str:
    """The page, as Markdown, for the configuration below `root`."""
    composed = _compose(root)
    groups = {folder.name for folder in (root / "conf").iterdir() if folder.is_dir()}
    parts = [HEAD]
    written: dict[type, str] = {}
    for name, cls in sections.SECTIONS.items():
        parts.append(f"## {name}\n\n{_first(cls)}\n")
        if name in groups or name == "cleaner":
            parts.append(_choices(root, "judge" if name == "cleaner" else name))
        if cls in written:
            parts.append(f"It has the fields of [{written[cls]}](#{written[cls]}).\n")
            continue
        written[cls] = name
        parts.append(_table(cls, composed[name]))
    parts.append(f"## {sections.FREE}\n\n{_comparators()}\n")
    parts.append(
        "## Sources of a corpus\n\nAn entry of `corpus.sources` has a `kind` and the fields of that kind.\n"
    )
    for kind, cls in sources.KINDS.items():
        parts.append(f"### {kind}\n\n{_first(cls)}\n\n{_table(cls, None)}")
    return "\n".join(parts).rstrip() + "\n"


def read_meanings(cls: type) -> dict[str, str]:
    """Field -> the docstring below it, in one line; a field without one is left out."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    (body,) = (node.body for node in tree.body if isinstance(node, ast.ClassDef))
    found = {}
    for before, after in itertools.pairwise(body):
        if (
            isinstance(before, ast.AnnAssign)
            and isinstance(before.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            found[before.target.id] = " ".join(str(after.value.value).split())
    return found


def _compose(root: Path) -> dict[str, Any]:
    from hydra import compose, initialize_config_dir

    with initialize_config_dir(str((root / "conf").resolve()), version_base=None):
        values = OmegaConf.to_container(compose("config"), resolve=True)
    assert isinstance(values, dict)
    return {str(name): value for name, value in values.items()}


def _table(cls: type, defaults: Any) -> str:
    meanings, types = read_meanings(cls), get_type_hints(cls)
    rows = []
    for field in dataclasses.fields(cls):
        default = "" if defaults is None else _code(defaults.get(field.name))
        if defaults is None and field.default is not dataclasses.MISSING:
            default = _code(field.default)
        elif defaults is None and field.default_factory is not dataclasses.MISSING:
            default = _code(field.default_factory())
        elif defaults is None:
            default = "must be given"
        meaning, unit = take_sentence(meanings.get(field.name, ""), "Unit")
        meaning, choices = take_sentence(meaning, "Choices")
        if choices:
            named = getattr(sys.modules[cls.__module__], choices)
            meaning += f" Choices: {', '.join(f'`{choice}`' for choice in named)}."
        kind = _type(types[field.name]) + (f", {unit}" if unit else "")
        rows.append(f"| `{field.name}` | {_escape(meaning.strip())} | {kind} | {default} |")
    return "\n".join(["| name | meaning | type | default |", "|---|---|---|---|", *rows]) + "\n"


def take_sentence(meaning: str, label: str) -> tuple[str, str]:
    """The meaning without its last sentence of this label, and what that sentence says."""
    found = re.search(rf" ?{label}: ([^.]*)\.(?= |$)", meaning)
    return (meaning.replace(found[0], ""), found[1]) if found else (meaning, "")


def _choices(root: Path, group: str) -> str:
    names = sorted(path.stem for path in (root / "conf" / group).glob("*.yaml"))
    return f"Choices, files of `conf/{group}`: {', '.join(f'`{name}`' for name in names)}.\n"


def _comparators() -> str:
    from lectern.settings import comparators

    head, _, example = (comparators.__doc__ or "").partition("\n\n")
    return f"{head.replace('Section `comparators` of params.yaml: who', 'Who')}\n\n```yaml\n{example.strip()}\n```"


def _first(cls: type) -> str:
    return " ".join((inspect.getdoc(cls) or "").split())


def _type(hint: Any) -> str:
    text = hint.__name__ if isinstance(hint, type) and not hasattr(hint, "__args__") else str(hint)
    for long, short in (
        ("typing.", ""),
        ("<class '", ""),
        ("'>", ""),
        ("NoneType", "null"),
        ("None", "null"),
    ):
        text = text.replace(long, short)
    return f"`{text.rpartition('.')[2] if '[' not in text and '|' not in text else text}`".replace("|", "or")


def _code(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return f"{len(value)} entries"
    if isinstance(value, dict) and value:
        return f"{len(value)} entries"
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text}`" if text and len(text) <= 60 else "empty" if not text else f"`{text[:57]}...`"


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
