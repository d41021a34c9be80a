"""Load recordings for the page of the speakers: who speaks, what is said, and how corrections change it."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from lectern.apps.review import speaker_edits
from lectern.apps.web import versions
from lectern.conversations import conversation, speaker_corrections, voice_matching, word_speakers
from lectern.conversations import inputs as episodes
from lectern.core import io, items, params
from lectern.core.errors import ItemError, LecternError
from lectern.core.item import Item
from lectern.core.manifest import MANIFEST
from lectern.core.schema import Conversation, Source
from lectern.settings.converse import Converse

SAMPLES = 3
"""How many clips of a voice are offered: its longest turns."""
LONGEST_SAMPLE = 15.0
"""Greatest length of a clip in seconds."""


@dataclass(frozen=True)
class Entry:
    """A line of the list of recordings."""

    item: str
    title: str
    seconds: float | None
    """length; None before it is transcribed"""
    nameless: int
    """number of voices without a name"""
    ghosts: bool
    """whether some words belong to a ghost, a voice with very little speech"""
    corrected: bool
    """whether there is a file of corrections"""

    @property
    def needs_attention(self) -> bool:
        """Whether a person should check it."""
        return self.ghosts or self.nameless > 0


@dataclass(frozen=True)
class Speaker:
    """A voice of one recording."""

    label: str
    name: str
    """the name, or the label if there is no name"""
    role: str
    seconds: float
    share: float
    """share of all speech"""
    ghost: bool
    like: str | None
    """the most similar remembered voice, with the similarity"""
    samples: list[tuple[float, float]]
    """start and end, in seconds, of its longest turns"""
    merged_into: str | None = None
    first_words: str = ""


@dataclass(frozen=True)
class Segment:
    """Consecutive words of one voice."""

    label: str
    name: str
    role: str
    cut: bool
    words: list[tuple[str, float, float]]
    """text, start, end"""


@dataclass(frozen=True)
class Recording:
    """Everything that the page shows of one recording."""

    item: str
    title: str
    url: str | None
    duration: float
    speakers: list[Speaker]
    segments: list[Segment]
    edits: speaker_corrections.Corrections
    version: str
    """version of the file of corrections"""
    playable: bool
    dropped: str = ""
    problem: str = ""
    """why the corrections in the file cannot be applied"""
    names: list[str] = field(default_factory=list)
    """names of remembered voices, as suggestions"""


def corrections_file(root: Path, item: str) -> Path:
    """Return the file of an item's corrections; `item` must exist."""
    return root / speaker_corrections.FOLDER / f"{item}.yaml"


def list_entries(root: Path) -> list[Entry]:
    """Return the recordings in order of their items, with facts from the manifests."""
    raw = root / "data/raw"
    sources = [io.read_json(path, Source) for path in sorted(raw.glob("*/item.json"))]
    told = _facts(root / "data/conversations")
    entries = []
    for source in sources:
        if not (source.media or source.transcript):
            continue
        known = told.get(source.item, {})
        done = known.get("corrections", {})
        named = len({*known.get("voices", {}), *known.get("named_by_metadata", {})}) + done.get("rename", 0)
        of_names = known.get("ready", {}) != {}
        nameless = 0 if of_names else max(known.get("speakers", 0) - named, 0)
        entries.append(
            Entry(
                source.item,
                source.title,
                known.get("seconds"),
                nameless,
                bool(known.get("ghost_words")),
                corrections_file(root, source.item).is_file(),
            )
        )
    return entries


