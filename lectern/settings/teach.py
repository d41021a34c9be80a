"""What is asked of a teacher LLM: section `teach` of params.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass

from lectern.settings import checks

METHODS = ("qa", "paragraph_answer", "conversation", "summary", "reasoning")
"""Kinds of rows; `teaching.methods.METHODS` has their code."""
FOLLOW = "follow"
MIN_EXCHANGES = 2
MIN_STEPS = 2


@dataclass(frozen=True)
class Teach:
    """Section `teach`: what the LLM of section `teacher` writes from each passage."""

    name: str
    """Name of the file in conf/teach."""
    methods: list[str]
    """The kinds of rows to write from each passage. Choices: METHODS."""
    language: str
    """The language to write in: `follow` for the passage's, or a code or name, such as `de`."""
    tokens_per_question: float
    """Of qa: a passage gets one question for this many of its tokens, rounded half up, and at least one. Unit:
    tokens."""
    max_questions: int
    """Of qa: greatest number of questions for a passage. A reply needs about 100 tokens for each, within
    teacher.max_tokens."""
    min_tokens: int
    """Of conversation, summary and reasoning: nothing is asked about a shorter passage. Unit: tokens."""
    exchanges: int
    """Of conversation: number of questions with their answers; at least 2."""
    max_steps: int
    """Of reasoning: greatest number of facts of the passage that an answer combines; at least 2."""
    min_question_words: int
    """A row whose question has fewer words is dropped. In scripts without spaces, characters count as words. Unit:
    words."""
    max_question_words: int
    """A row whose question has more words is dropped. Unit: words."""
    min_answer_words: int
    """A row whose answer has fewer words is dropped. Unit: words."""
    max_answer_words: int
    """A row whose answer has more words is dropped. Unit: words."""
    min_paragraph_words: int
    """Of paragraph_answer: shorter paragraphs are joined. Unit: words."""
    max_paragraph_words: int
    """Of paragraph_answer: longer paragraphs are left out. Unit: words."""
    min_quote_words: int
    """Least length of a quotation, and of each of its parts around an ellipsis. Unit: words."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        unknown = [method for method in self.methods if method not in METHODS]
        if unknown or len(set(self.methods)) < len(self.methods):
            yield f"methods is {list(self.methods)}; use {', '.join(METHODS)}, each at most once"
        if not self.language.strip():
            yield "language is empty; use follow, or a code or name, such as de"
        yield from checks.at_least(
            self,
            tokens_per_question=1,
            max_questions=1,
            min_tokens=0,
            exchanges=MIN_EXCHANGES,
            max_steps=MIN_STEPS,
            min_quote_words=1,
        )
        for part in ("question", "answer", "paragraph"):
            yield from checks.words(self, part)

    @property
    def question_words(self) -> tuple[int, int]:
        """Least and greatest number of words of a question."""
        return self.min_question_words, self.max_question_words

    @property
    def answer_words(self) -> tuple[int, int]:
        """Least and greatest number of words of an answer."""
        return self.min_answer_words, self.max_answer_words

    @property
    def paragraph_words(self) -> tuple[int, int]:
        """Least and greatest number of words of a paragraph."""
        return self.min_paragraph_words, self.max_paragraph_words
