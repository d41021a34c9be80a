"""The record types that pass between stages. Every file of records is validated on read and on write (`core.io`).

Times are seconds from the start of the recording, kept to the millisecond so that files do not depend on how
a library prints its floats.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from lectern.core.secrets import without_credentials

Address = Annotated[str, AfterValidator(without_credentials)]
"""The address of a page, kept so that people can open it; it holds no user, password or other secret."""
Seconds = Annotated[float, AfterValidator(lambda value: round(value, 3)), Field(ge=0)]


class Record(BaseModel):
    """Frozen and strict about names: an unknown field is an error instead of being lost silently."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Chapter(Record):
    """A stretch of a recording to which its publisher gave a title."""

    start: Seconds
    end: Seconds
    title: str


class Source(Record):
    """`data/raw/<item>/item.json`: what is known of an item before it is transcribed or parsed."""

    item: str
    kind: Literal["media", "youtube", "podcast", "transcripts", "website", "documents", "table"]
    title: str
    url: Address | None = None
    media: str | None = Field(default=None, description="name of the media file in the item's folder")
    description: str = Field(default="", description="as published; it may list questions with their times")
    licence: str | None = None
    published: str | None = Field(default=None, description="day, as in 2026-11-22")
    author: str | None = Field(default=None, description="channel, show or person that published it")
    transcript: str | None = Field(
        default=None,
        description="name of the ready transcript in the item's folder; nobody listens to the media then",
    )
    subtitles: str | None = Field(
        default=None, description="name of the published subtitles in the item's folder"
    )
    document: str | None = Field(
        default=None, description="name of the page or document in the item's folder"
    )
    table: str | None = Field(
        default=None, description="name of the table of ready pairs in the item's folder"
    )
    chapters: list[Chapter] = Field(default_factory=list)
    language: str | None = Field(default=None, description="code such as en; null when unknown")
    tracks: list[str] = Field(
        default_factory=list,
        description="the speaker of each channel of the media, where each has one channel",
    )
    hosts: list[str] = Field(default_factory=list, description="names of those who ask, as published")
    guests: list[str] = Field(default_factory=list, description="names of those who answer, as published")


class Word(Record):
    """One word as recognized, with its punctuation."""

    text: str
    start: Seconds
    end: Seconds
    probability: float | None = None
    spaced: bool = Field(
        default=True,
        exclude_if=bool,
        description="a space stands before it; written only where none does, as between two Chinese words",
    )


def join_words(words: Iterable[Word]) -> str:
    """Join the words as spoken: with single spaces, but for those that no space stands before."""
    return "".join(f" {word.text}" if word.spaced else word.text for word in words).removeprefix(" ")


class Transcript(Record):
    """`data/transcripts/<item>.json`."""

    item: str
    duration: Seconds
    language: str
    words: list[Word]


class SpeakerTurn(Record):
    """A stretch in which one speaker speaks. Turns of different speakers may overlap."""

    speaker: str
    start: Seconds
    end: Seconds


class Voice(Record):
    """A speaker of one recording: how long it speaks and how it sounds."""

    seconds: Seconds
    longest: Seconds = Field(description="duration of its longest turn")
    share: float = Field(ge=0, le=1, description="of all speech in the recording")
    ghost: bool = Field(description="it speaks so little that it may be a noise or a part of another voice")
    embedding: list[float] = Field(description="the speaker embedding, of unit length")


class Diarization(Record):
    """`data/diarization/<item>.json`: who speaks when. The labels are `speaker_1` and so on, as first heard."""

    item: str
    duration: Seconds
    model: str = Field(description="that made the embeddings; those of two models cannot be compared")
    turns: list[SpeakerTurn]
    voices: dict[str, Voice]


Role = Literal["host", "guest", "main", "audience", "unknown"]
ASKING: tuple[Role, ...] = ("host", "audience")
"""Roles of the people who ask, like the user of a chat."""
ANSWERING: tuple[Role, ...] = ("main", "guest")
"""Roles of the people who answer, like the assistant of a chat."""


