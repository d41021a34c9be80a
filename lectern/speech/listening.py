"""What to listen to: speech, in windows as long as Whisper hears at once, and what of it was not heard.

Whisper's batched pipelines hear each window once. Where the model ends its text before the window's speech ends, the
rest is lost (on the demo: whole turns). Here each window is compared with the speech in it, and what got no words is
heard again by itself. All times are seconds from the start of the recording.
"""

import bisect
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from lectern.core.schema import Word
from lectern.formats.audio import RATE, Recording, Samples

Span = tuple[float, float]
"""Start and end in seconds."""

LONGEST = 30.0
"""Seconds that Whisper hears at once."""
SILENCE = 1e-4
"""Peak (full scale = 1) under which there is nothing to hear: -80 dB, below the noise of any microphone."""
_GAP = 0.16  # seconds of silence that end a stretch of speech, as in faster-whisper's batches
_PAD = 0.4  # seconds of silence kept on each side of speech: longer silences are shortened to twice that
_PAUSE = 1.0  # seconds of silence in which a cut is as good as anywhere
_SHORT_CUT = 0.2  # of the cost of a window: what a cut without any silence costs
_MISSED = 1.0  # seconds of speech in one place that must have words
_LONG_WORD = 0.75  # seconds on each side that a word can truly fill: no vowel is held for twice that
_SCRAP = 0.3  # seconds of speech beside a word that may be that word's own, its times being so exact


class Window(NamedTuple):
    """What is heard at once: stretches of the recording, in order, played without what lies between them."""

    pieces: tuple[Span, ...]

    @property
    def start(self) -> float:
        """Where its first piece begins."""
        return self.pieces[0][0]

    @property
    def seconds(self) -> float:
        """Length of its pieces."""
        return sum(end - start for start, end in self.pieces)

    def read(self, recording: Recording) -> Samples:
        """The samples of its pieces, one after the other."""
        return np.concatenate(
            [recording.read(round(start * RATE), round(end * RATE)) for start, end in self.pieces]
        )

    def restore(self, word: Word) -> Word:
        """A word with times inside the window, its times in the recording; its middle says in which piece it is."""
        middle, before = (word.start + word.end) / 2, 0.0
        for start, end in self.pieces:
            if middle <= before + end - start or (start, end) == self.pieces[-1]:
                break
            before += end - start
        first, last = (min(max(time - before + start, start), end) for time in (word.start, word.end))
        return word.model_copy(update={"start": round(first, 3), "end": round(last, 3)})


