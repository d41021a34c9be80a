"""HTML and plain text to blocks, rule by rule: what stands in the line, what is left out, what a list or table is."""

from pathlib import Path

import pytest

from lectern.core.schema import Block
from lectern.formats import extracted, html, markup, plain
from tests.unit.formats.test_formats import epub, read


def shown(blocks: list[Block]) -> list[tuple[str, str]]:
    return [(block.kind + str(block.level or ""), block.text) for block in blocks]


def parsed(body: str) -> list[tuple[str, str]]:
    return shown(markup.blocks(markup.parse(f"<body>{body}</body>")))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # in the line
        ("a<b>b</b><my-own>c</my-own><span>d</span>", [("paragraph", "abcd")]),
        ("a<section>b</section>c", [("paragraph", "a"), ("paragraph", "b"), ("paragraph", "c")]),
        ("<h2>a<div>b</div>c</h2>", [("heading2", "a b c")]),
        ("a<br>b<br><br>c", [("paragraph", "a\nb"), ("paragraph", "c")]),
        ("a\r\nb\nc", [("paragraph", "a b c")]),
        # not shown
        ("a<script>no</script><style>no</style><select><option>no</select>b", [("paragraph", "ab")]),
        ("a<p hidden>no</p><p style='Display : none'>no</p>", [("paragraph", "a")]),
        ("<h2>a<span hidden>no</span><!-- no --></h2>", [("heading2", "a")]),
        ("<nav>menu</nav>", [("paragraph", "menu")]),  # a document's; of a page it goes
        # code
        ("<pre>a<br>b<div>c</div>  d<span>e</span></pre>", [("code", "a\nb\nc  de")]),
        ("<pre>a\n<br>b<script>no</script></pre>", [("code", "a\nb")]),
        ("<listing>a </listing><pre> </pre>", [("code", "a")]),
        (
            "<ol><li>a<pre>b\n c</pre>d<li>e<ul><li>f<pre>g</pre></ul>h</ol>",
            [
                ("list", "1. a"),
                ("code", "b\n c"),
                ("paragraph", "d"),
                ("list", "2. e\n  - f"),
                ("code", "g"),
                ("paragraph", "h"),
            ],
        ),
        ("<ol><li>a</li><pre>b</pre><li>c</ol>", [("list", "1. a"), ("code", "b"), ("list", "2. c")]),
        (
            "<dl><dt>a<dd>b<pre>c\n d</pre>e<dt>f<dd>g</dl>",
            [("list", "- a: b"), ("code", "c\n d"), ("paragraph", "e"), ("list", "- f: g")],
        ),
        ("<dl><dt>a<dd><pre>c</pre><dt>f</dl>", [("list", "- a"), ("code", "c"), ("list", "- f")]),
        # line numbers of code: Pygments in a table and in the line, Chroma, Prism, Rouge
        (
            "<table><tr><td class=linenos><pre>1\n2</pre><td class=code><pre>a\nb</pre></table>",
            [("code", "a\nb")],
        ),
        ("<pre><span class=linenos>1</span>a\n<span class=linenos>2</span>b</pre>", [("code", "a\nb")]),
        (
            "<table><tr><td><pre><span class=lnt>1\n</span><span class=lnt>2\n</span></pre><td><pre>a\nb</pre></table>",
            [("code", "a\nb")],
        ),
        ("<pre class=line-numbers>a\nb<span class=line-numbers-rows>12</span></pre>", [("code", "a\nb")]),
        ("<table><tr><td class='gutter gl'><pre>1</pre><td class=code><pre>a</pre></table>", [("code", "a")]),
        # marks beside a heading that lead to the heading itself
        ("<h2>a<a class=headerlink href=#a>¶</a></h2>", [("heading2", "a")]),
        ("<h2><a class=anchor href=x.html#a>#</a> a</h2>", [("heading2", "a")]),
        (
            "<h2>a<a class=hash-link href=#a>\u200b</a></h2><h2><a href=#b>b #</a></h2>",
            [("heading2", "a"), ("heading2", "b #")],
        ),
        ("<h2>a<span class=mw-editsection>[<a href=e>edit</a>]</span></h2>", [("heading2", "a")]),
        ("<p>See <a href=c>#</a> and C<a href=#c>#5</a></p>", [("paragraph", "See # and C#5")]),
        # lists
        ("<ol start=3><li>a<li><li>b</ol>", [("list", "3. a\n4. b")]),
        ("<ol start=-1><li>a<li>b</ol>", [("list", "-1. a\n0. b")]),
        ("<ol start=x><li>a</ol><ol start=123456789><li>b</ol>", [("list", "1. a"), ("list", "1. b")]),
        ("<ul><li>a<li hidden>no<ul><li>no</ul></ul>", [("list", "- a")]),
        ("<ul><li>a<ul><li>b<ul><li>c</ul></ul><li>d</ul>", [("list", "- a\n  - b\n    - c\n- d")]),
        ("<menu><li>a</menu><dir><li>b</dir>", [("list", "- a"), ("list", "- b")]),
        ("<ul><li><h3>A</h3>b</ul>", [("heading3", "A"), ("paragraph", "b")]),  # a means of layout
        ("<ul><li>a<table><tr><td>b<td>c</table></ul>", [("paragraph", "a"), ("table", "b | c")]),
        # definitions
        ("<dl><dt>a<dd>b<dd>c<dt>d:<dd>e</dl>", [("list", "- a: b: c\n- d: e")]),
        ("<dl><dd>a<dt><dd>b</dl>", [("list", "- a: b")]),
        ("<dl><dt>a.<dd>b</dl>", [("list", "- a. b")]),
        # tables
        ("<table><tr><td>a<td>b<tr><td><td><tr><td>c<td></table>", [("table", "a | b\nc | ")]),
        ("<table><caption>t</caption><tr><td>a<td>b<td hidden>no</table>", [("table", "t\na | b")]),
        (
            "<table><tr><td>a<tr><td>b</table>",
            [("paragraph", "a"), ("paragraph", "b")],
        ),  # one column is layout
        ("<table><tr><td>a<td> <tr><td><td>b</table>", [("paragraph", "a"), ("paragraph", "b")]),
        ("<table><tr><td><p>a<td>b</table>", [("table", "a | b")]),
    ],
)
def test_an_element_becomes_its_blocks(body: str, expected: list[tuple[str, str]]) -> None:
    assert parsed(body) == expected


