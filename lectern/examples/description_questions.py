"""Make examples from questions that a description or chapters stamp with a time.

The question is taken as it was typed, the answer as it was spoken.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from lectern.core.schema import ANSWERING, ASKING, Conversation, Utterance, Word
from lectern.examples import multipart
from lectern.examples.question_turns import QuestionFinder, find_follow_ups
from lectern.examples.rows import AnswerPart, Asked, Made, divide_answer, make_chats, make_row
from lectern.examples.stamps import Stamp, parse_stamps, read_chapters
from lectern.text.sentences import join_words
from lectern.text.words import words as comparable

METHOD = "description_questions"
CHAPTERS = "chapter_questions"
LEAST_ASKING = 3
"""Least number of words with which a host's turn can be a question; shorter ones are a `yes` inside an answer."""


def make_examples(
    conversation: Conversation,
    *,
    min_answer_words: int,
    max_answer_words: int | None = None,
    go_on: str | None = None,
    max_shift: float,
    parts: str = "together",
) -> Made:
    """Make a row for each question that the description stamps and that is answered; see `answer_stamps`."""
    stamps = parse_stamps(conversation.description)
    return answer_stamps(
        conversation,
        stamps,
        METHOD,
        min_answer_words=min_answer_words,
        max_answer_words=max_answer_words,
        go_on=go_on,
        max_shift=max_shift,
        parts=parts,
    )


def make_chapter_examples(
    conversation: Conversation,
    *,
    min_answer_words: int,
    max_answer_words: int | None = None,
    go_on: str | None = None,
    max_shift: float,
    parts: str = "together",
    chapter_titles: str,
) -> Made:
    """Make a row for each chapter whose title is a question; `chapter_titles` is `titles` of `read_chapters`."""
    return answer_stamps(
        conversation,
        read_chapters(conversation.chapters, chapter_titles),
        CHAPTERS,
        min_answer_words=min_answer_words,
        max_answer_words=max_answer_words,
        go_on=go_on,
        max_shift=max_shift,
        parts=parts,
    )


def answer_stamps(
    conversation: Conversation,
    stamps: Sequence[Stamp],
    method: str,
    *,
    min_answer_words: int,
    max_answer_words: int | None,
    go_on: str | None,
    max_shift: float,
    parts: str,
) -> Made:
    """Make a row for each stamped question that is answered; also count the dropped ones by reason.

    People stamp some seconds early or late, so each stamp is first matched with the turn in which the host asks
    (`place_stamps`). The answer is every word that answering speakers say from the end of that turn to the beginning
    of the next stamp's turn. If no turn is near, for example because one voice reads the questions too, the stamps
    themselves are the limits.

    Args:
        conversation: its speakers have roles.
        stamps: in order of time.
        method: the name that the provenance of the rows gets.
        min_answer_words: answers with fewer words are dropped.
        max_answer_words: longer answers are divided, see `rows.divide_answer`. None sets no limit.
        go_on: see `rows.make_chats`.
        max_shift: seconds by which a stamp may be off.
        parts: what happens to the parts of one question, and to several questions asked in one turn, which share an
            answer. `together` makes one row of them. `apart` makes one row of each if the answer can be divided
            between them (`multipart`).
    """
    dropped: Counter[str] = Counter()
    details: Counter[str] = Counter()
    inside = [stamp for stamp in stamps if stamp.start < conversation.duration]
    dropped["stamp_after_end"] = sum(stamp.is_question for stamp in stamps[len(inside) :])
    if not any(stamp.is_question for stamp in stamps):
        return Made([], Counter(no_questions=1))
    answering = [word for u in conversation.utterances if u.role in ANSWERING for word in u.words]
    asking = find_asking_turns(conversation.utterances)
    placed = place_stamps(inside, asking, max_shift)
    begins = [turn.start if turn else stamp.start for stamp, turn in zip(inside, placed, strict=True)]
    follow_ups = _find_follow_ups(conversation, max_answer_words)
    made: list[AnswerPart] = []
    for group in _share_a_turn(placed):
        questions = [inside[i].text for i in group if inside[i].is_question]
        turn = placed[group[0]]
        begin = turn.end if turn else inside[group[0]].start
        end = begins[group[-1] + 1] if group[-1] + 1 < len(begins) else conversation.duration
        answer = [word for word in answering if begin <= (word.start + word.end) / 2 < end]
        if not questions:
            continue
        if len(answer) < min_answer_words:
            dropped["short_answer" if answer else "no_answer"] += len(questions)
            continue
        pieces = [AnswerPart(" ".join(questions), answer)]
        units = [
            part for i in group if inside[i].is_question for part in inside[i].parts or (inside[i].text,)
        ]
        if len(units) > 1:
            between = [asked for asked in asking if begin < asked.start < end]
            own = multipart.divide_between(units, answer, between, conversation) if parts == "apart" else None
            apart = own is not None and min(map(len, own)) >= min_answer_words
            if own is not None and apart:
                pieces = [AnswerPart(unit, words) for unit, words in zip(units, own, strict=True)]
            details["multi_part"] += 1
            details["apart" if apart else "together"] += 1
        for piece in pieces:
            asked_inside = [asked for asked in follow_ups if begin < asked.start < end]
            divided = divide_answer(
                piece.question, piece.words, conversation.language, max_answer_words, asked_inside
            )
            details["divided"] += len(divided) > 1
            details["later_pieces"] += sum(part.goes_on for part in divided)
            made += divided
    return Made(
        [make_row(conversation, chat, method) for chat in make_chats(made, go_on)], +dropped, +details
    )


