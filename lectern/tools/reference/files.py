"""The page on the files: what each output, metric and input of the pipeline holds, who writes it and who reads it."""

from pathlib import Path
from typing import Any

import yaml

from lectern.tools.reference.pipeline import Pipeline

TEXTS = Path(__file__).with_name("files.yaml")
HEAD = """\
<!-- Written by `python -m lectern.tools.reference` from dvc.yaml and lectern/tools/reference/files.yaml. -->

# Files

A folder that a stage fills item by item has a file `_manifest.json`, which says what each item was made from. Every
line of a JSONL file is one record, and `lectern/core/schema.py` defines the records. Outputs under `data/` and
`models/` are kept by DVC, metrics by git.
"""


def read_texts(path: Path = TEXTS) -> dict[str, dict[str, str]]:
    """`outputs`, `inputs` and `others`: path of a file or folder -> what it holds."""
    texts: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    return dict(texts)


def write(pipeline: Pipeline) -> str:
    """The page, as Markdown.

    Raises:
        KeyError: an output or an input of dvc.yaml has no text.
    """
    texts = read_texts()
    parts = [HEAD, "## What the stages write", ""]
    parts += ["| file | what it holds | written by | read by |", "|---|---|---|---|"]
    for stage in pipeline.stages:
        for path in stage.writes:
            link = f"[{stage.name}](stages.md#{stage.name})"
            parts.append(
                f"| `{path}` | {texts['outputs'][path]} | {link} | {_name_readers(path, pipeline)} |"
            )
    parts += ["", "## What you write", "", "| folder | what it holds | read by |", "|---|---|---|"]
    parts += [
        f"| `{path}` | {texts['inputs'][path]} | {_name_readers(path, pipeline)} |"
        for path in pipeline.list_inputs()
    ]
    parts += ["", "## Other files", "", "| file | what it holds |", "|---|---|"]
    parts += [f"| `{path}` | {text} |" for path, text in texts["others"].items()]
    return "\n".join(parts) + "\n"


def _name_readers(path: str, pipeline: Pipeline) -> str:
    return ", ".join(stage.name for stage in pipeline.find_readers(path))
