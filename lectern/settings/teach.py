"""What is asked of a teacher LLM: section `teach` of params.yaml."""

from dataclasses import dataclass

METHODS = ("qa", "paragraph_answer", "conversation", "summary", "reasoning")
FOLLOW = "follow"
MIN_EXCHANGES = 2
MIN_STEPS = 2


@dataclass(frozen=True)
class Teach:
    """Section `teach`."""

    name: str
    """Name of the file under conf/teach."""
    methods: list[str]
    """What is written from each passage: keys of `teaching.methods.METHODS`."""
    language: str
    """The language to write in: `follow` for the passage's, or a code or name, such as `de`."""
    tokens_per_question: float
    """qa: a passage gets one question for this many of its tokens, rounded half up, and at least one."""
    max_questions: int
    """qa: most questions for a passage. A reply needs about 100 tokens for each, within teacher.max_tokens."""
    min_tokens: int
    """conversation, summary, reasoning: fewest tokens of a passage; shorter ones are not asked about."""
    exchanges: int
    """conversation: number of questions with their answers; at least 2."""
    max_steps: int
    """reasoning: most facts of the passage that an answer combines; at least 2."""
    min_question_words: int
    """A row whose question has fewer words is dropped. In scripts without spaces, words are characters."""
    max_question_words: int
    """A row whose question has more words is dropped."""
    min_answer_words: int
    """A row whose answer has fewer words is dropped."""
    max_answer_words: int
    """A row whose answer has more words is dropped."""
    min_paragraph_words: int
    """paragraph_answer: shorter paragraphs are joined."""
    max_paragraph_words: int
    """paragraph_answer: longer paragraphs are left out."""
    min_quote_words: int
    """Fewest words of a quotation, and of each of its parts around an ellipsis."""

    def __post_init__(self) -> None:
        unknown = [method for method in self.methods if method not in METHODS]
        if unknown or len(set(self.methods)) < len(self.methods):
            raise ValueError(f"methods is {list(self.methods)}: use {', '.join(METHODS)}, each at most once")
        if not self.language.strip():
            raise ValueError("language is empty: use follow, or a code or name, such as de")
        for name, least in (
            ("tokens_per_question", 1),
            ("max_questions", 1),
            ("exchanges", MIN_EXCHANGES),
            ("max_steps", MIN_STEPS),
            ("min_quote_words", 1),
        ):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}: use {least} or more")
        for of in ("question", "answer", "paragraph"):
            fewest, most = getattr(self, f"min_{of}_words"), getattr(self, f"max_{of}_words")
            if not 1 <= fewest <= most:
                raise ValueError(f"min_{of}_words is {fewest}, max_{of}_words is {most}: use 1 <= min <= max")

    @property
    def question_words(self) -> tuple[int, int]:
        """Least and most words of a question."""
        return self.min_question_words, self.max_question_words

    @property
    def answer_words(self) -> tuple[int, int]:
        """Least and most words of an answer."""
        return self.min_answer_words, self.max_answer_words

    @property
    def paragraph_words(self) -> tuple[int, int]:
        """Least and most words of a paragraph."""
        return self.min_paragraph_words, self.max_paragraph_words
