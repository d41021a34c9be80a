import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.schema import Example
from lectern.curation import leakage
from lectern.curation.partition import SPLITS, UNITS, assign
from lectern.settings.split import Split
from stages import split
from tests.settings import configure
from tests.support.made_up_rows import dialogue, row, sentence

ITEMS = st.sets(st.text("abcdefgh-", min_size=1, max_size=6), min_size=3, max_size=40)
SHARES = st.floats(0.01, 0.45)


@given(ITEMS, st.integers(0, 5), SHARES, SHARES)
def test_every_recording_is_in_one_split_and_no_split_is_empty(
    items: set[str], seed: int, validation: float, test: float
) -> None:
    chosen = assign(items, seed, validation, test)
    # property: disjoint by item, complete, none empty
    assert set(chosen) == items
    assert set(chosen.values()) == set(SPLITS)


@given(ITEMS, st.integers(0, 5))
def test_the_order_of_the_recordings_does_not_matter(items: set[str], seed: int) -> None:
    # property: only which recordings there are counts
    assert assign(sorted(items), seed, 0.2, 0.2) == assign(sorted(items, reverse=True), seed, 0.2, 0.2)


def test_a_new_recording_moves_no_other() -> None:
    items = [f"talk-{i}" for i in range(60)]
    before = assign(items, 0, 0.15, 0.2)
    for i in range(60, 160):
        after = assign([*items, f"talk-{i}"], 0, 0.15, 0.2)
        # property: with no split to fill, each recording stays where it was
        assert {name: after[name] for name in items} == before


def test_the_shares_are_met_on_many_recordings() -> None:
    chosen = list(assign([f"talk-{i}" for i in range(5000)], 0, 0.1, 0.2).values())
    # property: the hash is uniform
    assert chosen.count("validation") / 5000 == pytest.approx(0.1, abs=0.02)
    assert chosen.count("test") / 5000 == pytest.approx(0.2, abs=0.02)


def test_another_seed_draws_other_recordings() -> None:
    items = [f"talk-{i}" for i in range(60)]
    # property: the seed decides
    assert assign(items, 0, 0.2, 0.2) != assign(items, 1, 0.2, 0.2)


@pytest.mark.parametrize("items", [[], ["a"], ["a", "b"]])
def test_too_few_recordings_say_what_to_do(items: list[str]) -> None:
    # property: the number, the names and the remedy
    with pytest.raises(LecternError, match=f"{len(items)} items .* Add some to the corpus"):
        assign(items, 0, 0.1, 0.1)


# Three recordings, one a split; the test below finds out which is which.
NAMES = {name: item for item, name in assign(["a", "b", "c"], 0, 0.2, 0.2).items()}
TRAIN, VALIDATION, TEST = (NAMES[name] for name in SPLITS)


def rows_of(item: str, first: int) -> list[Example]:
    return [
        row(f"What is {sentence(*range(i, i + 6))}?", sentence(*range(i + 10, i + 50)), item, start=i)
        for i in range(first, first + 300, 100)
    ]


def clean() -> list[Example]:
    return [*rows_of(TRAIN, 1000), *rows_of(VALIDATION, 2000), *rows_of(TEST, 3000)]


def run(root: Path, rows: list[Example], on_leak: str = "fail") -> dict:
    io.write_jsonl(root / "curated.jsonl", rows)
    try:
        params = configure(Split, seed=0, validation=0.2, test=0.2, on_leak=on_leak)
        said = split.main(params, root / "curated.jsonl", root / "splits", root / "leakage.json")
        written = {name: len(io.read_jsonl(root / f"splits/{name}.jsonl", Example)) for name in SPLITS}
        assert said == ", ".join(f"{name} {count}" for name, count in written.items())
    finally:
        metric = json.loads((root / "leakage.json").read_text())
    return metric


def test_clean_rows_pass_and_stay_with_their_recording(tmp_path: Path) -> None:
    metric = run(tmp_path, clean())
    for name, item in zip(SPLITS, (TRAIN, VALIDATION, TEST), strict=True):
        rows = io.read_jsonl(tmp_path / f"splits/{name}.jsonl", Example)
        # property: a split is the rows of its recordings, and the metric says how many
        assert rows == [r for r in clean() if r.provenance.item == item]
        assert (metric["rows"][name], metric["items"][name]) == (3, 1)
    assert metric["leaks_total"] == 0


LONG = sentence(*range(40))


