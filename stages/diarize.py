"""Find out who speaks when in each recording of the corpus (speaker diarization).

Run: python -m stages.diarize        (dvc stage: diarize)
Reads data/raw, writes data/diarization (one JSON per recording and the manifest) and metrics/diarization.json. Speakers
have no names yet.
"""

import functools
import importlib
from dataclasses import asdict
from pathlib import Path

from lectern.core import io, items, params, paths, stage
from lectern.core.compute import IN_PROCESS, Workers
from lectern.settings.compute import Compute
from lectern.settings.diarize import Diarize
from lectern.speech import diarization, environment, model_files, recordings


def main(
    settings: Diarize,
    raw: Path = paths.RAW,
    out: Path = paths.DIARIZATION,
    metrics: Path | None = None,
    compute: Workers = IN_PROCESS,
) -> items.SyncResult:
    """Bring `out` to exactly one diarization per recording in `raw`, and write their totals to `metrics`."""
    engine = diarization.ENGINES[settings.engine]
    environment.check_installed(engine.libraries, "diarize")
    everything = asdict(settings)
    decisive = {name: everything[name] for name in (*engine.choices, "device", "threads")}
    found = recordings.find(raw)
    heard = any(map(diarization.needs_engine, found))
    result = items.sync(
        found,
        out,
        functools.partial(
            diarization.load, engine.module, heard=heard, batch_size=settings.batch_size, **decisive
        ),
        suffix=".json",
        params={"engine": settings.engine, **decisive, "model": model_files.identify(settings.model)},
        code=(diarization, importlib.import_module(engine.module)),
        libraries=engine.libraries,
        allow_failed=settings.allow_failed,
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
            metrics=paths.METRICS / "diarization.json",
            compute=params.load("compute", Compute).for_items,
        ),
    )
