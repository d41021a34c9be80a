"""Episodes in batches that are kept: which are written together, what decides them, and which are still missing."""

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from lectern.answering import contestants, episodes, turns
from lectern.answering.contestants import Local
from lectern.answering.episodes import StartedEpisode
from lectern.answering.openings import Start
from lectern.core import batches, code, instructions
from lectern.core.schema import Episode
from lectern.models import loading
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.episodes import EpisodeSettings
from lectern.training import adapters

EpisodePlan = Mapping[batches.Batch, Sequence[StartedEpisode]]
"""The episodes that one contestant writes together."""


def make_plans(
    everyone: Sequence[Local],
    groups: Sequence[Sequence[Start]],
    form: turns.Format,
    settings: EpisodeSettings,
    batch_size: int,
) -> dict[str, EpisodePlan]:
    """The batches of each contestant, by its name.

    Batches end with a file of openings: what is added at its end moves nothing into another batch.
    """
    parts = [
        [episodes.begin(start, form, settings) for start in group[at : at + batch_size]]
        for group in groups
        for at in range(0, len(group), batch_size)
    ]
    written_by = code.digest([episodes, loading, adapters])
    return {who.name: _plan(who, parts, settings, written_by) for who in everyone}


def write_missing(
    everyone: Sequence[Local],
    plans: Mapping[str, EpisodePlan],
    store: batches.Store[Episode],
    base: BaseModelSettings,
    form: turns.Format,
    settings: EpisodeSettings,
) -> int:
    """Let each contestant write the batches that the store does not have; how many episodes that were."""
    missing = {name: [batch for batch in plan if store.get(batch) is None] for name, plan in plans.items()}
    made = 0
    tokenizer = loading.get_tokenizer(base)
    for who, model in contestants.load_in_turn([who for who in everyone if missing[who.name]]):
        for batch in missing[who.name]:
            told = episodes.write(model, tokenizer, base, plans[who.name][batch], form, settings)
            store.put(batch, told)
            made += len(told)
        del model
    return made


def _plan(
    who: Local, parts: Sequence[Sequence[StartedEpisode]], settings: EpisodeSettings, written_by: str
) -> EpisodePlan:
    libraries = ["torch", "transformers", "peft", "regex"] + (["bitsandbytes"] if who.quantized else [])
    decides: dict[str, Any] = {
        "contestant": contestants.fingerprint(who),
        "context": who.base.context_length,
        "settings": {**asdict(settings), "decoding": settings.decoding.changes},
        "code": written_by,
        "libraries": {name: importlib.metadata.version(name) for name in libraries},
        "instructions": instructions.chosen(),
    }
    plan: dict[batches.Batch, Sequence[StartedEpisode]] = {}
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
