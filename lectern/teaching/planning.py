"""Plan the calls that ask a teacher LLM for examples from passages."""

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
"""Code -> name, which an LLM understands better than the code."""

MakeRequest = Callable[[list[Message], dict[str, Any]], Request]


@dataclass(frozen=True)
class Call:
    """One call: what is asked, about which passage, by which method."""

    method: str
    passage: int
    """The passage's position in the item, counted from 0."""
    ask: Ask
    request: Request


@dataclass(frozen=True)
class TeachingPlan:
    """All calls about an item."""

    passages: Sequence[Passage]
    calls: Sequence[Call]
    """In the order of the passages; all calls differ from each other."""
    skipped: Mapping[str, Mapping[str, int]]
    """Method -> reason -> how often a passage, or a part of one, is not asked about."""


def plan(
    passages: Sequence[Passage],
    params: Teach,
    prompts: Mapping[str, Prompt],
    make_request: MakeRequest,
) -> TeachingPlan:
    """Plan all calls about an item. What is asked about a passage depends on that passage only.

    Args:
        passages: of the item, in its order.
        params: which methods to use, how many rows to ask for, and how long they may be.
        prompts: method -> its prompt.
        make_request: makes a request from messages and the schema of the reply.
    """
    calls: list[Call] = []
    skipped: dict[str, Counter[str]] = {method: Counter() for method in params.methods}
    seen: set[str] = set()
    for place, passage in enumerate(passages):
        for method in params.methods:
            asks, left_out = METHODS[method].plan(passage, params)
            skipped[method] += left_out
            for ask in asks:
                # Messages hold nothing of the item itself, so that nothing is asked twice when it is renamed, or when
                # two items say the same under the same heading.
                messages = prompts[method].render(
                    text=ask.text,
                    heading=passage.heading,
                    language=name_language(params.language, passage.language),
                    count=ask.count,
                    params=asdict(params),
                )
                request = make_request(messages, METHODS[method].schema(ask, params))
                if request.key in seen:  # two passages share this paragraph
                    skipped[method]["repeated"] += 1
                    continue
                seen.add(request.key)
                calls.append(Call(method, place, ask, request))
    return TeachingPlan(passages, calls, skipped)


def name_language(chosen: str, own: str | None) -> str:
    """The name of the language to write in.

    Args:
        chosen: a code, a name, or `follow`.
        own: the passage's code. A stranger's document declares it, so it only selects a known language or nothing.
    """
    if chosen != FOLLOW:
        return LANGUAGES.get(chosen.lower(), chosen)
    code = (own or "").lower().replace("_", "-").partition("-")[0]
    return LANGUAGES.get(code, "the language of the passage")
