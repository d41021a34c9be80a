"""What is made of drawn texts in several scripts is committed case by case."""

import random
from typing import Any

from lectern.core import printing, secrets
from lectern.core.schema import Word
from lectern.text import cutting, encoding, evidence, function_words, lines, sentences, specifics, unspaced
from lectern.text.contrasts import Contrasts
from lectern.text.words import normalise, words
from tests.support import expected

PIECES = (
    "The seed is 42.",
    "Dr. Lee's run took 3.5 hours (or 1,250 minutes)!",
    "It isn't so; it never was.",
    "e.g. this one",
    "Wir nehmen z.\u00a0B. das Saatkorn von 1.000 Läufen.",
    "种子很重要。每一行都有时间！",
    "Чего он не видел?",
    "well-known",
    "re-\nproducible",
    "soft\u00adhyphen",
    "\u201cQuoted,\u201d she said.",
    "H\u2082O at 5\u00a0°C",
    "A.B. and U.S.A. agree",
    "...",
    "a/b_c",
    "朝五時に搾ります。",
    "twenty-four 24th",
    "no, none of the two",
    "\ufeffx\x00y\r\nz\t\tq",
    "John met Mary in Oslo.",
)
ADDRESSES = (
    "https://me:word@example.org/a?token=abc&t=42#x",
    "http://u:p/w@host/b?sig=1",
    "https://h/?a=1&api_key=2&b=3",
    "//h/p?code=abcdefghijklmnop1234&page_token=q",
    "no address",
    "https://h:8080/x#access_token=1",
    "https://[::1]:x/@y",
    "https://h/{LECTERN_T}?key={LECTERN_T}",
)


def draw_text(draw: random.Random) -> str:
    pieces = (
        draw.choice(PIECES) + draw.choice([" ", " ", "\n", "\n\n", ""]) for _ in range(draw.randrange(1, 9))
    )
    return "".join(pieces)


def test_texts() -> None:
    found: dict[str, Any] = {}
    for case in range(60):
        draw = random.Random(case)
        text, other = draw_text(draw), draw_text(draw)
        read = evidence.read(text)
        parts = text.split("\n")
        quote = " ... ".join(part for part in draw.sample(parts, min(2, len(parts))))
        spans = evidence.find(quote.upper(), read)
        data = text.encode(draw.choice(["utf-8", "utf-16", "utf-8-sig"]))
        timed = [
            Word(text=word, start=n + (n > 5) * 3, end=n + 0.5 + (n > 5) * 3)
            for n, word in enumerate(text.split())
        ]
        contrasts = Contrasts([text, other, text.replace("seed", "noise"), other.replace("Oslo", "Rome")])
        found[str(case)] = {
            "words": [words(text), normalise(text)],
            "tidy": [encoding.clean(text), encoding.tidy(text), encoding.tidy_line(text)],
            "decoded": encoding.decode(data, draw.choice([None, "latin-1", "utf-8", "nonsense"])),
            "sentences": [sentences.find_sentences(text), sentences.find_sentences(text, "de")],
            "spoken": sentences.split_sentences(timed, "en", draw.choice([None, 4])),
            "unspaced": [
                unspaced.is_unspaced(text),
                unspaced.guess_language(text),
                unspaced.divide_words(timed),
            ],
            "evidence": [spans, evidence.cite(spans, text), evidence.find(other, read, 2)],
            "specifics": [
                sorted(specifics.find_numbers(text)),
                sorted(specifics.find_names(text)),
                specifics.split_denied(text),
                [specifics.stem(word) for word in words(text)],
            ],
            "lines": [
                sorted(lines.vocabulary(parts)),
                [lines.is_divided(part) for part in parts],
                lines.join(parts, {"reproducible"}),
            ],
            "masked": function_words.mask_topic(
                words(text), {"the", "so"}, function_words.find_endings(words(text), 1)
            ),
            "printed": [printing.one_line(text, draw.choice([None, 20])), printing.indent(text, "  ")],
            "contrasts": [contrasts.words(), contrasts.between(words(text), words(f"{other} noise Rome"))],
        }
    expected.check_many("drawn/texts.json", found)


def test_cuts_and_addresses() -> None:
    found: dict[str, Any] = {}
    for case in range(80):
        draw = random.Random(case)
        lengths = [draw.randrange(1, 30) for _ in range(draw.randrange(1, 20))]
        costs = [draw.random() for _ in range(len(lengths) + 1)]
        repeats = [draw.randrange(0, 4) for _ in lengths] if case % 2 else None
        found[str(case)] = cutting.choose_cuts(
            lengths, costs, draw.choice([1, 10]), draw.choice([30, 60]), repeats
        )
    for address in ADDRESSES:
        told = f"see {address}, please"
        found[address] = [
            secrets.without_credentials(address),
            secrets.has_credentials(address),
            secrets.without_secrets(told),
            secrets.mask(told.replace("word", "w%6Frd"), "word"),
        ]
    for token in ("EMPTY", "not-needed", "sk-1234567890abcdefghij", "aB3", ""):
        found[token] = [
            secrets.is_dummy(token),
            secrets.is_secret("t", token),
            secrets.is_secret("feed_key", token),
        ]
    expected.check_many("drawn/cuts.json", found)
