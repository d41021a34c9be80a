"""How questions and dialogues are found in conversations: section `examples` of params.yaml."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lectern.settings import checks

QUESTIONS = ("description_questions", "chapter_questions", "question_turns")
"""Methods to find questions; `examples.examples.QUESTIONS` has their code."""
PARTS = ("together", "apart")
TITLES = ("questions", "all")
SHORTEST_DIVIDED = 20
"""Words: a limit of answers below this would divide sentences."""


@dataclass(frozen=True)
class Examples:
    """Section `examples`: how chat examples are found in what people said."""

    name: str
    """Name of the file in conf/examples."""
    questions: list[str]
    """Methods to find questions, tried in this order in each recording. The first one that yields a row is used there.
    Choices: QUESTIONS."""
    dialogue: bool
    """Whether each whole conversation also becomes a row."""
    min_answer_words: int
    """An answer with fewer words is dropped. Unit: words."""
    max_answer_words: int | None
    """A longer answer is divided where a follow-up is asked or the topic changes; null divides none. Unit: words."""
    go_on: str | None
    """What the user says before a later piece of a divided answer, for which nobody asked, such as `Go on.`: the pieces
    become one chat. null leaves later pieces out."""
    max_shift: float
    """Greatest distance between a time stamp, or the beginning of a chapter, and the question that it marks. Unit:
    seconds."""
    parts: str
    """How the parts (a), (b) of a time-stamped question become rows: `together` as one row, or `apart` as one row each
    if the answer shows which of its sentences answer which part. Choices: PARTS."""
    chapter_titles: str
    """Of chapter_questions: `questions` uses the titles that read like questions, `all` all titles except intro and
    outro. Choices: TITLES."""
    min_question_words: int
    """Of question_turns: a sentence with fewer words (`Really?`) does not count as a question. Unit: words."""
    max_question_words: int
    """Of question_turns: greatest number of words at the end of a turn that are taken as the question. Unit: words."""
    follow_up_words: int
    """Of question_turns: a question of at most this many words (`And why?`) continues the row before it. Unit:
    words."""
    interjection_words: int
    """Of question_turns: at most this many words without a question (`right, I see`) interrupt neither an answer nor a
    question. Unit: words."""

    def __post_init__(self) -> None:
        checks.refuse(self._find_problems())

    def _find_problems(self) -> Iterator[str]:
        unknown = [method for method in self.questions if method not in QUESTIONS]
        if unknown or not (self.questions or self.dialogue):
            yield (
                f"questions is {list(self.questions)}, dialogue is {str(self.dialogue).lower()}; use one or more of "
                f"{', '.join(QUESTIONS)}, or set dialogue to true"
            )
        yield from checks.choice("parts", self.parts, PARTS)
        yield from checks.choice("chapter_titles", self.chapter_titles, TITLES)
        least, most = self.min_answer_words, self.max_answer_words
        if least < 1 or (most is not None and most < max(SHORTEST_DIVIDED, least)):
            yield (
                f"min_answer_words is {least} (at least 1), max_answer_words is {most} (null, or at least "
                f"{SHORTEST_DIVIDED} and no less than min_answer_words)"
            )
        if self.go_on is not None and not self.go_on.strip():
            yield "go_on is blank; write what the user says, such as `Go on.`, or null"
        yield from checks.words(self, "question")
        yield from checks.at_least(self, max_shift=0, follow_up_words=0, interjection_words=0)

    def options(self) -> dict[str, dict[str, Any]]:
        """The arguments of each method, by its name."""
        answers = {
            "min_answer_words": self.min_answer_words,
            "max_answer_words": self.max_answer_words,
            "go_on": self.go_on,
        }
        stamps = answers | {"max_shift": self.max_shift, "parts": self.parts}
        spoken = ("min_question_words", "max_question_words", "follow_up_words", "interjection_words")
        return {
            "description_questions": stamps,
            "chapter_questions": stamps | {"chapter_titles": self.chapter_titles},
            "question_turns": answers | {name: getattr(self, name) for name in spoken},
        }
