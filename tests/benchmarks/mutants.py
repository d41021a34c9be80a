"""How many small mistakes the quick tests notice: random changes, each tried against the tests that run it.

Run: make extras
     python tests/benchmarks/mutants.py record [TESTS ...]
     python tests/benchmarks/mutants.py run --seed 1 --number 60 [--roots stages,lectern] [--results FILE] [--part 1/2]
     python tests/benchmarks/mutants.py again --results FILE

`record` runs the quick tests once under coverage and keeps which test runs which line, and how long each test takes;
given test files, it brings only those up to date. `run` draws changes, weighted by lines of code, and tries each:
the tests that run the changed line, cheapest first, until one fails. Before a failure counts, the test that failed
must pass without the change. A line per change is appended to the results, and a run that was cut off goes on where
it stopped. `again` tries those that survived once more. Several processes share a run if each is given its part and
all the same results; the command without a part then sums up. All of it happens in a temporary copy of the checkout.

Changes that by their form alone change nothing are not drawn (`_is_idle`, `_is_same`). A survivor that is proven by
hand to change nothing that anybody could notice stands in mutants_equivalent.jsonl with the proof; the summary counts
such changes apart, and gives the share with them and without.
"""

import argparse
import ast
import contextlib
import hashlib
import importlib
import inspect
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".pytest_cache" / "mutants"
EQUIVALENT = Path(__file__).with_name("mutants_equivalent.jsonl")
"""A line for each change that changes nothing: path, kind, before, after, and why."""
BUDGET = 60.0
"""Seconds of a processor that the tests of one change may take, as recorded."""
FILES = 12, 25
"""How many test files are collected in the first and in the second round for one change."""
MEMORY = 8 << 30
"""Bytes of data that the tests of one change may take."""
HEAVY = (
    "pytest", "hypothesis", "numpy", "scipy", "scipy.stats", "torch", "transformers", "peft", "tokenizers", "pydantic",
    "omegaconf", "hydra", "jinja2", "yaml", "regex", "openai", "lxml.html", "pypdfium2", "sentencex", "rapidfuzz",
    "huggingface_hub", "pyarrow", "av", "scrapy", "trafilatura", "nicegui", "datasketch", "gguf", "jiwer",
)  # fmt: skip
"""What most tests import, so that it is imported once and not for each change."""
TOO_LONG = "too long"
RUNNING = "LECTERN_MUTANTS_RUNNING"
"""The variable that tells a process under coverage for which test, or for which shared fixture, it was started."""

# ---------------------------------------------------------------------------------------------------- the changes

OPERATORS: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,), ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,), ast.And: (ast.Or,), ast.Or: (ast.And,), ast.Add: (ast.Sub,), ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,), ast.Div: (ast.Mult,), ast.FloorDiv: (ast.Mult,), ast.Mod: (ast.Mult,), ast.Pow: (ast.Mult,),
    ast.BitOr: (ast.BitAnd,), ast.BitAnd: (ast.BitOr,),
}  # fmt: skip
NAMES = {"any": "all", "all": "any", "min": "max", "max": "min", "sorted": "list"}
BARE_METHODS = ("strip", "lstrip", "rstrip", "lower", "casefold", "upper", "title", "resolve")
# No test can notice these, or only one that repeats the code: texts for people, how a process ends, the encoding that
# is the usual one here, and whether lengths that are always the same are checked.
IDLE_KEYWORDS = (
    "encoding",
    "strict",
    "flush",
    "daemon",
    "stacklevel",
    "desc",
    "description",
    "help",
    "exc_info",
)
IDLE_CALLS = ("tqdm", "cast", "TypeVar", "NewType", "getLogger", "debug", "info", "warning", "warn", "error")


@dataclass(frozen=True)
class Mutant:
    """One small change of one file; `line` is only for the reader, `key` finds it again after edits elsewhere."""

    path: str
    line: int
    kind: str
    before: str
    after: str
    text: str = field(repr=False)
    lines: tuple[int, int] = field(repr=False)
    imported: bool = field(repr=False)

    @property
    def key(self) -> str:
        """The same for the same change of the same code, wherever it stands in the file."""
        return json.dumps([self.path, self.kind, self.before, self.after])


