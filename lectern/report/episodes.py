"""Show the episodes that the models generated: their figures, and some episodes side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from lectern.core.schema import BASE, TUNED, Episode
from lectern.evaluation import health
from lectern.report import drawing, scores, wording

SHOWN = 2
TURNS = 16
"""How many turns of an episode are shown."""
ENDINGS = {
    "closing": "ended with a closing",
    "turns": "stopped at the limit of turns",
    "empty": "ended because nothing more was said",
}


def build(metric: Mapping[str, Any], episodes: Mapping[str, Sequence[Episode]]) -> dict[str, Any] | None:
    """Return the figures, and episodes of both models from the same opening; None if there are no episodes."""
    if not metric.get("episodes"):
        return None
    lanes = {side: metric[side] for side in (BASE, TUNED)}
    sides = {side: {one.id: one for one in episodes.get(side, [])} for side in (BASE, TUNED)}
    both = [one for one in sides[BASE] if one in sides[TUNED]]
    return {
        "n": wording.count(metric["episodes"], "episode"),
        "figures": scores.build_figures(health.FIGURES.values(), lanes, metric["difference"]),
        "shown": [
            {
                "opening": wording.short(sides[BASE][one].opening, 140),
                "guest": wording.short(sides[BASE][one].guest or ""),
                "sides": [_episode(side, sides[side][one]) for side in (BASE, TUNED)],
            }
            for one in (both[i] for i in drawing.spread(len(both), SHOWN))
        ],
    }


def _episode(side: str, episode: Episode) -> dict[str, Any]:
    rest = len(episode.turns) - TURNS
    return {
        "side": side,
        "turns": [
            {"role": turn.role, "finished": turn.finished, **wording.shorten(turn.text, 600)}
            for turn in episode.turns[:TURNS]
        ],
        "more": wording.count(rest, "more turn") if rest > 0 else "",
        "ended": f"{wording.count(len(episode.turns), 'turn')}, {ENDINGS[episode.ended]}",
    }
