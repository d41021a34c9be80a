"""Give each word a speaker, by overlap with the turns or else by distance, and join words into utterances."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from lectern.core.schema import Role, SpeakerTurn, Utterance, Word
from lectern.formats.caption_files import UNKNOWN
from lectern.text.sentences import split_sentences

CLEAR = 2.0
"""A word is surely of the speaker whose turns overlap it so many times as long as those of any other."""
LONGEST = 80
"""Words. A longer sentence is not voted on: where punctuation is missing, several sentences look like one. Chosen on
six episodes of a podcast, where 80 left fewer cuts inside sentences than 50, and 200 no fewer wrong first pieces."""
_BROKEN_OFF = re.compile(r"(?:[-–—…]|\.\.)[\"'”’)\]]*$")
_INITIAL = re.compile(r"^[\"'“‘(\[]*[^\W\d_]")
_ENDED = re.compile(r"[.?!…。？！؟][\"'”’»)\]」』]*$")
_I = re.compile(r"^I(?:['’]\w+)?[.,?!]*$")
NOUNS_ARE_CAPITAL = frozenset({"de", "lb"})
"""Languages in which a capital in the middle of a sentence is that of a noun."""
BEGINNINGS = re.compile(
    "aber|ach|aha?|also|an|auf|aus|bei|bitte|da|dann|das|dass|dem|denn?|der|deshalb|die|diese?|dieser|doch|du|echt|"
    "eine?|einen|er|es|exakt|für|genau|gerne|gut|hallo|hm|ich|ihr|im|in|ist|ja|jawohl|jetzt|kann|klar|mal|man|mein|mhm|"
    "mit|moment|na|natürlich|nee|nein|nicht|nun|ob|oder|oh|okay|ok|richtig|schön|sehr|sie|so|sondern|sorry|stimmt|"
    "super|und|warte|warum|was|weil|wenn|wer|wie|wieso|wir|wirklich|wo|zu",
    re.IGNORECASE,
)
"""German words with which somebody who interrupts another begins."""


class Attribution(NamedTuple):
    """Who said a word."""

    label: str
    sure: bool
    """False where another speaker's turns overlap it nearly as long"""


def attribute_words(words: Sequence[Word], turns: Sequence[SpeakerTurn], reach: float) -> list[str]:
    """Return the label of each word; see `attribute`."""
    return [found.label for found in attribute(words, turns, reach)]


def attribute(words: Sequence[Word], turns: Sequence[SpeakerTurn], reach: float) -> list[Attribution]:
    """Find the speaker of each word: the one whose turns overlap it most, else the nearest within `reach` seconds.

    If two overlap it equally long, the speaker of the word before goes on.

    Args:
        words: in order of time.
        turns: in any order; they may overlap.
        reach: a word may belong to a turn that is at most this many seconds away.

    Returns: one label per word, UNKNOWN where no turn is near.
    """
    found: list[Attribution] = []
    for word, near in zip(words, _near(words, turns, reach), strict=True):
        found.append(_find_speaker(word, near, reach, found[-1].label if found else UNKNOWN))
    return found


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


def _find_speaker(word: Word, near: Sequence[SpeakerTurn], reach: float, before: str) -> Attribution:
    overlaps: dict[str, float] = {}
    distances: dict[str, float] = {}
    for turn in near:
        shared = min(word.end, turn.end) - max(word.start, turn.start)
        if shared >= 0:
            overlaps[turn.speaker] = overlaps.get(turn.speaker, 0.0) + shared
        elif -shared <= reach:
            distances[turn.speaker] = min(distances.get(turn.speaker, reach), -shared)
    rated = overlaps or {speaker: -distance for speaker, distance in distances.items()}
    if not rated:
        return Attribution(UNKNOWN, True)
    best, *others = sorted(rated, key=lambda label: (-round(rated[label], 3), label != before, label))
    sure = not overlaps or not others or overlaps[best] >= CLEAR * overlaps[others[0]]
    return Attribution(best, sure)


def settle_turns(
    words: Sequence[Word], turns: Sequence[SpeakerTurn], language: str, reach: float
) -> list[SpeakerTurn]:
    """Return the turns so that each sentence belongs to one speaker, see `settle_sentences`.

    Where the vote gives words to another speaker, their stretch of time is taken from the one and given to the other.
    What corrections say is laid over the result, and so overrides the vote.

    Args:
        words: in order of time.
        turns: in any order; they may overlap.
        language: code, by which sentence ends are found.
        reach: in seconds, see `attribute`.
    """
    found = attribute(words, turns, reach)
    settled = list(turns)
    pairs = zip(found, settle_sentences(words, found, language), words, strict=True)
    for (before, after), run in groupby(pairs, key=lambda pair: (pair[0].label, pair[1])):
        if before != after:
            said = [word for *_, word in run]
            settled = _give(settled, said[0].start, said[-1].end, before, after)
    return settled


