"""The digest of a piece of code: what changes it, and what does not."""

from pathlib import Path

import pytest

from lectern.core import code

SOURCE = '''"""Docstring."""

import os  # why


def f(x: int) -> str:
    """Say it.

    At length.
    """
    # a reason
    return f"""{x}

    # not a comment
    """
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Docstring."""', '"""Another."""'),
        ("  # why", ""),
        ("    # a reason\n", "\n\n"),
        ("    At length.\n", "    At some\n    length.\n"),
        ("\n\n\ndef", "\ndef"),
    ],
)
def test_comments_and_docstrings_do_not_count(old: str, new: str) -> None:
    assert old in SOURCE
    assert code._bare(SOURCE.replace(old, new)) == code._bare(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x: int", "x: str"),
        ("# not a comment", "# not a  comment"),
        ("{x}\n\n", "{x}\n"),
        ("import os", "import io"),
        ("    return", "    x += 1\n    return"),
    ],
)
def test_everything_else_counts(old: str, new: str) -> None:
    assert old in SOURCE
    assert code._bare(SOURCE.replace(old, new)) != code._bare(SOURCE)


def test_the_closure_follows_imports_inside_functions() -> None:
    # stages.fetch imports sources.media at the top; media imports core.items; packages on the way count.
    found = code.closure(["stages.fetch"])
    assert {"stages", "lectern.core.items", "lectern.sources.media", "lectern.core.errors"} <= set(found)
    assert found["stages.fetch"] == Path("stages/fetch.py").resolve()
    assert "numpy" not in found


def test_the_same_text_under_another_name_is_other_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first.py", tmp_path / "second.py"
    first.write_text("LIMIT = 1\n")
    second.write_text("LIMIT = 2\n")

    def digest(**files: Path) -> str:
        monkeypatch.setattr(code, "closure", lambda names: files)
        return code.digest([])

    # property: two modules that change places make other bytes, and so does one that is not imported any more
    assert digest(a=first, b=second) != digest(a=second, b=first)
    assert digest(a=first) != digest(b=first)
    assert digest(a=first, b=second) != digest(a=first)
    assert digest(a=first, b=second) == digest(a=first, b=second)
