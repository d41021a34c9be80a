"""Write the tuned model in the forms that others load, with cards and the data set.

Run: lectern export [--no-gguf]        (make export; a tool, no stage of the pipeline)
Reads params.yaml, models/adapter, data and metrics; writes models/export and metrics/export.json.
"""

import argparse
import sys
from pathlib import Path

from lectern.answering import contestants
from lectern.core import params, stage
from lectern.core.errors import LecternError
from lectern.publishing import exporting, writing
from lectern.publishing.exporting import Model
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.render import Render

OUT = Path("models/export")
METRICS = Path("metrics/export.json")


def read_model(root: Path = Path()) -> Model:
    """The model that params.yaml and models/adapter make up.

    Raises:
        LecternError: params.yaml does not fit, or there is no adapter.
    """
    file = root / "params.yaml"
    adapter = root / contestants.ADAPTER
    if not adapter.is_dir():
        raise LecternError(f"{adapter} does not exist. `make run` trains it; `dvc pull` fetches it.")
    return Model(
        base=params.load("base_model", BaseModelSettings, file),
        persona=params.load("render", Render, file).persona,
        adapter=adapter,
        test=root / "data/splits/test.jsonl",
    )


def main(*, gguf: bool, out: Path = OUT, metrics: Path = METRICS) -> str:
    """Bring `out` up to date; returns what was made.

    Raises:
        LecternError: something is missing or cannot be written; says what.
    """
    stage.quieten_libraries()
    made = exporting.export(
        read_model(), out, gguf=gguf, metrics=metrics, say=lambda told: print(f"export: {told}")
    )
    writing.write(Path(), out)
    return f"{out}: {made}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--no-gguf", action="store_true", help="leave out llama.cpp's files and the comparison"
    )
    given = parser.parse_args()
    try:
        print(f"export: {main(gguf=not given.no_gguf)}")
    except LecternError as error:
        sys.exit(f"export: error: {error}")
