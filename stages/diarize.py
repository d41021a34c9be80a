"""Find out who speaks when in each recording of the corpus.

Run: python -m stages.diarize        (dvc stage: diarize)
Reads data/raw, writes data/diarization: one JSON per recording and the manifest; and metrics/diarization.json. Speakers
have no names yet.
"""

import functools
import importlib
from dataclasses import asdict
from pathlib import Path

from lectern.core import io, items, params, stage
from lectern.core.compute import IN_PROCESS, Workers
from lectern.settings.compute import Compute
from lectern.settings.diarize import Diarize
from lectern.speech import diarization, environment, model_files, recordings


def main(
    params: Diarize, raw: Path, out: Path, metrics: Path | None = None, compute: Workers = IN_PROCESS
) -> items.SyncResult:
    """Bring `out` to exactly one diarization per recording in `raw`, and write what they come to."""
    engine = diarization.ENGINES[params.engine]
    environment.check_installed(engine.libraries, "diarize")
    everything = asdict(params)
    decisive = {name: everything[name] for name in (*engine.choices, "device", "threads")}
    result = items.sync(
        recordings.find(raw),
        out,
        functools.partial(diarization.load, engine.module, batch_size=params.batch_size, **decisive),
        suffix=".json",
        params={"engine": params.engine, **decisive, "model": model_files.identify(params.model)},
        code=(diarization, importlib.import_module(engine.module)),
        libraries=engine.libraries,
        allow_failed=params.allow_failed,
        compute=compute,
    )
    if metrics:
        io.write_json(metrics, diarization.summarise(items.facts(out)))
    return result


if __name__ == "__main__":
    stage.run(
        "diarize",
        lambda: main(
            params.load("diarize", Diarize),
            Path("data/raw"),
            Path("data/diarization"),
            Path("metrics/diarization.json"),
            params.load("compute", Compute).for_items,
        ),
    )
