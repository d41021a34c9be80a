"""Tell of all conversations together: what a person should look into, and the totals.

Everything comes from the facts that `conversation.build` returned for each item.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from lectern.conversations import speaker_corrections
from lectern.core.schema import ANSWERING, ASKING

LEAST_REVERSED = 2
"""Questions of those who are to answer from which their roles are doubted."""
SHOWN = 5
"""How many near misses or names are printed; the manifest has all of them."""


def list_near_misses(facts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a line for each voice that was nearly recognised, the most similar first.

    One more line counts the remembered voices that cannot be compared because they are from another model.
    """
    misses = [
        (-miss["similarity"], item, miss) for item, entry in facts.items() for miss in entry["near_misses"]
    ]
    lines = [
        f"{item}: {miss['speaker']} may be {miss['name']} ({miss['similarity']:.2f}; {miss['reason']})"
        for _, item, miss in sorted(misses, key=lambda found: found[:2])
    ]
    if len(lines) > SHOWN:
        lines[SHOWN:] = [
            f"{len(lines) - SHOWN} more near misses: `near_misses` in the manifest of data/conversations"
        ]
    others = max((entry["voices_of_other_models"] for entry in facts.values()), default=0)
    if others:
        lines.append(
            f"{others} remembered voices were embedded by another model than this diarization, and cannot be compared: "
            "remember them again (lectern voices remember)"
        )
    return lines


def list_reversed(facts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a line for each item in which those who answer ask more than those who ask, most questions first."""
    lines = []
    for item, entry in facts.items():
        asked = sum(entry["asks"].get(role, 0) for role in ASKING)
        answered = sum(entry["asks"].get(role, 0) for role in ANSWERING)
        if answered > asked and answered >= LEAST_REVERSED:
            lines.append((-answered, item, asked))
    named = [
        f"{item}: those who answer ask {-answered} questions, those who ask {asked}. If the roles are reversed, "
        f"correct them by `roles:` in {speaker_corrections.FOLDER}/{item}.yaml or in the table of converse.metadata"
        for answered, item, asked in sorted(lines)
    ]
    if len(named) > SHOWN:
        named[SHOWN:] = [
            f"{len(named) - SHOWN} more such items: `asks` in the manifest of data/conversations"
        ]
    return named


def list_unnamed(facts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a line about the ready transcripts that name no speaker, and one about labels that were not believed."""
    ready = {item: entry["ready"] for item, entry in facts.items() if entry["ready"]}
    nobody = [item for item, counts in ready.items() if not counts["speakers"]]
    doubtful = {
        item: counts["doubtful_labels"] for item, counts in ready.items() if "doubtful_labels" in counts
    }
    lines = []
    if nobody:
        lines.append(
            f"{len(nobody)} of {len(ready)} ready transcripts name no speaker ({_shorten(nobody)}), so that nobody "
            "asks or answers in them. Write `[Name]: ` before what each person says, or give the recordings instead"
        )
    if doubtful:
        counted = [f"{item}: {count}" for item, count in doubtful.items()]
        lines.append(
            f"{len(doubtful)} ready transcripts hold what may be a label and was not believed ({_shorten(counted)}); "
            "nobody is taken to have said it. Write a label as `[Name]: `"
        )
    return lines


def _shorten(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:SHOWN]) + (", ..." if len(found) > SHOWN else "")


def summarise(facts: Mapping[str, Mapping[str, Any]], dropped: int, left_out: int) -> dict[str, Any]:
    """Return the totals over all items.

    Args:
        facts: item -> the facts that `build` returned.
        dropped: number of items that corrections drop.
        left_out: number of items without a transcript or a diarization.
    """
    hours: Counter[str] = Counter()
    sums: dict[str, Counter[str]] = {name: Counter() for name in ("cut_words", "roles", "corrections")}
    idle: Counter[str] = Counter()
    ready: Counter[str] = Counter()
    for entry in facts.values():
        ready.update({name: value for name, value in entry["ready"].items() if isinstance(value, int)})
        hours[entry["kind"]] += entry["seconds"] / 3600
        idle.update(entry["idle_rules"])
        for name, total in sums.items():
            total.update(entry[name])
    return {
        "items": len(facts),
        "dropped_items": dropped,
        "left_out_items": left_out,
        "hours": round(sum(hours.values()), 3),
        "hours_by_kind": {kind: round(total, 3) for kind, total in sorted(hours.items())},
        **{
            name: sum(entry[name] for entry in facts.values())
            for name in ("words", "unknown_words", "ghost_words", "turns_without_words", "utterances")
        },
        "cut_words": dict(sorted(sums["cut_words"].items())),
        "speakers": dict(sorted(sums["roles"].items())),
        "rules_without_speaker": dict(sorted(idle.items())),
        "recognised_voices": sum(len(entry["voices"]) for entry in facts.values()),
        "near_misses": sum(len(entry["near_misses"]) for entry in facts.values()),
        "corrections": dict(sorted(sums["corrections"].items())),
        "ready_transcripts": dict(sorted(ready.items())),
    }