def _give(
    turns: Sequence[SpeakerTurn], start: float, end: float, before: str, after: str
) -> list[SpeakerTurn]:
    """Take a stretch of time from one speaker, and give it to another who does not have it already."""
    kept: list[SpeakerTurn] = []
    for turn in turns:
        if turn.speaker != before or turn.end <= start or turn.start >= end:
            kept.append(turn)
            continue
        for a, b in ((turn.start, start), (end, turn.end)):
            if a < b:
                kept.append(turn.model_copy(update={"start": a, "end": b}))
    if not any(turn.speaker == after and turn.start <= start and end <= turn.end for turn in turns):
        kept.append(SpeakerTurn(speaker=after, start=start, end=end))
    return kept


def settle_sentences(words: Sequence[Word], found: Sequence[Attribution], language: str) -> list[str]:
    """Return the label of each word, so that a sentence belongs to the one who says most of it.

    Diarization and the cues of a transcript often change the speaker a few words too early or too late. The vote is
    that of whisper-diarization (`get_realigned_ws_mapping_with_punctuation`), with three differences: a change stays
    where the words before it break off or those after it begin with a capital, since it may be an interruption; a word
    on which two speakers overlap has no vote; and the words of nobody inside a sentence are those of its speaker. A
    German noun has its capital in the middle of a sentence too, and is no sign of an interruption. What
    begins in lower case or ends without a mark is no sentence: the transcript lacks punctuation there. In a script
    without capitals it lacks it where fewer sentences end with another mark than with a question mark, as in Thai.

    Args:
        words: in order of time.
        found: their speakers.
        language: code, by which sentence ends are found.
    """
    labels = [one.label for one in found]
    first, has_stops = 0, _has_stops(words)
    for sentence in split_sentences(words, language):
        last = first + len(sentence)
        if len(set(labels[first:last])) > 1 and _is_whole(sentence):
            _fill_holes(labels, first, last)
            if not has_stops and not _has_capitals(sentence):
                first = last
                continue
            cuts = [
                i
                for i in range(first + 1, last)
                if labels[i] != labels[i - 1] and not _goes_on(words, i, language)
            ]
            for begin, end in pairwise([first, *cuts, last]):
                if end - begin <= LONGEST:
                    _vote(labels, found, begin, end)
        first = last
    return labels


def _has_stops(words: Sequence[Word]) -> bool:
    ends = [match[0] for word in words if (match := _ENDED.search(word.text))]
    questions = sum(any(mark in end for mark in "?？؟") for end in ends)
    return len(ends) >= 2 * questions


def _has_capitals(sentence: Sequence[Word]) -> bool:
    """Whether the sentence is in a script that has capitals."""
    return any(word.text.lower() != word.text.upper() for word in sentence)


def _is_whole(sentence: Sequence[Word]) -> bool:
    initial = _INITIAL.match(sentence[0].text)
    return not (initial and initial[0][-1].islower()) and _ENDED.search(sentence[-1].text) is not None


def _fill_holes(labels: list[str], first: int, last: int) -> None:
    """Give the words of nobody between two stretches of one speaker to that speaker."""
    known = [index for index in range(first, last) if labels[index] != UNKNOWN]
    for before, after in pairwise(known):
        if labels[before] == labels[after]:
            labels[before + 1 : after] = [labels[before]] * (after - before - 1)


def _goes_on(words: Sequence[Word], index: int, language: str) -> bool:
    """Whether the word at `index` seems to go on with the sentence of the word before it."""
    text = words[index].text
    if _BROKEN_OFF.search(words[index - 1].text):
        return False
    initial = _INITIAL.match(text)
    if initial is None or not initial[0][-1].isupper() or _I.match(text) is not None:
        return True
    return language[:2] in NOUNS_ARE_CAPITAL and not BEGINNINGS.fullmatch(text.strip("\"'“„‘(.,?!"))


def _vote(labels: list[str], found: Sequence[Attribution], begin: int, end: int) -> None:
    """Give the words from `begin` to `end` to the speaker of most of them; in a tie, to the one who begins."""
    given = [(label, one.sure) for label, one in zip(labels[begin:end], found[begin:end], strict=True)]
    votes = Counter(label for label, sure in given if label != UNKNOWN and sure)
    votes = votes or Counter(label for label, _ in given if label != UNKNOWN)
    if votes:
        labels[begin:end] = [max(votes, key=lambda label: votes[label])] * (end - begin)


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
