"""Each field of a source: the last value that is accepted, the first that is not, and what is said of it."""

from typing import Any

import pytest

from lectern.core.errors import LecternError, WrongValuesError
from lectern.settings import sources
from lectern.settings.sources import KINDS, Network, TableSource, WebsiteSource

SITE: dict[str, Any] = {"name": "site", "start": ["https://example.org/"]}
NO_PAGE = "is not the address of a page; put secrets into `headers`"
HEADER = (
    "holds a secret, which git would keep; write {LECTERN_SITE_TOKEN} (or another name that begins with LECTERN_) in "
    "its place and set that variable in the environment"
)
TWO = (
    "give `question` and `answer` (optionally `input`, `system` and `url`), or `messages` (optionally `url`)"
)


@pytest.mark.parametrize(
    ("field", "accepted", "refused", "told"),
    [
        ("max_depth", [0, 1], -1, "max_depth is -1; give 0 or more"),
        ("delay", [0.0], -0.1, "delay is -0.1; give 0 or more"),
        ("retries", [0], -1, "retries is -1; give 0 or more"),
        ("longest_wait", [0.0], -0.1, "longest_wait is -0.1; give 0 or more"),
        ("render_below", [0], -1, "render_below is -1; give 0 or more"),
        ("max_pages", [1], 0, "max_pages is 0; it must be above 0"),
        ("max_alike", [1], 0, "max_alike is 0; it must be above 0"),
        ("concurrency", [1], 0, "concurrency is 0; it must be above 0"),
        ("timeout", [0.1], 0.0, "timeout is 0.0; it must be above 0"),
        ("max_megabytes", [0.1], 0.0, "max_megabytes is 0.0; it must be above 0"),
        ("render", ["never", "empty", "always"], "x", "render is 'x'; choose one of never, empty, always"),
        ("gone", ["keep", "remove"], "x", "gone is 'x'; choose keep or remove"),
        (
            "include",
            [["a+"]],
            ["("],
            "include or exclude: '(' is not a regular expression (missing ), unterminated "
            "subpattern at position 0)",
        ),
        (
            "exclude",
            [[]],
            ["a", "["],
            "include or exclude: '[' is not a regular expression (unterminated character set at position 0)",
        ),
        ("start", [["http://example.org:8080/a"]], [], "start is empty; list the addresses to begin at"),
        (
            "name",
            ["a", "0_-" + "x" * 61],
            "x" * 65,
            f"name is '{'x' * 65}', but it names a file; use only a-z, 0-9, - and _",
        ),
        ("name", ["a-b"], "-a", "name is '-a', but it names a file; use only a-z, 0-9, - and _"),
        (
            "sitemaps",
            [None, [], ["https://example.org/map.xml"]],
            ["ftp://example.org/"],
            "'ftp://example.org/' is not an http or https address",
        ),
        (
            "start",
            [["https://example.org/?a=b"]],
            ["https://example.org/{LECTERN_X}"],
            f"'https://example.org/{{LECTERN_X}}' {NO_PAGE}",
        ),
        (
            "hosts",
            [["example.org", "*.example.org", "a.b:80", "[::1]:8080", "[fe80::1]"]],
            ["https://example.org"],
            "hosts: 'https://example.org' is not a host such as example.org, *.example.org or example.org:8080",
        ),
        (
            "hosts",
            [[]],
            ["EXAMPLE.org"],
            "hosts: 'EXAMPLE.org' is not a host such as example.org, *.example.org or example.org:8080",
        ),
        (
            "headers",
            [{"Accept-Language": "de"}],
            {"a b": "x"},
            "headers: 'a b' is not a header's name, or its value holds a line break",
        ),
        (
            "headers",
            [{"X": ""}],
            {"X": "a\nb"},
            "headers: 'X' is not a header's name, or its value holds a line break",
        ),
        (
            "headers",
            [{"Authorization": "Bearer {LECTERN_T}"}],
            {"Authorization": "Bearer x"},
            f"headers: Authorization {HEADER}",
        ),
        ("headers", [{"X-Colour": "x"}], {"X-Api-Key": "x"}, f"headers: X-Api-Key {HEADER}"),
        (
            "headers",
            [{"X": "{LECTERN_A}"}],
            {"X": "{HOME}"},
            "headers: X: only variables whose names begin with LECTERN_ are allowed",
        ),
    ],
)
def test_a_site(field: str, accepted: list[Any], refused: Any, told: str) -> None:
    for value in accepted:
        assert getattr(WebsiteSource(**{**SITE, field: value}), field) == value
    with pytest.raises(WrongValuesError) as caught:
        WebsiteSource(**{**SITE, field: refused})
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("field", "accepted", "refused", "told"),
    [
        ("sleep", 0.0, -0.1, "network.sleep is -0.1; give 0 or more"),
        ("retries", 0, -1, "network.retries is -1; give 0 or more"),
        ("longest_wait", 0.0, -1.0, "network.longest_wait is -1.0; give 0 or more"),
        ("timeout", 0.1, 0.0, "network.timeout is 0.0; it must be above 0"),
        ("max_megabytes", 1, 0, "network.max_megabytes is 0; it must be above 0"),
        ("rate_limit", 1, 0, "network.rate_limit is 0; it must be above 0 (bytes per second), or null"),
        ("rate_limit", None, -5, "network.rate_limit is -5; it must be above 0 (bytes per second), or null"),
    ],
)
def test_how_a_server_is_asked(field: str, accepted: Any, refused: Any, told: str) -> None:
    assert getattr(Network(**{field: accepted}), field) == accepted
    with pytest.raises(WrongValuesError) as caught:
        Network(**{field: refused})
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, None),
        ({"columns": {"question": "Q", "answer": "A", "system": "S", "url": "U"}}, None),
        ({"columns": {"messages": "M", "url": "U"}}, None),
        ({"parts": 1, "delimiter": "|", "encoding": "cp1252"}, None),
        ({"columns": {"question": "Q"}}, f"columns is {{'question': 'Q'}}; {TWO}"),
        (
            {"columns": {"messages": "M", "answer": "A"}},
            f"columns is {{'messages': 'M', 'answer': 'A'}}; {TWO}",
        ),
        (
            {"columns": {"question": "Q", "answer": "A", "b": "B", "a": "A"}},
            "columns is {'question': 'Q', 'answer': 'A', 'b': 'B', 'a': 'A'} with the unknown a, b; " + TWO,
        ),
        ({"parts": 0}, "parts is 0; use 1 or more; three splits need at least 3 items"),
        ({"delimiter": ""}, "delimiter is ''; use one character, or null to detect it"),
        ({"delimiter": ";;"}, "delimiter is ';;'; use one character, or null to detect it"),
        ({"delimiter": '"'}, "delimiter is '\"'; use one character, or null to detect it"),
        ({"encoding": "no-such"}, "encoding is 'no-such'; Python knows no encoding of that name"),
    ],
)
def test_a_table(values: dict[str, Any], told: str | None) -> None:
    if told is None:
        found = TableSource(path="a.csv", **values)
        assert found.chosen == (values.get("columns") or {"question": "question", "answer": "answer"})
        return
    with pytest.raises(WrongValuesError) as caught:
        TableSource(path="a.csv", **values)
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://example.org/a?b=c#d", None),
        ("http://example.org:1/", None),
        ("https://u:{LECTERN_P}@example.org/", None),
        ("https://example.org/?token={LECTERN_T}", None),
        ("https://example.org:0/", "is not an http or https address"),
        ("https:///a", "is not an http or https address"),
        ("example.org", "is not an http or https address"),
        ("https://[::1/", "is not an http or https address"),
        (
            "https://example.org/{HOME}",
            "{HOME} in a URL: only variables whose names begin with LECTERN_ are allowed",
        ),
        (
            "https://{LECTERN_H}/",
            "a variable stands for the host, which decides who receives the secrets; write the host itself",
        ),
        ("https://me@example.org/", "holds a secret, which git would keep"),
        ("https://me:word@example.org/", "holds a secret, which git would keep"),
        ("https://example.org/?token=abc", "holds a secret, which git would keep"),
        ("https://example.org/#access_token=abc", "holds a secret, which git would keep"),
    ],
)
def test_an_address_is_of_the_web_and_shows_no_secret(url: str, told: str | None) -> None:
    found = list(sources.find_wrong_url(url))
    assert (found == []) is (told is None)
    if told is not None:
        assert len(found) == 1
        assert told in found[0]
        assert "abc" not in found[0]
        assert "word" not in found[0]


