"""When nearly all replies cannot be used: the commonest reason, and what to do about it."""

from collections import Counter
from collections.abc import Mapping, Sequence

from lectern.llm.request import CUT, Reply

NEARLY_ALL = 0.9
"""Share of replies with a problem from which on the others do not count."""
FEWEST = 3
"""Fewest replies that say something about the rest."""
REMEDIES: Mapping[str, str] = {
    "the reply is empty": "If the model only reasons, turn that off by an option of the server or in {what}.extra.",
    CUT: "Raise {what}.max_tokens, or turn the reasoning of the model off.",
    "the model refused": "Choose another model, or leave out the documents that it refuses.",
}
"""The beginning of a problem -> what to do about it."""
OTHERWISE = "Choose {what}.output=json_schema on a server that enforces schemas, or a larger model."


def are_hopeless(bad: int, total: int) -> bool:
    """Whether so many of the replies have a problem that asking for more would be money lost."""
    return bad >= FEWEST and bad >= NEARLY_ALL * total


def describe(replies: Sequence[Reply], what: str) -> str | None:
    """The commonest reason why nearly all of these replies cannot be used, with its remedy; `None` if many can.

    Args:
        replies: those that came in this run.
        what: section of the parameters.
    """
    problems = [reply.problem for reply in replies if reply.problem is not None]
    if not are_hopeless(len(problems), len(replies)):
        return None
    kinds = Counter(problem.partition(":")[0] for problem in problems)
    (kind, count), *_ = sorted(kinds.items(), key=lambda entry: (-entry[1], entry[0]))
    example = min(problem for problem in problems if problem.partition(":")[0] == kind)
    remedy = next((text for start, text in REMEDIES.items() if example.startswith(start)), OTHERWISE)
    return (
        f"{len(problems)} of {len(replies)} replies of the {what} cannot be used; the commonest reason, of {count}: "
        f"{example.rstrip('.')}. {remedy.format(what=what)} "
        "These replies are not kept: the next `dvc repro` asks again."
    )
