"""Make an example of a whole conversation: asking speakers are the user, answering speakers are the assistant."""

from collections import Counter
from itertools import groupby

from lectern.conversations.provenance import locate
from lectern.core.schema import ANSWERING, ASKING, Conversation, Example, Message, join_words
from lectern.examples.rows import Made

METHOD = "dialogue"
CHAT_ROLES = dict.fromkeys(ASKING, "user") | dict.fromkeys(ANSWERING, "assistant")


def make_examples(conversation: Conversation) -> Made:
    """Make one example of the conversation, from the first question to the last answer; or count why there is none.

    Utterances whose speaker has no role are left out. Consecutive utterances of one side become one message.
    """
    known = [utterance for utterance in conversation.utterances if utterance.role in CHAT_ROLES]
    turns = [
        (role, list(group))
        for role, group in groupby(known, key=lambda utterance: CHAT_ROLES[utterance.role])
    ]
    while turns and turns[0][0] != "user":
        turns.pop(0)
    while turns and turns[-1][0] != "assistant":
        turns.pop()
    if not turns:
        return Made([], Counter(no_dialogue=1))
    messages = [
        Message(role=role, content=join_words(word for utterance in group for word in utterance.words))  # type: ignore[arg-type]
        for role, group in turns
    ]
    words = [word for _, group in turns for utterance in group for word in utterance.words]
    return Made([Example.of(messages, locate(conversation, words, METHOD))], Counter())
