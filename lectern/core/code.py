"""What a piece of code depends on inside this repository: its import closure, and a digest of it."""

import ast
import hashlib
import io
import tokenize
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

ROOTS = ("lectern", "stages")


def closure(names: Iterable[str]) -> dict[str, Path]:
    """Every module inside `lectern` and `stages` that the named modules import, at any depth and anywhere in the file.

    Returns: dotted name -> file, sorted by name. It includes the parent packages, since importing a module runs them.
    """
    found: dict[str, Path] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        spec = util.find_spec(name) if name not in found else None
        if spec is None or spec.origin is None:
            continue
        found[name] = Path(spec.origin)
        waiting += _imports(found[name]) | {name.rpartition(".")[0]} - {""}
    return dict(sorted(found.items()))


def digest(modules: Sequence[ModuleType]) -> str:
    """Sha256 over the closure of the modules, without comments, docstrings and blank lines.

    An edit that cannot change a result therefore makes nothing again, and every other edit does. The digest uses the
    source text, never a dump of the syntax tree, because that dump differs between versions of Python.
    """
    total = hashlib.sha256()
    for name, path in closure(module.__name__ for module in modules).items():
        total.update(f"{name}\0{_bare(path.read_text(encoding='utf-8'))}\0".encode())
    return total.hexdigest()


@cache
def _imports(path: Path) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from lectern.core import io` names a module, `from lectern.core.io import write_json` a function in one
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(name for name in names if name.split(".")[0] in ROOTS and _is_module(name))


@cache
def _is_module(name: str) -> bool:
    try:
        return util.find_spec(name) is not None
    except ModuleNotFoundError:  # a name inside a module, not a module
        return False


def _bare(source: str) -> str:
    """The source without comments, docstrings and blank lines. All other strings stay as they are."""
    tree = ast.parse(source)
    lines = source.splitlines()
    for row, column in _comments(source):
        lines[row] = lines[row][:column]
    docstrings = {row for node in ast.walk(tree) if _is_docstring(node) for row in _rows(node)}
    verbatim = {
        row
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant | ast.JoinedStr)
        for row in _rows(node)
    }
    kept = ((row, line) for row, line in enumerate(lines) if row not in docstrings)
    return "\n".join(
        line if row in verbatim else line.rstrip() for row, line in kept if line.strip() or row in verbatim
    )


def _comments(source: str) -> list[tuple[int, int]]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [(token.start[0] - 1, token.start[1]) for token in tokens if token.type == tokenize.COMMENT]


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _rows(node: Any) -> range:
    return range(node.lineno - 1, node.end_lineno)
