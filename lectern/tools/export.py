"""Write the tuned model in the forms that other programs load, with cards and the data set.

It reads params.yaml, models/adapter, data and metrics, and writes models/export and metrics/export.json.
"""

from pathlib import Path

import click

from lectern.answering import contestants
from lectern.core import params, stage
from lectern.core.errors import LecternError
from lectern.publishing import exporting, writing
from lectern.publishing.exporting import Model
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.comparators import load_comparators
from lectern.settings.decoding import Decoding
from lectern.settings.render import Render
from lectern.tools.terminal import Command, tell

OUT = Path("models/export")
METRICS = Path("metrics/export.json")


def read_model(root: Path = Path()) -> Model:
    """The model described by params.yaml and models/adapter.

    Raises:
        LecternError: params.yaml is not valid, or there is no adapter.
    """
    file = root / "params.yaml"
    adapter = root / contestants.ADAPTER
    if not adapter.is_dir():
        raise LecternError(f"{adapter} does not exist. `make run` trains it; `dvc pull` fetches it.")
    return Model(
        base=params.load("base_model", BaseModelSettings, file),
        persona=params.load("render", Render, file).persona,
        decoding=params.load("decoding", Decoding, file),
        adapter=adapter,
        test=root / "data/splits/test.jsonl",
    )


def main(*, gguf: bool, out: Path = OUT, metrics: Path = METRICS) -> str:
    """Bring `out` up to date. Returns what was made.

    Raises:
        LecternError: something is missing or cannot be written; the message says what.
    """
    stage.quieten_libraries()
    made = exporting.export(
        read_model(), out, gguf=gguf, metrics=metrics, say=lambda told: tell(f"export: {told}")
    )
    writing.write(Path(), out)
    if made.made and (named := _list_compared()):
        tell(
            f"export: {', '.join(named)} in comparators answer with files, which DVC does not watch. To measure them: "
            "`dvc repro -f -s generate`, then `dvc repro`"
        )
    return f"{out}: {made}"


def _list_compared() -> list[str]:
    """The comparators that are files."""
    return [name for name, given in load_comparators().items() if given.gguf or given.merged]


@click.command("export", cls=Command, examples=("lectern export", "lectern export --no-gguf"))
@click.option("--no-gguf", is_flag=True, help="Leave out llama.cpp's files and the comparison with them.")
def command(no_gguf: bool) -> None:
    """Write the tuned model in the forms that others load.

    These are the adapter, merged weights, GGUF files with an Ollama Modelfile, cards and the data set. What is there
    already and still right stays. Reads params.yaml, models/adapter, data and metrics; writes models/export and
    metrics/export.json.
    """
    tell(f"export: {main(gguf=not no_gguf)}")
