"""Make chat examples from each conversation, and of the rows of each table of ready pairs.

Run: python -m stages.examples        (dvc stage: examples)
Reads data/conversations and the tables in data/raw, writes data/examples: one .jsonl per item and the manifest;
metrics/examples.json counts the rows by method, what was dropped and why, and what housekeeping took out.
"""

import functools
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lectern.conversations.housekeeping import HousekeepingParams
from lectern.core import io, items, params, stage
from lectern.core.compute import IN_PROCESS, Compute
from lectern.examples import examples, multipart, questions
from lectern.formats import table_rows
from lectern.text.sentences import LIBRARY


@dataclass(frozen=True)
class ExamplesParams:
    """Section `examples`."""

    name: str = "interview"
    """Of the file under conf/examples."""
    questions: list[str] = field(default_factory=lambda: list(examples.QUESTIONS))
    """Ways to find questions (keys of `examples.QUESTIONS`), tried in this order in each recording: the first that
    makes a row is the one used there."""
    dialogue: bool = True
    """Make each whole conversation a row too."""
    min_answer_words: int = 5
    """An answer with fewer words is dropped."""
    max_answer_words: int | None = 500
    """A longer answer is divided where a follow-up is asked or the topic turns; null divides none."""
    max_shift: float = 10.0
    """Seconds by which a stamp or the beginning of a chapter may be off the question that it marks."""
    parts: str = "together"
    """`together`: the parts (a), (b) of a stamped question are one row; `apart`: one each, where the answer shows which
    of its sentences answers which."""
    chapter_titles: str = "questions"
    """chapter_questions: `questions` uses the titles that read as questions, `all` every title but intro and outro."""
    min_question_words: int = 3
    """question_turns: a sentence with fewer words (`Really?`) asks nothing."""
    max_question_words: int = 120
    """question_turns: words from the end of a turn that are taken for the question."""
    follow_up_words: int = 8
    """question_turns: a question of at most so many words (`And why?`) goes on with the row before it."""
    interjection_words: int = 4
    """question_turns: so few words that ask nothing (`right, I see`) break neither an answer nor a question."""

    def __post_init__(self) -> None:
        unknown = [method for method in self.questions if method not in examples.QUESTIONS]
        if unknown or not (self.questions or self.dialogue):
            raise ValueError(
                f"questions is {list(self.questions)}, dialogue is {str(self.dialogue).lower()}: use one or more of "
                f"{', '.join(examples.QUESTIONS)}, or dialogue alone"
            )
        for name, value, known in (
            ("parts", self.parts, multipart.CHOICES),
            ("chapter_titles", self.chapter_titles, questions.TITLES),
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
        """What each method is called with, by its name."""
        answers = {"min_answer_words": self.min_answer_words, "max_answer_words": self.max_answer_words}
        stamps = answers | {"max_shift": self.max_shift, "parts": self.parts}
        spoken = ("min_question_words", "max_question_words", "follow_up_words", "interjection_words")
        return {
            "description_questions": stamps,
            "chapter_questions": stamps | {"chapter_titles": self.chapter_titles},
            "question_turns": answers | {name: getattr(self, name) for name in spoken},
        }


def main(
    params: ExamplesParams,
    rules: HousekeepingParams,
    raw: Path,
    conversations: Path,
    out: Path,
    metrics: Path,
    compute: Compute = IN_PROCESS,
) -> items.SyncResult:
    """Bring `out` to exactly one file of examples per conversation and per part of a table, which may be empty."""
    choices: dict[str, Any] = {
        "questions": list(params.questions),
        "with_dialogue": params.dialogue,
        "options": {method: params.options()[method] for method in params.questions},
    }
    result = items.sync(
        [
            *(items.Item(name, {"conversation": path}) for name, path in items.read(conversations).items()),
            *table_rows.find(raw),
        ],
        out,
        functools.partial(examples.load, **choices, rules=tuple(rules.rules), max_words=rules.max_words),
        suffix=".jsonl",
        params={**choices, "housekeeping": asdict(rules)},
        code=(examples,),
        libraries=(LIBRARY,),
        compute=compute,
    )
    facts = items.facts(out)
    summary = examples.summarise(facts)
    io.write_json(metrics, summary)
    if silent := summary["dropped"].get("no_questions"):
        heard = sum("dropped_rows" not in item for item in facts.values())
        print(f"examples: no question was found in {silent} of {heard} recordings")
    for line in table_rows.describe_drops(facts):
        print(f"examples: {line}", file=sys.stderr)
    return result


if __name__ == "__main__":
    stage.run(
        "examples",
        lambda: main(
            params.load("examples", ExamplesParams),
            params.load("housekeeping", HousekeepingParams),
            Path("data/raw"),
            Path("data/conversations"),
            Path("data/examples"),
            Path("metrics/examples.json"),
            params.load("compute", Compute),
        ),
    )
