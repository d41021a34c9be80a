"""Two planted hands: answers on two topics that differ in their function words alone."""

import random

HANDS = {
    "hers": [
        "you know the {a} is actually really {b}",
        "and so what i think is that the {a} has to be {b}",
        "because of the {a} we just go with a {b} kind of thing",
        "well it is a bit like the {a} when it was {b}",
        "but then you know every {a} would be {b} anyway",
    ],
    "theirs": [
        "the {a} which was {b} may therefore be of use",
        "it should be said that this {a} can be {b}",
        "however the {a} is not {b} in most of these",
        "there are several of those and each {a} was made {b}",
        "overall the {a} has been {b} within the last few of them",
    ],
}
"""Two ways of writing: sentences with places for a noun and an adjective of the topic."""
TOPICS = {
    "sea": (
        ["anchor", "lighthouse", "harbour", "sailor", "current"],
        ["salty", "stormy", "northern", "tidal"],
    ),
    "bread": (["flour", "oven", "baker", "yeast", "crust"], ["golden", "sour", "floury", "crisp"]),
}


def write(hand: str, topic: str, count: int, seed: str, sentences: int = 3) -> list[str]:
    """So many answers of so many sentences."""
    draw = random.Random(f"{hand} {topic} {seed}")
    nouns, adjectives = TOPICS[topic]

    def say() -> str:
        text = draw.choice(HANDS[hand]).format(a=draw.choice(nouns), b=draw.choice(adjectives))
        return text.capitalize() + "."

    return [" ".join(say() for _ in range(sentences)) for _ in range(count)]