def find_speech(recording: Recording, block: float = 600.0) -> list[Span]:
    """Where somebody speaks (silero VAD), in order, with at least 0.16 s of silence between.

    Read `block` seconds at a time; speech that goes on at the end of a block is looked at again with the next.
    """
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(min_silence_duration_ms=round(_GAP * 1000), speech_pad_ms=0)
    size, at = round(block * RATE), 0
    found: list[tuple[int, int]] = []
    while at < len(recording):
        samples = recording.read(at, at + size)
        following = at + len(samples)
        spans = [(at + s["start"], at + s["end"]) for s in get_speech_timestamps(samples, options)]
        if following < len(recording) and spans and spans[-1][1] == following:
            start = spans[-1][0]
            if start - at > len(samples) // 2:
                # the detector needs a little of the silence before speech
                following = max(start - RATE // 2, spans[-2][1] if len(spans) > 1 else at)
                spans.pop()
        for start, end in spans:
            if found and start - found[-1][1] < _GAP * RATE:
                found[-1] = (found[-1][0], end)
            else:
                found.append((start, end))
        at = following
    return [(start / RATE, end / RATE) for start, end in found]


def cut_windows(recording: Recording, speech: Sequence[Span]) -> list[Window]:
    """All of the speech in windows of at most LONGEST seconds, cut at silences.

    A window costs the same whatever it holds, so there are as few as possible, but a cut in a short silence, which may
    lie inside a sentence, costs up to `_SHORT_CUT` of a window more (the cheapest division, by dynamic programming).
    Speech without a silence for so long is cut where it is quietest. Beside speech `_PAD` seconds of silence are kept:
    a window holds no longer silence than people leave.
    """
    pieces = [
        part
        for piece in pad(speech, (0.0, recording.seconds), _PAD)
        for part in divide(recording, piece, LONGEST)
    ]
    silences = _measure_silences(speech, pieces)
    cheapest = [0.0] + [float("inf")] * len(pieces)
    begins = [0] * (len(pieces) + 1)
    for stop in range(1, len(pieces) + 1):
        seconds, first = 0.0, stop
        while first and (seconds := seconds + pieces[first - 1][1] - pieces[first - 1][0]) <= LONGEST + 1e-6:
            first -= 1
            cut = _SHORT_CUT * (1 - min(silences[first], _PAUSE) / _PAUSE) if first else 0.0
            # of equals the longest window, which the last one tried is
            if (cost := cheapest[first] + 1 + cut) <= cheapest[stop] + 1e-9:
                cheapest[stop], begins[stop] = cost, first
    windows, stop = [], len(pieces)
    while stop:
        windows.append(Window(tuple(_join(pieces[begins[stop] : stop]))))
        stop = begins[stop]
    return windows[::-1]


def _measure_silences(speech: Sequence[Span], pieces: Sequence[Span]) -> list[float]:
    """Seconds of silence before each piece: none before the first, nor where speech itself was divided."""
    starts = [start for start, _ in speech]
    silences = []
    for start, end in pieces:
        at = bisect.bisect_left(starts, start - 1e-6)
        opens = 0 < at < len(speech) and starts[at] <= end
        silences.append(
            starts[at] - speech[at - 1][1] if opens and speech[at - 1][1] <= start + 1e-6 else 0.0
        )
    return silences


def pad(spans: Sequence[Span], bounds: Span, most: float) -> list[Span]:
    """Spans widened by up to `most` seconds on each side, by no more than half of the gap to the next."""
    edges = [bounds[0], *(time for span in spans for time in span), bounds[1]]
    return [
        (
            start - min(most, (start - edges[2 * i]) / (2 if i else 1)),
            end + min(most, (edges[2 * i + 3] - end) / (2 if i < len(spans) - 1 else 1)),
        )
        for i, (start, end) in enumerate(spans)
    ]


def divide(recording: Recording, piece: Span, longest: float) -> Iterator[Span]:
    """A piece in parts of at most `longest` seconds, each cut at the quietest place of the last third."""
    start, end = piece
    while end - start > longest + 1e-6:
        middle = find_quietest(recording, start + longest * 2 / 3, start + longest)
        yield start, middle
        start = middle
    yield start, end


def find_quietest(recording: Recording, start: float, end: float) -> float:
    """The middle of the tenth of a second between `start` and `end` that has the least energy."""
    step = RATE // 10
    first = round(start * RATE)
    samples = recording.read(first, round(end * RATE))
    frames = samples[: len(samples) // step * step].reshape(-1, step)
    if not len(frames):
        return (start + end) / 2
    return (first + (int(np.square(frames).sum(axis=1).argmin()) + 0.5) * step) / RATE


def _join(pieces: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in pieces:
        if joined and start - joined[-1][1] < 1e-6:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def halve(recording: Recording, window: Window) -> list[Window]:
    """The window as two, cut at the quietest place of the middle third of its longest piece."""
    start, end = max(window.pieces, key=lambda piece: piece[1] - piece[0])
    at = find_quietest(recording, start + (end - start) / 3, end - (end - start) / 3)
    pieces = sorted({p for p in window.pieces if p != (start, end)} | {(start, at), (at, end)})
    return [
        Window(tuple(p for p in pieces if p[1] <= at)),
        Window(tuple(p for p in pieces if p[0] >= at)),
    ]


def find_unheard(window: Window, words: Sequence[Word], speech: Sequence[Span]) -> list[Window]:
    """The places inside a window with more than a second of speech and no word, each a window of its own.

    Args:
        window: what was heard at once.
        words: heard in it, in order of time.
        speech: of the whole recording, in order.
    """
    spoken = [part for piece in window.pieces for part in clip(speech, *piece)]
    first, last = window.start, window.pieces[-1][1]
    edges = [(first, first), *(part for word in words for part in _fill(word)), (last, last)]
    unheard = []
    for (_, left), (right, _) in pairwise(edges):
        inside = clip(spoken, left, right)
        while inside and left > first and inside[0][1] - inside[0][0] < _SCRAP:
            inside.pop(0)
        while inside and right < last and inside[-1][1] - inside[-1][0] < _SCRAP:
            inside.pop()
        if sum(end - start for start, end in inside) > _MISSED:
            unheard.append(Window(tuple(_join(pad(inside, (left, right), _PAD)))))
    return unheard


def clip(spans: Sequence[Span], left: float, right: float) -> list[Span]:
    """What of the spans, which are in order and apart, lies between two times."""
    first = bisect.bisect_right(spans, left, key=lambda span: span[1])
    stop = bisect.bisect_left(spans, right, lo=first, key=lambda span: span[0])
    return [(max(start, left), min(end, right)) for start, end in spans[first:stop]]


def _fill(word: Word) -> list[Span]:
    """What a word can truly fill of the time it was given: its two ends, where that is long."""
    if word.end - word.start <= 2 * _LONG_WORD:
        return [(word.start, word.end)]
    return [(word.start, word.start + _LONG_WORD), (word.end - _LONG_WORD, word.end)]


class Hearing(NamedTuple):
    """What a model made of one window."""

    words: list[Word]  # with times in the recording
    noise: bool = False  # the model itself says that nobody speaks
    looping: bool = False  # the text repeats itself


Hear = Callable[[Sequence[Window]], list[Hearing]]


class Account(NamedTuple):
    """What all windows together gave."""

    words: list[Word]
    windows: int
    heard_again: int  # places whose speech had got no words
    recovered_words: int  # heard there
    noise_windows: int  # left out because the model says that nobody speaks
    loops_broken: int  # windows whose text repeated itself, and did not when heard in two halves


def hear_all(
    windows: Sequence[Window],
    hear: Hear,
    *,
    recording: Recording,
    speech: Sequence[Span],
    batch_size: int,
    rounds: int = 4,
) -> Account:
    """Hear all windows in batches, and after them the places in them that got no words, until none is left.

    A window whose text repeats itself is heard again in two halves, which break most loops: it is Whisper's own way
    (another try when the text compresses too well), but without its random numbers.

    Args:
        windows: of the recording, in order.
        hear: decodes some windows together.
        recording: to cut halves from.
        speech: of the recording, in order.
        batch_size: windows that are decoded together.
        rounds: how often a place is heard at most.
    """
    heard: list[Word] = []
    looping: list[tuple[Window, list[Word]]] = []
    recovered = noise = 0
    # Places to hear again join the end of the queue, so that batches stay full.
    queue, attempts = list(windows), [0] * len(windows)
    for number, (window, hearing) in enumerate(_in_batches(queue, hear, batch_size)):
        attempt, words = attempts[number], hearing.words
        noise += hearing.noise
        if hearing.looping and window.seconds > 2 * _MISSED:
            looping.append((window, words))
            continue
        if attempt:
            heard.sort(key=_by_time)
            words = drop_echoes(heard, words)
            recovered += len(words)
        heard += words
        unheard: list[Window] = []
        if words and attempt < rounds - 1:
            unheard = find_unheard(window, words, speech)
        elif not words and not attempt and not hearing.noise:
            # what gave nothing at all would give nothing again, but its halves may
            unheard = [half for place in find_unheard(window, [], speech) for half in halve(recording, place)]
        queue += unheard
        attempts += [attempt + 1] * len(unheard)
    halves = [half for window, _ in looping for half in halve(recording, window)]
    hearings = [hearing for _, hearing in _in_batches(halves, hear, batch_size)]
    broken = 0
    for (_, words), pair in zip(looping, zip(hearings[::2], hearings[1::2], strict=True), strict=True):
        if any(half.looping for half in pair):
            heard += words
        else:
            broken += 1
            heard += [word for half in pair for word in half.words]
    return Account(_settle(heard), len(windows), len(queue) - len(windows), recovered, noise, broken)


def _in_batches(windows: Sequence[Window], hear: Hear, size: int) -> Iterator[tuple[Window, Hearing]]:
    start = 0
    while start < len(windows):  # which may grow meanwhile
        batch = windows[start : start + size]
        yield from zip(batch, hear(batch), strict=True)
        start += len(batch)


def _by_time(word: Word) -> Span:
    return word.start, word.end


def _settle(words: Sequence[Word]) -> list[Word]:
    """The words in order of time, none ending after the next one begins: a word that was stretched gives way."""
    ordered = sorted(words, key=_by_time)
    return [
        word if word.end <= following.start else word.model_copy(update={"end": following.start})
        for word, following in pairwise(ordered)
    ] + ordered[-1:]


def drop_echoes(heard: Sequence[Word], words: list[Word]) -> list[Word]:
    """The words without those at either end that repeat what was heard just before or after them.

    A place that is heard again begins and ends within a word's length of words that were already heard.

    Args:
        heard: all words so far, in order of time.
        words: of one place, in order of time.
    """
    if not words:
        return words
    starts = (words[0].start, words[-1].start)
    first, last = (bisect.bisect_left(heard, start, key=lambda word: word.start) for start in starts)
    before = [word for word in heard[max(0, first - 3) : first] if word.end > words[0].start - 1.0]
    after = [word for word in heard[last : last + 3] if word.start < words[-1].end + 1.0]
    for length in range(min(len(before), len(words)), 0, -1):
        if _texts(before[-length:]) == _texts(words[:length]):
            words = words[length:]
            break
    for length in range(min(len(after), len(words)), 0, -1):
        if _texts(after[:length]) == _texts(words[-length:]):
            words = words[:-length]
            break
    return words


def _texts(words: Sequence[Word]) -> list[str]:
    return ["".join(c for c in word.text.casefold() if c.isalnum()) for word in words]