def _find_follow_ups(conversation: Conversation, max_answer_words: int | None) -> list[Asked]:
    if max_answer_words is None:
        return []
    finder = QuestionFinder(conversation, LEAST_ASKING, max_answer_words)
    return find_follow_ups(conversation.utterances, finder)


def find_asking_turns(utterances: Sequence[Utterance]) -> list[Asked]:
    """Return the turns of asking speakers that are long enough to be a question, in order of time."""
    turns = []
    for role, group in groupby(utterances, key=lambda utterance: utterance.role):
        words: list[Word] = [word for utterance in group for word in utterance.words]
        if role in ASKING and len(words) >= LEAST_ASKING:
            turns.append(Asked(words[0].start, words[-1].end, join_words(words)))
    return turns


def place_stamps(stamps: Sequence[Stamp], turns: Sequence[Asked], max_shift: float) -> list[Asked | None]:
    """Return the turn that each stamp refers to, or None if there is none within `max_shift` seconds.

    Turns are rated by their distance in time and by the words that they share with the stamp. They are used in order,
    and one turn serves two stamps only if both lie inside it.
    """
    spoken = [frozenset(comparable(turn.text)) for turn in turns]
    placed: list[Asked | None] = []
    earliest = 0
    for stamp in stamps:
        typed = frozenset(comparable(stamp.text))
        best, best_score = None, -1.0
        for index in range(max(0, earliest - 1), len(turns)):
            turn = turns[index]
            distance = max(turn.start - stamp.start, stamp.start - turn.end, 0.0)
            if distance > max_shift or (index < earliest and distance > 0):
                continue
            score = len(typed & spoken[index]) / max(1, len(typed)) - 0.5 * distance / max(max_shift, 0.001)
            if score > best_score:
                best, best_score = index, score
        placed.append(None if best is None else turns[best])
        earliest = earliest if best is None else best + 1
    return placed


def _share_a_turn(placed: Sequence[Asked | None]) -> list[list[int]]:
    """Return the indices of the stamps, grouped by the turn that they refer to."""
    groups: list[list[int]] = []
    for index, turn in enumerate(placed):
        if turn is not None and index and placed[index - 1] is turn:
            groups[-1].append(index)
        else:
            groups.append([index])
    return groups