def _facts(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    return items.facts(folder) if (folder / MANIFEST).is_file() else {}


def media_file(root: Path, item: str) -> Path | None:
    """Return the media file of an item; None if the item does not exist or has no sound."""
    if not _exists(root, item):
        return None
    record = root / "data/raw" / item / "item.json"
    name = io.read_json(record, Source).media
    file = record.parent / name if name else None
    return file if file is not None and file.parent == record.parent and file.is_file() else None


def load(root: Path, name: str) -> Recording:
    """Load one recording with its corrections applied.

    Raises:
        LecternError: there is no such recording, or it is not transcribed yet.
    """
    path = corrections_file(root, name) if _exists(root, name) else None
    if path is None:
        raise LecternError(f"there is no recording {name!r} in data/raw")
    text = io.read_written(path) if path.is_file() else ""
    problem = ""
    try:
        return _lay_over(root, name, text)
    except ItemError as error:
        problem = str(error)
    found = _lay_over(root, name, "")  # without corrections
    return Recording(**{**vars(found), "problem": problem, "version": versions.version(path)})


def apply(root: Path, name: str, change: speaker_edits.Change) -> None:
    """Change the corrections of a recording. Nothing is written if the result cannot be applied.

    Raises:
        MeanwhileError: somebody else changed the same value.
        LecternError: there is no such recording, or the corrections are not valid; the message says why.
    """
    if not _exists(root, name):
        raise LecternError(f"there is no recording {name!r} in data/raw")

    def rewrite(now: str | None) -> str | None:
        speaker_corrections.read(now or "", name)  # raises if a person must repair the file first
        document = speaker_edits.read(now or "")
        change(document)
        text = speaker_edits.write(document)
        if text is not None:
            _lay_over(root, name, text)
        return text

    try:
        versions.update(corrections_file(root, name), rewrite)
    except ItemError as error:
        raise LecternError(str(error)) from error


def _exists(root: Path, name: str) -> bool:
    """Tell whether data/raw has such an item. A name from outside is compared before it becomes part of a path."""
    raw = root / "data/raw"
    known = {path.name for path in raw.iterdir()} if raw.is_dir() else set()
    return name in known and (raw / name / "item.json").is_file()


def _lay_over(root: Path, name: str, text: str) -> Recording:
    """Build the recording as the stage `converse` will, with the corrections in `text`.

    Raises:
        ItemError: the corrections cannot be applied.
        LecternError: the recording is not transcribed yet.
    """
    chosen = params.load("converse", Converse, root / "params.yaml")
    edits, _ = speaker_corrections.read(text, name)
    item = _find_item(root, name, chosen)
    source = io.read_json(item.inputs["source"], Source)
    spoken = conversation.read_spoken(item, source, chosen.reach)
    with tempfile.TemporaryDirectory(prefix="lectern-") as folder:
        inputs = {role: path for role, path in item.inputs.items() if role != "corrections"}
        if text:
            inputs["corrections"] = Path(folder) / "corrections.yaml"
            inputs["corrections"].write_text(text, encoding="utf-8")
        made, _ = conversation.build(Item(name, inputs, item.values), **chosen.choices)
    segments = _cut_segments(spoken, edits, name, text, made, chosen.reach)
    path = corrections_file(root, name)
    return Recording(
        item=name,
        title=source.title,
        url=source.url,
        duration=spoken.transcript.duration,
        speakers=_list_speakers(root, spoken, edits, segments),
        segments=segments,
        edits=edits,
        version=versions.version(path),
        playable=media_file(root, name) is not None,
        dropped=edits.drop,
        names=sorted({voice.name for voice in _remembered(root)}),
    )


def _find_item(root: Path, name: str, chosen: Converse) -> Item:
    data = root / "data"
    with tempfile.TemporaryDirectory(
        prefix="lectern-"
    ) as folder:  # a copy without the corrections, which may be invalid
        for path in (data / "corrections").glob("*.*"):
            if path.is_file():
                (Path(folder) / path.name).write_bytes(path.read_bytes())
        heard = [
            items.read(data / kind) if (data / kind).is_dir() else {}
            for kind in ("transcripts", "diarization")
        ]
        found = episodes.find(data / "raw", heard[0], heard[1], Path(folder), chosen.metadata)
    made = data / "conversations"
    regulars = items.facts(made).get(name, {}).get("regulars") if made.is_dir() else None
    for item in found.items:
        if item.id == name:
            inputs = dict(item.inputs)
            if "voices" in inputs:
                inputs["voices"] = data / "corrections/voices.yaml"
            return Item(name, inputs, {**item.values, **({"regulars": regulars} if regulars else {})})
    raise LecternError(
        f"{name} is not transcribed and diarized yet. Run `dvc repro`, or use the page Rebuild."
    )


def _cut_segments(
    spoken: conversation.Spoken,
    edits: speaker_corrections.Corrections,
    name: str,
    text: str,
    made: Conversation,
    reach: float,
) -> list[Segment]:
    """Group all words into segments, including words that are cut."""
    words, duration = spoken.transcript.words, spoken.transcript.duration
    _, locate = speaker_corrections.read(text, name)
    turns, _ = speaker_corrections.lay_over(edits, locate, spoken.turns, duration)
    labels = speaker_corrections.claim_unknown(
        edits, words, word_speakers.attribute_words(words, turns, reach)
    )
    stays = {word.start: utterance for utterance in made.utterances for word in utterance.words}
    shown = {
        label: (u.speaker, u.role)
        for label, word in zip(labels, words, strict=True)
        if (u := stays.get(word.start))
    }
    segments = []
    pairs = zip(labels, words, strict=True)
    for (label, cut), group in groupby(pairs, key=lambda pair: (pair[0], pair[1].start not in stays)):
        who, role = shown.get(label, (label, "unknown"))
        segments.append(Segment(label, who, role, cut, [(w.text, w.start, w.end) for _, w in group]))
    return segments


def _list_speakers(
    root: Path,
    spoken: conversation.Spoken,
    edits: speaker_corrections.Corrections,
    segments: Sequence[Segment],
) -> list[Speaker]:
    """Return all voices of the diarization and new ones from splits, those that speak longest first."""
    shown = {segment.label: segment for segment in segments}
    seconds: dict[str, float] = {}
    for turn in spoken.turns:
        seconds[turn.speaker] = seconds.get(turn.speaker, 0.0) + turn.end - turn.start
    for split in edits.split:
        seconds.setdefault(split.to, 0.0)
    total = sum(seconds.values()) or 1.0
    remembered = _remembered(root)
    first: dict[str, str] = {}
    for segment in segments:
        first.setdefault(segment.label, " ".join(word for word, *_ in segment.words[:10]))
    speakers = []
    for label in sorted(seconds, key=lambda label: (-seconds[label], label)):
        voice = spoken.voices.get(label)
        turns = sorted((t for t in spoken.turns if t.speaker == label), key=lambda t: t.start - t.end)[
            :SAMPLES
        ]
        alike = voice_matching.compare(voice.embedding, spoken.model, remembered) if voice else {}
        nearest = max(alike, key=lambda name: alike[name], default=None)
        speakers.append(
            Speaker(
                label=label,
                name=edits.rename.get(label) or (shown[label].name if label in shown else label),
                role=shown[label].role if label in shown else "unknown",
                seconds=voice.seconds if voice else seconds[label],
                share=voice.share if voice else seconds[label] / total,
                ghost=bool(voice and voice.ghost),
                like=f"{nearest} ({alike[nearest]:.2f})" if nearest else None,
                samples=[(t.start, min(t.end, t.start + LONGEST_SAMPLE)) for t in turns],
                merged_into=edits.merge.get(label),
                first_words=first.get(label, ""),
            )
        )
    return speakers


def _remembered(root: Path) -> Sequence[voice_matching.Remembered]:
    path = root / "data/corrections/voices.yaml"
    return voice_matching.read(io.read_written(path)) if path.is_file() else ()


def show_time(seconds: float) -> str:
    """Write seconds as m:ss or h:mm:ss."""
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def list_edits(
    edits: speaker_corrections.Corrections, called: Mapping[str, str]
) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Describe the corrections in words, each with its section and its entry, by which it can be removed.

    Args:
        edits: the corrections.
        called: label -> what the voice is called.
    """
    listed: list[tuple[str, str, Mapping[str, Any]]] = []
    for split in edits.split:
        entry = split.model_dump(exclude_unset=True)
        one, other = (called.get(label, label) for label in (split.speaker, split.to))
        listed.append((f"{one} is {other} {_show_stretch(split)}", "split", entry))
    for swap in edits.swap:
        one, two = (called.get(label, label) for label in swap.speakers)
        listed.append(
            (f"{one} and {two} swapped {_show_stretch(swap)}", "swap", swap.model_dump(exclude_unset=True))
        )
    for cut in edits.cut:
        why = f": {cut.reason}" if cut.reason else ""
        listed.append((f"cut {_show_stretch(cut)}{why}", "cut", cut.model_dump(exclude_unset=True)))
    return listed


def _show_stretch(stretch: speaker_corrections.Stretch) -> str:
    end = "the end" if stretch.end is None else show_time(stretch.end)
    return f"from {show_time(stretch.start)} to {end}"