def changes(node: Any) -> Iterator[tuple[Any, str, ast.AST | None]]:
    """The changes that a node allows: what is replaced (itself or a part), the kind, and by what (None: it goes)."""

    def changed(**fields: Any) -> Any:
        return type(node)(**{**dict(ast.iter_fields(node)), **fields})

    match node:
        case ast.Compare():
            for i, operator in enumerate(node.ops):
                for other in OPERATORS[type(operator)]:
                    yield node, "comparison", changed(ops=[*node.ops[:i], other(), *node.ops[i + 1 :]])
        case ast.BoolOp():
            yield node, "and/or", changed(op=OPERATORS[type(node.op)][0]())
            for i in range(len(node.values)):
                rest = [*node.values[:i], *node.values[i + 1 :]]
                yield node, "lost operand", rest[0] if len(rest) == 1 else changed(values=rest)
        case ast.UnaryOp(op=ast.Not()):
            yield node, "not", node.operand
        case ast.BinOp() | ast.AugAssign() if type(node.op) in OPERATORS:
            yield node, "arithmetic", changed(op=OPERATORS[type(node.op)][0]())
        case ast.Constant(value=bool(value)):
            yield node, "constant", ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield node, "constant", ast.Constant(value + 1 if value < 10 else 2 * value)
        case ast.Constant(value=float(value)):
            yield node, "constant", ast.Constant(2 * value or 1.0)
        case ast.Constant(value=str(value)) if value and not re.search(r"\s", value):
            yield node, "constant", ast.Constant(value + "x")
        case ast.IfExp():
            yield node, "branch", changed(body=node.orelse, orelse=node.body)
        case ast.If():
            yield node.test, "branch", ast.UnaryOp(ast.Not(), node.test)
        case ast.Call():
            for keyword in node.keywords:
                if keyword.arg is not None and keyword.arg not in IDLE_KEYWORDS:
                    yield (
                        node,
                        "lost keyword",
                        changed(keywords=[k for k in node.keywords if k is not keyword]),
                    )
            if isinstance(node.func, ast.Name) and node.func.id in NAMES:
                keywords = [] if node.func.id == "sorted" else node.keywords
                yield node, "function", changed(func=ast.Name(NAMES[node.func.id]), keywords=keywords)
            if isinstance(node.func, ast.Attribute) and node.func.attr in BARE_METHODS and not node.args:
                yield node, "function", node.func.value
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            for i, part in enumerate(node.generators):
                for condition in part.ifs:
                    ifs = [other for other in part.ifs if other is not condition]
                    fewer = ast.comprehension(part.target, part.iter, ifs, part.is_async)
                    generators = [*node.generators[:i], fewer, *node.generators[i + 1 :]]
                    yield node, "lost filter", changed(generators=generators)
        case ast.Subscript(slice=ast.Slice(lower, upper, step), ctx=ast.Load()):
            if lower is not None and not _is_zero(lower):
                yield node, "slice", changed(slice=ast.Slice(None, upper, step))
            if upper is not None:
                yield node, "slice", changed(slice=ast.Slice(lower, None, step))
        case ast.ExceptHandler(type=ast.Tuple(kinds)):
            for kind in kinds:
                yield node.type, "lost exception", ast.Tuple([other for other in kinds if other is not kind])
    match node:
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise() | ast.Break() | ast.Continue():
            yield node, "lost statement", None
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield node, "lost statement", None
        case ast.Return(value=said) if said is not None and ast.unparse(said) != "None":
            yield node, "return None", ast.Return(ast.Constant(None))


