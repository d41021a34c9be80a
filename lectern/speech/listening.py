"""Cut speech into windows of the length that Whisper takes, and find speech that got no words, to hear it again.

Whisper's batched pipelines decode each window once. If the model ends its text before the window's speech ends, the
rest is lost (on the demo: whole turns). This module compares the words of each window with the speech that a detector
found in it, and decodes speech without words again in a window of its own. All times are seconds from the start of the
recording.
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
"""Length of Whisper's window in seconds."""
SILENCE = 1e-4
"""Peak (full scale is 1) below which a window counts as silent: -80 dB, below the noise of any microphone."""
_GAP = 0.16  # seconds of silence that end a stretch of speech, as in faster-whisper's batches
_PAD = 0.4  # seconds of silence kept on each side of speech: longer silences are shortened to twice that
_PAUSE = 1.0  # seconds; a cut in a silence that is at least so long costs nothing
_SHORT_CUT = 0.2  # cost of a cut without any silence, as a share of the cost of a window
_MISSED = 1.0  # seconds; more speech than this in one place must have words
_LONG_WORD = (
    0.75  # seconds; a word fills its time if that is at most twice as long, as no vowel is held longer
)
_SCRAP = (
    0.3  # seconds; a shorter piece of speech beside a word may belong to it, since word times are not exact
)


class Window(NamedTuple):
    """Stretches of the recording that are decoded at once, in order, without what lies between them."""

    pieces: tuple[Span, ...]

    @property
    def start(self) -> float:
        """Start of the first piece, in seconds."""
        return self.pieces[0][0]

    @property
    def seconds(self) -> float:
        """Length of all pieces together, in seconds."""
        return sum(end - start for start, end in self.pieces)

    def read(self, recording: Recording) -> Samples:
        """Return the samples of the pieces, joined."""
        return np.concatenate(
            [recording.read(round(start * RATE), round(end * RATE)) for start, end in self.pieces]
        )

    def restore(self, word: Word) -> Word:
        """Convert a word's times from the window to the recording. The word's middle decides in which piece it lies."""
        middle, before = (word.start + word.end) / 2, 0.0
        for start, end in self.pieces:
            if middle <= before + end - start or (start, end) == self.pieces[-1]:
                break
            before += end - start
        first, last = (min(max(time - before + start, start), end) for time in (word.start, word.end))
        return word.model_copy(update={"start": round(first, 3), "end": round(last, 3)})


def find_speech(recording: Recording, block: float = 600.0) -> list[Span]:
    """Find where somebody speaks (by silero VAD), in order, with at least 0.16 s of silence between two stretches.

    The recording is read `block` seconds at a time. Speech that reaches the end of a block is examined again together
    with the next block.
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
                # the detector needs a little silence before speech
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
    """Divide all speech into windows of at most LONGEST seconds, cut at silences.

    Decoding a window takes the same time whatever it holds, so there should be few. A cut in a short silence may lie
    inside a sentence, so it costs up to `_SHORT_CUT` of a window more. Dynamic programming finds the division with the
    lowest total cost. Speech that has no silence for LONGEST seconds is cut where it is quietest. Up to `_PAD` seconds
    of silence are kept on each side of speech, so that no silence in a window is longer than the pauses of people.
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
            # among equal costs the last one tried wins: it has the longest window
            if (cost := cheapest[first] + 1 + cut) <= cheapest[stop] + 1e-9:
                cheapest[stop], begins[stop] = cost, first
    windows, stop = [], len(pieces)
    while stop:
        windows.append(Window(tuple(_join(pieces[begins[stop] : stop]))))
        stop = begins[stop]
    return windows[::-1]


def _measure_silences(speech: Sequence[Span], pieces: Sequence[Span]) -> list[float]:
    """Return the seconds of silence before each piece: 0 before the first, and where speech itself was divided."""
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
    """Widen spans by up to `most` seconds on each side, but by no more than half of the gap to the next span."""
    edges = [bounds[0], *(time for span in spans for time in span), bounds[1]]
    return [
        (
            start - min(most, (start - edges[2 * i]) / (2 if i else 1)),
            end + min(most, (edges[2 * i + 3] - end) / (2 if i < len(spans) - 1 else 1)),
        )
        for i, (start, end) in enumerate(spans)
    ]


