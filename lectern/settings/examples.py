"""How questions and dialogues are found in conversations: section `examples` of params.yaml."""

from dataclasses import dataclass
from typing import Any

QUESTIONS = ("description_questions", "chapter_questions", "question_turns")
PARTS = ("together", "apart")
TITLES = ("questions", "all")


@dataclass(frozen=True)
class Examples:
    """Section `examples`."""

    name: str
    """Name of the file under conf/examples."""
    questions: list[str]
    """Ways to find questions (QUESTIONS), tried in this order in each recording: the first that makes a row is the one
    used there."""
    dialogue: bool
    """Whether each whole conversation also becomes a row."""
    min_answer_words: int
    """An answer with fewer words is dropped."""
    max_answer_words: int | None
    """A longer answer is divided where a follow-up is asked or the topic changes; null divides none."""
    max_shift: float
    """Most seconds between a time stamp, or the beginning of a chapter, and the question that it marks."""
    parts: str
    """How the parts (a), (b) of a time-stamped question become rows: `together` as one row, or `apart` as one row each
    if the answer shows which of its sentences answer which part."""
    chapter_titles: str
    """chapter_questions: `questions` uses the titles that read like questions, `all` all titles except intro and
    outro."""
    min_question_words: int
    """question_turns: a sentence with fewer words (`Really?`) does not count as a question."""
    max_question_words: int
    """question_turns: most words at the end of a turn that are taken as the question."""
    follow_up_words: int
    """question_turns: a question of at most this many words (`And why?`) continues the row before it."""
    interjection_words: int
    """question_turns: at most this many words without a question (`right, I see`) interrupt neither an answer nor a
    question."""

    def __post_init__(self) -> None:
        unknown = [method for method in self.questions if method not in QUESTIONS]
        if unknown or not (self.questions or self.dialogue):
            raise ValueError(
                f"questions is {list(self.questions)}, dialogue is {str(self.dialogue).lower()}: use one or more of "
                f"{', '.join(QUESTIONS)}, or dialogue alone"
            )
        for name, value, known in (
            ("parts", self.parts, PARTS),
            ("chapter_titles", self.chapter_titles, TITLES),
        ):
            if value not in known:
                raise ValueError(f"{name} is {value!r}: use {' or '.join(known)}")
        least = self.min_answer_words
        if least < 1 or (self.max_answer_words is not None and self.max_answer_words < max(20, least)):
            raise ValueError(
                f"min_answer_words is {least} (at least 1), max_answer_words is {self.max_answer_words} (null, or at "
                "least 20 and no less than min_answer_words)"
            )
        if not 1 <= self.min_question_words <= self.max_question_words:
            raise ValueError(
                f"min_question_words is {self.min_question_words}, max_question_words is {self.max_question_words}: "
                "use 1 <= min_question_words <= max_question_words"
            )
        if min(self.max_shift, self.follow_up_words, self.interjection_words) < 0:
            raise ValueError(
                f"max_shift is {self.max_shift}, follow_up_words is {self.follow_up_words}, interjection_words is "
                f"{self.interjection_words}: use 0 or more"
            )

    def options(self) -> dict[str, dict[str, Any]]:
        """The arguments of each method, by its name."""
        answers = {"min_answer_words": self.min_answer_words, "max_answer_words": self.max_answer_words}
        stamps = answers | {"max_shift": self.max_shift, "parts": self.parts}
        spoken = ("min_question_words", "max_question_words", "follow_up_words", "interjection_words")
        return {
            "description_questions": stamps,
            "chapter_questions": stamps | {"chapter_titles": self.chapter_titles},
            "question_turns": answers | {name: getattr(self, name) for name in spoken},
        }