def _is_zero(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0


def _is_same(mutant: Mutant, tree: ast.Module) -> bool:
    """Whether a keyword that is left out repeats, as a literal, the default of a function that can be looked up."""
    call = ast.parse(mutant.before, mode="eval").body if mutant.kind == "lost keyword" else None
    if not isinstance(call, ast.Call):
        return False
    left = {keyword.arg for keyword in ast.parse(mutant.after, mode="eval").body.keywords}  # type: ignore[attr-defined]
    [lost] = [keyword for keyword in call.keywords if keyword.arg not in left]
    if not isinstance(lost.value, ast.Constant):
        return False
    names = {
        alias.asname or alias.name: f"{node.module}:{alias.name}"
        if isinstance(node, ast.ImportFrom)
        else alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    first, *rest = ast.unparse(call.func).split(".")
    with contextlib.suppress(Exception):  # whatever cannot be looked up is tried
        module, _, name = names[first].partition(":")
        found: Any = importlib.import_module(module)
        for part in [*([name] if name else []), *rest]:
            found = getattr(found, part)
        default = inspect.signature(found).parameters[lost.arg or ""].default
        return type(default) is type(lost.value.value) and default == lost.value.value
    return False


def _is_idle(node: ast.AST) -> bool:
    """Whether nothing below a node is worth a change: it is a text or a type, or nobody could notice."""
    match node:
        case (
            ast.JoinedStr() | ast.Assert() | ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom()
        ):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Compare(left=ast.Name(id="__name__"))):
            return True
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in IDLE_CALLS:
            return True
        case ast.keyword(arg=name) if name in IDLE_KEYWORDS:
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
    return False


def sites(tree: ast.Module) -> Iterator[tuple[Any, str, ast.AST | None, Any, bool]]:
    """Each change that a file allows: place, kind, replacement, its statement, whether it happens at import."""

    def walk(node: ast.AST, statement: ast.AST, imported: bool) -> Iterator[Any]:
        if _is_idle(node):
            return
        statement = node if isinstance(node, ast.stmt) else statement
        for place, kind, new in changes(node):
            yield place, kind, new, statement, imported
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "type_params", "bases", "ctx"):
                continue
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and name == "body"
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from walk(child, statement, imported and not inside)

    for statement in tree.body:
        yield from walk(statement, statement, True)


def mutants(path: str, source: str) -> dict[str, list[Mutant]]:
    """The changes that a file allows, by kind."""
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found: dict[str, list[Mutant]] = defaultdict(list)
    for node, kind, new, statement, imported in sites(ast.parse(source)):
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        after = "pass" if new is None else ast.unparse(new)
        written = f"({after})" if isinstance(node, ast.expr) else after
        text = (source.encode()[:begin] + written.encode() + source.encode()[end:]).decode()
        body = getattr(statement, "body", None)
        last = max(statement.lineno, body[0].lineno - 1) if body else statement.end_lineno
        lines = statement.lineno, max(last, node.lineno)
        found[kind].append(Mutant(path, node.lineno, kind, ast.unparse(node), after, text, lines, imported))
    return found


def draw(tree: Path, roots: list[str], seed: int) -> Iterator[Mutant]:
    """Changes without end: a file by its lines of code, then a kind, then a place; none twice."""
    sources = {
        str(path.relative_to(tree)): path.read_text()
        for root in roots
        for path in sorted((tree / root).rglob("*.py"))
    }
    weights = [sum(bool(line.strip()) for line in text.splitlines()) for text in sources.values()]
    rng, seen = random.Random(seed), set()
    while True:
        path = rng.choices(list(sources), weights)[0]
        if not (by_kind := mutants(path, sources[path])):
            continue
        mutant = rng.choice(by_kind[rng.choice(sorted(by_kind))])
        if mutant.key in seen:
            continue
        seen.add(mutant.key)
        with contextlib.suppress(SyntaxError):
            parsed = ast.parse(sources[path])
            if ast.dump(ast.parse(mutant.text)) != ast.dump(parsed) and not _is_same(mutant, parsed):
                compile(mutant.text, path, "exec")
                yield mutant


# ------------------------------------------------------------------------------------------ which test runs which line


