"""The main text of a web page: its structure is that of the page, and its furniture is left out."""

from collections import Counter
from pathlib import Path

import pytest

from lectern.formats import html
from tests.unit.formats.test_formats import read


def prose(about: str, sentences: int = 5) -> str:
    return " ".join(
        f"Sentence {n} about {about} tells the reader one more thing that is worth knowing."
        for n in range(sentences)
    )


def kinds(blocks: list[tuple[str, str]]) -> Counter[str]:
    return Counter(kind.rstrip("123456") for kind, _ in blocks)


PLAIN = "".join(
    f"<h2>{name}</h2><p>{prose(name)}</p><ul><li>{prose(name + ' one', 1)}<li>{prose(name + ' two', 1)}</ul>"
    for name in ("Alpha", "Beta", "Gamma", "Delta")
)
DOCBOOK = "".join(
    f"<div class=sect1><div class=titlepage><div><h2 class=title>1.{n} {name}</h2></div></div><p>{prose(name)}</p>"
    f"<div class=itemizedlist><ul><li class=listitem><p>{prose(name, 1)}</p></ul></div></div>"
    for n, name in enumerate(("Alpha", "Beta", "Gamma", "Delta"))
)
CHAPTER = "<div class=titlepage><div><h2 class=title>Chapter 1. T</h2></div></div>"


@pytest.mark.parametrize(
    "body",
    [
        f"<div class=fancy><h1>T</h1>{PLAIN}</div>",
        f"<div class=chapter>{CHAPTER}{DOCBOOK}</div>",
        f"<h1>T</h1>{PLAIN}",  # no element around the text
        f"<table><tr><td><h1>T</h1>{PLAIN}</td></tr></table>",  # laid out by a table
    ],
)
def test_a_page_that_marks_no_part_as_its_main_one_keeps_headings_and_lists(
    tmp_path: Path, body: str
) -> None:
    found = read(tmp_path / "a.html", f"<html><head><title>T</title></head><body>{body}", is_page=True)
    assert kinds(found) == {"heading": 5, "paragraph": 4, "list": 4}
    # property: it is the order and the text of the page
    assert found == read(tmp_path / "a.html")


def test_definitions_tables_code_and_short_cells_are_kept_where_they_stand(tmp_path: Path) -> None:
    body = f"""<div id=wrap><h1>Probes</h1><div>{prose("loose text")}</div>
    <p>{prose("seeds")}</p><dl><dt>port<dd>A number from one to ten thousand.<pre>port = 1
  more = 2</pre></dl>
    <h3>Limits</h3><table><tr><th>name<th>value<tr><td>depth<td>12</table><p>{prose("logs")}</p>
    <pre>run it
  now</pre></div>"""
    found = read(tmp_path / "a.html", f"<body>{body}", is_page=True)
    assert [kind for kind, _ in found] == [
        "heading1", "paragraph", "paragraph", "list", "code", "heading3", "table", "paragraph", "code",
    ]  # fmt: skip
    assert ("list", "- port: A number from one to ten thousand.") in found
    assert ("code", "port = 1\n  more = 2") in found
    assert ("table", "name | value\ndepth | 12") in found


@pytest.mark.parametrize(
    "furniture",
    [
        "<div class=menu><h3>Pages</h3><ul><li>Notebook<li>Gallery of runs</ul></div>",
        "<div id=leftSidebar><h3>Pages</h3>Notebook of our group and gallery of runs.</div>",
        "<ul><li><a href=a>Notebook of runs</a><li><a href=b>Gallery of runs</a></ul>",
        "<h3>Pages</h3><div><a href=a>Notebook of all our runs</a> | <a href=b>Gallery of all runs</a></div>",
        "<table><tr><td><a href=a>Notebook</a><td><a href=b>Gallery</a></table>",
        "<div role=navigation><ul><li>Notebook<li>Gallery</ul></div>",
        "<div>Notebook, Gallery</div>",
        "<footer><pre>Notebook (c) Gallery</pre></footer>",
    ],
)
@pytest.mark.parametrize("place", ["inside", "outside"])
def test_menus_and_other_furniture_are_left_out_with_their_headings(
    tmp_path: Path, furniture: str, place: str
) -> None:
    first, second = (furniture, "") if place == "outside" else ("", furniture)
    body = f"{first}<div class=page><h1>T</h1>{second}{PLAIN}</div>"
    found = read(tmp_path / "a.html", f"<html><body>{body}", is_page=True)
    assert kinds(found) == {"heading": 5, "paragraph": 4, "list": 4}
    assert not any(word in text for _, text in found for word in ("Notebook", "Gallery", "Pages"))


