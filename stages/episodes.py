"""Let the base and the tuned model write whole episodes from an opening, taking both roles in turn.

Run: python -m stages.episodes        (dvc stage: episodes)
Reads data/openings, data/splits/test.jsonl and models/adapter; writes data/episodes/{base,tuned}.jsonl, which are empty
without openings. Batches of episodes whose inputs have not changed are kept from the last run.
"""

from pathlib import Path

from lectern.answering import contestants, episode_batches, openings, turns
from lectern.core import batches, io, params, paths, stage
from lectern.core.schema import Episode, Example
from lectern.models import loading
from lectern.settings.base_model import BaseModelSettings
from lectern.settings.decoding import Decoding
from lectern.settings.episodes import Episodes
from lectern.settings.render import Render


def main(
    chosen: Episodes,
    decoding: Decoding,
    base: BaseModelSettings,
    persona: str | None,
    *,
    held_out: Path = paths.TEST_SPLIT,
    folder: Path = paths.OPENINGS,
    adapter: Path = paths.ADAPTER,
    out: Path = paths.EPISODES,
) -> str:
    """Bring `out` to exactly one episode of each model for each opening, in the openings' order."""
    settings = chosen.for_episode(decoding)
    examples = io.read_jsonl(held_out, Example) if chosen.held_out else []
    groups = openings.collect(chosen.openings, folder, examples, chosen.held_out)
    store = batches.Store(out, Episode, lambda episode: episode.id)
    everyone, _ = contestants.gather(base, adapter, persona, {})
    plans: dict[str, episode_batches.EpisodePlan] = {who.name: {} for who in everyone}
    made = 0
    if any(groups):
        form = turns.get_format(base, loading.get_tokenizer(base), persona)
        plans = episode_batches.make_plans(everyone, groups, form, settings, chosen.batch_size)
        made = episode_batches.write_missing(everyone, plans, store, base, form, settings)
    files = {
        name: batches.File(list(plan), [one for batch in plan for one in store.get(batch) or []])
        for name, plan in plans.items()
    }
    store.close(files)
    total = sum(len(file.records) for file in files.values())
    return f"{total // len(files)} openings, made {made}, kept {total - made}"


if __name__ == "__main__":
    stage.run(
        "episodes",
        lambda: main(
            params.load("episodes", Episodes),
            params.load("decoding", Decoding),
            params.load("base_model", BaseModelSettings),
            params.load("render", Render).persona,
        ),
    )
