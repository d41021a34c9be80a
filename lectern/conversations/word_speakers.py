"""Give each word a speaker, by overlap with the turns or else by distance, and join words into utterances."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from lectern.core.schema import Role, SpeakerTurn, Utterance, Word
from lectern.formats.caption_files import UNKNOWN


def attribute_words(words: Sequence[Word], turns: Sequence[SpeakerTurn], reach: float) -> list[str]:
    """Find the speaker of each word: the one whose turns overlap it most, else the nearest within `reach` seconds.

    Args:
        words: in order of time.
        turns: in any order; they may overlap.
        reach: a word may belong to a turn that is at most this many seconds away.

    Returns: one label per word, UNKNOWN where no turn is near.
    """
    return [
        _find_speaker(word, near, reach) for word, near in zip(words, _near(words, turns, reach), strict=True)
    ]


def _near(words: Sequence[Word], turns: Sequence[SpeakerTurn], reach: float) -> Iterator[list[SpeakerTurn]]:
    """For each word, yield the turns within `reach` seconds of it, in one pass over words and turns."""
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


def join_utterances(
    words: Sequence[Word],
    speakers: Sequence[str],
    kept: Sequence[bool],
    names: Mapping[str, str],
    roles: Mapping[str, Role],
) -> list[Utterance]:
    """Join consecutive words of one speaker into utterances. No word is changed and none is added.

    Args:
        words: in order of time.
        speakers: the label of each word's speaker.
        kept: False for a word that is cut; the utterance ends there, even if the same speaker goes on after it.
        names: label -> name; a label that is not in it serves as the name.
        roles: label -> role; a label that is not in it has the role `unknown`.
    """
    triples = zip(speakers, kept, words, strict=True)
    return [
        Utterance(
            speaker=names.get(label, label), role=roles.get(label, "unknown"), words=[w for *_, w in group]
        )
        for (label, stays), group in groupby(triples, key=lambda triple: triple[:2])
        if stays
    ]
