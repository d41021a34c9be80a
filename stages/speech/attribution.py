"""Words to speakers, speakers to roles: a transcript and a diarization become a conversation."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from stages.core.schema import Diarization, SpeakerTurn, Utterance, Word

UNKNOWN = "unknown"


def attribute_words(words: Sequence[Word], turns: Sequence[SpeakerTurn], reach: float) -> list[str]:
    """The speaker of each word: the one whose turns it overlaps most, else the nearest within `reach` seconds.

    Args:
        words: in order of time.
        turns: in any order; they may overlap.
        reach: seconds between a word and a turn up to which the word may belong to it.

    Returns: one label per word, UNKNOWN where no turn is near.
    """
    return [
        _find_speaker(word, near, reach) for word, near in zip(words, _near(words, turns, reach), strict=True)
    ]


def _near(words: Sequence[Word], turns: Sequence[SpeakerTurn], reach: float) -> Iterator[list[SpeakerTurn]]:
    """For each word, the turns within `reach` of it, in one pass over both."""
    waiting = sorted(turns, key=lambda turn: (turn.start, turn.end, turn.speaker))
    near: list[SpeakerTurn] = []
    taken = 0
    for word in words:
        while taken < len(waiting) and waiting[taken].start <= word.end + reach:
            near.append(waiting[taken])
            taken += 1
        near = [turn for turn in near if turn.end >= word.start - reach]
        yield near


def _find_speaker(word: Word, near: Sequence[SpeakerTurn], reach: float) -> str:
    overlaps: dict[str, float] = {}
    distances: dict[str, float] = {}
    for turn in near:
        shared = min(word.end, turn.end) - max(word.start, turn.start)
        if shared >= 0:
            overlaps[turn.speaker] = overlaps.get(turn.speaker, 0.0) + shared
        elif -shared <= reach:
            distances[turn.speaker] = min(distances.get(turn.speaker, reach), -shared)
    if overlaps:
        return min(overlaps, key=lambda speaker: (-overlaps[speaker], speaker))
    if distances:
        return min(distances, key=lambda speaker: (distances[speaker], speaker))
    return UNKNOWN


def find_main_speaker(diarization: Diarization, main_speaker: str) -> str | None:
    """The main speaker, who answers, by rule; None where nobody speaks.

    Args:
        diarization: of the recording.
        main_speaker: `most_speech`, who speaks longest, or `first_voice`, who speaks first.
    """
    if not diarization.turns:
        return None
    if main_speaker == "first_voice":
        return min(diarization.turns, key=lambda turn: (turn.start, turn.speaker)).speaker
    seconds = {speaker: voice.seconds for speaker, voice in diarization.voices.items()}
    return min(seconds, key=lambda speaker: (-seconds[speaker], speaker))


def join_utterances(words: Sequence[Word], speakers: Sequence[str], main: str | None) -> list[Utterance]:
    """Consecutive words of one speaker as utterances; whoever is not the main speaker is a host."""
    roles = {UNKNOWN: UNKNOWN, main: "main"}
    pairs = zip(speakers, words, strict=True)
    return [
        Utterance(speaker=speaker, role=roles.get(speaker, "host"), words=[word for _, word in group])  # type: ignore[arg-type]
        for speaker, group in groupby(pairs, key=lambda pair: pair[0])
    ]
