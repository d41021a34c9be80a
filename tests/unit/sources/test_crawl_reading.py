"""What a crawler reads from a page: its letters, scripts, metadata, and what it asks crawlers to do."""

from typing import Any

import pytest

from lectern.sources.crawl import reading

UTF8 = "text/html; charset=utf-8"


def page(body: str, kind: str = UTF8, encoding: str = "utf-8") -> Any:
    return reading.parse(body.encode(encoding), "http://h/a/page", kind)


@pytest.mark.parametrize(
    ("body", "kind", "encoding", "readable"),
    [
        ("<p>čaj</p>", "text/html; charset=iso-8859-2", "iso-8859-2", False),
        ("<p>čaj</p>", UTF8, "utf-8", True),
        ("<p>tea</p>", "text/html; charset=iso-8859-2", "iso-8859-2", True),
        ('<meta charset="iso-8859-2"><p>čaj</p>', "text/html", "iso-8859-2", True),
        # the header is right and the page is wrong about itself
        ('<meta charset="iso-8859-1"><p>čaj</p>', "text/html; charset=iso-8859-2", "iso-8859-2", False),
    ],
)
def test_a_page_has_the_letters_that_its_header_or_it_itself_declares(
    body: str, kind: str, encoding: str, readable: bool
) -> None:
    found = page(body, kind, encoding)
    assert found.text == body
    assert reading.is_readable_alone(found) is readable


@pytest.mark.parametrize(
    ("body", "runs"),
    [
        ("<p>x</p>", False),
        ("<script>1</script>", True),
        ("<script src=a.js></script>", True),
        ("<script type='text/javascript'>1</script>", True),
        ("<script type=module>1</script>", True),
        ("<script type='application/ld+json'>{}</script>", False),
        ("<script type='text/template'>x</script>", False),
    ],
)
def test_only_scripts_that_a_browser_runs_count(body: str, runs: bool) -> None:
    assert reading.has_scripts(page(f"<body>{body}</body>")) is runs


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<p>one two-three 4</p>", 4),
        ("<header>no</header><aside>no</aside><p>one</p>", 1),
        ("<p>น้ำ</p>", 3),
        (
            "<style>no</style><noscript>no</noscript><template>no</template><svg><text>no</text></svg><div>one</div>",
            1,
        ),
        ("", 0),
        ("<p>_ - ! …</p>", 0),
        ("<p>snake_case</p>", 2),
    ],
)
def test_the_words_of_a_page(body: str, words: int) -> None:
    assert reading.words(page(f"<html><body>{body}</body></html>")) == words


@pytest.mark.parametrize(
    ("head", "field", "value"),
    [
        ("<title> </title><title>Second</title>", "title", "Second"),
        ("", "title", "Heading of the page"),
        ('<meta name="dc.creator" content="Ben">', "author", "Ben"),
        ('<meta name="dc.creator" content="Ben"><meta name="Author" content="Ann">', "author", "Ann"),
        ('<meta name="author" content=" "><meta itemprop="author" content="Ann">', "author", "Ann"),
        ('<meta itemprop="datePublished" content="2026-01-02 10:00">', "published", "2026-01-02"),
        ('<meta name="date" content="2 January 2026">', "published", None),
        (
            '<meta name="dc.date" content="2026-01-03"><meta name="date" content="2026-01-02">',
            "published",
            "2026-01-02",
        ),
        ("", "published", None),
        ("", "author", None),
        ("", "licence", None),
        ("", "language", None),
        ("<a rel=license href=/by>x</a>", "licence", "/by"),
    ],
)
def test_what_a_page_says_of_itself_is_the_first_that_says_something(
    head: str, field: str, value: str | None
) -> None:
    found = reading.about(
        page(f"<html><head>{head}</head><body><h1>Heading <i>of</i> the\n page</h1></body></html>")
    )
    assert found[field] == value


@pytest.mark.parametrize(
    ("lang", "code"), [("EN-gb", "en"), ("de", "de"), ("x", None), ("1en", None), ("fil", "fil")]
)
def test_the_language_of_a_page_is_a_code(lang: str, code: str | None) -> None:
    assert reading.about(page(f"<html lang='{lang}'><body>x</body></html>"))["language"] == code


def links(body: str, header: str = "", *, obey: bool = True, documents: bool = False) -> reading.Links:
    return reading.links(page(f"<html><body>{body}</body></html>"), header, obey, documents)


def test_the_canonical_address_is_another_one_and_the_page_is_no_link_of_itself() -> None:
    assert links("<link rel=canonical href=/b>").canonical == "http://h/b"
    assert links("<link rel='next CANONICAL' href=/b>").canonical == "http://h/b"
    assert links("<link rel=canonical href=page>").canonical is None
    assert links("<link rel=canonicals href=/b>").canonical is None
    assert links("<a href=page>x</a><a href=#top>x</a><a href=/z>x</a><a href=/b>x</a>").found == [
        "http://h/b",
        "http://h/z",
    ]


@pytest.mark.parametrize("stated", ["none", "NOINDEX,nofollow", "noindex; nofollow", "bot: noindex nofollow"])
def test_a_wish_is_obeyed_however_it_is_written(stated: str) -> None:
    found = links("<a href=/b>x</a>", stated)
    assert (found.found, found.no_index) == ([], True)
    ignored = links("<a href=/b>x</a>", stated, obey=False)
    assert (ignored.found, ignored.no_index) == (["http://h/b"], False)


@pytest.mark.parametrize("base", ["http://[bad/", "//[", "http://h:port/"])
def test_a_malformed_base_costs_no_link(base: str) -> None:
    whole = (
        "<html><BASE target=_top\nhref='BASE'><p>Größe</p><a href=b>x</a><a href='http://[bad'>x</a></html>"
    )
    for given, sound in ((base, "http://h/b"), ("http://h/deep/", "http://h/deep/b")):
        for encoding in ("utf-8", "latin-1", "utf-16"):
            read = reading.parse(
                whole.replace("BASE'", f"{given}'").encode(encoding),
                "http://h/page",
                f"text/html; charset={encoding}",
            )
            assert reading.links(read, "", obey=True, documents=False).found == [sound]
            assert read.xpath("//p/text()").get() == "Größe"


def test_a_refresh_to_no_address_costs_no_link_and_files_count_only_where_they_are_kept() -> None:
    assert links("<meta http-equiv=refresh content='0; url=http://[bad/'><a href=/b>x</a>").found == [
        "http://h/b"
    ]
    several = "<a href=/a.docx>x</a><a href=/a.png>x</a><a href=/a.zip>x</a>"
    assert links(several, documents=True).found == ["http://h/a.docx"]
    assert links(several).found == []
