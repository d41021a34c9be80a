"""Find words of a transcript that were probably not said: repetition loops, and words where nobody speaks.

They are counted and shown but never deleted, because a chorus repeats itself too, and a speech detector may take a
whisper for silence.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lectern.core.schema import Word
from lectern.speech.listening import Span, Window, clip, find_unheard

LOOPING = 2.4
"""Compression ratio above which Whisper's authors take a text for a loop (arXiv:2212.04356, section 4.5)."""
STOCK = (
    "thank you for watching",
    "thanks for watching",
    "thank you so much for watching",
    "please subscribe",
    "like and subscribe",
    "see you in the next video",
    "subtitles by the amara org community",
    "transcription by castingwords",
)
"""Phrases that Whisper, which was trained on subtitles, writes where it hears nothing."""
_LONGEST_UNIT = 30  # greatest number of words of a repeated phrase
_STRETCH = 80  # number of words that are compressed together
_NEAR = 0.3  # seconds that a word may lie outside the speech that it belongs to
_SPANS = 3  # how many spans of each kind the manifest keeps
_ITEMS = 20  # how many of the worst items the metrics name


def examine(words: Sequence[Word], speech: Sequence[Span], seconds: float) -> dict[str, Any]:
    """Return the facts about one transcript that the manifest keeps.

    Args:
        words: in order of time.
        speech: where a detector finds speech, in order.
        seconds: length of the recording.
    """
    loops = find_loops(words)
    silent = find_silent(words, speech)
    unheard = [
        (window.start, window.pieces[-1][1])
        for window in find_unheard(Window(((0.0, seconds),)), words, speech)
    ]
    return {
        "loops": len(loops),
        **_describe("loop", loops),
        "silent_words": sum(1 for word in words if not _near_speech(word, speech)),
        **_describe("silent", silent),
        **_describe("unheard", unheard),
        "stock_phrases": count_stock_phrases(words),
    }


def _describe(kind: str, spans: Sequence[Span]) -> dict[str, Any]:
    """Return the total length of spans, and the longest of them in order of time."""
    longest = sorted(sorted(spans, key=lambda span: (span[0] - span[1], span[0]))[:_SPANS])
    return {
        f"{kind}_seconds": round(sum((end - start for start, end in spans), 0.0), 3),
        f"{kind}_spans": [[round(start, 3), round(end, 3)] for start, end in longest],
    }


def find_loops(words: Sequence[Word]) -> list[Span]:
    """Find where a phrase of up to 30 words is repeated too often, or text compresses better than speech ever does."""
    texts = [_bare(word.text) for word in words]
    found: list[tuple[int, int]] = []
    for length in range(1, _LONGEST_UNIT + 1):
        first = 0
        while first < len(texts) - length:
            stop = first
            while stop + length < len(texts) and texts[stop] == texts[stop + length]:
                stop += 1
            # People do say "no, no, no" or "I don't know" twice; so many repetitions are a loop:
            least = 6 if length == 1 else 4 if length < 4 else 3
            if stop - first + length >= least * length:
                found.append((first, stop + length))
            first = max(stop, first + 1)
    exact = sorted(found)
    for first in range(0, len(texts) - _STRETCH // 2, _STRETCH // 2):
        stop = min(first + _STRETCH, len(texts))
        if any(a < stop and b > first for a, b in exact):
            continue  # the loop in this stretch is already found
        text = " ".join(texts[first:stop]).encode()
        if len(text) / len(zlib.compress(text)) > LOOPING:
            found.append((first, stop))
    merged: list[tuple[int, int]] = []
    for first, stop in sorted(found):
        if merged and first < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((first, stop))
    return [(words[first].start, words[stop - 1].end) for first, stop in merged]


def find_silent(words: Sequence[Word], speech: Sequence[Span]) -> list[Span]:
    """Find the stretches of consecutive words that have no speech near them."""
    found: list[Span] = []
    open_span = False
    for word in words:
        if _near_speech(word, speech):
            open_span = False
        elif open_span:
            found[-1] = (found[-1][0], word.end)
        else:
            found.append((word.start, word.end))
            open_span = True
    return found


def _near_speech(word: Word, speech: Sequence[Span]) -> bool:
    return bool(clip(speech, word.start - _NEAR, word.end + _NEAR))


def count_stock_phrases(words: Iterable[Word]) -> int:
    """Count how often the phrases of STOCK occur."""
    text = f" {' '.join(filter(None, (_bare(word.text) for word in words)))} "
    return sum(text.count(f" {phrase} ") for phrase in STOCK)


def _bare(text: str) -> str:
    return "".join(c if c.isalnum() else " " for c in text.casefold() if c not in "'’").strip()


TOTALS = (
    "seconds",
    "speech_seconds",
    "words",
    "damaged_packets",
    "windows",
    "noise_windows",
    "heard_again",
    "recovered_words",
    "unheard_seconds",
    "loops",
    "loop_seconds",
    "loops_broken",
    "silent_words",
    "silent_seconds",
    "stock_phrases",
)
SUSPICIOUS = ("loop_seconds", "silent_seconds", "unheard_seconds")


def summarise(facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the totals over all recordings, and the recordings that somebody should listen to first.

    A total that the engine does not count is left out.
    """
    totals = {
        name: round(sum(entry.get(name, 0) for entry in facts.values()), 3)
        for name in TOTALS
        if not facts or any(name in entry for entry in facts.values())
    }
    doubtful = {
        item: round(sum(entry.get(name, 0.0) for name in SUSPICIOUS), 3) for item, entry in facts.items()
    }
    worst = sorted((item for item in facts if doubtful[item] > 0), key=lambda item: (-doubtful[item], item))
    return {
        "items": len(facts),
        **totals,
        "languages": dict(sorted(Counter(entry["language"] for entry in facts.values()).items())),
        "most_suspicious": {
            item: {name: facts[item].get(name, 0.0) for name in SUSPICIOUS} for item in worst[:_ITEMS]
        },
    }