def other(item: str) -> str:
    """Words of a recording's own."""
    return sentence(*range(100 * ord(item), 100 * ord(item) + 30))


PLANTED = {
    "the same row": ("same_row", lambda i: row("Why is that?", LONG, i)),
    "the same words": ("same_row", lambda i: row("Why is that?" if i == TRAIN else "why is that", LONG, i)),
    "the same question": ("same_question", lambda i: row("Why?", sentence(*range(ord(i), ord(i) + 3)), i)),
    "the same turn of a dialogue": (
        "same_question",
        lambda i: (
            row("What about the old logs?", f"Nothing {i}", i)
            if i == TRAIN
            else dialogue([("Hi there?", f"Yes {i}"), ("what about the OLD logs", f"All {i}")], i)
        ),
    ),
    "nearly the same row": ("near_row", lambda i: row(f"Shall we {i}?", f"{LONG} {i}", i)),
    "nearly the same question": ("near_question", lambda i: row(f"{LONG} {i}?", other(i), i)),
    "nearly the same answer": (
        "near_answer",
        lambda i: row(other(i), f"{LONG} {i}", i),
    ),
    "the answer in a dialogue": (
        "near_answer",
        lambda i: row("So?", LONG, i) if i == TRAIN else dialogue([("Hm?", other(i)), ("Then?", LONG)], i),
    ),
}


@pytest.mark.parametrize("side", ["validation", "test"])
@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_leak_fails_the_stage(tmp_path: Path, planted: str, side: str) -> None:
    kind, make = PLANTED[planted]
    a, b = make(TRAIN), make(NAMES[side])
    with pytest.raises(LecternError) as caught:
        run(tmp_path, [*clean(), a, b])
    message = str(caught.value)
    metric = json.loads((tmp_path / "leakage.json").read_text())
    # property: the error names both rows, the kind, the value and a remedy; nothing but the metric is written
    for part in (kind, f"train {a.id}", f"{side} {b.id}", "split.on_leak"):
        assert part in message
    assert metric["leaks"][kind] == metric["leaks_total"] == 1
    assert metric["first_leaks"][0]["similarity"] >= 0.8
    assert not (tmp_path / "splits").exists()


@pytest.mark.parametrize("planted", PLANTED)
def test_dropping_leaks_leaves_none(tmp_path: Path, planted: str) -> None:
    kind, make = PLANTED[planted]
    metric = run(tmp_path, [*clean(), make(TRAIN), make(TEST)], on_leak="drop")
    splits = {name: io.read_jsonl(tmp_path / f"splits/{name}.jsonl", Example) for name in SPLITS}
    # property: the held-out row stays, the trained one goes, and looking again finds nothing
    assert leakage.find_leaks(splits, 0.8) == []
    assert metric["dropped"] == {"train": 1, "validation": 0, "test": 0}
    assert metric["leaks"][kind] == 1


def test_a_recording_on_two_sides_is_a_leak() -> None:
    splits = {"train": [row("Why?", "w1 w2", "a")], "test": [row("How?", "w3 w4", "a")]}
    found = leakage.find_leaks(splits, 0.8)
    # property: even with nothing in common but the recording
    assert [(leak.kind, leak.items) for leak in found] == [("same_item", ("a", "a"))]


def test_small_talk_is_no_leak() -> None:
    splits = {
        "train": [dialogue([("What is a seed?", "A number."), ("Why is that?", "Yes, exactly.")], "a")],
        "test": [dialogue([("Where are logs?", "In a file."), ("Why is that?", "Yes, exactly.")], "b")],
    }
    # property: a follow-up of a few words says nothing alone
    assert leakage.find_leaks(splits, 0.8) == []


@pytest.mark.parametrize(
    "courtesy",
    [
        "Thanks Ada for having me over.",
        "Thank you. Thank you.",
        "It is such a pleasure to have you here with us.",
        "谢谢你的邀请，很高兴来到这里和大家聊天。",  # eleven words of nineteen characters
    ],
)
def test_courtesies_are_no_leak_and_what_could_be_remembered_is_one(courtesy: str) -> None:
    # property: what any two people say to each other is no leak, whoever says it; what is as long as an answer is one
    def leaks(a: Example, b: Example) -> list[str]:
        return [leak.kind for leak in leakage.find_leaks({"train": [a], "test": [b]}, 0.8)]

    told = [sentence(*range(500 + 90 * n, 550 + 90 * n)) for n in range(4)]
    a = dialogue([(told[0], courtesy), (courtesy, told[1])], "a")
    b = dialogue([(told[2], courtesy), (courtesy, told[3])], "b")
    assert leaks(a, b) == []
    remembered = sentence(*range(12))
    a = dialogue([(told[0], remembered), ("Go on?", told[1])], "a")
    b = dialogue([(told[2], remembered), ("Go on?", told[3])], "b")
    assert leaks(a, b) == ["near_answer"]
    assert leaks(row("Is it?", courtesy, "a"), row("Was it?", courtesy, "b")) != []  # a whole answer counts


