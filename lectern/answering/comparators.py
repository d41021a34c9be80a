"""The commits that section `comparators` names."""

from pathlib import Path

from lectern.core import revisions
from lectern.core.errors import LecternError
from lectern.settings.comparators import why_no_commit


def find_commit(name: str, given: str, root: Path = revisions.HERE) -> revisions.Revision:
    """Find the revision of comparator `name`.

    Raises:
        LecternError: git has no such commit, or the name is that of a branch or tag.
    """
    try:
        found = revisions.find(given, root)
    except LecternError as error:
        raise LecternError(f"comparators.{name}.revision: {error}") from error
    if not found.commit.startswith(given):
        raise LecternError(f"comparators.{name}.revision: {why_no_commit(given, root)}")
    return found
