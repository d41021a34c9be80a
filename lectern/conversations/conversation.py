"""Make one conversation record from a transcript, its speakers, what was published, and people's corrections."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
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
        names = {speaker: speaker for speaker in sorted(speakers) if not roles.NUMBERED.fullmatch(speaker)}
        spoken = Spoken(ready.transcript, ready.turns, {}, "", names, ready.facts)
    else:
        heard = io.read_json(item.inputs["transcript"], Transcript)
        found = io.read_json(item.inputs["diarization"], Diarization)
        names = {track: track for track in published.tracks if not roles.NUMBERED.fullmatch(track)}
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
