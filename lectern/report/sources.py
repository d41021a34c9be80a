"""Show how long each speaker speaks in each recording, and how many rows came from each source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lectern.core.schema import Conversation
from lectern.report import wording

SHOWN = 10
"""How many sources have a row of their own: the longest ones."""
SPEAKERS = 4
"""How many speakers of a source are named: those who speak most."""


@dataclass(frozen=True)
class Spoken:
    """A recording and its speakers."""

    item: str
    title: str
    seconds: float
    speakers: Mapping[str, tuple[str, float]]
    """name -> role, and seconds of all utterances"""


def measure(conversation: Conversation) -> Spoken:
    """Measure how long each speaker speaks, from the first to the last word of each utterance."""
    speakers: dict[str, tuple[str, float]] = {}
    for utterance in conversation.utterances:
        _, before = speakers.get(utterance.speaker, ("", 0.0))
        speakers[utterance.speaker] = (utterance.role, before + max(0.0, utterance.end - utterance.start))
    return Spoken(conversation.item, conversation.title, conversation.duration, speakers)


def build(spoken: Sequence[Spoken], metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return the table of recordings, and a line about the corpus; None if both are empty."""
    kept = {name: group["out"] for name, group in metrics["curation"].get("by_item", {}).items()}
    ordered = sorted(spoken, key=lambda one: (-one.seconds, one.item))
    rows = [_row(one, kept) for one in ordered[:SHOWN]]
    if rest := ordered[SHOWN:]:
        rows.append(
            {
                "name": wording.count(len(rest), "other recording"),
                "length": wording.duration(sum(one.seconds for one in rest)),
                "speakers": [],
                "rows": f"{sum(kept.get(one.item, 0) for one in rest):,}" if kept else "",
            }
        )
    notes = _notes(metrics["conversations"], metrics["transcripts"], metrics["documents"])
    return {"rows": rows, "notes": notes} if rows or notes else None


def _row(one: Spoken, kept: Mapping[str, int]) -> dict[str, Any]:
    most = sorted(one.speakers.items(), key=lambda entry: (-entry[1][1], entry[0]))
    spoken = sum(seconds for _, seconds in one.speakers.values())
    speakers = [
        {
            "name": wording.short(name, 40),
            "role": role,
            "time": wording.duration(seconds),
            "width": round(100 * seconds / spoken, 2) if spoken else 0.0,
        }
        for name, (role, seconds) in most[:SPEAKERS]
    ]
    if rest := most[SPEAKERS:]:
        seconds = sum(seconds for _, (_, seconds) in rest)
        speakers.append(
            {
                "name": wording.count(len(rest), "other"),
                "role": "",
                "time": wording.duration(seconds),
                "width": round(100 * seconds / spoken, 2) if spoken else 0.0,
            }
        )
    return {
        "name": wording.short(one.title or one.item),
        "length": wording.duration(one.seconds),
        "speakers": speakers,
        "rows": f"{kept.get(one.item, 0):,}" if kept else "",
    }


def _notes(
    talks: Mapping[str, Any], transcripts: Mapping[str, Any], documents: Mapping[str, Any]
) -> list[str]:
    notes = []
    if talks.get("items"):
        length = wording.duration(3600 * talks.get("hours", 0.0))
        notes.append(f"{wording.count(talks['items'], 'recording')}, {length}")
        roles = [f"{n:,} {role}" for role, n in sorted(talks.get("speakers", {}).items())]
        notes += [f"speakers by role: {', '.join(roles)}"] if roles else []
    if transcripts.get("words"):
        languages = ", ".join(f"{n:,} {code}" for code, n in sorted(transcripts.get("languages", {}).items()))
        notes.append(f"{transcripts['words']:,} words heard" + (f" ({languages})" if languages else ""))
    if documents.get("documents"):
        notes.append(
            f"{wording.count(documents['documents'], 'document')} with {documents.get('words', 0):,} words"
        )
    return notes