class Utterance(Record):
    """Consecutive words of one speaker."""

    speaker: str = Field(
        description="name where it is known, else the label of the diarization, or `unknown`"
    )
    role: Role
    words: Annotated[list[Word], Field(min_length=1)]

    @property
    def start(self) -> float:
        """Seconds at which its first word begins."""
        return self.words[0].start

    @property
    def end(self) -> float:
        """Seconds at which its last word ends."""
        return self.words[-1].end

    @property
    def text(self) -> str:
        """The words as spoken."""
        return join_words(self.words)


class Conversation(Record):
    """`data/conversations/<item>.json`: the transcript in utterances, with what was published about it."""

    item: str
    title: str
    url: Address | None
    description: str
    chapters: list[Chapter] = Field(default_factory=list)
    language: str
    duration: Seconds
    utterances: list[Utterance]


class Block(Record):
    """A heading or a paragraph of a document, in reading order."""

    kind: Literal["heading", "paragraph", "list", "table", "code"]
    text: Annotated[str, Field(min_length=1)]
    level: int | None = Field(default=None, description="of a heading, 1 for the highest")
    page: int | None = Field(
        default=None, ge=1, description="on which it begins; null when there are no pages"
    )
    turns: list[tuple[int, int]] = Field(
        default_factory=list,
        description="for each page on which it continues: the offset in its text where it begins, and the page",
    )

    def page_at(self, place: int) -> int | None:
        """The page that holds the character at this offset of the text; `None` when there are no pages."""
        return next((page for begin, page in reversed(self.turns) if begin <= place), self.page)


class Document(Record):
    """`data/documents/<item>.json`: what a page or document says, without its layout."""

    item: str
    title: str
    url: Address | None
    site: str | None = Field(
        default=None, description="to which a page belongs; pages of one site repeat boilerplate"
    )
    language: str | None
    blocks: list[Block]

    @property
    def text(self) -> str:
        """The blocks joined by blank lines; the character spans of passages refer to this text."""
        return BLANK_LINE.join(block.text for block in self.blocks)


BLANK_LINE = "\n\n"


def passage_id(item: str, text: str) -> str:
    """The first 16 hex digits of the sha256 of item and text: the same passage has the same id everywhere."""
    return hashlib.sha256(json.dumps([item, text], ensure_ascii=False).encode()).hexdigest()[:16]


class Passage(Record):
    """`data/passages/<item>.jsonl`: a stretch of an item that questions can be asked about."""

    id: str = Field(description="first 16 hex digits of the sha256 of the item and the text")
    item: str
    text: Annotated[str, Field(min_length=1)]
    tokens: int = Field(gt=0, description="as `parse.tokenizer` counts them")
    url: Address | None = None
    language: str | None = None
    start: Seconds | None = None
    end: Seconds | None = None
    page: int | None = Field(default=None, description="on which it begins")
    span: tuple[int, int] | None = Field(
        default=None, description="character offsets in the document's text: start, and end (exclusive)"
    )
    headings: list[str] = Field(
        default_factory=list,
        description="the headings above it, the highest first; of a recording, the chapter's title",
    )

    @property
    def heading(self) -> str | None:
        """The headings as one line; `None` when there are none."""
        return " > ".join(self.headings) or None


class Message(Record):
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: Annotated[str, Field(min_length=1)]


class Provenance(Record):
    """Where an example comes from, exactly enough to find the place and listen to it or read it."""

    item: str
    url: Address | None = None
    start: Seconds | None = None
    end: Seconds | None = None
    page: int | None = None
    heading: str | None = None
    row: int | None = Field(default=None, description="of the table that it comes from, counted from 1")
    method: str
    passage: str | None = Field(default=None, description="id of the passage that it was made from")
    span: tuple[int, int] | None = Field(
        default=None, description="of the passage, as character offsets in the document's text"
    )
    evidence: str | None = Field(
        default=None, description="a quotation from the passage that supports the answer"
    )
    prompt: str | None = Field(default=None, description="name and version of the prompt's file")
    model: str | None = Field(default=None, description="that wrote it")
    corrected: str | None = Field(default=None, description="id of the row before a person edited it")


