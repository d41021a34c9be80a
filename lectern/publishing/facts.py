"""Gather what the pipeline knows of the model and the data set, for the cards. Missing outputs are left out."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from omegaconf import OmegaConf

from lectern.core import io, items, runtime
from lectern.core.errors import LecternError
from lectern.core.revisions import call_git
from lectern.core.schema import SPLITS, Conversation, Example, Source
from lectern.formats.caption_files import UNKNOWN

METRICS = (
    "curation",
    "documents",
    "episodes",
    "examples",
    "export",
    "generation",
    "judge",
    "leakage",
    "parity",
    "parse",
    "preflight",
    "scores",
    "speech",
    "train",
    "transcripts",
)


@dataclass(frozen=True)
class Voice:
    """Somebody whose words are in the data set."""

    name: str
    """A person's name from the conversations, or an author, a site or a title."""
    items: list[str]
    """The items that contain their words."""
    nameless: bool
    """Whether only a diarization label is known."""


@dataclass(frozen=True)
class Published:
    """A source whose words are in the data set."""

    item: str
    title: str
    kind: str
    url: str | None
    licence: str | None
    hours: float
    """Hours of sound; 0 for text."""
    rows: int
    """Rows in all splits."""


@dataclass(frozen=True)
class Facts:
    """Everything that the cards say."""

    revision: str
    """The commit; empty if there is no repository."""
    dirty: bool
    """Whether the working tree differs from the commit."""
    params: Mapping[str, Any]
    sources: list[Published]
    voices: list[Voice]
    splits: Mapping[str, int]
    """Split -> number of rows."""
    methods: Mapping[str, int]
    """Method -> number of rows."""
    metrics: Mapping[str, Mapping[str, Any]]
    """Name of a file in metrics/ -> its content; an empty mapping if there is no such file."""
    runtime: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Stage -> what it took on this machine when it made these outputs; without stages that never ran here."""

    @property
    def hours(self) -> float:
        """Hours of sound that rows come from."""
        return sum(source.hours for source in self.sources)

    @property
    def rows(self) -> int:
        """Rows in all splits."""
        return sum(self.splits.values())


def gather(root: Path) -> Facts:
    """Read everything from the outputs below `root`.

    Raises:
        LecternError: there are no splits, or an output is broken; the message names the file.
    """
    rows = {split: io.read_jsonl(root / f"data/splits/{split}.jsonl", Example) for split in SPLITS}
    everything = [row for part in rows.values() for row in part]
    by_item = Counter(row.provenance.item for row in everything)
    records = {
        path.parent.name: io.read_json(path, Source)
        for path in sorted((root / "data/raw").glob("*/item.json"))
    }
    folder = root / "data/conversations"
    told = items.read(folder) if folder.is_dir() else {}
    conversations = {item: io.read_json(told[item], Conversation) for item in sorted(by_item) if item in told}
    params: Any = OmegaConf.to_container(OmegaConf.load(root / "params.yaml"))
    return Facts(
        revision=call_git(root, "rev-parse", "HEAD").stdout.strip(),
        dirty=bool(call_git(root, "status", "--porcelain", "--untracked-files=no").stdout.strip()),
        params=params,
        sources=[
            _describe(item, count, records.get(item), conversations.get(item))
            for item, count in sorted(by_item.items())
        ],
        voices=_list_voices(sorted(by_item), records, conversations),
        splits={split: len(part) for split, part in rows.items()},
        methods=dict(Counter(row.provenance.method for row in everything).most_common()),
        metrics={name: _read_metric(root / "metrics" / f"{name}.json") for name in METRICS},
        runtime=_read_runtime(root),
    )


def _read_runtime(root: Path) -> dict[str, dict[str, Any]]:
    path = root / "dvc.lock"
    lock: Any = OmegaConf.to_container(OmegaConf.load(path)) if path.is_file() else {}
    return runtime.read(root / runtime.FOLDER, runtime.list_outputs(lock))


def _describe(item: str, rows: int, source: Source | None, told: Conversation | None) -> Published:
    if source is None:
        return Published(item, item, "unknown", None, None, 0.0, rows)
    hours = told.duration / 3600 if told is not None else 0.0
    return Published(item, source.title, source.kind, source.url, source.licence, hours, rows)


def _list_voices(
    chosen: list[str], records: Mapping[str, Source], told: Mapping[str, Conversation]
) -> list[Voice]:
    found: dict[tuple[str, bool], list[str]] = {}
    for item in chosen:
        if item in told:
            speakers = {u.speaker for u in told[item].utterances} - {UNKNOWN}
            for speaker in sorted(speakers):
                label = speaker.startswith("speaker_") and speaker.removeprefix("speaker_").isdigit()
                name = f"{speaker} of {item}" if label else speaker
                found.setdefault((name, label), []).append(item)
        else:
            found.setdefault((_author(item, records.get(item)), False), []).append(item)
    return [Voice(name, held, label) for (name, label), held in sorted(found.items())]


def _author(item: str, source: Source | None) -> str:
    """Who wrote a text: its author, or else its site, or at least its title."""
    if source is None:
        return item
    return source.author or (urlsplit(source.url).hostname if source.url else None) or source.title


def _read_metric(path: Path) -> Mapping[str, Any]:
    try:
        found = io.parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise LecternError(f"{path}: not JSON ({error}). Run `dvc repro`.") from error
    return found if isinstance(found, dict) else {}
