"""The listing of a source: which line stays, which changes, which is new; without a site."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lectern.core import io
from lectern.core.errors import ItemError, LecternError
from lectern.sources import listing
from lectern.sources.listing import Episode, Links, Mark

pytestmark = pytest.mark.usefixtures("project")


def episode(key: str, **values: Any) -> Episode:
    return Episode(**{"item": f"item-{key}", "key": key, "title": key.upper(), **values})


def ask(*offered: Episode, problems: Sequence[str] = ()) -> Callable[..., listing.Offer]:
    return lambda known: listing.Offer(list(offered), list(problems), [])


def test_a_known_episode_keeps_its_line_and_a_new_one_comes_last() -> None:
    known = [episode("b", published="2026-11-02"), episode("a")]
    offered = [
        episode("c"),
        episode("a", title="Changed", published="2026-11-01"),
        episode("b", title="Changed", published="2026-12-24", item="other"),
    ]
    whole, new = listing.merge(known, offered, refresh=False)
    assert whole == [known[0], known[1].model_copy(update={"published": "2026-11-01"}), offered[0]]
    assert new == [offered[0]]


def test_a_refresh_takes_what_the_site_states_and_no_other_id_and_nothing_empty() -> None:
    known = [
        episode("a", description="Long.", author="Ann", duration=7.0, chapters=[Mark(start=0, title="x")])
    ]
    offered = [episode("a", item="other", title="Changed", description="", author=None, language="en")]
    [found], new = listing.merge(known, offered, refresh=True)
    assert found == known[0].model_copy(update={"title": "Changed", "language": "en"})
    assert new == []


def test_an_episode_that_is_offered_twice_is_new_once() -> None:
    whole, new = listing.merge([], [episode("a"), episode("a", title="Again")], refresh=False)
    assert whole == new == [episode("a")]


@pytest.mark.parametrize(
    ("day", "after", "before", "fits"),
    [
        ("2026-11-02", None, None, True),
        (None, None, None, True),
        ("2026-11-02", "2026-11-02", None, True),
        ("2026-11-02", "2026-11-03", None, False),
        ("2026-11-02", None, "2026-11-02", True),
        ("2026-11-02", None, "2026-11-01", False),
        ("2026-11-02", "2026-11-01", "2026-11-03", True),
        (None, "2026-11-01", None, False),
        (None, None, "2026-11-01", False),
    ],
)
def test_bounds_of_days_are_inclusive_and_a_missing_day_is_in_none(
    day: str | None, after: str | None, before: str | None, fits: bool
) -> None:
    assert listing.is_between(day, after, before) == fits


def test_the_first_that_fit_are_chosen_in_the_order_of_the_listing() -> None:
    def chosen(*limits: Any) -> list[str]:
        return [found.key for found in listing.choose("show", *limits)]

    with pytest.raises(LecternError, match=r"data/listings/show\.jsonl does not exist"):
        chosen(None, None, None, None)
    io.write_jsonl(listing.path("show"), [episode("c"), episode("a"), episode("b", published="2026-11-02")])
    assert chosen(None, None, None, None) == ["c", "a", "b"]
    assert chosen(None, None, 2, None) == ["c", "a"]
    assert chosen(None, None, 1, "[AB]") == ["a"]
    assert chosen("2026-11-01", None, None, None) == ["b"]
    with pytest.raises(LecternError, match="none of its 3 episodes fits"):
        chosen(None, None, None, "Z")
    io.write_jsonl(listing.path("show"), [])
    assert chosen(None, None, None, "Z") == []


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([episode("a"), episode("b"), episode("b", item="other")], r"show\.jsonl:3: .* key 'b' of line 2"),
        ([episode("a"), episode("b", item="item-a")], r"show\.jsonl:2: .* item 'item-a' of line 1"),
    ],
)
def test_a_line_that_repeats_another_is_named_with_it(rows: list[Episode], problem: str) -> None:
    io.write_jsonl(listing.path("show"), rows)
    with pytest.raises(LecternError, match=problem):
        listing.read("show")


def test_an_update_says_what_is_new_and_what_changed() -> None:
    assert listing.read("show") == []
    told = listing.update("show", ask(episode("a"), episode("b")), refresh=False)
    assert told.line == "2 new in show, 0 changed, 2 in all: A; B"
    told = listing.update("show", ask(episode("a", published="2026-11-01"), episode("c")), refresh=False)
    assert told.line == "1 new in show, 1 changed, 3 in all: C"
    assert [found.key for found in listing.read("show")] == ["a", "b", "c"]
    told = listing.update("show", ask(episode("a", title="Other")), refresh=True)
    assert told.line == "0 new in show, 1 changed, 3 in all"
    many = [episode(f"n{n}") for n in range(listing.SHOWN + 2)]
    assert listing.update("more", ask(*many), refresh=False).line.endswith(
        f"N{listing.SHOWN - 1}; and 2 more"
    )
    assert listing.update("few", ask(*many[: listing.SHOWN]), refresh=False).line.endswith(
        f"N{listing.SHOWN - 1}"
    )


def test_a_refresh_asks_as_if_nothing_were_known() -> None:
    asked: list[int] = []

    def count(known: Sequence[Episode]) -> listing.Offer:
        asked.append(len(known))
        return listing.Offer([episode("a")], [], [])

    for refresh in (False, False, True):
        listing.update("show", count, refresh)
    assert asked == [0, 1, 0]


def test_a_source_that_cannot_be_asked_keeps_its_listing_and_gets_none_by_failing() -> None:
    def fail(known: Sequence[Episode]) -> listing.Offer:
        raise ItemError("no such feed")

    told = listing.update("show", fail, refresh=False)
    assert (told.problems, listing.path("show").exists()) == (["no such feed"], False)
    # property: a source that offers nothing was asked: its listing is there, and empty
    assert listing.update("show", ask(), refresh=False).problems == []
    assert listing.path("show").read_text() == ""
    listing.update("show", ask(episode("a")), refresh=False)
    before = listing.path("show").stat().st_mtime_ns
    listing.update("show", fail, refresh=False)
    listing.update("show", ask(episode("a")), refresh=False)
    assert listing.path("show").stat().st_mtime_ns == before, "what has not changed is not written"
    half = listing.update("show", ask(episode("b"), problems=["page 2 is gone"]), refresh=False)
    assert (half.problems, len(listing.read("show"))) == (["page 2 is gone"], 2)


def test_no_secret_address_is_kept() -> None:
    signed = "https://example.org/a.mp3?token=0123456789abcdef0123456789abcdef"
    assert Links(media=signed).are_secret
    assert Links(media="https://e.org/a.mp3", transcript=signed).are_secret
    assert Links(media="https://e.org/a.mp3", chapters=signed).are_secret
    assert not Links(media="https://e.org/a.mp3").are_secret
    assert episode("a", url=signed).url is None
    assert episode("a", url="https://e.org/a").url == "https://e.org/a"
    offered = [
        episode("a", links=Links(media=signed)),
        episode("b", links=Links(media="https://e.org/a.mp3")),
    ]
    listing.update("show", ask(*offered), refresh=False)
    assert [found.links is None for found in listing.read("show")] == [True, False]
    assert "token" not in Path("data/listings/show.jsonl").read_text()


def test_an_id_is_made_of_the_title_and_tells_keys_apart() -> None:
    assert listing.item_id("Why? Because!", "a").startswith("why-because-")
    assert listing.item_id("Why?", "a") != listing.item_id("Why?", "b")
    assert listing.item_id("???", "a").startswith("episode-")
    assert len(listing.item_id("Why?", "a").rpartition("-")[2]) == 8
