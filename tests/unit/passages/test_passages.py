"""Documents become passages that keep their bounds, know their place, and stay the same where nobody edits."""

import random
from collections.abc import Sequence
from itertools import accumulate, chain, pairwise
from itertools import count as numbers
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lectern.core.schema import Block, Document, Passage, passage_id
from lectern.models import tokens
from lectern.passages import passages
from lectern.passages.boilerplate import digest

COUNT = tokens.counter("smollm2_135m")
LEAST, MOST = 40, 100
WORDS = [
    "river",
    "stone",
    "lantern",
    "harvest",
    "copper",
    "window",
    "meadow",
    "thunder",
    "кедр",
    "ночь",
    "山川",
]


def heading(text: str, level: int, page: int | None = None) -> Block:
    return Block(kind="heading", text=text, level=level, page=page)


def paragraph(text: str, page: int | None = None) -> Block:
    return Block(kind="paragraph", text=text, page=page)


def document(*blocks: Block, **more: Any) -> Document:
    return Document(**{"item": "d", "title": "D", "url": None, "language": "en", "blocks": blocks} | more)


def cut(
    made: Document, *removed: str, overlap: int = 0, least: int = LEAST, most: int = MOST
) -> list[Passage]:
    boilerplate = {digest(text) for text in removed}
    return passages.cut(made, boilerplate, COUNT, least=least, most=most, overlap=overlap).passages


