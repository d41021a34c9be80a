"""What is told at the end of a run, in five lines: what was made, the six answers in short, and what to do next."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lectern.core import paths
from lectern.core.errors import LecternError
from lectern.core.io import read_plain
from lectern.core.printing import one_line
from lectern.evaluation import reruns
from lectern.report import six, wording
from lectern.report.inputs import METRICS, Evidence

LABELS = (
    "sounds like the speaker", "knows what it was trained on", "carries over to other sources",
    "looking it up would do as well", "forgot", "certainty",
)  # fmt: skip
"""The six questions of the report as labels, in its order."""


def describe(root: Path, took: float | None) -> list[str]:
    """Return the lines; those about results that are not there are left out.

    Args:
        root: the folder of dvc.yaml.
        took: seconds of the run; None if nothing had to run.
    """
    lines = [f"Made: {_describe_model(root)}{_say_took(took)}."]
    lines += list(_describe_answers(root))
    report = root / paths.METRICS / "report.html"
    if report.is_file():
        lines.append(f"The report: {report.resolve()}")
    if (root / "models/adapter").is_dir():
        lines.append(
            "Next: lectern chat   (talk with both models in the browser; lectern times: what each stage took)"
        )
    return lines


def _say_took(took: float | None) -> str:
    return "" if took is None else f", in {wording.duration(took)}"


def _describe_model(root: Path) -> str:
    if not (root / "models/adapter").is_dir():
        return "everything that was asked for"
    rows = _read(root, "leakage")
    base = _read_params(root).get("base_model", {}).get("name", "the base model")
    try:
        trained = wording.count(rows["rows"]["train"], "row")
        sources = wording.count(rows["items"]["train"], "source")
        held = wording.count(rows["items"]["test"], "more source")
    except (KeyError, TypeError):
        return f"a tuned {one_line(str(base))}"
    return f"a tuned {one_line(str(base))} from {trained} of {sources}, asked about {held} that it never saw"


def _describe_answers(root: Path) -> Iterator[str]:
    """Yield the answers of the report's six questions in two lines, if there are scores of this version."""
    try:
        replies = _answer(root)
    except (LecternError, KeyError, TypeError, ValueError):
        return
    told = [f"{label}: {reply.verdict}" for label, reply in zip(LABELS, replies, strict=True)]
    for part in (told[:3], told[3:]):
        text = one_line("; ".join(part))
        yield f"{text[0].upper()}{text[1:]}."


def _answer(root: Path) -> Sequence[six.Reply]:
    path = root / paths.METRICS / "scores.json"
    scores = path.read_bytes() if path.is_file() else b""
    if not scores:
        raise LecternError(f"{path} is not there")
    noise = [_read_noise(root / name, scores) for name in (reruns.SEEDS, reruns.CURVE)]
    metrics = {name: _read(root, name) for name in METRICS}
    widened = reruns.widen(read_plain(path), noise[0])
    return six.build(Evidence(widened, metrics, seeds=noise[0], curve=noise[1]))


def _read_noise(path: Path, scores: bytes) -> Mapping[str, Any] | None:
    return reruns.read_summary(
        path.read_text(encoding="utf-8") if path.is_file() else None, scores, str(path)
    )


def _read(root: Path, name: str) -> Mapping[str, Any]:
    path = root / paths.METRICS / f"{name}.json"
    found = read_plain(path) if path.is_file() else {}
    return found if isinstance(found, dict) else {}


def _read_params(root: Path) -> Mapping[str, Any]:
    try:
        found = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}