@pytest.mark.parametrize(("deep", "kinds"), [(20, {"list"}), (21, {"paragraph"})])
def test_a_list_that_nests_too_deep_is_read_as_text(deep: int, kinds: set[str]) -> None:
    found = markup.blocks(markup.parse("<ul><li>x" * deep))
    assert "".join(block.text for block in found).count("x") == deep
    assert kinds <= {block.kind for block in found}
    assert ("list" in {block.kind for block in found[:1]}) == (deep == 20)


def test_blocks_without_text_are_none_and_levels_have_bounds() -> None:
    assert extracted.heading(" ", 1) == extracted.paragraph("\n \n") == extracted.code("  \n") == []
    assert extracted.bullets([" "]) == extracted.table([["", " "], []]) == []
    assert [extracted.heading("a\n b", level)[0].level for level in (0, 1, 6, 7)] == [1, 1, 6, 6]
    assert extracted.heading("a\n b", 1)[0].text == "a b"
    assert extracted.code("\n  a  \n\n  b\n")[0].text == "  a\n\n  b"
    assert extracted.table([["a\nb", ""], ["", ""], ["c", "d"]])[0].text == "a b | \nc | d"
    made = extracted.heading("a", 1, 7) + extracted.paragraph("a", 7) + extracted.code("a", 7)
    made += extracted.bullets(["a"], 7) + extracted.table([["a"]], 7)
    assert [block.page for block in made] == [7] * 5


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("<title>Seeds | Lab</title><h1>Seeds</h1>", "Seeds"),
        ("<title>Lab</title><h1>Seeds</h1>", "Lab"),
        ("<meta property='og:title' content='Of seeds'><title>Lab</title>", "Of seeds"),
        ("<title> Of \n seeds </title><h2>Seeds</h2><h2>Of seeds</h2>", "Of seeds"),
        ("<title>Of seeds</title><h2>Of</h2><h1>seeds</h1>", "seeds"),  # the highest level
        ("<h1>Seeds</h1>", None),
        ("<svg><title>no</title></svg>", None),
    ],
)
def test_the_title_of_a_page_is_its_heading_where_it_says_that_too(page: str, title: str | None) -> None:
    root = markup.parse(f"<html><head></head>{page}</html>" if page.startswith("<svg") else page)
    assert html._title(root, markup.blocks(root)) == title


