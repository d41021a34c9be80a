"""Make one conversation record from a transcript, its speakers, what was published, and people's corrections."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from lectern.conversations import cuts, roles, speaker_corrections, word_speakers
from lectern.conversations import voice_matching as voices
from lectern.core import io
from lectern.core.errors import ItemError
from lectern.core.item import Item, Make
from lectern.core.limits import Limits
from lectern.core.schema import (
    ANSWERING,
    ASKING,
    Conversation,
    Diarization,
    Role,
    Source,
    SpeakerTurn,
    Transcript,
    Voice,
    Word,
)
from lectern.formats import captions
from lectern.formats.caption_files import UNKNOWN
from lectern.settings.converse import RoleRule
from lectern.text.unspaced import divide_words

LIMITS = Limits(seconds=25, megabytes=1500, written=500)
"""What making one conversation may take."""
LONG_TURN = 2.0
"""Seconds. A turn that is at least so long and has no words shows that the transcription dropped something."""

LEAST_REVERSED = 2
"""Questions of those who are to answer from which their roles are doubted."""
SHOWN = 5
"""How many near misses or names are printed; the manifest has all of them."""
_LABEL = re.compile(r"(speaker|spk|guest|host|voice)[ _-]*\d+", re.IGNORECASE)


class Spoken(NamedTuple):
    """What was said and by whom, before corrections."""

    transcript: Transcript
    turns: Sequence[SpeakerTurn]
    voices: Mapping[str, Voice]
    """label -> voice; empty for a ready transcript"""
    model: str
    """model of the voices' embeddings"""
    names: Mapping[str, str]
    """label -> name, where the labels of a ready transcript, or of channels, are names"""
    facts: Mapping[str, Any]
    """what `captions.read_ready` counted in a ready transcript, else empty"""


def load(**choices: Any) -> Make:
    """Return the function that writes an item's conversation. `choices` are the arguments of `build`."""

    def make(item: Item, path: Path) -> Mapping[str, Any]:
        made, facts = build(item, **choices)
        io.write_json(path, made)
        return facts

    return make


def build(
    item: Item,
    *,
    reach: float,
    rules: Sequence[Mapping[str, Any]],
    others: Role,
    voice_threshold: float,
    voice_margin: float,
    cut_chapters: Sequence[str],
    first_gap: float | None,
    first_gap_within: float,
) -> tuple[Conversation, Mapping[str, Any]]:
    """Build the conversation of one item; also return the facts about it that the manifest keeps.

    Args:
        item: its inputs are `source`; `transcript` and `diarization`, or `ready`; and, where they exist,
            `corrections` and `voices`. Its value `metadata` is what `metadata.match` gives for it.
        reach: in seconds, see `word_speakers.attribute_words`.
        rules: fields of `RoleRule`, in order.
        others: the role of those whom no rule takes.
        voice_threshold: see `voices.recognise`.
        voice_margin: see `voices.recognise`.
        cut_chapters: regular expressions, see `cuts.find_chapters`.
        first_gap: seconds, see `cuts.find_first_gap`; None cuts nothing.
        first_gap_within: seconds, see `cuts.find_first_gap`.

    Raises:
        ItemError: the ready transcript or the corrections have a fault, or a time in the metadata lies beyond the end
            of the recording.
    """
    published = io.read_json(item.inputs["source"], Source)
    spoken = read_spoken(item, published, reach)
    words, duration = spoken.transcript.words, spoken.transcript.duration
    edits, locate = _read_corrections(item)
    turns, spans = speaker_corrections.lay_over(edits, locate, spoken.turns, duration)
    labels = word_speakers.attribute_words(words, turns, reach)
    labels = speaker_corrections.claim_unknown(edits, words, labels)

    said = {"host": published.hosts, "guest": published.guests}
    row = {role: names for role, names in said.items() if names} | item.values.get("metadata", {})
    spans = [
        *spans,
        *_find_ends(row, duration),
        *cuts.find_chapters(published.chapters, cut_chapters),
        *(cuts.find_first_gap(words, first_gap, first_gap_within) if first_gap else []),
    ]
    kept, cut_words = cuts.cut_words(words, spans)

    names, voice_facts = _name(item, spoken, edits, voice_threshold, voice_margin)
    heard = [label for label, stays in zip(labels, kept, strict=True) if stays]
    present = [label for label in dict.fromkeys(heard) if label != UNKNOWN]
    by_hand = speaker_corrections.find_roles(
        edits, locate, names, {*present, *(turn.speaker for turn in turns)}
    )
    corrected = {*edits.rename, *edits.merge.values(), *(split.to for split in edits.split), *by_hand}
    ghosts = {label for label, voice in spoken.voices.items() if voice.ghost} - corrected
    cast = roles.Cast(
        [label for label in present if label not in ghosts],
        roles.measure(cuts.cut_turns(turns, spans)),
        names,
        {role: row[role] for role in roles.PUBLISHED if role in row},
        item.values.get("regulars", ()),
        roles.count_questions([word for word, stays in zip(words, kept, strict=True) if stays], heard),
    )
    found, idle = roles.assign(cast, [RoleRule(**rule) for rule in rules], others, by_hand)
    named_by_role = roles.name_by_role(cast, found)

    conversation = Conversation(
        item=published.item,
        title=published.title,
        url=published.url,
        description=published.description,
        chapters=published.chapters,
        language=spoken.transcript.language,
        duration=duration,
        utterances=word_speakers.join_utterances(words, labels, kept, names | named_by_role, found),
    )
    return conversation, {
        "kind": published.kind,
        "seconds": round(duration, 3),
        "utterances": len(conversation.utterances),
        "words": len(heard),
        "cut_words": dict(sorted(cut_words.items())),
        "unknown_words": heard.count(UNKNOWN),
        "ghost_words": sum(label in ghosts for label in heard),
        "turns_without_words": _count_wordless(turns, words),
        "speakers": len(cast.speakers),
        "roles": dict(sorted(Counter(found.values()).items())),
        "idle_rules": idle,
        "asks": _count_by_role(cast.asks, found),
        "regulars": list(cast.regulars),
        "named_by_metadata": named_by_role,
        "corrections": edits.count(),
        "ready": spoken.facts,
        **voice_facts,
    }