def write(draw: random.Random, sentences: int) -> str:
    """So many sentences of three to twelve words, hardly ever the same."""
    made = []
    for _ in range(sentences):
        chosen = [draw.choice(WORDS) for _ in range(draw.randint(3, 12))]
        made.append(
            " ".join([*chosen, str(draw.randrange(10_000))]).capitalize() + draw.choice([".", "?", "!"])
        )
    return " ".join(made)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Any order of headings, paragraphs, lists, tables and code, short ones and long ones, some all white."""
    rng = random.Random(draw(st.integers(0, 10_000)))
    blocks: list[Block] = []
    for kind in draw(
        st.lists(st.sampled_from(["heading", "paragraph", "paragraph", "list", "code"]), max_size=25)
    ):
        if kind == "heading":
            blocks.append(heading(write(rng, 1)[:30], draw(st.integers(1, 4))))
        elif kind == "paragraph":
            text = write(rng, draw(st.integers(1, 12)))
            blocks.append(paragraph(draw(st.sampled_from([text, text, f" {text}\n", text.replace(" ", "")]))))
        else:
            blocks.append(
                Block(kind=kind, text="\n".join(write(rng, 1) for _ in range(draw(st.integers(1, 12)))))
            )
    return document(*blocks)


@given(made=documents(), overlap=st.integers(0, 2), removing=st.integers(2, 6))
@settings(max_examples=60, deadline=None)
def test_passages_keep_their_bounds_and_know_their_place(made: Document, overlap: int, removing: int) -> None:
    # Property: within `most`; the span's text is the passage's, but for blocks left out; headings are those above.
    removed = [block.text for block in made.blocks[::removing] if block.kind != "heading"]
    text = made.text
    places = list(accumulate((len(block.text) + 2 for block in made.blocks), initial=0))
    begins = [(begin, begin + len(block.text)) for begin, block in zip(places, made.blocks, strict=False)]
    found = cut(made, *removed, overlap=overlap)
    left_out = {digest(text) for text in removed}
    seen: set[int] = set()
    for passage in found:
        assert passage.span is not None
        a, b = passage.span
        inside = text[a:b]
        for (begin, end), block in reversed(list(zip(begins, made.blocks, strict=True))):
            gone = block.kind != "heading" and digest(block.text) in left_out
            if a <= begin < b and (
                gone or (block.kind == "heading" and block.text.strip() not in passage.text)
            ):
                inside = inside[: begin - a] + inside[end - a :]
        assert inside.split() == passage.text.split()
        if "".join(inside.split()) == "".join(text[a:b].split()):
            assert passage.text == text[a:b]
        assert passage.text == passage.text.strip()
        assert passage.tokens == COUNT([passage.text])[0] <= MOST
        assert passage.id == passage_id("d", passage.text)
        above = [
            b for (begin, _), b in zip(begins, made.blocks, strict=True) if b.kind == "heading" and begin < a
        ]
        assert all(any(title == " ".join(b.text.split()) for b in above) for title in passage.headings)
        seen.update(range(a, b))
    assert [p.span for p in found] == sorted(p.span for p in found if p.span)
    if not overlap:
        assert sum(p.span[1] - p.span[0] for p in found if p.span) == len(seen)
    # Property: nothing but boilerplate, headings and white space is in no passage.
    for (begin, end), block in zip(begins, made.blocks, strict=True):
        if block.kind != "heading" and digest(block.text) not in left_out:
            assert all(place in seen or text[place].isspace() for place in range(begin, end))


def test_no_sentence_is_short_of_company_where_it_could_have_some() -> None:
    # Property: in a stretch without headings every passage has at least the least length, and ends with a sentence.
    text = write(random.Random(3), 300)
    found = cut(document(*(paragraph(p) for p in [text[: len(text) // 2] + ".", text[len(text) // 2 :]])))
    assert len(found) > 20
    assert all(passage.tokens >= LEAST for passage in found)
    assert all(passage.text[-1] in ".?!" for passage in found)


def sections(rng: random.Random, lengths: Sequence[Sequence[int]], level: int = 1) -> list[list[Block]]:
    """Each with its heading and paragraphs of so many sentences."""
    return [
        [
            heading(f"Section {n} {write(rng, 1)[:12].strip()}", level),
            *(paragraph(write(rng, k)) for k in paragraphs),
        ]
        for n, paragraphs in enumerate(lengths)
    ]


def edit(rng: random.Random, section: list[Block], how: str) -> list[Block]:
    at = rng.randrange(1, len(section))
    new = paragraph(write(rng, rng.randint(1, 6)))
    if how == "delete":
        return section[:at] + section[at + 1 :]
    return [*section[:at], new, *section[at + (how == "replace") :]]


def texts(found: Sequence[Passage]) -> set[str]:
    return {passage.id for passage in found}


@given(
    seed=st.integers(0, 10_000),
    lengths=st.lists(st.lists(st.integers(4, 9), min_size=2, max_size=6), min_size=3, max_size=8),
    how=st.sampled_from(["insert", "delete", "replace"]),
    overlap=st.integers(0, 2),
)
@settings(max_examples=60, deadline=None)
def test_an_edit_changes_the_passages_of_its_section_only(
    seed: int, lengths: list[list[int]], how: str, overlap: int
) -> None:
    # Property: every passage of every other section keeps its id (each is long enough to stand alone).
    rng = random.Random(seed)
    before = sections(rng, lengths)
    where = rng.randrange(len(before))
    after = [edit(rng, s, how) if n == where else s for n, s in enumerate(before)]
    old, new = (cut(document(*chain(*parts)), overlap=overlap) for parts in (before, after))
    title = " ".join(before[where][0].text.split())
    changed = [passage for passage in [*old, *new] if passage.id in texts(old) ^ texts(new)]
    assert changed
    assert {passage.headings[0] for passage in changed} == {title}


@given(
    seed=st.integers(0, 10_000),
    shape=st.lists(
        st.lists(st.lists(st.integers(1, 4), min_size=1, max_size=3), max_size=12), min_size=2, max_size=5
    ),
    how=st.sampled_from(["insert", "delete", "replace"]),
)
@settings(max_examples=60, deadline=None)
def test_an_edit_among_short_sections_stays_below_their_parent(
    seed: int, shape: list[list[list[int]]], how: str
) -> None:
    # Property: short sections share passages, so an edit may reach a neighbour, but never another chapter; nor a
    # section that no run of titles (`_heads`) ties to the edited one.
    rng = random.Random(seed)
    chapters = [sections(rng, [*lengths, [9, 9, 9]], level=2) for lengths in shape]
    where, section = rng.randrange(len(chapters)), 0
    section = rng.randrange(len(chapters[where]))
    edited = [
        [edit(rng, s, how) if (n, m) == (where, section) else s for m, s in enumerate(chapter)]
        for n, chapter in enumerate(chapters)
    ]
    old, new = (
        cut(document(*(b for n, c in enumerate(made) for b in [heading(f"Chapter {n}", 1), *chain(*c)])))
        for made in (chapters, edited)
    )
    changed = [passage for passage in [*old, *new] if passage.id in texts(old) ^ texts(new)]
    assert {passage.headings[0] for passage in changed} == {f"Chapter {where}"}
    children = [
        passages.Section(("", s[0].text), passages.PassageUnit(0, 0, 0, 0, False)) for s in chapters[where]
    ]
    runs = [*passages._heads(children), len(children)]
    (begin, end) = next((a, b) for a, b in pairwise(runs) if a <= section < b)
    allowed = {s[0].text for s in chapters[where][begin:end]}
    others = {s[0].text for s in chapters[where]} - allowed
    assert not any(title in [*p.headings, *p.text.split("\n\n")] for p in changed for title in others)


def note(rng: random.Random) -> str:
    return " ".join(rng.choice(WORDS[:8]) for _ in range(8)) + "."


@pytest.mark.parametrize("kind", ["paragraphs", "notes", "sections"])
def test_in_a_long_text_an_edit_is_felt_nearby_only(kind: str) -> None:
    # Property: cuts fall into step again soon, also among hundreds of paragraphs or sections of one length.
    rng = random.Random(4)
    book = [heading("Book", 1)]
    for n in range(400):
        book += [heading(f"Item {n}", 2)] if kind == "sections" else []
        book.append(paragraph(write(rng, rng.randint(1, 6)) if kind == "paragraphs" else note(rng)))
    old = cut(document(*book), overlap=1)
    assert len(old) > 50
    counts = []
    for _ in range(10):
        at = 2 * rng.randrange(1, 200)  # of a paragraph, after its heading where there are any
        new = [*book[:at], paragraph(write(rng, 6)), *book[at + rng.randint(0, 1) :]]
        counts.append(len(texts(old) - texts(cut(document(*new), overlap=1))))
    assert max(counts) <= 15
    assert 1 <= sum(counts) / len(counts) <= 6


def test_short_sections_share_a_passage_and_long_ones_do_not() -> None:
    rng = random.Random(1)
    long = [write(rng, 4) for _ in range(3)]
    blocks = [
        heading("Manual", 1),
        paragraph("Read this."),
        heading("Start", 2),
        paragraph("Press the green button."),
        heading("Stop", 2),
        paragraph("Press the red button."),
        *(block for n, text in enumerate(long) for block in (heading(f"Part {n}", 2), paragraph(text))),
        heading("Nothing", 2),
        heading("Nor here", 3),
    ]
    first, *rest = cut(document(*blocks))
    assert first.headings == ["Manual"]
    assert first.text.startswith("Read this.\n\nStart\n\nPress the green button.")
    assert "Nothing" not in "".join(p.text for p in rest)
    assert {tuple(p.headings) for p in rest} >= {
        ("Manual", f"Part {n}") for n in range(3) if COUNT(long)[n] >= LEAST
    }
    (whole,) = cut(document(*blocks), most=10_000)
    assert whole.headings == ["Manual"]
    assert whole.text == document(*blocks).text.removeprefix("Manual\n\n").removesuffix(
        "\n\nNothing\n\nNor here"
    )


@pytest.mark.parametrize("seed", range(3))
def test_hardly_any_of_many_tiny_sections_stays_alone(seed: int) -> None:
    rng = random.Random(seed)
    made = [b for n in range(200) for b in (heading(f"Item {n} {seed}", 2), paragraph(note(rng)))]
    found = cut(document(heading("Book", 1), *made))
    assert sum(passage.tokens < LEAST for passage in found) <= len(found) / 8
    assert all(passage.tokens <= MOST for passage in found)


def test_the_longest_passage_is_never_longer_in_its_own_right() -> None:
    # Property: a word that has more tokens at the beginning of a passage than inside one is counted as there.
    alone, inside = (COUNT([f"{space}meadow lantern copper"])[0] for space in ("", " "))
    assert alone > inside
    text = "Stone. meadow lantern copper."
    found = cut(document(paragraph("Stone harvest."), paragraph(text)), least=1, most=inside + 1)
    assert all(passage.tokens <= inside + 1 for passage in found)


def test_lists_tables_and_code_stay_whole_where_they_fit() -> None:
    rng = random.Random(2)
    table = "\n".join(f"| {n} | {write(rng, 1)[:20]} |" for n in range(5))
    long = "\n".join(f"step_{n}({write(rng, 1)!r})" for n in range(30))
    made = document(
        paragraph(write(rng, 3)), paragraph("Costs are as follows:"), Block(kind="table", text=table),
        paragraph(write(rng, 4)), Block(kind="code", text=long),
    )  # fmt: skip
    found = cut(made, overlap=1)
    (holder,) = [p for p in found if "|" in p.text]
    assert f"Costs are as follows:\n\n{table}" in holder.text
    lines = [line for p in found for line in p.text.split("\n") if line.startswith("step_")]
    assert lines == long.split("\n")  # no line is cut, and none is repeated


@pytest.mark.parametrize("overlap", [1, 2])
def test_a_passage_repeats_whole_sentences_of_the_one_before(overlap: int) -> None:
    # Property: the last sentences, in the same section, unless they are long; the length stays within its bounds.
    rng = random.Random(5)
    blocks = [block for section in sections(rng, [[12, 12], [20], [30]]) for block in section]
    made = document(*blocks)
    repeated = []
    for before, passage in pairwise(cut(made, overlap=overlap)):
        assert before.span is not None
        assert passage.span is not None
        again = made.text[passage.span[0] : max(passage.span[0], before.span[1])]
        assert before.text.endswith(again)
        assert passage.text.startswith(again)
        assert not again or (before.headings == passage.headings and before.text[-len(again) - 1] in " \n")
        assert passage.tokens <= MOST
        if before.headings == passage.headings:
            repeated.append(sum(again.count(mark) for mark in ".?!"))
    assert max(repeated) == overlap
    assert sum(n == 0 for n in repeated) <= len(repeated) / 10


@pytest.mark.parametrize(
    "text", ["x" * 5_000, "漢字仮名" * 900, "e\u0301" * 700, "👩‍👩‍👧‍👦" * 60, "0" * 3_000]
)
def test_what_has_no_place_to_cut_is_cut_all_the_same(text: str) -> None:
    found = cut(document(paragraph(text)))
    assert "".join(passage.text for passage in found) == text
    assert all(passage.tokens <= MOST for passage in found)
    assert not any(passage.text[0] in "\u0301\u200d" for passage in found)


def test_a_passage_opens_the_page_that_it_begins_on() -> None:
    rng = random.Random(6)
    blocks = [paragraph(write(rng, 6), page=n) for n in range(1, 8)]
    for passage in cut(document(*blocks, url="https://e.org/a.pdf?x=1#top")):
        assert passage.page is not None
        assert passage.text.split(".")[0].split("?")[0].split("!")[0] in blocks[passage.page - 1].text
        assert passage.url == f"https://e.org/a.pdf?x=1#page={passage.page}"
    long = paragraph(write(rng, 30), page=4)
    turn = long.text.index(". ") + 2
    first, *others = cut(document(long.model_copy(update={"turns": [(turn, 5)]})))
    assert others
    assert (first.page, {passage.page for passage in others}) == (4, {5})
    (page,) = cut(document(paragraph("One page."), url="https://e.org/#top", language=None))
    assert (page.page, page.url, page.language) == (None, "https://e.org/#top", None)


def test_boilerplate_is_left_out_but_no_heading() -> None:
    blocks = [
        paragraph("Menu"),
        heading("Menu", 1),
        paragraph("It is so."),
        paragraph("MENU"),
        paragraph("And so."),
    ]
    (found,) = cut(document(*blocks), "Menu")
    assert (found.headings, found.text) == (["Menu"], "It is so.\n\nAnd so.")
    assert found.span is not None
    assert document(*blocks).text[slice(*found.span)] == "It is so.\n\nMENU\n\nAnd so."


def test_an_empty_document_has_no_passages() -> None:
    assert cut(document()) == []
    assert cut(document(heading("Alone", 1), paragraph(" \n"))) == []
    assert cut(document(paragraph("Same.")), "same.") == []


def test_headings_may_jump_and_repeat() -> None:
    levels = zip(numbers(), [3, 1, 4, 2, 2, 9, 1_000, 1], strict=False)
    rng = random.Random(7)
    blocks = [b for n, level in levels for b in (heading(f"H{n}", level), paragraph(write(rng, 9)))]
    found = {tuple(p.headings) for p in cut(document(*blocks))}
    assert found == {
        ("H0",), ("H1",), ("H1", "H2"), ("H1", "H3"), ("H1", "H4"), ("H1", "H4", "H5"), ("H1", "H4", "H6"), ("H7",)
    }  # fmt: skip