@pytest.mark.parametrize(
    ("page", "language"),
    [("<html lang='de-AT'>x", "de-AT"), ("<html xml:lang='fr'>x", "fr"), ("<html><p lang='fr'>x", None)],
)
def test_the_language_of_a_page_is_that_of_its_root(page: str, language: str | None) -> None:
    assert html._language(markup.parse(page)) == language


@pytest.mark.parametrize(
    ("head", "declared"),
    [
        (b"<meta charset=koi8-r>", "koi8-r"),
        (b"<meta http-equiv='Content-Type' content='text/html; charset=windows-1251'>", "windows-1251"),
        (b"<?xml version='1.0' encoding='utf-16'?>", "utf-16"),
        (b" " * 8100 + b"<meta charset=koi8-r>", "koi8-r"),
        (b" " * 8192 + b"<meta charset=koi8-r>", None),
        (b"<p charset=koi8-r>", None),
    ],
)
def test_an_encoding_is_declared_at_the_beginning(head: bytes, declared: str | None) -> None:
    assert html.declared_encoding(head) == declared


@pytest.mark.parametrize("name", ["h<<<", "h1<<", "p&amp", 'b"old', "x'y", "a<b>c"])
def test_an_element_with_a_name_that_lxml_refuses_is_read_as_a_browser_shows_it(
    name: str, tmp_path: Path
) -> None:
    text = "Some text that is long enough to be the main part of a page. " * 5
    for page in (f"<{name}>Hello there</{name}>", f"<main><p>{text}</p><{name}>Hello there</{name}></main>"):
        found = read(tmp_path / "a.html", f"<html><body>{page}</body></html>", is_page=True)
        assert "Hello there" in " ".join(said for _, said in found)


SENTENCE = "Whoever notes the seed can repeat the whole run, word for word. "


def test_what_a_page_marks_as_its_main_part_is_taken_where_the_rest_was_found(tmp_path: Path) -> None:
    article = f"<h1>Seeds</h1><p>{SENTENCE * 6}</p>"
    menu = "<nav>Menu</nav><header>Lab</header><aside>News</aside><footer>Imprint</footer>"
    for page in (
        f"{menu}<main>{article}</main>",
        f"{menu}<div role=main>{article}</div>",
        f"{menu}<div>{article}</div>",
    ):
        found = read(tmp_path / "a.html", f"<html><body>{page}</body></html>", is_page=True)
        assert found == [("heading1", "Seeds"), ("paragraph", (SENTENCE * 6).strip())]
    # property: a header within the main part is of it, and one of the page is not
    short = f"{menu}<main><header><h1>Hours</h1></header><p>From nine to five.</p></main>"
    found = read(tmp_path / "b.html", f"<body>{short}", is_page=True)
    assert found == [("heading1", "Hours"), ("paragraph", "From nine to five.")]


