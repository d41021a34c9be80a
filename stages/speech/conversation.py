"""A transcript, a diarization and what was published become one record."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.core import io
from stages.core.items import Item, Make
from stages.core.schema import Conversation, Diarization, Source, Transcript
from stages.speech import attribution

LONG_TURN = 2.0
"""Seconds of speech in which words must be heard: where there are none, the transcription dropped something."""


def load(**choices: Any) -> Make:
    """The function that writes an item's conversation. `choices` are those of `build`."""

    def make(item: Item, path: Path) -> Mapping[str, Any]:
        made, facts = build(
            item.inputs["source"], item.inputs["transcript"], item.inputs["diarization"], **choices
        )
        io.write_json(path, made)
        return facts

    return make


def build(
    source: Path, transcript: Path, diarization: Path, *, main_speaker: str, reach: float
) -> tuple[Conversation, Mapping[str, Any]]:
    """The conversation of one recording, and the facts about it that the manifest keeps.

    Args:
        source: file of the `Source` record.
        transcript: file of the `Transcript` record.
        diarization: file of the `Diarization` record.
        main_speaker: rule for who the main speaker is, see `attribution.find_main_speaker`.
        reach: in seconds, see `attribution.attribute_words`.
    """
    published = io.read_json(source, Source)
    heard = io.read_json(transcript, Transcript)
    voices = io.read_json(diarization, Diarization)
    speakers = attribution.attribute_words(heard.words, voices.turns, reach)
    main = attribution.find_main_speaker(voices, main_speaker)
    conversation = Conversation(
        item=published.item,
        title=published.title,
        url=published.url,
        description=published.description,
        chapters=published.chapters,
        language=heard.language,
        duration=heard.duration,
        utterances=attribution.join_utterances(heard.words, speakers, main),
    )
    return conversation, {
        "utterances": len(conversation.utterances),
        "words": len(heard.words),
        "turns_without_words": sum(
            not any(turn.start < word.end and word.start < turn.end for word in heard.words)
            for turn in voices.turns
            if turn.end - turn.start >= LONG_TURN
        ),
        "unknown_words": speakers.count(attribution.UNKNOWN),
        "speakers": len(voices.voices),
    }