class Recorder:
    """Tells coverage which test runs now, and writes what each took. What tests share counts for each that uses it."""

    def __init__(self, measured: Any) -> None:
        self.measured, self.now = measured, ""
        self.seconds: dict[str, float] = defaultdict(float)
        self.shared: dict[str, list[str]] = {}
        self.passed: set[str] = set()

    def _switch(self, name: str) -> None:
        self.now = os.environ[RUNNING] = name
        self.measured.switch_context(name)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._switch(nodeid)
        self.seconds[nodeid] -= _used()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.seconds[nodeid] += _used()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Any:
        if fixturedef.scope == "function":
            return (yield)
        before, name = self.now, _fixture(fixturedef, request)
        began = _used()
        self._switch(name)
        try:
            return (yield)
        finally:
            self.seconds[name] += _used() - began
            self.seconds[before] -= _used() - began
            self._switch(before)

    def pytest_runtest_setup(self, item: Any) -> None:
        definitions = item._fixtureinfo.name2fixturedefs.values()
        wide = [definition[-1] for definition in definitions if definition[-1].scope != "function"]
        self.shared[item.nodeid] = sorted(_fixture(one, item._request) for one in wide)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" and report.passed:
            self.passed.add(report.nodeid)


def _used() -> float:
    """Seconds of a processor that this process has used, and those that it has waited for: a busy machine adds none."""
    return sum(os.times()[:4])


def _fixture(definition: Any, request: Any) -> str:
    where = (
        "" if definition.scope == "session" else getattr(request, "node", request).nodeid.partition("::")[0]
    )
    return f"fixture {definition.argname} {definition.scope} {where or definition.baseid}"


def record_here(arguments: list[str], out: Path, roots: list[str]) -> None:
    """Run the quick tests in this process, under coverage, and write a line a test: what it took, and what it ran."""
    import coverage

    folder = out.parent / "coverage"
    folder.mkdir()
    settings = folder / "coveragerc"
    include = "".join(f"\n    */{root}/*" for root in roots)
    settings.write_text(
        f"[run]\nparallel = true\nsigterm = true\npatch = _exit\ndata_file = {folder}/data\nconcurrency = thread\n"
        f"context = ${{{RUNNING}-}}\ninclude ={include}\n"
    )
    # Processes that tests start are measured too; here and in no other checkout, since this one is a copy.
    found = Path(coverage.__file__).parents[1]
    (ROOT / "sitecustomize.py").write_text(
        f"import sys\nsys.path.append({str(found)!r})\nimport coverage\ncoverage.process_startup()\n"
    )
    (ROOT / ".git/info/exclude").write_text("sitecustomize.py\n")
    os.environ["COVERAGE_PROCESS_START"] = str(settings)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    with contextlib.suppress(ImportError):
        warm = importlib.import_module("tests.warm")
        setattr(warm, "folder", lambda: Path(sys.executable).parent)  # noqa: B010 - a forked process is not measured
    measured = coverage.Coverage(config_file=str(settings))
    recorder = Recorder(measured)
    measured.start()
    code = pytest.main(["-q", "-m", "not slow", "-p", "no:cacheprovider", *arguments], plugins=[recorder])
    measured.stop()
    measured.save()
    print(f"pytest ended with {code}")
    digests = {
        str(path.relative_to(ROOT)): _digest(path.read_text())
        for root in roots
        for path in (ROOT / root).rglob("*.py")
    }
    ran: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for database in folder.glob("data*"):
        data = coverage.CoverageData(str(database))
        try:
            data.read()
        except coverage.CoverageException:  # of a process that a test killed
            continue
        for name in data.measured_files():
            # Also in a copy of the checkout, in which some tests run a pipeline.
            for path in {f"{root}/{name.rpartition(f'/{root}/')[2]}" for root in roots} & set(digests):
                for line, contexts in data.contexts_by_lineno(name).items():
                    for context in contexts:
                        ran[context][path].add(line)
    rows = []
    for test in sorted(recorder.passed):
        shared = [name for name in recorder.shared[test] if name in recorder.seconds]
        lines: dict[str, set[int]] = defaultdict(set)
        for name in (test, *shared):
            for path, some in ran[name].items():
                lines[path] |= some
        row = {
            "test": test,
            "seconds": round(max(0.0, recorder.seconds[test]), 4),
            "shared": {name: round(recorder.seconds[name], 4) for name in shared},
            "lines": {path: [digests[path], sorted(some)] for path, some in sorted(lines.items())},
        }
        rows.append(json.dumps(row) + "\n")
    out.write_text("".join(rows))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@contextlib.contextmanager