def test_a_class_name_on_the_element_around_the_text_leaves_nothing_out(tmp_path: Path) -> None:
    for name in ("with-sidebar", "page-nav-open", "comments"):
        page = f"<body><div class={name}><div class=toc-wide><h1>T</h1>{PLAIN}</div></div>"
        found = read(tmp_path / "a.html", page, is_page=True)
        assert kinds(found) == {"heading": 5, "paragraph": 4, "list": 4}, name


def test_a_named_element_that_holds_most_of_the_text_is_no_furniture(tmp_path: Path) -> None:
    parts = PLAIN.split("<h2>")[1:]
    most = "".join(f"<h2>{part}" for part in parts[:3])
    page = f"<body><div><h1>T</h1><div class=sidebar-layout>{most}</div><div><h2>{parts[3]}</div></div>"
    assert kinds(read(tmp_path / "a.html", page, is_page=True)) == {"heading": 5, "paragraph": 4, "list": 4}


def test_what_trafilatura_finds_does_not_hide_more_text_beside_it(tmp_path: Path) -> None:
    texts = "".join(f"<p>{prose(f'paragraph {n}')}</p>" for n in range(6))
    other = "Whoever notes its seed can repeat a run, word for word, on any machine of this kind. "
    entries = "".join(f"<div class=entry><dl><dt>item {n}<dd>{other * 5}</dl></div>" for n in range(8))
    found = read(tmp_path / "a.html", f"<body><div><div>{texts}</div>{entries}</div>", is_page=True)
    assert kinds(found) == {"paragraph": 6, "list": 8}


def test_short_cells_and_terms_beside_code_are_kept(tmp_path: Path) -> None:
    body = f"""<body><div><h1>Limits</h1><p>{prose("limits")}</p><table><tr><td>depth<td><pre>depth = 12</pre>
    <tr><td>width<td>8192</table><p>{prose("more")}</p></div>"""
    found = read(tmp_path / "a.html", body, is_page=True)
    assert [text for _, text in found[2:-1]] == ["depth", "depth = 12", "width", "8192"]


def test_text_that_only_trafilatura_finds_hides_nothing(tmp_path: Path) -> None:
    body = f"<body><main><noscript><p>{prose('seeds')}</p></noscript><ul><li><a href=x>Nine</a></ul></main>"
    assert read(tmp_path / "a.html", body, is_page=True) == [("list", "- Nine")]


GUIDE = f"""<main><h1>Guide<a class=headerlink href=#g>¶</a></h1><p>{prose("a")}</p>
<h2>Plain<a class=headerlink href=#p>¶</a></h2><p>{prose("b")}</p><pre>a:
  b: 1</pre><p>{prose("c")}</p><ol><li><p>Write the file:</p><pre><code>a:
  b: 1
  c: 2</code></pre></li><li>Run it.</li></ol>
<dl class="py function"><dt><code>f(x)</code><a class=headerlink href=#f>¶</a></dt>
<dd><p>Gives x back when it is true.</p><div class=highlight><pre><span></span>def f(x):
    if x:
        return x
</pre></div></dd></dl><p>{prose("d")}</p>
<table class=highlighttable><tr><td class=linenos><pre>1
2
3</pre></td><td class=code><pre><code>def g(x):
    if x:
        return x</code></pre></td></tr></table><p>{prose("e")}</p>
<table><tr><td>Mon</td><td><ul><li>10:00 AM - 8:00 PM</li></ul></td></tr>
<tr><td>Tue</td><td><ul><li>Closed</li></ul></td></tr></table></main>"""


def test_code_of_a_page_keeps_its_lines_and_its_place(tmp_path: Path) -> None:
    found = read(tmp_path / "a.html", f"<body>{GUIDE}", is_page=True)
    assert [text for kind, text in found if kind == "code"] == [
        "a:\n  b: 1",
        "a:\n  b: 1\n  c: 2",
        "def f(x):\n    if x:\n        return x",
        "def g(x):\n    if x:\n        return x",
    ]
    assert ("table", "Mon | 10:00 AM - 8:00 PM\nTue | Closed") in found
    assert not any("¶" in text for _, text in found)
    assert found[-3:-1] == [found[-3], ("paragraph", prose("e"))]
    assert found == read(tmp_path / "a.html")


def test_a_page_of_which_nothing_is_found_is_read_as_it_stands(tmp_path: Path) -> None:
    page = "<body><main><h1>Hours</h1><table><tr><td>Mon<td>9 to 5<tr><td>Tue<td>closed</table></main>"
    assert read(tmp_path / "a.html", page, is_page=True) == [
        ("heading1", "Hours"),
        ("table", "Mon | 9 to 5\nTue | closed"),
    ]
    assert html.read_page(tmp_path / "a.html").facts["not_main"] == 1