def read_spoken(item: Item, published: Source, reach: float) -> Spoken:
    """Read the words, turns and voices that `build` starts from, with each sentence in one turn.

    Arguments and errors are those of `build`.
    """
    if "ready" in item.inputs:
        ready = captions.read_ready(item.inputs["ready"], item.id, published.language)
        speakers = {turn.speaker for turn in ready.turns} - {UNKNOWN}
        names = {speaker: speaker for speaker in sorted(speakers) if not _LABEL.fullmatch(speaker)}
        spoken = Spoken(ready.transcript, ready.turns, {}, "", names, ready.facts)
    else:
        heard = io.read_json(item.inputs["transcript"], Transcript)
        found = io.read_json(item.inputs["diarization"], Diarization)
        names = {track: track for track in published.tracks if not _LABEL.fullmatch(track)}
        spoken = Spoken(heard, found.turns, found.voices, found.model, names, {})
    words = divide_words(spoken.transcript.words)
    return spoken._replace(
        transcript=spoken.transcript.model_copy(update={"words": words}),
        turns=word_speakers.settle_turns(words, spoken.turns, spoken.transcript.language, reach),
    )


def _read_corrections(item: Item) -> tuple[speaker_corrections.Corrections, speaker_corrections.Locate]:
    path = item.inputs.get("corrections")
    try:
        return speaker_corrections.read("" if path is None else path.read_text(encoding="utf-8-sig"), item.id)
    except UnicodeDecodeError as error:
        raise ItemError(
            f"{speaker_corrections.FOLDER}/{item.id}.yaml: not UTF-8 ({error}). Save it as UTF-8."
        ) from error


def _find_ends(row: Mapping[str, Any], duration: float) -> list[cuts.Span]:
    for name in ("intro_end", "outro_start"):
        if row.get(name, 0.0) > duration:
            raise ItemError(
                f"the metadata file gives {name} as {row[name]:g} s, but the recording ends at {duration:g} s. Correct "
                f"{name} in the file of `converse.metadata`"
            )
    return cuts.find_ends(row, duration)


def _name(
    item: Item, spoken: Spoken, edits: speaker_corrections.Corrections, threshold: float, margin: float
) -> tuple[dict[str, str], dict[str, Any]]:
    """Return label -> name, and the facts about recognised voices that the manifest keeps.

    Names come from a ready transcript, from remembered voices, and from corrections, which override both. A voice that
    a correction names or merges is not compared with remembered voices, and neither is a name that a correction gives
    to somebody. A ghost has too little speech to be compared.
    """
    remembered: Sequence[voices.Remembered] = ()
    if "voices" in item.inputs:
        remembered = voices.read(item.inputs["voices"].read_text(encoding="utf-8-sig"))
    nameless = {
        label: voice
        for label, voice in spoken.voices.items()
        if voice.embedding and not voice.ghost and label not in edits.rename and label not in edits.merge
    }
    similarities = {
        label: {
            name: similarity
            for name, similarity in voices.compare(voice.embedding, spoken.model, remembered).items()
            if name not in edits.rename.values()
        }
        for label, voice in nameless.items()
    }
    recognised, misses = voices.recognise(similarities, threshold, margin)
    names = dict(spoken.names) | recognised | edits.rename
    return names, {
        "voices": {
            label: {"name": name, "similarity": similarities[label][name]}
            for label, name in recognised.items()
        },
        "near_misses": misses,
        "voices_of_other_models": sum(voice.model != spoken.model for voice in remembered if nameless),
    }


def _count_by_role(asks: Mapping[str, int], found: Mapping[str, Role]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for label, role in found.items():
        counts[role] += asks.get(label, 0)
    return dict(sorted((+counts).items()))


def _count_wordless(turns: Sequence[SpeakerTurn], words: Sequence[Word]) -> int:
    """Count the long turns that overlap no word, by bisection, as an episode has a thousand turns and 30,000 words."""
    starts = [word.start for word in words]
    latest = [0.0, *accumulate((word.end for word in words), max)]
    return sum(
        latest[bisect_left(starts, turn.end)] <= turn.start
        for turn in turns
        if turn.end - turn.start >= LONG_TURN
    )


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
            "remember them again (python -m lectern.tools.voices remember)"
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