@pytest.mark.parametrize(
    ("field", "accepted", "refused", "told"),
    [
        ("after", "2026-11-22", "2026-13-01", "after is '2026-13-01'; it must be a day, as in '2026-11-22'"),
        ("before", None, "20261122", "before is '20261122'; it must be a day, as in '2026-11-22'"),
        ("max_items", 1, 0, "max_items is 0; it must be at least 1, or null"),
        ("max_items", None, -3, "max_items is -3; it must be at least 1, or null"),
        (
            "match",
            "a|b",
            "(",
            "match: '(' is not a regular expression (missing ), unterminated subpattern at position 0)",
        ),
    ],
)
def test_which_episodes_are_taken(field: str, accepted: Any, refused: Any, told: str) -> None:
    usual = {"kind": "podcast", "name": "p", "feed": "https://example.org/feed"}
    found = sources.parse_source({**usual, field: accepted}, 3)
    assert getattr(found, field) == accepted
    with pytest.raises(LecternError) as caught:
        sources.parse_source({**usual, field: refused}, 3)
    assert str(caught.value) == f"corpus.sources[3]: {told}. Correct it under conf/ and run `lectern params`."


def test_a_kind_that_is_none_is_told_with_those_that_are() -> None:
    kinds = ", ".join(KINDS)
    assert sources.read_source({"kind": "radio"}) == [f"kind is 'radio'; choose one of {kinds}"]
    assert sources.read_source(["media"]) == [f"kind is None; choose one of {kinds}"]
