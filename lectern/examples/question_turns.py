"""Make examples from questions that are asked aloud: the question is the user, the answer after it the assistant.

These are the rules for recordings in which nobody stamped the questions:

- There are two sides: speakers who ask and speakers who answer. A turn is everything that one side says until the other
  side speaks. Words of unknown speakers belong to no side.
- A turn asks something if a sentence near its end ends with a question mark or begins like a request (`Tell me`). A
  sentence that begins like a question, or asks by its words (`question_words`), counts too where marks are missing: if
  the turn has no punctuation, or if most of what the asking speakers begin like a question has no question mark.
- The question consists of the last sentences of the turn, up to a length, since the sentences that lead to a question
  explain it.
- A few words that ask nothing (`right`, `mm`, a bare `yes`) interrupt neither an answer nor a question.
- A short question (`And why?`) is a follow-up. If the row before it ends with the answer just before, and has room, it
  is appended to that row as the next exchange of a chat. If there is no such row, a question that refers back (`Why is
  that?`) is dropped, because it cannot be understood alone. Words that refer back are known for English only.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby, pairwise, zip_longest
from typing import NamedTuple

from lectern.core.schema import ANSWERING, ASKING, Conversation, Utterance, Word
from lectern.examples.rows import AnswerPart, Asked, Made, divide_answer, make_chats, make_row
from lectern.text import question_words
from lectern.text.sentences import join_words, split_sentences

METHOD = "question_turns"
AFTERTHOUGHT = 40
"""Greatest number of words after the last question of a turn. After more, the next turn does not answer it."""
LONGEST_DEMAND = 20
"""Words. A longer sentence that begins like a demand runs on into what the other side says."""
MARKED = 0.25
"""If a smaller share of the sentences that begin like a question end with a mark, the transcript lacks the marks."""
_MARK = re.compile(r"(?:[?？؟\u037e]|か[。．])[\"'”’»)\]」』]*$")
"""How a question ends; in Japanese, with a particle before the full stop."""
_ASSENT = re.compile(r"(?:^|[、,])(?:あ[、ー]*)?そう(?:です|なん(?:です|だ)|でした|でしょう)か[。．]$")
"""A Japanese sentence that has the form of a question, and says that one has understood."""
_END = re.compile(r"[.!?？؟。！\u037e…][\"'”’»)\]]*$")
_FILLER = r"^(?:(?:and|but|or|so|i mean|well|okay|ok|now|then|um|uh|er|yeah|right|all right|please)[, ]+)*"
_TELL = (
    rf"{_FILLER}(?:(?:can|could|would|will) you )?(?:please )?"
    r"(?:tell (?:me|us)|explain|describe|talk (?:to (?:me|us) )?about|give (?:me|us)|(?:walk|take) (?:me|us) through)\b"
)
_DEMAND = re.compile(_TELL, re.IGNORECASE)
_REQUEST = re.compile(
    rf"{_TELL}|{_FILLER}(?:i want|i wanted|i'd like|i would like) to (?:ask|know|understand)\b", re.IGNORECASE
)
_UNMARKED = re.compile(
    rf"{_FILLER}(?:(?:what|why|how|where|when|who|which)(?:'s| is| are| do| does| did| was| were| can| could| would"
    r"| will| should| has| have| had)\b|(?:do|does|did|is|are|was|were|can|could|would|will|should|has|have) "
    r"(?:you|we|i|it|they|he|she|that|this|there|the|a|an)\b)",
    re.IGNORECASE,
)
_ASKING_WORD = re.compile(rf"{_FILLER}(?:what|why|how|where|when|who|which)\b", re.IGNORECASE)
_TAG = re.compile(
    r",? (?:right|no|yes|yeah|okay|ok|correct|you know|isn't it|you see)\?[\"'”’»)\]]*$", re.IGNORECASE
)
_POINTS_BACK = re.compile(
    r"^(?:and|but|so|or|then|because|why not|how so|what else)\b|"
    r"\b(?:that|this|it|its|these|those|they|them|their|he|him|his|she|her|there|then)\b",
    re.IGNORECASE,
)


class Turn(NamedTuple):
    """What one side says until the other speaks."""

    asks: bool  # whether it is the asking side
    words: list[Word]


def make_examples(
    conversation: Conversation,
    *,
    min_answer_words: int,
    max_answer_words: int | None,
    min_question_words: int,
    max_question_words: int,
    follow_up_words: int,
    interjection_words: int,
    go_on: str | None = None,
) -> Made:
    """Make rows of the questions that are asked aloud and their answers; also count the dropped ones by reason.

    Args:
        conversation: its speakers have roles.
        min_answer_words: answers with fewer words are dropped.
        max_answer_words: limit of the words of all answers of a row; longer answers are divided. None sets no limit.
        min_question_words: a sentence with fewer words (`Really?`) is not a question.
        max_question_words: a question takes at most so many words from the end of its turn.
        follow_up_words: a question with at most so many words is a follow-up to the one before.
        interjection_words: a turn of at most so many words that asks nothing does not interrupt the other side.
        go_on: see `rows.make_chats`. Pieces that go on do not count towards the limit.
    """
    finder = QuestionFinder(conversation, min_question_words, max_question_words)
    turns = find_turns(conversation.utterances, finder, interjection_words)
    rows: list[list[AnswerPart]] = []
    dropped: Counter[str] = Counter()
    details: Counter[str] = Counter()
    follows = False  # whether the turn just before was the last row's answer
    for turn, after in zip_longest(turns, turns[1:]):
        if not turn.asks:
            continue
        question, answer = finder.find(turn.words), after.words if after else []
        is_short = question is not None and len(question) <= follow_up_words
        is_follow_up = is_short and follows
        if question is None:
            dropped["statement"] += bool(answer)
        elif len(answer) < min_answer_words:
            dropped["short_answer" if answer else "no_answer"] += 1
        elif is_short and not follows and _POINTS_BACK.search(join_words(question)):
            dropped["no_context"] += 1
        else:
            row, text = (rows[-1] if is_follow_up else []), join_words(question)
            taken = sum(len(piece.words) for piece in row)
            if is_follow_up and max_answer_words is not None and taken + len(answer) > max_answer_words:
                row, text = [], f"{row[0].question} {text}"
            details["follow_ups"] += is_follow_up
            pieces = divide_answer(text, answer, conversation.language, max_answer_words)
            details["divided"] += len(pieces) > 1
            details["later_pieces"] += len(pieces) - 1
            for chat in make_chats(pieces, go_on):
                if row:
                    row += chat
                else:
                    rows.append(chat)
            follows = (
                len(pieces) == 1 or go_on is not None
            )  # else what the next question refers to is left out
            continue
        follows = False
    if not rows and not dropped:
        dropped["no_questions"] = 1
    return Made([make_row(conversation, row, METHOD) for row in rows], +dropped, +details)


class QuestionFinder:
    """Finds the question in the words of a turn."""

    def __init__(self, conversation: Conversation, least: int, most: int) -> None:
        """Check whether the transcript marks questions, which decides how a question is recognised.

        A question has at least `least` and at most `most` words.
        """
        self.language = conversation.language
        self.least = least
        self.most = most
        self.has_marks = self._finds_marks(conversation)

    def _finds_marks(self, conversation: Conversation) -> bool:
        asking = [utterance.words for utterance in conversation.utterances if utterance.role in ASKING]
        like = [
            join_words(sentence)
            for words in asking
            for sentence in split_sentences(words, self.language, longest=self.most)
            if len(sentence) >= self.least and _UNMARKED.match(join_words(sentence))
        ]
        if not like:
            return any(_MARK.search(word.text) for u in conversation.utterances for word in u.words)
        return sum(_MARK.search(text) is not None for text in like) >= MARKED * len(like)

    def find(self, words: Sequence[Word]) -> list[Word] | None:
        """Return the last sentences of `words`, at most `most` words, if one of them asks something; else None."""
        tail: list[list[Word]] = []
        for sentence in reversed(split_sentences(words, self.language, longest=self.most)):
            if sum(map(len, tail)) + len(sentence) > self.most:
                break
            tail.insert(0, sentence)
        bare = not self.has_marks or not any(_END.search(word.text) for word in words)
        last = max((index for index, sentence in enumerate(tail) if self._asks(sentence, bare)), default=None)
        if last is None or sum(map(len, tail[last + 1 :])) > AFTERTHOUGHT:
            return None
        return [word for sentence in tail for word in sentence]

    def count_asked(self, words: Sequence[Word]) -> int:
        """Return with how many words of questions and demands (`Tell me why.`) a turn begins; 0 if it is nothing else.

        A sentence that only asks for assent (`..., right?`) is no such question, nor is one without the words by which
        an English question begins.
        """
        count = 0
        for sentence in split_sentences(words, self.language):
            text = join_words(sentence)
            begins = _UNMARKED.match(text) or _ASKING_WORD.match(text)
            is_question = _MARK.search(text) and begins and not _TAG.search(text)
            is_demand = len(sentence) <= LONGEST_DEMAND and _DEMAND.match(text)
            if not (is_question or is_demand) or not self.least <= len(sentence) <= self.most:
                return count
            count += len(sentence)
        return 0

    def _asks(self, sentence: Sequence[Word], bare: bool) -> bool:
        if len(sentence) < self.least:
            return False
        text = join_words(sentence)
        if _ASSENT.search(text):
            return False
        if _MARK.search(text) or _REQUEST.match(text):
            return True
        return bare and (_UNMARKED.match(text) is not None or question_words.asks(text, self.language))


def find_turns(
    utterances: Sequence[Utterance], finder: QuestionFinder, interjection_words: int
) -> list[Turn]:
    """Return the alternating turns of both sides, without interjections and the words of unknown speakers.

    A question or demand with which an answer begins belongs to the turn before: on 12 episodes of a podcast, 13 of 13
    questions were the host's, whose last sentence had gone to the guest, and on 20 others 11 of 11 demands.
    """
    known = [utterance for utterance in utterances if utterance.role in (*ASKING, *ANSWERING)]
    turns: list[Turn] = []
    for asks, group in groupby(known, key=lambda utterance: utterance.role in ASKING):
        words = [word for utterance in group for word in utterance.words]
        if turns and turns[-1].asks == asks:  # only an interjection stood between them
            turns[-1].words.extend(words)
        elif not turns or len(words) > interjection_words or (asks and finder.find(words)):
            turns.append(Turn(asks, words))
    for turn, after in pairwise(turns):
        if turn.asks:
            count = finder.count_asked(after.words)
            turn.words.extend(after.words[:count])
            del after.words[:count]
    return turns


def find_follow_ups(utterances: Sequence[Utterance], finder: QuestionFinder) -> list[Asked]:
    """Return the turns of asking speakers that ask something, each with its question."""
    found = []
    for asks, group in groupby(utterances, key=lambda utterance: utterance.role in ASKING):
        words = [word for utterance in group for word in utterance.words]
        if asks and (question := finder.find(words)):
            found.append(Asked(words[0].start, words[-1].end, join_words(question)))
    return found
