"""Let a model do tasks of lm-evaluation-harness, an optional package whose tasks mostly bring their data from a hub."""

import importlib.metadata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lectern.answering import answering
from lectern.answering.contestants import Local
from lectern.core import batches, io
from lectern.core.errors import LecternError
from lectern.core.printing import first_line
from lectern.models import devices, loading
from lectern.training import adapters

PACKAGE = "lm_eval"
Outcome = dict[str, dict[str, dict[str, Any]]]
"""Task -> metric -> `value`, `higher_is_better`, and `rows`: the value of each row where the metric is their mean, else
None. A group of tasks has several."""


@dataclass(frozen=True)
class Harness:
    """Tasks that were found, with their data."""

    manager: Any
    """lm_eval's TaskManager"""
    names: Sequence[str]
    rows: int | None
    """greatest number of rows of a task"""
    decides: Mapping[str, Any]
    """what affects an outcome besides the model"""

    def key(self, who: Local, name: str) -> str:
        """Return a hash of everything that affects what a contestant makes of a task."""
        return batches.make_key(
            answering.made_with(who, loading, adapters, devices), dict(self.decides), name
        )


def load(names: Sequence[str], folder: Path, rows: int | None) -> Harness | None:
    """Find the tasks and read their data; None without names, and the package is then not needed.

    Args:
        names: of tasks, groups or tags, as the harness lists them.
        folder: of people's own tasks, which come before those of the harness.
        rows: greatest number of rows of a task; None for all.

    Raises:
        LecternError: the package is not installed, there is no such task, or its data cannot be had.
    """
    if not names:
        return None
    try:
        from lm_eval.tasks import TaskManager
    except ImportError as error:
        raise LecternError(
            f"forget.tasks names {', '.join(names)}, but lm-evaluation-harness cannot be imported "
            f"({first_line(error)}). Install it with `pip install 'lm-eval>=0.4.13,<0.5'` (the extra `harness`), or "
            "set forget.tasks to []."
        ) from error
    manager = TaskManager(include_path=str(folder) if folder.is_dir() else None)
    for name in names:
        if name not in manager.all_tasks:
            raise LecternError(
                f"forget.tasks: lm-evaluation-harness {_version()} has no task {name!r}, and {folder} holds none of "
                "that name. `lm-eval ls tasks` lists them. Correct the name under conf/ and run `lectern params`."
            )
        try:
            manager.load([name])
        except Exception as error:  # the harness and its data library raise whatever they meet
            raise LecternError(
                f"forget.tasks: the data of {name} cannot be had ({first_line(error)}). Most tasks bring them from a "
                "model hub: check the connection and HF_HUB_OFFLINE, or write a task over a local file into "
                f"{folder}, or take {name} out of forget.tasks."
            ) from error
    files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    own = {path.relative_to(folder).as_posix(): io.sha256(path) for path in files}
    return Harness(manager, names, rows, {"version": _version(), "rows": rows, "own": own})


def _version() -> str:
    return importlib.metadata.version(PACKAGE)


def evaluate(harness: Harness, name: str, model: Any, tokenizer: Any, batch_size: int) -> Outcome:
    """Let a model do a task, without a chat template and with the harness's own number of examples in the prompt.

    Args:
        harness: has the task.
        name: of the task.
        model: a causal language model.
        tokenizer: of the model.
        batch_size: number of rows that are computed together.

    Raises:
        LecternError: the harness cannot run the task.
    """
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM

    try:
        found: Any = simple_evaluate(
            model=HFLM(pretrained=model, tokenizer=tokenizer, batch_size=batch_size),
            tasks=[name],
            task_manager=harness.manager,
            limit=harness.rows,
            bootstrap_iters=0,
        )
    except Exception as error:  # a task is somebody's program
        raise LecternError(
            f"forget.tasks: {name} failed in lm-evaluation-harness ({type(error).__name__}: {first_line(error)}). "
            "Correct the task, or take it out of forget.tasks."
        ) from error
    return {
        task: dict(_read_metrics(found["results"][task], samples, found["higher_is_better"].get(task, {})))
        for task, samples in sorted(found["samples"].items())
    }


def _read_metrics(
    values: Mapping[str, Any], samples: Sequence[Mapping[str, Any]], better: Mapping[str, bool | None]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the metrics of a task; with several filters of answers, those of the first by name."""
    keys = [key.split(",") for key in values if "," in key and "_stderr," not in key]
    chosen = min((filter_ for _, filter_ in keys), default="")
    for metric, filter_ in sorted(keys):
        value = values[f"{metric},{filter_}"]
        if filter_ != chosen or not isinstance(value, int | float):
            continue
        own = sorted((s for s in samples if s.get("filter") == filter_), key=lambda s: s["doc_id"])
        rows = [s.get(metric) for s in own]
        numbers = [float(row) for row in rows if isinstance(row, int | float)]
        is_mean = bool(numbers) and len(numbers) == len(rows) and abs(sum(numbers) / len(rows) - value) < 1e-6
        yield (
            metric,
            {
                "value": float(value),
                "higher_is_better": better.get(metric),
                "rows": numbers if is_mean else None,
            },
        )
