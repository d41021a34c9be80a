"""Transcribe each recording of the corpus.

Run: python -m stages.transcribe        (dvc stage: transcribe)
Reads data/raw, writes data/transcripts (one JSON per recording and the manifest) and metrics/transcripts.json.
"""

import functools
import importlib
from dataclasses import asdict
from pathlib import Path

from lectern.core import io, items, params, paths, stage
from lectern.core.compute import IN_PROCESS, Workers
from lectern.core.printing import warn
from lectern.settings.compute import Compute
from lectern.settings.transcribe import Transcribe
from lectern.speech import asr, environment, hallucination, model_files, recordings


def main(
    settings: Transcribe,
    raw: Path = paths.RAW,
    out: Path = paths.TRANSCRIPTS,
    metrics: Path | None = None,
    compute: Workers = IN_PROCESS,
) -> items.SyncResult:
    """Bring `out` to exactly one transcript per recording in `raw`, and write their totals to `metrics`."""
    engine = asr.ENGINES[settings.engine]
    environment.check_installed(engine.libraries, "transcribe")
    everything = asdict(settings)
    decisive, others = (
        {name: everything[name] for name in names} for names in (engine.choices, engine.others)
    )
    models = {
        name: model_files.identify(decisive[name]) for name in ("model", "align_model") if decisive.get(name)
    }
    result = items.sync(
        recordings.find(raw),
        out,
        functools.partial(asr.load, engine=settings.engine, **others, **decisive),
        suffix=".json",
        params={"engine": settings.engine, **decisive, **models},
        code=(asr, importlib.import_module(engine.module)),
        libraries=engine.libraries,
        allow_failed=settings.allow_failed,
        compute=compute,
    )
    if metrics:
        io.write_json(metrics, hallucination.summarise(items.facts(out)))
    for line in asr.list_wordless(items.facts(out)):
        warn(f"transcribe: {line}")
    return result


if __name__ == "__main__":
    stage.run(
        "transcribe",
        lambda: main(
            params.load("transcribe", Transcribe),
            metrics=paths.METRICS / "transcripts.json",
            compute=params.load("compute", Compute).for_items,
        ),
    )
