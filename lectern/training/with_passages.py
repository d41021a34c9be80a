"""Choose the training rows that carry passages, so that the tuned model learns what to do with them.

The method is RAFT (Zhang et al. 2024, arXiv:2403.10131): some rows get the passage that holds their answer among others
that distract, and some only those that distract, so that the model learns both to use a passage and to do without.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lectern.core.schema import Found, Message, Retrieved
from lectern.llm import prompting
from lectern.llm.prompting import Prompt
from lectern.retrieval import prompts


@dataclass(frozen=True)
class Passages:
    """The passages of training rows, and how they are put before the question."""

    chosen: Mapping[str, Sequence[Found]] = field(default_factory=dict)
    """id of a row -> its passages; rows without any are left out"""
    prompt: Prompt | None = None
    """None if no row carries passages"""

    def versions(self, id: str, messages: Sequence[Message]) -> list[list[Message]]:
        """Return the messages of a row with its passages, and with fewer and fewer of them, the last without any.

        Passages that distract go first, from the last on, so that the one that holds the answer stays longest.
        """
        left = list(self.chosen.get(id, ()))
        versions = []
        while left and self.prompt is not None:
            versions.append(prompts.place(messages, left, self.prompt))
            others = [at for at, passage in enumerate(left) if not passage.own]
            left.pop(others[-1] if others else -1)
        return [*versions, list(messages)]


def choose(
    retrieved: Iterable[Retrieved],
    *,
    share: float,
    true_share: float,
    seed: int,
    prompt: str,
    most: int,
    max_words: int,
) -> Passages:
    """Draw the rows that carry passages. Whether a row does depends on its id and the seed alone.

    Args:
        retrieved: what was found for each row, its own place marked.
        share: of the rows that carry passages.
        true_share: of these, the share whose passages hold the row's own place.
        seed: of the draw.
        prompt: name of the prompt's file.
        most: greatest number of passages.
        max_words: greatest number of their words.

    Raises:
        LecternError: there is no such prompt.
    """
    chosen: dict[str, list[Found]] = {}
    for one in retrieved:
        chance = random.Random(f"{seed}/{one.id}")
        drawn, true = chance.random() < share, chance.random() < true_share
        if not drawn:
            continue
        own = prompts.choose(
            [passage for passage in one.found if passage.own][:true], most=1, max_words=max_words
        )
        room = max_words - sum(len(passage.text.split()) for passage in own)
        others = [passage for passage in one.found if not passage.own]
        ids = {p.id for p in [*own, *prompts.choose(others, most=most - len(own), max_words=room)]}
        if passages := [passage for passage in one.found if passage.id in ids]:
            chosen[one.id] = passages
    return Passages(chosen, prompting.load(prompt))
