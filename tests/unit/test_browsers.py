"""Where there is no Chromium, the tests that need one are skipped: all of them start it in one place, which says so."""

from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_a_browser_is_started_in_one_place() -> None:
    name = "play" + "wright"
    found = [path for path in TESTS.rglob("*.py") if name in path.read_text(encoding="utf-8")]
    assert [path.name for path in found] == ["browsers.py"]