def test_the_one_top_heading_of_a_page_stands_above_its_text() -> None:
    main = extracted.paragraph("Text.")
    for page, expected in (
        ("<h1>Seeds</h1>", ["Seeds", "Text."]),
        ("<h1>Text.</h1>", ["Text."]),  # it is there already
        ("<h1>Seeds</h1><h1>Logs</h1>", ["Text."]),
        ("<h1>Seeds</h1><h1> </h1>", ["Seeds", "Text."]),
        ("<h2>Seeds</h2>", ["Text."]),
    ):
        assert [block.text for block in html._with_first_heading(markup.parse(page), main)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Title\n=====\ntext", [("heading1", "Title"), ("paragraph", "text")]),
        ("A\n===\n\nB\n---\n\nC\n===", [("heading1", "A"), ("heading2", "B"), ("heading1", "C")]),
        (
            "===\nA\n===\n\nB\n===",
            [("heading1", "A"), ("heading2", "B")],
        ),  # with a line above it is another kind
        ("A long title\n======\ntext", [("paragraph", "A long title\n======\ntext")]),
        ("A long title\n========", [("heading1", "A long title")]),  # eight do for any title
        ("Nine words\n--", [("paragraph", "Nine words\n--")]),
        ("----\n====", [("paragraph", "----\n====")]),
        ("T" * 120 + "\n========", [("heading1", "T" * 120)]),
        ("T" * 121 + "\n========", [("paragraph", "T" * 121 + " ========")]),
        ("===\nA\n---", [("paragraph", "===\nA\n---")]),
        ("- a\n  b\n- c", [("list", "- a b\n- c")]),
        ("- a", [("list", "- a")]),
        ("1. a", [("paragraph", "1. a")]),  # a date or a number at a line's beginning
        ("(1) a\n(2) b", [("list", "(1) a\n(2) b")]),
        ("text\n- a\n- b", [("paragraph", "text\n- a\n- b")]),
        ("- a\n    - b", [("list", "- a\n    - b")]),
        ("\t- a\n\t- b", [("list", "    - a\n    - b")]),
        ("a\n \t\nb", [("paragraph", "a"), ("paragraph", "b")]),
    ],
)
def test_plain_text_becomes_its_blocks(text: str, expected: list[tuple[str, str]]) -> None:
    assert shown(plain.blocks(text)) == expected


def test_lines_are_joined_where_a_width_broke_them() -> None:
    wide, short = "word " * 11 + "wide.", "ends here"
    assert len(wide) >= plain.WRAPPED
    assert plain.blocks(f"{wide}\n{wide}\n{short}")[0].text == f"{wide} {wide} {short}"
    # property: neither lines of a poem, nor lines of very different length
    assert plain.blocks(f"{wide}\n{short}\n{wide}")[0].text == f"{wide}\n{short}\n{wide}"
    verse = "x" * (plain.WRAPPED - 1)
    assert plain.blocks(f"{verse}\n{verse}")[0].text == f"{verse}\n{verse}"
    assert plain.blocks(f"{verse}x\n{verse}x")[0].text == f"{verse}x {verse}x"


def test_what_a_book_calls_its_chapters_is_in_its_table_of_contents_alone(tmp_path: Path) -> None:
    chapters = {
        "a.xhtml": "<p>See <a href='b.xhtml'>the other one</a>.</p>",
        "b.xhtml": "<p>b</p>",
        "c.xhtml": "<p> </p>",
    }
    assert read(epub(tmp_path / "a.epub", chapters)) == [
        ("paragraph", "See the other one."),
        ("paragraph", "b"),
    ]
    point = "<navPoint><navLabel><text>{}</text></navLabel><content src='{}'/></navPoint>"
    toc = "".join(
        point.format(*each) for each in (("One", "a.xhtml"), ("Later", "a.xhtml#x"), ("None", "c.xhtml"))
    )
    ncx = f"<ncx xmlns='http://www.daisy.org/z3986/2005/ncx/'><navMap>{toc}<navPoint/></navMap></ncx>"
    # property: the first entry of a chapter names it, and one without text stays without
    assert read(epub(tmp_path / "b.epub", chapters, **{"o__toc.ncx": ncx})) == [
        ("heading1", "One"), ("paragraph", "See the other one."), ("paragraph", "b"),
    ]  # fmt: skip


def test_a_font_that_is_disguised_hides_no_text(tmp_path: Path) -> None:
    method = "<encryption><EncryptionMethod Algorithm='{}'/></encryption>"
    for font in ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"):
        book = epub(
            tmp_path / "a.epub", {"a.xhtml": "x"}, **{"META-INF__encryption.xml": method.format(font)}
        )
        assert read(book) == [("paragraph", "x")]
