"""Collecting the tests is quick: what is dear to import is imported by the tests that need it."""

import pytest

from tests.conftest import COLLECTED

DEAR = {
    "torch",
    "transformers",
    "peft",
    "datasets",
    "sklearn",
    "scrapy",
    "nicegui",
    "ray",
    "scipy.stats",
    "openai",
    "matplotlib",
}


def test_collecting_the_tests_imports_nothing_that_is_dear(request: pytest.FixtureRequest) -> None:
    assert DEAR & request.config.stash[COLLECTED] == set()
