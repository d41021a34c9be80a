"""The page on the stages: what each does, reads and writes, and which parameters it has."""

from pathlib import Path

from lectern.tools.reference.pipeline import ALL, STEPS, Pipeline, Stage

HEAD = """\
<!-- Written by `python -m lectern.tools.reference` from dvc.yaml. Change that, not this page. -->

# Stages

The pipeline has {number} stages. `dvc repro` runs those whose inputs, parameters or code changed, and `dvc repro STAGE`
brings one stage and what it needs up to date. The stage `x` is the file `stages/x.py`, its parameters are the section
`x` of params.yaml, and where these come as ready choices, each choice is a file in `conf/x/`. [Files](files.md) says
what each file holds.

![The stages, and which of them needs which](../images/pipeline.svg)
"""


def write(pipeline: Pipeline, conf: Path = Path("conf")) -> str:
    """The page, as Markdown.

    Args:
        pipeline: of dvc.yaml.
        conf: where the groups of choices are.
    """
    known = {stage.name: stage for stage in pipeline.stages}
    parts = [HEAD.format(number=len(known))]
    for step, names in STEPS.items():
        parts.append(f"## {step}\n")
        parts += [_describe(known[name], pipeline, conf) for name in names]
    return "\n".join(parts)


def _describe(stage: Stage, pipeline: Pipeline, conf: Path) -> str:
    lines = [
        f"### {stage.name}",
        "",
        f"{stage.description}.",
        "",
        f"- **Reads:** {_list_inputs(stage, pipeline)}",
        f"- **Writes:** {_list(stage.writes)}",
        f"- **Parameters:** {_list_parameters(stage, conf)}",
        f"- **Command:** `{stage.command}`",
    ]
    return "\n".join(lines) + "\n"


def _list_inputs(stage: Stage, pipeline: Pipeline) -> str:
    parts = []
    for path in stage.reads:
        writer = pipeline.find_writer(path)
        parts.append(f"`{path}`" + (f" (from [{writer.name}](#{writer.name}))" if writer else " (yours)"))
    return ", ".join(parts) or "no data"


def _list_parameters(stage: Stage, conf: Path) -> str:
    if stage.parameters == ALL:
        return "all"
    parts = []
    for name in stage.parameters:
        choices = sorted(path.stem for path in (conf / name).glob("*.yaml"))
        parts.append(f"`{name}`" + (f" (one of {_list(tuple(choices))})" if choices else ""))
    return "; ".join(parts)


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
