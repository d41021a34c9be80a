"""Let the base and the tuned model write whole episodes from an opening, both speakers in turn.

Run: python -m stages.episodes        (dvc stage: episodes)
Reads data/openings, data/splits/test.jsonl and models/adapter; writes data/episodes/{base,tuned}.jsonl, empty without
openings. Batches of episodes that nothing decides differently now are kept from the last run.
"""

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lectern.answering import contestants, episodes, openings, turns
from lectern.answering.contestants import Local
from lectern.answering.episodes import Begun
from lectern.core import batches, code, io, params, stage
from lectern.core.schema import Episode, Example
from lectern.models import loading
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.episodes import Episodes, EpisodeSettings
from lectern.settings.render import Render
from lectern.training import adapters

Plan = Mapping[batches.Batch, Sequence[Begun]]
"""The episodes that are written together."""


def main(
    chosen: Episodes,
    base: BaseModelSettings,
    persona: str | None,
    *,
    held_out: Path,
    folder: Path,
    adapter: Path,
    out: Path,
) -> str:
    """Bring `out` to exactly one episode of each model for each opening, in the openings' order."""
    examples = io.read_jsonl(held_out, Example) if chosen.held_out else []
    groups = openings.collect(chosen.openings, folder, examples, chosen.held_out)
    store = batches.Store(out, Episode, lambda episode: episode.id)
    everyone, _ = contestants.gather(base, adapter, persona, {})
    plans: dict[str, Plan] = {who.name: {} for who in everyone}
    made = 0
    if any(groups):
        tokenizer, settings = loading.get_tokenizer(base), chosen.for_episode
        form = turns.get_format(base, tokenizer, persona)
        # Batches end with a file: what is added at its end moves nothing into another batch.
        parts = [
            [episodes.begin(start, form, settings) for start in group[at : at + chosen.batch_size]]
            for group in groups
            for at in range(0, len(group), chosen.batch_size)
        ]
        written_by = code.digest([episodes, loading, adapters])
        plans = {who.name: _plan(who, parts, settings, written_by) for who in everyone}
        missing = {
            name: [batch for batch in plan if store.get(batch) is None] for name, plan in plans.items()
        }
        for who, model in contestants.load_in_turn([who for who in everyone if missing[who.name]]):
            for batch in missing[who.name]:
                told = episodes.write(model, tokenizer, base, plans[who.name][batch], form, settings)
                store.put(batch, told)
                made += len(told)
            del model
    files = {
        name: batches.File(list(plan), [one for batch in plan for one in store.get(batch) or []])
        for name, plan in plans.items()
    }
    store.close(files)
    total = sum(len(file.records) for file in files.values())
    return f"{total // len(files)} openings, made {made}, kept {total - made}"


def _plan(who: Local, parts: Sequence[Sequence[Begun]], settings: EpisodeSettings, written_by: str) -> Plan:
    libraries = ["torch", "transformers", "peft", "regex"] + (["bitsandbytes"] if who.quantized else [])
    decides: dict[str, Any] = {
        "contestant": contestants.fingerprint(who),
        "context": who.base.context_length,
        "settings": asdict(settings),
        "code": written_by,
        "libraries": {name: importlib.metadata.version(name) for name in libraries},
    }
    plan: dict[batches.Batch, Sequence[Begun]] = {}
    for begun in parts:
        given = [
            {
                "opening": one.start.opening.model_dump(exclude={"note"}),
                "guest": [message.model_dump() for message in one.guest],
            }
            for one in begun
        ]
        plan[batches.Batch(batches.make_key(decides, given), tuple(one.start.id for one in begun))] = begun
    return plan


if __name__ == "__main__":
    stage.run(
        "episodes",
        lambda: main(
            params.load("episodes", Episodes),
            params.load("base_model", BaseModelSettings),
            params.load("render", Render).persona,
            held_out=Path("data/splits/test.jsonl"),
            folder=Path("data/openings"),
            adapter=Path(contestants.ADAPTER),
            out=Path("data/episodes"),
        ),
    )