def divide(recording: Recording, piece: Span, longest: float) -> Iterator[Span]:
    """Divide a piece into parts of at most `longest` seconds, each cut at the quietest place in its last third."""
    start, end = piece
    while end - start > longest + 1e-6:
        middle = find_quietest(recording, start + longest * 2 / 3, start + longest)
        yield start, middle
        start = middle
    yield start, end


def find_quietest(recording: Recording, start: float, end: float) -> float:
    """Return the middle of the 0.1 s between `start` and `end` that has the least energy."""
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
    """Cut a window in two, at the quietest place in the middle third of its longest piece."""
    start, end = max(window.pieces, key=lambda piece: piece[1] - piece[0])
    at = find_quietest(recording, start + (end - start) / 3, end - (end - start) / 3)
    pieces = sorted({p for p in window.pieces if p != (start, end)} | {(start, at), (at, end)})
    return [
        Window(tuple(p for p in pieces if p[1] <= at)),
        Window(tuple(p for p in pieces if p[0] >= at)),
    ]


def find_unheard(window: Window, words: Sequence[Word], speech: Sequence[Span]) -> list[Window]:
    """Find the places in a window with more than a second of speech and no word; each becomes a window of its own.

    Args:
        window: the window that was decoded.
        words: the words heard in it, in order of time.
        speech: stretches of speech of the whole recording, in order.
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
    """Return the parts of spans that lie between two times. The spans are in order and do not overlap."""
    first = bisect.bisect_right(spans, left, key=lambda span: span[1])
    stop = bisect.bisect_left(spans, right, lo=first, key=lambda span: span[0])
    return [(max(start, left), min(end, right)) for start, end in spans[first:stop]]


def _fill(word: Word) -> list[Span]:
    """Return the time that a word can fill. Of a time that is too long for a word, that is its two ends."""
    if word.end - word.start <= 2 * _LONG_WORD:
        return [(word.start, word.end)]
    return [(word.start, word.start + _LONG_WORD), (word.end - _LONG_WORD, word.end)]


class Hearing(NamedTuple):
    """The result of decoding one window."""

    words: list[Word]  # with times in the recording
    noise: bool = False  # the model reports that nobody speaks
    looping: bool = False  # the text repeats itself


Hear = Callable[[Sequence[Window]], list[Hearing]]


class Account(NamedTuple):
    """The result of decoding all windows."""

    words: list[Word]
    windows: int
    heard_again: int  # places that were decoded again because their speech had no words
    recovered_words: int  # words found there
    noise_windows: int  # windows without words because the model reported that nobody speaks
    loops_broken: int  # windows whose text repeated itself, but not when decoded in two halves


def hear_all(
    windows: Sequence[Window],
    hear: Hear,
    *,
    recording: Recording,
    speech: Sequence[Span],
    batch_size: int,
    rounds: int = 4,
) -> Account:
    """Decode all windows in batches, then the places in them whose speech got no words, until none is left.

    A window whose text repeats itself is decoded again in two halves, which ends most repetition loops. Whisper itself
    also tries again if the text compresses too well, but with a random choice of words.

    Args:
        windows: of the recording, in order.
        hear: decodes some windows together.
        recording: the recording, in which halves are cut at quiet places.
        speech: stretches of speech of the recording, in order.
        batch_size: number of windows that are decoded together.
        rounds: greatest number of times that a place is decoded.
    """
    heard: list[Word] = []
    looping: list[tuple[Window, list[Word]]] = []
    recovered = noise = 0
    # Places to decode again are appended to the queue, so that batches stay full.
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
            # A place that gave no words at all would give none again, but its halves may give some.
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
    while start < len(windows):  # the caller may append windows meanwhile
        batch = windows[start : start + size]
        yield from zip(batch, hear(batch), strict=True)
        start += len(batch)


def _by_time(word: Word) -> Span:
    return word.start, word.end


def _settle(words: Sequence[Word]) -> list[Word]:
    """Put the words in order of time, and shorten each word that ends after the next one begins."""
    ordered = sorted(words, key=_by_time)
    return [
        word if word.end <= following.start else word.model_copy(update={"end": following.start})
        for word, following in pairwise(ordered)
    ] + ordered[-1:]


def drop_echoes(heard: Sequence[Word], words: list[Word]) -> list[Word]:
    """Drop the words at either end that repeat the words just before or after them.

    The sound of a place that is decoded again overlaps that of the words around it by up to about a word.

    Args:
        heard: all words so far, in order of time.
        words: the words of one place, in order of time.
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
