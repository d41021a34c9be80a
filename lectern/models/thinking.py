"""Thinking that a model writes before its answer, between `<think>` and `</think>`: it is no part of the answer."""

OPEN, CLOSE = MARKS = ("<think>", "</think>")


def drop(text: str) -> str:
    """Return an answer without the thinking before it; one that merely speaks of the marks is left as it is.

    The opening mark may be missing, because some chat templates write it into the prompt. Where thinking was not
    closed, the model had not begun to answer, so that nothing is left.
    """
    if text.lstrip().startswith(OPEN) or OPEN not in text:
        _, close, answer = text.rpartition(CLOSE)
        if close:
            return answer.lstrip()
        return "" if OPEN in text else text
    return text