def copied() -> Iterator[Path]:
    """A temporary clone with all that the working tree holds; a kill leaves it in the temporary folder, and no more."""
    with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as folder:
        tree = Path(folder) / "tree"
        git = ["git", "-C", str(ROOT)]
        subprocess.run(["git", "clone", "-q", "--shared", str(ROOT), str(tree)], check=True)
        listing = [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split("\0")
        for name in filter(None, names):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).unlink(missing_ok=True)
            if (ROOT / name).is_file():
                shutil.copy2(ROOT / name, tree / name)
        for name in (".venv", ".venv-whisperx"):
            if (ROOT / name).exists():
                (tree / name).symlink_to((ROOT / name).resolve())
        yield tree


def record(tests: list[str], roots: list[str]) -> None:
    """Bring the map up to date: for some test files, or (without any) for all; a folder of them at a time."""
    chosen = tests or sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py"))
    with copied() as tree:
        for number, (folder, files) in enumerate(groupby(chosen, key=lambda name: str(Path(name).parent))):
            some = list(files)
            out = tree.parent / str(number) / "tests.jsonl"
            out.parent.mkdir()
            command = [sys.executable, "tests/benchmarks/mutants.py", "record-here", "--out", str(out)]
            subprocess.run([*command, "--roots", ",".join(roots), *some], cwd=tree, check=True)
            new = [json.loads(line) for line in out.read_text().splitlines()]
            kept = [row for row in known_tests() if row["test"].partition("::")[0] not in some]
            CACHE.mkdir(parents=True, exist_ok=True)
            path = CACHE / "tests.jsonl.tmp"
            path.write_text("".join(json.dumps(row) + "\n" for row in [*kept, *new]))
            path.replace(CACHE / "tests.jsonl")
            seconds = sum(row["seconds"] for row in new)
            print(f"{folder}: {len(new)} tests of {seconds:.0f} s recorded", flush=True)


def known_tests() -> list[dict[str, Any]]:
    path = CACHE / "tests.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


# ------------------------------------------------------------------------------------------------- which tests to try


class Chooser:
    """Finds for a change the tests that could notice it."""

    def __init__(self, tree: Path) -> None:
        self.tests = known_tests()
        self.digests: dict[str, str] = {}
        self.imports = {
            path: _imported_modules((tree / path).read_text())
            for path in {row["test"].partition("::")[0] for row in self.tests}
            if (tree / path).exists()
        }

    def choose(self, mutant: Mutant, source: str) -> tuple[list[list[str]], bool]:
        """Rounds of tests, each within its number of files and all within the budget; whether any runs the line.

        First come the tests of files that import the module, then those that only come by it; in each the cheapest.
        A line that runs at import, and a file edited since it was recorded, concern each test that runs any of it.
        A line that no recorded test runs is tried on the tests of its module and its folder.
        """
        module = mutant.path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        near: list[dict[str, Any]] = []
        far: list[dict[str, Any]] = []
        for row in self.tests:
            file = row["test"].partition("::")[0]
            if file not in self.imports:
                continue
            digest, ran = row["lines"].get(mutant.path, ("", []))
            anywhere = mutant.imported or digest != _digest(source)
            own = module in self.imports[file]
            if any(mutant.lines[0] <= line <= mutant.lines[1] for line in ran) or (anywhere and (ran or own)):
                (near if own else far).append(row)
        measured = bool(near or far)
        if not measured:  # it may run in a process that a test starts, or in a copy of the file
            mirror = f"tests/unit/{'/'.join(mutant.path.split('/')[1:-1])}/"
            for row in self.tests:
                file = row["test"].partition("::")[0]
                if file in self.imports and (module in self.imports[file] or file.startswith(mirror)):
                    (near if module in self.imports[file] else far).append(row)
        rounds, taken, left = [], set(), BUDGET
        for limit, rows in ((FILES[0], near), (FILES[1], near + far)):
            chosen: list[dict[str, Any]] = []
            files: set[str] = set()
            shared: set[str] = set()
            for row in sorted(rows, key=cost):
                file = row["test"].partition("::")[0]
                more = row["seconds"] + sum(s for name, s in row["shared"].items() if name not in shared)
                if row["test"] in taken or more > left or (file not in files and len(files) == limit):
                    continue
                left -= more
                taken.add(row["test"])
                files.add(file)
                shared |= set(row["shared"])
                chosen.append(row)
            # What tests of a file share would be made again, if those of another came between.
            chosen.sort(key=lambda row: (sum(row["shared"].values()) > 0.2, cost(row)))
            rounds += [[row["test"] for row in chosen]] if chosen else []
        return rounds, measured


