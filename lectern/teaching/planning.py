"""From passages to the calls that ask a teacher LLM for examples."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lectern.core.schema import Message, Passage
from lectern.llm.prompting import Prompt
from lectern.llm.request import Request
from lectern.settings.teach import FOLLOW, Teach
from lectern.teaching.methods import METHODS, Ask

LANGUAGES = {
    "ar": "Arabic",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "nb": "Norwegian",
    "nl": "Dutch",
    "no": "Norwegian",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sr": "Serbian",
    "sv": "Swedish",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
"""What an LLM understands better than the code."""

MakeRequest = Callable[[list[Message], dict[str, Any]], Request]


@dataclass(frozen=True)
class Call:
    """One call: what is asked about which passage, by which method."""

    method: str
    passage: int
    """its place in the item, counted from 0"""
    ask: Ask
    request: Request


@dataclass(frozen=True)
class Plan:
    """What is asked about an item."""

    passages: Sequence[Passage]
    calls: Sequence[Call]
    """passage by passage; no two are alike"""
    skipped: Mapping[str, Mapping[str, int]]
    """method -> reason -> how often something of a passage is not asked about"""


def plan(
    passages: Sequence[Passage],
    params: Teach,
    prompts: Mapping[str, Prompt],
    make_request: MakeRequest,
) -> Plan:
    """All calls about an item. What is asked about a passage depends on this passage alone.

    Args:
        passages: of the item, in its order.
        params: which methods, how many rows, and how long.
        prompts: method -> its prompt.
        make_request: from messages and the schema of the reply to the request.
    """
    calls: list[Call] = []
    skipped: dict[str, Counter[str]] = {method: Counter() for method in params.methods}
    seen: set[str] = set()
    for place, passage in enumerate(passages):
        for method in params.methods:
            asks, left_out = METHODS[method].plan(passage, params)
            skipped[method] += left_out
            for ask in asks:
                # Nothing of the item: where two say the same under the same heading, or one is renamed, nothing is
                # asked twice.
                messages = prompts[method].render(
                    text=ask.text,
                    heading=passage.heading,
                    language=name_language(params.language, passage.language),
                    count=ask.count,
                    params=asdict(params),
                )
                request = make_request(messages, METHODS[method].schema(ask, params))
                if request.key in seen:  # a paragraph that two passages share
                    skipped[method]["repeated"] += 1
                    continue
                seen.add(request.key)
                calls.append(Call(method, place, ask, request))
    return Plan(passages, calls, skipped)


def name_language(chosen: str, own: str | None) -> str:
    """The language to write in, in words.

    Args:
        chosen: a code, a name, or `follow`.
        own: the passage's code. It comes from a document, so it becomes the name of a known language or nothing.
    """
    if chosen != FOLLOW:
        return LANGUAGES.get(chosen.lower(), chosen)
    code = (own or "").lower().replace("_", "-").partition("-")[0]
    return LANGUAGES.get(code, "the language of the passage")
