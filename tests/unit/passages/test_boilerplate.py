"""What the pages of a site repeat goes, and what one page says stays, however the site grows."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lectern.core import io, items
from lectern.core.errors import LecternError
from lectern.core.schema import Block, Document, Passage
from lectern.passages import boilerplate
from lectern.settings.housekeeping import Housekeeping
from lectern.settings.parse import Parse
from stages import parse
from tests.settings import configure


def page(name: str, *texts: str, site: str | None = "https://e.org") -> Document:
    blocks = [
        Block(kind="heading", text=t[1:], level=1) if t.startswith("#") else Block(kind="paragraph", text=t)
        for t in texts
    ]
    return Document(item=name, title=name, url=None, site=site, language="en", blocks=blocks)


def touch(item: items.Item, path: Path) -> None:
    path.touch()


def build(root: Path, *pages: Document, conversations: tuple[str, ...] = ()) -> items.SyncResult:
    """What extract and parse do."""

    def write(item: items.Item, path: Path) -> None:
        io.write_json(path, next(p for p in pages if p.item == item.id))

    found = [items.Item(p.item, {}, p.model_dump(mode="json")) for p in pages]
    items.sync(found, root / "documents", lambda: write, suffix=".json", params={}, code=())
    others = [items.Item(name, {}) for name in conversations]
    items.sync(others, root / "conversations", lambda: touch, suffix=".json", params={}, code=())
    params = configure(Parse, min_tokens=20, max_tokens=60)
    inputs = (root / "documents", root / "conversations")
    return parse.main(params, configure(Housekeeping), *inputs, root / "passages", root / "parse.json")


def read(root: Path, name: str) -> list[Passage]:
    return io.read_jsonl(root / "passages" / f"{name}.jsonl", Passage)


def text(root: Path, name: str) -> str:
    return "\n".join(passage.text for passage in read(root, name))


def outputs(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "passages").iterdir()}


def own(n: int) -> str:
    return f"This is what page {n} says, and no other page of the site has a word of it but this one."


MENU, FOOTER = "Home | About | Contact", "© 2026 The Company.  All rights reserved."


def test_what_half_of_the_pages_repeat_is_left_out(tmp_path: Path) -> None:
    pages = [page(f"p{n}", MENU, "#Title", own(n), FOOTER.upper() if n else FOOTER) for n in range(5)]
    pages.append(page("p5", "#Title", own(5), MENU + "!", "Title"))
    pages += [page(f"q{n}", MENU, own(n + 10), site="https://other.org") for n in range(2)]
    pages.append(page("loose", MENU, own(20), site=None))
    build(tmp_path, *pages)
    for n in range(5):
        assert text(tmp_path, f"p{n}") == own(n)
        assert read(tmp_path, f"p{n}")[0].headings == ["Title"]  # repeated too, but structure
    assert MENU in text(tmp_path, "p5")
    assert "Title" in text(tmp_path, "p5"), "only headings repeat it"
    assert MENU in text(tmp_path, "q0"), "two pages are too few"
    assert MENU in text(tmp_path, "loose"), "a document of no site"
    counts = io.read_plain(tmp_path / "parse.json")
    assert counts["documents"] == 9
    assert counts["boilerplate"]["documents"] == 5
    assert counts["boilerplate"]["blocks"] == 10
    assert {"text": MENU, "documents": 5} in counts["boilerplate"]["most_frequent"]


def test_a_new_page_makes_only_those_again_whose_boilerplate_changes(tmp_path: Path) -> None:
    pages = [page(f"p{n}", MENU, own(n)) for n in range(4)]
    build(tmp_path, *pages)
    assert str(build(tmp_path, *pages)) == "made 0, kept 4, removed 0, failed 0"
    # The menu still stands on most pages.
    assert build(tmp_path, *pages, page("new", own(9))).made == 1
    # A text that was on two pages is on three of five now: those two and the new one.
    some = [page(f"p{n}", MENU, own(n), *(["Subscribe!"] if n < 2 else [])) for n in range(4)]
    assert build(tmp_path, *some).made == 2
    assert "Subscribe!" in text(tmp_path, "p0")
    assert build(tmp_path, *some, page("new", own(9), "Subscribe!")).made == 3
    assert "Subscribe!" not in text(tmp_path, "p0")


def test_copies_of_a_page_have_no_passages_and_make_no_boilerplate(tmp_path: Path) -> None:
    # Property: three addresses of one page are one page; the first in order of id speaks for it.
    same = [page(name, MENU if name < "c" else MENU.upper(), own(1)) for name in "abc"]
    other = page("d", own(2))
    build(tmp_path, *same, other)
    assert MENU in text(tmp_path, "a")
    assert own(1) in text(tmp_path, "a")
    assert text(tmp_path, "b") == text(tmp_path, "c") == ""
    counts = io.read_plain(tmp_path / "parse.json")
    assert counts["duplicate_pages"] == {"count": 2, "copy_of": {"b": "a", "c": "a"}}
    assert counts["documents_without_passages"] == 2
    # When the first one goes, the next one takes its place.
    assert build(tmp_path, *same[1:], other).removed == 1
    assert own(1) in text(tmp_path, "b")
    assert text(tmp_path, "c") == ""
    # Pages that differ in boilerplate only are copies; pages without any text are not.
    chrome = [page(f"x{n}", MENU, own(n), site="s") for n in range(4)]
    build(tmp_path, *chrome, page("y", own(0), site="s"), page("z"), page("zz"))
    assert io.read_plain(tmp_path / "parse.json")["duplicate_pages"]["copy_of"] == {"y": "x0"}


@given(data=st.data())
@settings(max_examples=8, deadline=None)
def test_an_incremental_run_leaves_the_same_bytes_as_a_clean_one(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("site")
    draw = random.Random(data.draw(st.integers(0, 1000)))
    texts = [MENU, FOOTER, "#A heading", *(own(n) for n in range(4))]
    for _ in range(3):
        names = data.draw(st.sets(st.sampled_from("abcdef"), min_size=1))
        pages = [
            page(name, *draw.choices(texts, k=draw.randint(0, 4)), site=draw.choice("st")) for name in names
        ]
        build(root / "kept", *pages)
    build(root / "clean", *pages)
    assert outputs(root / "kept") == outputs(root / "clean")
    assert (root / "kept/parse.json").read_bytes() == (root / "clean/parse.json").read_bytes()


def test_one_edited_paragraph_changes_the_ids_of_its_passages_only(tmp_path: Path) -> None:
    manual = [f"#Part {n}" if m == 0 else f"{own(n)} {own(100 * n + m)}" for n in range(6) for m in range(4)]
    others = [page(f"p{n}", own(n), own(n + 50)) for n in range(3)]
    build(tmp_path, page("manual", *manual), *others)
    before = {name: read(tmp_path, name) for name in ("manual", "p0", "p1", "p2")}
    assert len(before["manual"]) > 8
    edited = [t if n != 9 else t.replace("no other page", "not one other page") for n, t in enumerate(manual)]
    assert build(tmp_path, page("manual", *edited), *others).made == 1
    after = {name: read(tmp_path, name) for name in before}
    gone = [p for name in before for p in before[name] if p.id not in {q.id for q in after[name]}]
    assert gone
    assert all(manual[9][:60] in p.text for p in gone)
    # A document that is removed takes its passages with it.
    assert build(tmp_path, *others).removed == 1
    assert not (tmp_path / "passages/manual.jsonl").exists()


def test_a_passage_that_is_repeated_occurs_once(tmp_path: Path) -> None:
    build(tmp_path, page("a", "#One", own(1) + own(2), "#Two", own(1) + own(2), "#Three", own(3) + own(4)))
    found = read(tmp_path, "a")
    assert [p.headings for p in found] == [["One"], ["Three"]]
    assert io.read_plain(tmp_path / "parse.json")["repeated_passages"] == 1


def test_an_item_cannot_be_a_document_and_a_recording(tmp_path: Path) -> None:
    with pytest.raises(LecternError, match="'a' is both a document and a recording"):
        build(tmp_path, page("a", own(1)), conversations=("a",))


@given(
    pages=st.dictionaries(
        st.text("abc", min_size=1, max_size=3), st.lists(st.sampled_from("uvwxyz"), max_size=5)
    )
)
def test_repeated_blocks_are_counted_by_page(pages: dict[str, list[str]]) -> None:
    # Property: those, and only those, that stand on enough pages that differ; each page gets its own of them.
    found = boilerplate.find_repeated(pages, 0.5, 2)
    distinct = {tuple(blocks) for blocks in pages.values() if blocks}
    for name, blocks in pages.items():
        frequent = {
            b
            for b in blocks
            if sum(b in d for d in distinct) >= 2 and 2 * sum(b in d for d in distinct) >= len(distinct)
        }
        assert found.get(name, []) == sorted(frequent)