@pytest.mark.parametrize("shares", [(0.0, 0.2), (0.2, 0.0), (0.5, 0.5), (-0.1, 0.2)])
def test_shares_out_of_bounds_are_named(shares: tuple[float, float]) -> None:
    # property: each split gets something
    with pytest.raises(ValueError, match=f"validation {shares[0]} and test {shares[1]} must"):
        configure(Split, validation=shares[0], test=shares[1])


def test_a_split_that_drops_all_its_rows_says_so(tmp_path: Path) -> None:
    rows = [row("Why?", "It is so.", TRAIN), row("Why?", "It was so.", TEST), *rows_of(VALIDATION, 2000)]
    # property: an empty training set is an error here, not later
    with pytest.raises(LecternError, match="train has no row left"):
        run(tmp_path, rows, on_leak="drop")


def test_one_document_is_divided_by_its_sections(tmp_path: Path) -> None:
    rows = []
    for n in range(24):
        made = row(
            f"What of {sentence(n, n + 100)}?", sentence(*range(9 * n + 200, 9 * n + 209)), item="book"
        )
        place = made.provenance.model_copy(update={"heading": f"Book > Chapter {n // 3}"})
        rows.append(made.model_copy(update={"provenance": place}))
    io.write_jsonl(tmp_path / "curated.jsonl", rows)
    files = (tmp_path / "curated.jsonl", tmp_path / "splits", tmp_path / "leakage.json")
    with pytest.raises(LecternError, match=r"split\.by=section"):
        split.main(configure(Split, seed=0), *files)
    split.main(configure(Split, seed=0, by="section"), *files)
    sides = [
        {r.provenance.heading for r in io.read_jsonl(tmp_path / "splits" / f"{name}.jsonl", Example)}
        for name in SPLITS
    ]
    # property: each section on one side, none empty, none lost
    assert all(sides)
    assert sum(map(len, sides)) == len(set.union(*sides)) == 8
    # and a section on two sides is a leak
    torn = {"train": rows[:1], "test": rows[1:2]}
    (leak,) = leakage.find_leaks(torn, 0.8, UNITS["section"])
    assert leak.kind == "same_item"


def test_fewer_items_are_trained_on_and_nothing_else_changes(tmp_path: Path) -> None:
    rows = [one for item in range(20) for one in rows_of(f"talk-{item}", 1000 * item)]
    io.write_jsonl(tmp_path / "curated.jsonl", rows)

    def divide(items: int | None, draw: int = 0) -> dict[str, list[Example]]:
        settings = configure(Split, seed=0, train_items=items, train_draw=draw)
        split.main(settings, tmp_path / "curated.jsonl", tmp_path / "splits", tmp_path / "leakage.json")
        return {name: io.read_jsonl(tmp_path / f"splits/{name}.jsonl", Example) for name in SPLITS}

    def trained(items: int | None, draw: int = 0) -> set[str]:
        return {one.provenance.item for one in divide(items, draw)["train"]}

    everything = divide(None)
    most = len({one.provenance.item for one in everything["train"]})
    for number in range(1, most + 1):
        found = divide(number)
        # property: so many whole items, in their order, and validation and test as they were
        kept = {one.provenance.item for one in found["train"]}
        assert len(kept) == number
        assert found["train"] == [one for one in everything["train"] if one.provenance.item in kept]
        assert [found[name] for name in ("validation", "test")] == [
            everything[name] for name in ("validation", "test")
        ]
        # property: more items of a draw hold the fewer ones
        assert number == 1 or kept > trained(number - 1)
    assert divide(most) == everything
    assert trained(4, draw=1) != trained(4)
    with pytest.raises(LecternError, match=rf"train_items is {most + 1}, but the training split has {most}"):
        divide(most + 1)
    with pytest.raises(ValueError, match="train_items is 0; give 1 or more"):
        configure(Split, train_items=0)
