"""What of an address is a secret, and that no record keeps it; a secret is found in whatever form it comes back."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lectern.core import secrets
from lectern.core.schema import Conversation, Document, Example, Message, Passage, Provenance, Source
from lectern.formats.table_rows import TableRow
from lectern.settings.sources import DocumentsSource, MediaSource, TableSource, TranscriptsSource
from lectern.sources.listing import Episode

TOKEN = "eyJhbGciOiJIUzI1NiJ9"


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://user:pw@example.org/a?x=1#y", "https://example.org/a?x=1#y"),
        ("https://TOKEN@example.org/a", "https://example.org/a"),
        ("https://TOKEN:@example.org:8443/a", "https://example.org:8443/a"),
        ("ftp://user:pw@example.org/a", "ftp://example.org/a"),
        ("//user:pw@example.org/a", "//example.org/a"),
        ("https://user:p@w@example.org/a", "https://example.org/a"),
        ("https://user:p/w@example.org/a", "https://example.org/a"),
        ("https://user:p?w#@example.org/a", "https://example.org/a"),
        ("https://user:pw@[::1]:8000/a", "https://[::1]:8000/a"),
        (
            "https://example.org/a?X-Amz-Signature=ab&X-Amz-Date=1&x-amz-credential=c",
            "https://example.org/a?X-Amz-Date=1",
        ),
        ("https://example.org/a?X-Amz-Security-Token=ab&v=1", "https://example.org/a?v=1"),
        ("https://example.org/a?X-Goog-Signature=ab&X-Goog-Credential=c&v=1", "https://example.org/a?v=1"),
        ("https://example.org/a?Expires=1&Signature=ab&Key-Pair-Id=K", "https://example.org/a?Expires=1"),
        ("https://example.org/a?se=2030&sig=ab%2B", "https://example.org/a?se=2030"),
        ("https://example.org/a?token=ab", "https://example.org/a"),
        ("https://example.org/a?%74oken=ab&b", "https://example.org/a?b"),
        ("https://example.org/a?api_key=ab&page=2", "https://example.org/a?page=2"),
        ("https://example.org/a?accessToken=ab&feed_key=1", "https://example.org/a"),
        (f"https://example.org/a?t={TOKEN}", "https://example.org/a"),
        (f"https://example.org/a#access_token={TOKEN}&state=1", "https://example.org/a#state=1"),
        (f"https://example.org/a?session={TOKEN}&code={TOKEN}", "https://example.org/a"),
    ],
)
def test_what_is_a_secret_is_cut_from_an_address(address: str, kept: str) -> None:
    assert secrets.without_credentials(address) == kept
    assert secrets.without_credentials(kept) == kept


@pytest.mark.parametrize(
    "address",
    [
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ&list=PLrAXtmErZgOeiKm4sgNOknGvNjby9efdf&t=42",
        "https://youtu.be/dQw4w9WgXcQ?t=1m30s",
        "https://example.org/a?t=1h2m3s#t=90",
        "https://example.org/?p=123&page_id=7&code=404",
        "https://example.org/a?next_page_token=abc&sort=key",
        "https://www.youtube.com/@channel",
        "https://example.org:8080/@user/1",
        "http://[::1]:8000/@a",
        "https://example.org/a#section-of-tokens",
        "https://example.org/feed?token={LECTERN_FEED_TOKEN}&x=1",
        "https://{LECTERN_USER}:{LECTERN_PW}@example.org/a",
        "mailto:ada@example.org",
        "no address at all, token=1",
        "",
    ],
)
def test_all_else_of_an_address_stays_byte_for_byte(address: str) -> None:
    assert secrets.without_credentials(address) == address


@given(st.text(alphabet="ab:/@?#&=[]%{}\\ .token", max_size=30))
def test_no_text_breaks_it_and_once_is_enough(text: str) -> None:
    once = secrets.without_credentials("http://" + text)
    assert secrets.without_credentials(once) == once


def test_no_record_keeps_a_credential() -> None:
    url = "https://ada:pw@example.org/a?v=1&sig=abc"
    messages = [Message(role="user", content="Q"), Message(role="assistant", content="A")]
    common = {"item": "a", "title": "A", "url": url}
    kept = [
        Source(kind="media", **common),
        Conversation(description="", language="en", duration=1, utterances=[], **common),
        Document(language=None, blocks=[], **common),
        Passage(id="x", item="a", text="A", tokens=1, url=url),
        Example.of(messages, Provenance(item="a", url=url, method="table")).provenance,
        TableRow(row=1, url=url),
    ]
    assert {record.url for record in kept} == {"https://example.org/a?v=1"}
    # without its secret, the address that is asked for a video may be another video's
    assert Episode(key="a", **common).url is None


@given(
    st.text(min_size=1, max_size=12),
    st.sampled_from(["plain", "quoted", "all", "twice", "json", "unicode", "html"]),
)
def test_a_secret_is_masked_in_every_form(secret: str, form: str) -> None:
    from urllib.parse import quote, quote_plus

    try:
        every = "".join(f"%{byte:02x}" for byte in secret.encode())
    except UnicodeEncodeError:
        return
    written = {
        "plain": secret,
        "quoted": quote_plus(secret),
        "all": every,
        "twice": quote(quote(secret, safe="")),
        "unicode": "".join(f"\\u{ord(c):04x}" if c <= "\uffff" else c for c in secret),
        "html": "".join(
            f"&#x{ord(c):X};" if number % 2 else f"&#{ord(c)};" for number, c in enumerate(secret)
        ),
        "json": json.dumps(secret, ensure_ascii=False)[1:-1] if secret.isprintable() else secret,
    }[form]
    assert secrets.mask(f"<{written}>", secret) == "<***>"


@pytest.mark.parametrize(
    "text", ["http://h" + ":a" * 500_000 + "]/x@", "http://" + ":@" * 500_000, "a.a" * 500_000]
)
def test_a_long_text_of_a_stranger_is_looked_through_once(text: str) -> None:
    # Property: a megabyte takes a moment; with a search that begins again at each place it would take an hour.
    secrets.without_credentials(text)
    secrets.without_secrets(text)


def test_an_empty_secret_stands_nowhere() -> None:
    assert secrets.mask("text", "") == "text"


@pytest.mark.parametrize(
    "token", ["EMPTY", "none", "ollama", "lm-studio", "not-needed", "sk-no-key-required"]
)
def test_a_word_for_a_server_that_wants_no_key_is_no_secret(token: str) -> None:
    assert secrets.is_dummy(token)


@pytest.mark.parametrize(
    "token", ["hunter2", "sk-proj-4fQ", "abcDEFghi", "correct-horse-battery-staple", "0123456789"]
)
def test_a_key_is_one(token: str) -> None:
    assert not secrets.is_dummy(token)


def test_what_stands_in_files_beside_a_recording_or_a_table_reaches_no_other_file(tmp_path: Path) -> None:
    """From an info.json or a table's column through item.json to the rows of the data set that is pushed."""
    from lectern.core import io
    from lectern.formats import table_rows
    from lectern.publishing import layouts
    from lectern.sources import documents, media, table, transcripts

    secret = "https://ada:0ur-pw@example.org/a?X-Amz-Signature=0ur-pw&v=1"
    for name, body in {
        "a/talk.mp3": "x",
        "a/talk.info.json": json.dumps({"webpage_url": secret}),
        "b/guide.md": "# A guide",
        "b/guide.info.json": json.dumps({"url": secret}),
        "c/spoken.vtt": "WEBVTT\n\n00:00.000 --> 00:01.000\nWhy?\n",
        "c/spoken.info.json": json.dumps({"webpage_url": secret}),
        "d/faq.csv": f"question,answer,url\nWhy?,So.,{secret}\nHow?,Thus.,\n",
        "d/faq.info.json": json.dumps({"url": secret}),
    }.items():
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body)
    columns = {"question": "question", "answer": "answer", "url": "url"}
    kinds = [
        (media, MediaSource(str(tmp_path / "in/a"))),
        (documents, DocumentsSource(str(tmp_path / "in/b"))),
        (transcripts, TranscriptsSource(str(tmp_path / "in/c"))),
        (table, TableSource(str(tmp_path / "in/d"), columns=columns, parts=1)),
    ]
    for module, params in kinds:
        (item,) = module.list_items(params)
        out = tmp_path / "out" / item.id
        out.parent.mkdir(exist_ok=True)
        module.fetch_item(item, out)
        assert io.read_json(out / "item.json", Source).url == "https://example.org/a?v=1"
    (found,) = table_rows.find(tmp_path / "out")
    table_rows.write_examples(found, tmp_path / "out/examples.jsonl")
    rows = io.read_jsonl(tmp_path / "out/examples.jsonl", Example)
    assert [row.provenance.url for row in rows] == ["https://example.org/a?v=1"] * 2
    for split in ("train", "validation", "test"):
        # as an earlier version wrote them
        lines = [row.model_dump_json().replace("https://example.org/a?v=1", secret) for row in rows]
        path = tmp_path / "old" / f"{split}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(line + "\n" for line in lines))
    layouts.write(tmp_path / "old", tmp_path / "out/export")
    for path in (tmp_path / "out").rglob("*"):
        assert path.is_dir() or b"0ur-pw" not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("a1" * 8, True),
        ("aB" * 8, True),
        ("B1" * 8, True),
        ("a" * 16, False),
        ("1" * 16, False),
        ("a1" * 7, False),
    ],
)
def test_a_vague_name_hides_a_secret_if_its_value_looks_drawn(value: str, secret: bool) -> None:
    assert secrets.is_secret("session", value) == secret