def example_id(messages: Sequence[Message]) -> str:
    """The first 16 hex digits of the sha256 of the messages: the same content has the same id everywhere."""
    content = json.dumps([[m.role, m.content] for m in messages], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()[:16]


SPLITS = ("train", "validation", "test")
"""The split that is trained on comes first."""


class Example(Record):
    """A chat example: a line of `data/examples`, `data/curated.jsonl` and `data/splits`."""

    id: str
    messages: Annotated[list[Message], Field(min_length=2)]
    provenance: Provenance

    @classmethod
    def of(cls, messages: Sequence[Message], provenance: Provenance) -> "Example":
        """An example whose id is computed from its messages."""
        return cls(id=example_id(messages), messages=list(messages), provenance=provenance)

    @model_validator(mode="after")
    def _is_consistent(self) -> "Example":
        if self.id != example_id(self.messages):
            raise ValueError(
                f"id {self.id} does not match the messages, whose id is {example_id(self.messages)}"
            )
        if self.messages[-1].role != "assistant":
            raise ValueError(f"the last message must be the assistant's, not the {self.messages[-1].role}'s")
        return self


class GeneralRow(Record):
    """A line of `data/mixed/rows.jsonl`: a chat or a text of no corpus, which is trained beside it."""

    id: str
    messages: list[Message] = Field(default_factory=list, description="of a chat")
    text: str | None = Field(default=None, description="a text, all of which is trained")
    provenance: Provenance = Field(
        description="the file in data/mix, and the number of the row or passage in it"
    )

    @model_validator(mode="after")
    def _is_one_of_both(self) -> "GeneralRow":
        if bool(self.messages) == bool(self.text):
            raise ValueError("it must have either messages or a text")
        return self


class Rating(Record):
    """A line of `data/ratings/<item>.jsonl`: a judge LLM's scores of one example, or why it gave none."""

    id: str = Field(description="of the example")
    method: str
    scores: dict[str, int] = Field(default_factory=dict, description="criterion -> 1 to 5")
    reasons: dict[str, str] = Field(default_factory=dict, description="criterion -> why")
    overall: float | None = Field(default=None, description="mean of the scores; null when there are none")
    prompt: str
    model: str
    problem: str | None = Field(default=None, description="why the reply could not be used")


class Decision(Record):
    """A line of `data/curation_decisions.jsonl`: what became of one row, kept or dropped."""

    id: str
    item: str
    start: float | None
    page: int | None
    method: str
    outcome: Literal["kept", "dropped"]
    reason: str = Field(description="`kept`, or why it was dropped, such as `near_duplicate`")
    kept_id: str | None = Field(default=None, description="of the row kept in its place")
    kept_item: str | None = None
    similarity: float | None = Field(
        default=None, description="to the row kept instead, or to the text that it repeats"
    )
    overall: float | None = Field(default=None, description="the judge's mean score; null when not rated")
    detail: str | None = Field(default=None, description="more about the reason, for people")


class Question(Record):
    """A line of `data/evals/<set>.jsonl`: a person's question for the finished model; never trained on."""

    question: Annotated[str, Field(min_length=1)]
    answer: str | None = Field(default=None, description="a true answer")
    note: str | None = Field(default=None, description="where it comes from")
    items: list[str] = Field(
        default_factory=list, description="the items that hold the answer, where that is known"
    )
    rows: list[str] = Field(
        default_factory=list, description="ids of the rows that hold the answer, where that is known"
    )


class Unit(Record):
    """A line of `data/index/<item>.jsonl`: a passage or turn that a search can find."""

    id: str = Field(description="of the passage; of a turn, the hash of its item and text")
    text: Annotated[str, Field(min_length=1)]
    question: str | None = Field(
        default=None, description="asked before the turn; it is searched where `retrieval.turns` says so"
    )
    provenance: Provenance
    vector: str | None = Field(
        default=None,
        description="the embedding as whole numbers of 8 bits, in base64; null when it has none",
    )
    scale: float | None = Field(default=None, description="by which the whole numbers are multiplied")


class Found(Record):
    """A passage or turn that a search found."""

    id: str = Field(description="of the unit in `data/index`")
    text: str
    question: str | None = None
    provenance: Provenance
    score: float = Field(description="sum over the methods of 1 / (60 + rank)")
    ranks: dict[str, int] = Field(
        description="method -> rank, from 1; a method that did not find it is left out"
    )
    own: bool = Field(default=False, description="it overlaps the place that the row itself comes from")


class Retrieved(Record):
    """A line of `data/retrieved`: what was found for a question, the best first."""

    id: str = Field(description="of the question, as in `data/predictions`; of a training row, its own")
    set: str = Field(description="`held_out`, `dialogues`, `train`, or the name of an evaluation set")
    query: str = Field(description="what was searched for")
    found: list[Found]
    evidence: dict[str, int] | None = Field(
        default=None,
        description="method -> rank of the first passage that holds the answer when everything is searched, where the "
        "method found one; null when nobody knows where the answer is",
    )


class Support(Record):
    """What a source says that supports a sentence of an answer."""

    text: str = Field(description="one or two sentences of the source")
    provenance: Provenance = Field(
        description="their page; of a recording their seconds, estimated within the turn"
    )
    score: float = Field(description="how much it says the same, 0 to 1")


class Sentence(Record):
    """A sentence of an answer, and whether a source supports it."""

    span: tuple[int, int] = Field(description="characters of the answer: start, and end (exclusive)")
    counts: bool = Field(
        description="whether it says anything that a source could support; questions and phrases do not"
    )
    source: Support | None = Field(default=None, description="null when no source supports it")


class AnswerSupport(Record):
    """A line of `data/support.jsonl`: which sentences of an answer a source supports."""

    set: str
    id: str
    contestant: str
    sentences: list[Sentence]


class TokenRow(Record):
    """A line of `data/sft/*.jsonl`: the tokens that the model sees, and which of them are trained."""

    id: str = Field(
        description="computed from the row's messages; the example's own id when the row holds the whole example"
    )
    example: str = Field(description="id of the example that it was rendered from")
    part: tuple[int, int] | None = Field(
        default=None,
        description="(number, count) when the example was divided into several rows, counted from 1; null when the "
        "example has one row",
    )
    input_ids: Annotated[list[int], Field(min_length=1)]
    assistant_masks: list[Literal[0, 1]] = Field(
        description="1 where the token is trained; as long as input_ids"
    )
    provenance: Provenance

    @model_validator(mode="after")
    def _is_aligned(self) -> "TokenRow":
        if len(self.input_ids) != len(self.assistant_masks):
            raise ValueError(
                f"{len(self.input_ids)} input_ids but {len(self.assistant_masks)} assistant_masks"
            )
        return self


HELD_OUT = "held_out"
"""The set of the held-out rows that have exactly one answer."""
DIALOGUES = "dialogues"
"""The set of the held-out conversations; the contestants give the last answer of each."""
REWORDED = "reworded"
"""The set of training questions in other words."""
BASE, TUNED = "base", "tuned"
"""The contestants that always exist."""
WITH_SOURCES = "+sources"
"""What follows a contestant's name when it answers with passages that a search found."""


class Prediction(Record):
    """A line of `data/predictions/<contestant>.jsonl`: one answer, and how likely the true answer was."""

    id: str = Field(
        description="the example's; for a question of an evaluation set, a hash of set and question"
    )
    set: str = Field(description="`held_out`, `dialogues`, or the name of an evaluation set")
    messages: list[Message] = Field(description="the prompt: everything before the answer")
    reference: str | None = Field(description="the true answer, where one is known")
    prediction: str = Field(description="may be empty")
    finished: bool = Field(description="the model ended its turn itself, before the length limit")
    nll: float | None = Field(
        description="negative log-likelihood in nats, summed over the reference and its end of turn; null without a "
        "reference, or when an endpoint answered"
    )
    tokens: int | None = Field(description="how many tokens `nll` sums over", gt=0)
    provenance: Provenance = Field(
        description="the example's; for a question of an evaluation set, the set's name and the line"
    )
    places: list[str] = Field(
        default_factory=list,
        description="of a person's question or a reworded one: the items and rows that hold the answer, where known",
    )
    sources: list[Provenance] = Field(
        default_factory=list,
        description="of the passages that stood in the prompt, in their order; empty for contestants without them",
    )


class EpisodeTurn(Record):
    """One turn of host or guest."""

    role: Literal["host", "guest"]
    text: str
    finished: bool = Field(description="the model ended the turn itself, before the length limit")


class Episode(Record):
    """A line of `data/episodes/<contestant>.jsonl`: a conversation that a model wrote from its opening."""

    id: str = Field(description="the hash of the opening and the biography")
    opening: str = Field(
        description="the host's first turn, which was given; it is also the first of `turns`"
    )
    guest: str | None = Field(default=None, description="the guest's name, if one was given")
    biography: str | None = Field(default=None, description="of the guest, if one was given")
    turns: list[EpisodeTurn]
    ended: Literal["closing", "turns", "empty"] = Field(
        description="by a closing phrase, at the limit of turns, or because a model returned nothing"
    )


class Label(Record):
    """A line of `data/labels/<file>.jsonl`: a person's verdict on two answers, or on a training row."""

    kind: Literal["pair", "row"]
    messages: Annotated[list[Message], Field(min_length=1)] = Field(
        description="of a pair: the question and the turns before it; of a row: all its messages"
    )
    passage: str | None = Field(default=None, description="the source text, if there is one")
    reference: str | None = Field(default=None, description="of a pair: the true answer, where one is known")
    a: str | None = Field(default=None, description="of a pair: one answer")
    b: str | None = Field(default=None, description="of a pair: the other")
    verdict: Literal["a", "b", "tie", "accept", "reject"]
    by: Annotated[str, Field(min_length=1)] = Field(
        description="the person who gave the verdict: a name or initials"
    )
    note: str | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "Label":
        allowed = {"pair": ("a", "b", "tie"), "row": ("accept", "reject")}[self.kind]
        if self.verdict not in allowed:
            raise ValueError(f"the verdict of a {self.kind} is {' or '.join(allowed)}, not {self.verdict!r}")
        if self.kind == "pair" and (self.a is None or self.b is None or self.messages[-1].role != "user"):
            raise ValueError("a pair needs the answers a and b, and its last message must be the user's")
        if self.kind == "row" and self.messages[-1].role != "assistant":
            raise ValueError("the last message of a row must be the assistant's")
        return self


class PairJudgement(Record):
    """A line of `data/judgements/pairs.jsonl`: which of two answers a judge prefers, asked in both orders."""

    id: str = Field(description="of the prediction")
    set: str
    a: str = Field(description="contestant, such as tuned")
    b: str = Field(description="contestant, such as base")
    forward: Literal["a", "b", "tie"] | None = Field(
        description="with a shown first; null without a usable reply"
    )
    backward: Literal["a", "b", "tie"] | None = Field(description="with b shown first")
    reasons: list[str] = Field(default_factory=list)
    problem: str | None = Field(default=None, description="why a reply could not be used")

    @property
    def winner(self) -> Literal["a", "b", "tie"] | None:
        """The verdict of both orders; a tie when they differ; `None` when a reply is missing."""
        if self.forward is None or self.backward is None:
            return None
        return self.forward if self.forward == self.backward else "tie"


class RubricJudgement(Record):
    """A line of `data/judgements/rubric.jsonl`: a judge's score of one answer, given the reference and the source."""

    id: str = Field(description="of the prediction")
    set: str
    contestant: str
    score: int | None = Field(description="1 to 5; null without a usable reply")
    reason: str | None = None
    problem: str | None = Field(default=None, description="why the reply could not be used")