def cost(row: dict[str, Any]) -> float:
    """Seconds that a test takes alone."""
    return row["seconds"] + sum(row["shared"].values())


def _imported_modules(source: str) -> set[str]:
    """The names of all that a test file imports, and of what it takes from there."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


# --------------------------------------------------------------------------------------------------- trying one change


class Only:
    """Runs the chosen tests alone, in their order, and says which fails first."""

    def __init__(self, tests: list[str]) -> None:
        self.order = {test: i for i, test in enumerate(tests)}
        self.failed = ""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = sorted((i for i in items if i.nodeid in self.order), key=lambda i: self.order[i.nodeid])

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.failed = self.failed or report.nodeid

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed = self.failed or report.nodeid


def run_tests(tree: Path, tests: list[str], seconds: float) -> str:
    """Run tests in a child of this process, which has imported the heavy libraries; return what failed, or ""."""
    files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
    with tempfile.TemporaryDirectory(dir=tree.parent, ignore_cleanup_errors=True) as folder:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os.setsid()
            os.chdir(tree)
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
            log = os.open(f"{folder}/log", os.O_CREAT | os.O_WRONLY)
            for stream in (1, 2):
                os.dup2(log, stream)
            # A process that a test spawns would otherwise import this program, as its parent's.
            sys.modules["__main__"] = ModuleType("__main__")
            only, code = Only(tests), 1
            with contextlib.suppress(BaseException):
                options = ["-x", "-q", "-p", "no:cacheprovider", f"--basetemp={folder}/base", "--tb=line"]
                code = pytest.main([*options, f"--rootdir={tree}", *files], plugins=[only])
            Path(folder, "failed").write_text(
                only.failed or ("" if code in (0, 5) else f"pytest ended with {code}")
            )
            os._exit(0)
        deadline = time.monotonic() + seconds
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return TOO_LONG
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # servers that a failed test left behind
        told = Path(folder, "failed")
        return told.read_text() if told.exists() else "the process died"


class Trial:
    """Tries changes in a copy of the tree."""

    def __init__(self, tree: Path) -> None:
        self.tree, self.chooser = tree, Chooser(tree)
        self.trusted: set[str] = set()
        self.mistrusted: set[str] = set()

    def _write(self, path: str, text: str) -> None:
        (self.tree / path).write_text(text)
        for compiled in (self.tree / path).parent.glob(f"__pycache__/{Path(path).stem}.*.pyc"):
            compiled.unlink()  # one of the same size and second would be taken for the new text's

    def try_one(self, mutant: Mutant) -> dict[str, Any]:
        """What became of a change, as a row of the results."""
        began, source = time.monotonic(), (self.tree / mutant.path).read_text()
        rounds, runs = self.chooser.choose(mutant, source)
        by = ""
        for tests in rounds:
            while not by and (tests := [test for test in tests if test not in self.mistrusted]):
                seconds = 120 + 5 * sum(
                    row["seconds"] for row in self.chooser.tests if row["test"] in set(tests)
                )
                self._write(mutant.path, mutant.text)
                try:
                    failed = run_tests(self.tree, tests, seconds)
                finally:
                    self._write(mutant.path, source)
                if not failed:
                    break
                # A test that fails without the change as well, here and now, says nothing.
                near = [test for test in tests if test == failed or test.startswith(f"{failed}::")]
                again = tests if failed == TOO_LONG else (near or tests)[:1]
                if failed in self.trusted or not (wrong := run_tests(self.tree, again, seconds)):
                    by = failed
                    self.trusted.add(failed if failed in tests else "")
                elif wrong in tests:
                    self.mistrusted.add(wrong)
                else:
                    break
        outcome = "killed" if by else "survived" if runs else "not run"
        row = asdict(mutant) | {"outcome": outcome, "by": by, "tests": sum(map(len, rounds))}
        del row["text"], row["lines"], row["imported"]
        return row | {"seconds": round(time.monotonic() - began, 1)}


def _told(row: dict[str, Any]) -> str:
    return f"{row['path']}:{row['line']} {row['kind']}"


def _package(path: str) -> str:
    return "/".join(path.split("/")[:2]) if path.count("/") > 1 else path.split("/")[0]


def _key(row: dict[str, Any]) -> str:
    return json.dumps([row["path"], row["kind"], row["before"], row["after"]])


def _summary(rows: list[dict[str, Any]]) -> str:
    """Killed and survived by package, and those that survived."""
    proven = {_key(json.loads(line)) for line in EQUIVALENT.read_text().splitlines()}
    rows = [
        row | {"outcome": "the same"} if row["outcome"] != "killed" and _key(row) in proven else row
        for row in rows
    ]
    lines = [
        f"{row['outcome']:>8}  {_told(row)}: {row['before'][:90]!r} -> {row['after'][:90]!r}"
        for row in rows
        if row["outcome"] != "killed"
    ]
    packages = Counter(_package(row["path"]) for row in rows)
    killed = Counter(_package(row["path"]) for row in rows if row["outcome"] == "killed")
    lines += [f"{killed[name]:>4} of {count:>4} killed  {name}" for name, count in sorted(packages.items())]
    total = sum(killed.values())
    for title, count in (
        ("in all", len(rows)),
        (
            "without those that are proven to change nothing",
            sum(row["outcome"] != "the same" for row in rows),
        ),
    ):
        lines.append(f"{total:>4} of {count:>4} killed  {title}: {total / max(1, count):.1%}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("do", choices=["record", "record-here", "run", "again"])
    parser.add_argument("tests", nargs="*")
    parser.add_argument("--roots", help="folders of code, between commas; default: lectern and stages")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--number", type=int, default=60)
    parser.add_argument("--results", type=Path)
    parser.add_argument(
        "--part", default="1/1", help="which of so many parts of the changes this process tries"
    )
    parser.add_argument("--out", type=Path)
    told = parser.parse_intermixed_args()
    roots = told.roots.split(",") if told.roots else [r for r in ("lectern", "stages") if (ROOT / r).is_dir()]
    sys.path[0] = str(ROOT)
    os.environ["OMP_NUM_THREADS"] = "1"
    if told.do == "record":
        return record(told.tests, roots)
    if told.do == "record-here":
        return record_here(told.tests, told.out, roots)
    results = told.results or CACHE / f"seed-{told.seed}.jsonl"
    results.parent.mkdir(parents=True, exist_ok=True)
    done = {}
    for line in results.read_text().splitlines() if results.exists() else ():
        row = json.loads(line)
        done[_key(row)] = row
    for name in HEAVY:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    with copied() as tree, results.open("a") as file:
        os.environ["PYTHONPATH"] = str(tree)
        sys.path[0] = str(tree)
        os.environ["PYTEST_XDIST_TESTRUNUID"] = f"mutants-{os.getpid()}"
        with contextlib.suppress(ImportError):
            importlib.import_module("tests.warm").folder()  # one server of processes for all changes
        trial = Trial(tree)
        rows: list[dict[str, Any]] = []
        part, parts = map(int, told.part.split("/"))
        for number, mutant in zip(range(told.number), draw(tree, roots, told.seed), strict=False):
            row = done.get(mutant.key)
            mine = number % parts == part - 1
            if mine and (row is None or (told.do == "again" and row["outcome"] != "killed")):
                row = trial.try_one(mutant)
                file.write(json.dumps(row) + "\n")
                file.flush()
                print(f"{number + 1:>4} {row['outcome']:>8} {row['seconds']:>6} s  {_told(row)}", flush=True)
            if row is not None:
                rows.append(row)
    print(_summary(rows))


if __name__ == "__main__":
    main()
