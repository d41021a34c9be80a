"""A base model that loads in no time, and chats for it."""

import copy
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lectern.core.schema import Example, Message, Provenance
from lectern.models import chat_format
from lectern.settings.base_model import BaseModelSettings
from lectern.training import rendering
from tests.settings import configure

TINY = configure(
    BaseModelSettings,
    name="tiny_llama",
    source="random",
    package="smollm2_135m",
    architecture="llama",
    context_length=512,
    end_of_turn="<|im_end|>",
    chat_template="smollm2.jinja",
)


def chat(*contents: str, system: str | None = None) -> list[Message]:
    """Alternating messages, the first one the user's."""
    turns = [
        Message(role="assistant" if position % 2 else "user", content=content)
        for position, content in enumerate(contents)
    ]
    return [Message(role="system", content=system), *turns] if system else turns


def example(*contents: str, system: str | None = None) -> Example:
    return Example.of(chat(*contents, system=system), Provenance(item="talk", method="test"))


FAMILIES = ("smollm2", "llama2", "mistral", "phi", "llama2_sentencepiece")


@dataclass(frozen=True)
class Family:
    """A chat format with a tokenizer that knows its control tokens."""

    tokenizer: Any
    template: str
    end_of_turn: str

    def writer(self, persona: str | None = None) -> rendering.Writer:
        return rendering.get_writer(self.tokenizer, self.template, persona)


def family(name: str, packaged: Any) -> Family:
    """One of FAMILIES, over the packaged tokenizer or, as Llama 2's own, one without words to begin with."""
    file, control = {
        "smollm2": ("smollm2.jinja", {}),
        "llama2": ("llama2.jinja", {"bos_token": "<s>", "eos_token": "</s>"}),
        "llama2_sentencepiece": ("llama2.jinja", {}),
        "mistral": (
            "mistral_v3.jinja",
            {"bos_token": "<s>", "eos_token": "</s>", "extra_special_tokens": ["[INST]", "[/INST]"]},
        ),
        "phi": ("phi_qa.jinja", {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"}),
    }[name]
    tokenizer = sentencepiece() if name == "llama2_sentencepiece" else copy.deepcopy(packaged)
    if control:
        tokenizer.add_special_tokens(control)
    template = (chat_format.FOLDER / file).read_text()
    if name != "smollm2":
        tokenizer.chat_template = chat_format.without_marks(template)
    return Family(tokenizer, template, "<|im_end|>" if name == "smollm2" else tokenizer.eos_token)


def sentencepiece() -> Any:
    """A tokenizer of the kind of Llama 2's: spaces are part of the pieces, bytes stand for what it does not know, and
    it opens every text with its beginning-of-sequence token by itself."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    control = ["<unk>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=1200,
        special_tokens=[*control, *(f"<0x{byte:02X}>" for byte in range(256))],
        show_progress=False,
    )
    backend.train_from_iterator(Path("CONTRIBUTING.md").read_text().splitlines(), trainer)
    saved = json.loads(backend.to_str())
    # the trainer takes the bytes for control tokens
    saved["added_tokens"] = [token for token in saved["added_tokens"] if token["content"] in control]
    backend = Tokenizer.from_str(json.dumps(saved))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    backend.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )


WORDS = [
    "the",
    "a",
    "of",
    "Lectern",
    "répond",
    "漢字",
    "数据",
    "🙂",
    "👩\u200d🔬",
    "ét́",
    "internationalisation",
    "3.14",
    "don't",
    "foo_bar",
    "(x)",
    "Привет",
]
ENDS = ["", "", "", "", ".", "?", "!", ",", ".\n", "\n\n", "。"]


def text(chance: random.Random, words: int) -> str:
    """Made-up prose in several scripts, now and then without a space."""
    prose = " ".join(chance.choice(WORDS) + chance.choice(ENDS) for _ in range(words)).strip()
    return prose.replace(" ", "") if chance.random() < 0.1 else prose


def dialogue(chance: random.Random) -> list[Message]:
    """Made-up turns of all lengths; a system message, two turns in a row and a greeting by the assistant also occur."""
    lengths = [1, 3, 10, 20, 40, 80]
    messages: list[Message] = []
    if chance.random() < 0.3:
        messages.append(Message(role="system", content=text(chance, chance.randint(1, 8))))
    if chance.random() < 0.1:
        messages.append(Message(role="assistant", content=text(chance, 3)))
    for _ in range(chance.choice([1, 1, 2, 3, 8])):
        if messages and chance.random() < 0.05:
            messages.append(Message(role="system", content=text(chance, 4)))
        for _ in range(1 + (chance.random() < 0.1)):
            messages.append(Message(role="user", content=text(chance, chance.choice(lengths[:-1]))))
        for _ in range(1 + (chance.random() < 0.1)):
            messages.append(Message(role="assistant", content=text(chance, chance.choice(lengths))))
    return messages
