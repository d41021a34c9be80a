"""What malformed and hostile files do to their readers: how many are read, refused by name, or break something.

Run: python -m tests.benchmarks.fuzz [KIND ...] [--inputs 400] [--seed 20] [--only giants|damaged]
Makes inputs of each kind by a seed: bombs and giants written out below, and so many structures that hypothesis
draws and damaged copies of real files, by turns. Reads each in a worker process under the limits of its
stage (`core.limits`), one at a time. Prints a table: a kind, its inputs, how many were read, refused by a message,
failed by an error that nobody foresaw, or were ended by the limits, the longest CPU time and the most memory of one.
Exits with status 1 if an error was unforeseen, or a file took more than 30 s or 2 GB. Of a file that ended its worker,
the largest memory of any worker stands for its own, which was less.
"""

# ruff: noqa: E501 - an input is easier to read in one line

import argparse
import base64
import functools
import io
import itertools
import json
import random
import resource
import shutil
import tempfile
import time
import wave
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import strategies as st

from lectern.core import params
from lectern.core.errors import ItemError, LecternError
from lectern.core.executors import processes
from lectern.core.io import write_jsonl
from lectern.core.item import Item, Make
from lectern.core.limits import Limits
from lectern.formats import extraction
from lectern.sources import kinds as sources

ROOT = Path(__file__).parents[2]
SECONDS, MEGABYTES = 30.0, 2000.0
DEEP = 200_000
PACKED = (".docx", ".epub", ".pptx", ".xlsx")
Inputs = Iterator[tuple[str, bytes]]


# Readers: each reads one file as its stage does.


def _read_document(path: Path) -> None:
    extraction.read(path, 20.0, is_page=path.suffix == ".html")


def _read_transcript(path: Path) -> None:
    from lectern.formats import captions

    captions.read_ready(path, "talk")


def _read_info(path: Path) -> None:
    from lectern.core.schema import Source
    from lectern.sources import folders

    item = Item("talk", {"info": path}, {"name": "talk"})
    about = folders.read_about(item, folders.read_info(path))
    source = Source(item="talk", kind="transcripts", transcript="talk.vtt", **about)
    write_jsonl(path.with_suffix(".out"), [source])


def _read_table(path: Path) -> None:
    from lectern.sources import table

    columns = {"question": "question", "answer": "answer"}
    values = {"columns": columns, "parts": 4, "group": None, "delimiter": None, "encoding": None}
    table._list_parts((path, values))


def _read_sound(path: Path) -> None:
    from lectern.formats.audio import open_recording

    with open_recording(path) as recording:
        recording.read(0, 16_000)


def _read_speakers(path: Path) -> None:
    from lectern.conversations import speaker_corrections
    from lectern.core.io import read_written

    speaker_corrections.read(read_written(path), "talk")


def _read_voices(path: Path) -> None:
    from lectern.conversations import voice_matching
    from lectern.core.io import read_written

    voice_matching.read(read_written(path))


def _read_metadata(path: Path) -> None:
    from lectern.conversations import metadata
    from lectern.core.io import read_written

    metadata.read(read_written(path), path.name)


def _read_rows(path: Path) -> None:
    from lectern.curation import row_corrections

    folder = path.with_suffix("")
    folder.mkdir()
    path.rename(folder / "examples.jsonl")
    row_corrections.read(folder)


def _read_params(path: Path) -> None:
    from lectern.settings.extract import Extract

    params.load("extract", Extract, path)


def _heal(path: Path) -> None:
    """A manifest, and a journal of the same bytes: the item must be made again, and the folder be as a clean one."""
    from lectern.core import items

    folder = path.with_suffix("")
    folder.mkdir()
    path.rename(folder / "_manifest.json")
    (folder / "_journal.jsonl").write_bytes((folder / "_manifest.json").read_bytes())
    text = path.with_suffix(".source")
    text.write_text("text")
    for out in (folder, path.with_suffix(".clean")):
        items.sync([Item("a", {"text": text})], out, _load_copy, suffix=".txt", params={}, code=())
        next(iter(items.facts(out).values()))["words"]
    if any(
        one.read_bytes() != (path.with_suffix(".clean") / one.name).read_bytes() for one in folder.iterdir()
    ):
        raise AssertionError("the folder is not that of a clean run")


def _load_copy() -> Make:
    return _copy


def _copy(item: Item, path: Path) -> Mapping[str, Any]:
    path.write_bytes(item.inputs["text"].read_bytes())
    return {"words": 1}


# Inputs


def damage(files: Mapping[str, bytes], chance: random.Random) -> Inputs:
    """Yield damaged copies for ever; of every second archive, one part is damaged and packed again."""
    names = sorted(files)
    while True:
        name = chance.choice(names)
        inside = name.endswith(PACKED) and chance.randrange(2)
        yield name, (_damage_inside if inside else _damage)(files[name], chance)


def _damage(whole: bytes, chance: random.Random) -> bytes:
    """Bytes changed, cut out, doubled, cut off, or replaced by numbers and marks."""
    marks = [b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"-1", b"9" * 400, b"1e999", b"NaN", b"[" * 3000, b"<" * 3000, b'"', b"\\ud800",
             b"&#xD800;", b"\r", b"\xe2\x80\xa8", b"00:00:00.000 --> 00:00:01.000\n", b": " * 500, b"<<<<<<< x\n", b"&a [*a]"]  # fmt: skip
    data = bytearray(whole)
    for _ in range(chance.choice((1, 1, 2, 8))):
        at = chance.randrange(len(data) + 1)
        length = chance.choice((1, 2, 16, 256, 4096))
        way = chance.randrange(5)
        if way == 0:
            data[at : at + length] = chance.randbytes(min(length, len(data) - at))
        elif way == 1:
            del data[at : at + length]
        elif way == 2:
            data[at:at] = data[at : at + length] * chance.choice((1, 2, 50))
        elif way == 3:
            data[at:at] = chance.choice(marks)
        elif len(data) > 8:
            del data[at:]
    return bytes(data)


def _damage_inside(whole: bytes, chance: random.Random) -> bytes:
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice(sorted(parts))
    parts[name] = _damage(parts[name], chance)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return out.getvalue()


def draw(strategy: st.SearchStrategy[Any], write: Callable[[Any], bytes], name: str, seed: int) -> Inputs:
    """Yield what hypothesis draws, for ever, by the seed."""
    found: list[Any] = []
    for round_ in range(1_000_000):

        @hypothesis.seed(seed + round_)
        @hypothesis.settings(
            max_examples=50,
            database=None,
            deadline=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(strategy)
        def collect(value: Any) -> None:
            found.append(value)

        collect()
        for value in found:
            with suppress(ValueError):
                yield name, write(value)
        found.clear()


def to_json(value: Any) -> bytes:
    """JSON that may hold NaN and half surrogate pairs."""
    return json.dumps(value).encode()


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.sampled_from(["\ud800", "1e999"])
)  # fmt: skip
JSON = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)


def shaped(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects with these keys, each of the right kind or anything."""
    return st.fixed_dictionaries({}, optional={name: one | JSON for name, one in keys.items()})


def zipped(**parts: bytes) -> bytes:
    """A ZIP file. In a name, `__` stands for / and the last `_` for the dot."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in parts.items():
            head, _, suffix = name.replace("__", "/").rpartition("_")
            archive.writestr(f"{head}.{suffix}", data)
    return out.getvalue()


RELS = b'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">%s</Relationships>'
OFFICE = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
TYPES = b'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="dat" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/><Default Extension="xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
WORD = b'<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>%s</w:body></w:document>'


def word(body: bytes, name: str = "word__document_xml") -> bytes:
    """A Word document whose main part has this name."""
    target = name.replace("__", "/")
    target = target[: target.rindex("_")] + "." + target[target.rindex("_") + 1 :]
    link = b'<Relationship Id="r" Type="%s" Target="%s"/>' % (OFFICE, target.encode())
    return zipped(
        **{"[Content_Types]_xml": TYPES, "_rels___rels": RELS % link, name: WORD % body},
    )


def book(
    chapter: bytes, spine: bytes = b'<itemref idref="a"/>', name: str = "a_xhtml", **more: bytes
) -> bytes:
    """An EPUB book."""
    file = name[: name.rindex("_")] + "." + name[name.rindex("_") + 1 :]
    package = b'<package xmlns="http://www.idpf.org/2007/opf"><manifest><item id="a" href="%s"/></manifest><spine>%s</spine></package>'
    box = b'<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="a.opf"/></rootfiles></container>'
    parts = {"META-INF__container_xml": box, "a_opf": package % (file.encode(), spine), name: chapter, **more}
    return zipped(**parts)


SHEET = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
ROWS = b'<row><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row><row><c t="inlineStr"><is><t>Why?</t></is></c><c><v>7</v></c></row>'


def sheet(
    rows: bytes, strings: bytes = b"<si><t>question</t></si><si><t>answer</t></si>", sheets: int = 1
) -> bytes:
    """An Excel file, in which so many sheets are the same part."""
    link = b'<Relationship Id="r" Type="worksheet" Target="worksheets/a.xml"/>'
    names = (
        b'<sheet name="a" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" r:id="r"/>'
        * sheets
    )
    return zipped(**{
        "xl__workbook_xml": b'<workbook xmlns="%s"><sheets>%s</sheets></workbook>' % (SHEET, names),
        "xl___rels__workbook.xml_rels": RELS % link,
        "xl__sharedStrings_xml": b'<sst xmlns="%s">%s</sst>' % (SHEET, strings),
        "xl__worksheets__a_xml": b'<worksheet xmlns="%s"><sheetData>%s</sheetData></worksheet>' % (SHEET, rows),
    })  # fmt: skip


def pdf(content: bytes, *, pages: int = 1, more: bytes = b"", filters: str = "/FlateDecode") -> bytes:
    """A PDF whose pages share one content stream."""
    kids = " ".join(f"{number} 0 R" for number in range(10, 10 + pages))
    objects = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: f"<</Type/Pages/Kids[{kids}]/Count {pages}>>".encode(),
        4: b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        5: b"<</Length %d/Filter[%s]>>stream\n%s\nendstream" % (len(content), filters.encode(), content),
    }
    page = (
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 5 0 R/Resources<</Font<</F 4 0 R>>%s>>>>"
    )
    objects |= {number: page % more for number in range(10, 10 + pages)}
    out = bytearray(b"%PDF-1.7\n")
    for number, body in objects.items():
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    return bytes(out + b"trailer<</Root 1 0 R>>\n%%EOF\n")


def pack(data: bytes, times: int = 1) -> bytes:
    """Flate, several times over."""
    for _ in range(times):
        data = zlib.compress(data, 9)
    return data


def zeros(megabytes: int, *, times: int = 1, unit: bytes = b" ") -> bytes:
    """So many megabytes, packed; they are never in memory as a whole."""
    packer = zlib.compressobj(9)
    piece = unit * (1_000_000 // len(unit))
    data = b"".join([*(packer.compress(piece) for _ in range(megabytes)), packer.flush()])
    return pack(data, times - 1)


def plain(suffix: str) -> Inputs:
    """Yield giants without any structure."""
    big = 19_000_000
    yield f"empty{suffix}", b""
    yield f"zeros{suffix}", bytes(big)
    yield f"one line{suffix}", b"word " * (big // 5)
    yield f"one word{suffix}", b"a" * big
    yield f"newlines{suffix}", b"\n" * big
    yield f"short lines{suffix}", b"a\n" * (big // 2)
    yield f"surrogates{suffix}", b"\xed\xa0\x80" * 10_000
    yield f"utf-16{suffix}", ("word " * 100_000).encode("utf-16")
    yield f"controls{suffix}", bytes(range(32)) * 100_000


def pages() -> Inputs:
    """Yield bombs and giants of web pages."""
    yield from plain(".html")
    for name, unit in {
        "paragraphs": b"<p>word", "links": b'<a href="x">word</a> ', "open links": b'<a href="x">', "divs": b"<div>",
        "lists": b"<ul><li>word", "tables": b"<table><tr><td>word", "cells": b"<td>word", "bold": b"<b>", "fonts": b"<font>",
        "comments": b"<!--", "entities": b"&#x41;", "attributes": b"<p a=", "quotes": b'<p a="', "brs": b"<br>word", "headings": b"<h1>word</h1>",
        "pre": b"<pre>word", "details": b"<details>", "templates": b"<template>", "selects": b"<select><option>", "svg": b"<svg><g>", "doctypes": b"<!DOCTYPE html>",
        "spans": b"<span>word</span> ", "forms": b"<form>", "rubies": b"<ruby><rt>", "articles": b"<article><p>word word word word",
    }.items():  # fmt: skip
        for count in (DEEP // len(unit), 2_000_000 // len(unit)):
            yield f"{name} {count}.html", b"<html><body>" + unit * count
    yield "cells in a row.html", b"<table><tr>" + b"<td>x" * 1_000_000
    yield "rows.html", b"<table>" + b"<tr><td>x<td>y" * 500_000
    yield "spans of cells.html", b"<table>" + b"<tr><td colspan=100000 rowspan=65534>x" * 2_000


def texts() -> Inputs:
    """Yield bombs and giants of Markdown and plain text."""
    yield from plain(".md")
    yield from plain(".txt")
    for name, unit in {
        "quotes": b"> ", "stars": b"*a ", "brackets": b"[", "links": b"[a](b) ", "images": b"![", "ticks": b"`a ", "fences": b"```\n", "lists": b"- ",
        "numbers": b"1. a\n", "pipes": b"|a", "rows": b"|a|b|\n|-|-|\n", "references": b"[a]: b\n", "underscores": b"_a_", "html": b"<b>", "escapes": b"\\",
        "entities": b"&amp;", "emphasis": b"**a _b ", "tables": b"a|b\n-|-\n", "headings": b"# a\n", "dashes": b"a\n---\n",
    }.items():  # fmt: skip
        for count in (50_000 // len(unit), 2_000_000 // len(unit)):
            yield f"{name} {count}.md", unit * count
            yield f"{name} {count}.txt", unit * count
    yield "indent.md", b"".join(b"  " * n + b"- a\n" for n in range(2_000))
    yield "numbering.txt", b"".join(b"%d. a\n" % n for n in range(500_000))


def archives() -> Inputs:
    """Yield bombs and giants of Word, EPUB and PowerPoint."""
    for kind, make in (("docx", word), ("epub", book)):
        yield f"giant.{kind}", make(b"<w:p><w:r><w:t>" + b"a" * 100_000_000)
        yield f"deep.{kind}", make(b"<w:tbl><w:tr><w:tc>" * 30_000)
        yield f"many.{kind}", make(b"<w:p><w:r><w:t>word</w:t></w:r></w:p>" * 300_000)
    yield "dat.docx", word(b" " * 500_000_000, "word__main_dat")
    yield "dat of words.docx", word(b"<w:p><w:r><w:t>word</w:t></w:r></w:p>" * 8_000_000, "word__main_dat")
    yield "dat.epub", book(b"<p>word</p>" * 20_000_000, name="a_dat")
    yield "spine.epub", book(b"<p>word</p>" * 100_000, b'<itemref idref="a"/>' * 20_000)
    yield (
        "spine of a picture.epub",
        book(b"\x89PNG" + bytes(50_000_000), b'<itemref idref="a"/>' * 1_000, name="a_png"),
    )
    slides = {f"ppt__media__a{n}_png": bytes(150_000_000) for n in range(10)}
    yield (
        "pictures.pptx",
        zipped(**{"[Content_Types]_xml": TYPES, "ppt__presentation_xml": b"<p/>", **slides}),
    )
    yield "pictures in use.pptx", _slides(bytes(300_000_000))


def pdfs() -> Inputs:
    """Yield bombs and giants of PDF."""
    text = b"BT /F 12 Tf 10 700 Td (word word word) Tj ET\n"
    yield "fine.pdf", pdf(pack(text * 10))
    yield "content.pdf", pdf(zeros(3_000))
    yield "content of text.pdf", pdf(zeros(500, unit=text))
    yield "twice packed.pdf", pdf(zeros(2_000, times=2), filters="/FlateDecode/FlateDecode")
    yield "pages.pdf", pdf(pack(text), pages=20_000)
    yield "pages of much.pdf", pdf(pack(text * 20_000), pages=500)
    yield from forms()
    yield "arrays.pdf", pdf(pack(b"[" * 5_000_000))
    yield "operands.pdf", pdf(pack(b"1 " * 10_000_000 + text))
    yield "graphics.pdf", pdf(pack(b"q " * 10_000_000 + text))
    yield "objects.pdf", b"%PDF-1.7\n" + b"1 0 obj\n<<" * 1_000_000 + b"%%EOF"
    yield "kids.pdf", pdf(pack(text)).replace(b"/Kids[10 0 R]", b"/Kids[2 0 R]")
    yield "count.pdf", pdf(pack(text)).replace(b"/Count 1", b"/Count 2000000000")


def forms() -> Inputs:
    """Yield PDFs whose forms contain each other: eight times each, and in a circle."""
    parts = b"".join(
        b"%d 0 obj\n<</Type/XObject/Subtype/Form/BBox[0 0 600 800]/Resources<</XObject<</X %d 0 R>>/Font<</F 4 0 R>>>>/Length 96>>stream\n%s\nendstream\nendobj\n"
        % (n, n + 1, b"/X Do /X Do /X Do /X Do /X Do /X Do /X Do /X Do".ljust(96))
        for n in range(30_000, 30_012)
    )
    nested = pdf(pack(b"/X Do"), more=b"/XObject<</X 30000 0 R>>").replace(b"trailer", parts + b"trailer")
    yield "nested forms.pdf", nested
    yield "itself.pdf", nested.replace(b"/X 30005 0 R", b"/X 30000 0 R")


def _slides(picture: bytes) -> bytes:
    """A presentation of python-pptx with a picture that unpacks to much."""
    import pptx

    out = io.BytesIO()
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    png = base64.b64decode(b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==")  # fmt: skip
    slide.shapes.add_picture(io.BytesIO(png), 0, 0)
    deck.save(out)
    changed = io.BytesIO()
    with (
        zipfile.ZipFile(out) as old,
        zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new,
    ):
        for member in old.infolist():
            new.writestr(member.filename, picture if member.filename.endswith(".png") else old.read(member))
    return changed.getvalue()


def transcripts() -> Inputs:
    """Yield giants among transcripts."""
    cue = "00:00:01.000 --> 00:00:02.000\n"
    for suffix in (".vtt", ".srt"):
        head = "WEBVTT\n\n" if suffix == ".vtt" else "1\n"
        for name, text in {
            "time tags": cue + "<00:00:01.000>a " * 100_000, "stamps": (cue + "a\n\n") * 200_000, "one start": (cue + "a b\n") * 50_000,
            "numbers": "".join(f"{n}\n{cue}a\n\n" for n in range(100_000)), "arrows": cue + ">> " * 300_000, "labels": cue + "[Ann]: a " * 200_000,
            "brackets": cue + "[" * 500_000, "voices": cue + "<v " * 300_000, "tags": cue + "<c." * 300_000, "lines": cue + "a\n" * 300_000,
            "two large": cue + "a\n" * 20_000 + "\n" + cue + "a\n" * 20_000, "dashes": cue + "- " * 300_000, "entities": cue + "&#x41;" * 300_000,
            "names": "".join(f"{cue}Name {n}: a\n\n" for n in range(50_000)), "colons": cue + "A" + ":" * 500_000, "digits": "1:" + "1" * 2_000_000 + "-->",
            "backwards": "".join(f"{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}.000 --> 00:00:01.000\na\n\n" for n in range(100_000, 0, -1)),
            "one line": cue + "word " * 3_000_000, "one word": cue + "a" * 20_000_000, "braces": cue + "{\\" * 300_000, "marks": cue + "\u200b" * 3_000_000,
        }.items():  # fmt: skip
            yield f"{name}{suffix}", (head + text).encode()
    yield "deep.json", b'{"segments": ' + b"[" * DEEP
    yield "segments.json", to_json({"segments": [{"start": 1, "end": 2, "text": "a"}] * 200_000})
    yield "words.json", to_json({"segments": [{"start": 1, "end": 2, "words": [{"word": "a b"}] * 300_000}]})
    yield "numbers.json", b'{"segments": [{"start": ' + b"9" * 100_000 + b', "text": "a"}]}'


def infos() -> Inputs:
    """Yield metadata that is deep, large or of other types."""
    yield "deep.info.json", b'{"title": ' + b"[" * DEEP
    yield "deep objects.info.json", b'{"a":' * DEEP
    yield "surrogate.info.json", b'{"title": "\\ud800", "url": "http://\\udfff"}'
    yield "numbers.info.json", b'{"chapters": [{"start_time": 1e999, "end_time": NaN, "title": 7}]}'
    for value in (
        "5",
        '"abc"',
        "{}",
        '{"a": 1}',
        "[5]",
        '["a"]',
        "[null]",
        "[[]]",
        "true",
        '[{"start_time": "a"}]',
    ):
        yield f"chapters {value[:6]}.info.json", f'{{"chapters": {value}}}'.encode()
    yield "latin.info.json", '{"title": "Größe"}'.encode("latin-1")
    yield "many.info.json", to_json({"chapters": [{"start_time": n, "end_time": n + 1, "title": "a"} for n in range(100_000)]})  # fmt: skip


def tables() -> Inputs:
    """Yield giants among tables."""
    head = b"question,answer\n"
    for name, text in {
        "open quote": b'"a\n' * 200_000, "quotes": b'"' * 3_000_001, "open at each": b'a,"b\n' * 200_000, "rows": b"a,b\n" * 500_000,
        "cells": b"a," * 3_000_000, "one cell": b"a," + b"b" * 50_000_000, "zeros": bytes(5_000_000), "returns": b"\r" * 3_000_000, "latin": "Größe,Öl\n".encode("latin-1") * 1000,
    }.items():  # fmt: skip
        yield f"{name}.csv", head + text
    yield "deep.jsonl", b"[" * DEEP + b"\n" + b'{"question": "a", "answer": "b"}\n'
    yield "deep.json", b"[" * DEEP
    yield "line.jsonl", b'{"question": "' + b"a" * 100_000_000 + b'", "answer": "b"}'
    yield "nan.jsonl", b'{"question": NaN, "answer": Infinity}\n{"question": "\\ud800", "answer": 1e999}'
    yield "fine.xlsx", sheet(ROWS)
    head_row = b"<row><c><v>question</v></c><c><v>answer</v></c></row>"
    for name, row in {
        "columns": b'<row><c r="A2"><v>a</v></c><c r="ZZZ2"><v>b</v></c></row>' * 10_000, "cells": b"<row>" + b"<c><v>a</v></c>" * 1_000_000 + b"</row>",
        "rows": b"<row><c><v>a</v></c><c><v>b</v></c></row>" * 400_000, "deep": b"<row><c><is>" * 100_000, "one cell": b"<row><c><v>" + b"a" * 100_000_000,
        "index": b'<row><c t="s"><v>%s</v></c><c t="s"><v>\xd9\xa3</v></c></row>' % (b"9" * 5_000),
    }.items():  # fmt: skip
        yield f"{name}.xlsx", sheet(head_row + row)
    yield "strings.xlsx", sheet(ROWS, b"<si><t>" + b"a" * 100_000_000)
    yield "strings of nothing.xlsx", sheet(ROWS, b"<si/>" * 10_000_000)
    yield "one string often.xlsx", sheet(ROWS * 20_000, b"<si><t>question</t></si><si><t>" + b"a" * 1_000_000)
    yield "sheets.xlsx", sheet(head_row + b"<row><c><v>a</v></c></row>" * 20_000, sheets=10_000)
    import pyarrow
    from pyarrow import parquet

    for name, rows in (("dictionary", 3_000_000), ("dictionary of much", 200_000_000)):
        out = io.BytesIO()
        column = pyarrow.DictionaryArray.from_arrays(
            pyarrow.array([0], pyarrow.int8()).take(pyarrow.array([0] * 1)), ["word " * 20_000]
        )
        schema = pyarrow.schema({"question": column.type, "answer": column.type})
        with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
            part = pyarrow.DictionaryArray.from_arrays(pyarrow.nulls(100_000, pyarrow.int8()).fill_null(0), column.dictionary)  # fmt: skip
            for _ in range(max(1, rows // 1_000_000)):
                writer.write_table(pyarrow.table({"question": part, "answer": part}))
        yield f"{name}.parquet", out.getvalue()


def sounds() -> Inputs:
    """Yield recordings that are long, odd or none."""
    import av
    import numpy as np

    for rate in (1, 10, 8_000, 2_000_000_000):
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(bytes(2_000_000))
        yield f"rate {rate}.wav", out.getvalue()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.flac"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("flac", rate=2_000)
            stream.layout = "mono"
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.int16), format="s16", layout="mono")
            frame.sample_rate = 2_000
            for number in range(14 * 3600 * 2_000 // 4096):
                frame.pts = number * 4096
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        data = path.read_bytes()
    yield "14 hours.flac", data
    yield "14 hours.mp3", data
    yield "script.mp3", b"ffconcat version 1.0\nfile fine.wav\n"
    yield "playlist.m4a", b"#EXTM3U\n#EXTINF:10,\nfine.wav\n"


def yamls(good: bytes) -> Callable[[], Inputs]:
    """Yield YAML that is deep, repeats itself, or is in another encoding."""

    def generate() -> Inputs:
        yield "fine.yaml", good
        for unit in (b"[", b"{a: ", b"- ", b"? ", b"a:\n"):
            yield f"deep {unit[:1]!r}.yaml", unit * 100_000
        for unit in ("[", "{a: ", "- "):
            yield f"less deep {unit[:1]!r}.yaml", unit.encode() * 900
        steps = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
        yield "aliases.yaml", f"a0: &a0 [x]\n{steps}".encode()
        yield "list of aliases.yaml", ("- &a [x]\n" + "- [" + "*a, " * 1000 + "]\n" * 1000).encode()
        yield "itself.yaml", b"&a [*a]"
        yield "itself as a key.yaml", b"&a {*a : *a}"
        yield "latin.yaml", "a: Größe".encode("latin-1")
        yield "surrogate.yaml", b'a: "\\ud800"'
        yield "nul.yaml", b"a: \0"
        yield "keys.yaml", b"".join(b"a%d: b\n" % n for n in range(100_000))
        yield "utf-16.yaml", "a: b".encode("utf-16")

    return generate


def manifests() -> Inputs:
    """Yield manifests of other shapes."""
    yield "deep.json", b'{"items": ' + b"[" * DEEP
    entry = {"key": "k", "file": "a.txt", "sha256": "x", "facts": {"words": 1}}
    for name in entry:
        for value in (None, 5, [], {}, "x", [["a"]], float("nan"), "\ud800"):
            yield f"{name}.json", to_json({"items": {"a": {**entry, name: value}}})
    for value in (None, [], {}, 5, {"items": 5}, {"items": []}, {"items": {"a": 5}}, {"items": {"a": {"error": 5}}},
                  {"items": {"a": {"error": "x", "facts": 7}}}, {"items": {"b": entry}}, {"items": {"../a": entry}}, {"items": {"": entry}}):  # fmt: skip
        yield "shape.json", to_json(value)
        yield "line.json", to_json(["a", value])


def metadatas() -> Inputs:
    """Yield tables of people."""
    yield "deep.json", b"[" * DEEP
    yield "nan.json", b'[{"item": NaN, "host": Infinity, "intro_end": 1e999}]'
    yield "latin.csv", "item,host\na,Größe\n".encode("latin-1")
    yield "open.csv", b"item,host\n" + b'a,"b\n' * 100_000
    yield "long.csv", b"item,host\na," + b"b" * 500_000
    yield "wide.csv", b"item" + b",a" * 100_000 + b"\n"
    yield "return.csv", b"item,host\ra,b\rc,d"


SPEAKERS = b"rename:\n  SPEAKER_00: Ann\nmerge:\n  SPEAKER_02: SPEAKER_01\n"
PARAMS = b"extract:\n  max_megabytes: 20.0\n  ocr: none\n  allow_failed: 0.0\n"
ROW = b'{"id": "9f86d081884c7d65", "action": "drop", "note": "no"}\n'


@dataclass(frozen=True)
class Kind:
    """A kind of file: who reads it, and what it is fed with."""

    read: Callable[[Path], None]
    bombs: Callable[[], Inputs]
    files: Callable[[], Mapping[str, bytes]] = dict
    """real ones, of which damaged copies are made"""
    drawn: Callable[[int], Inputs] | None = None
    limits: Limits = field(default_factory=lambda: sources.LIMITS)


def _find(pattern: str, most: int = 60_000) -> Mapping[str, bytes]:
    found = [path for path in sorted((ROOT / "data/sources").glob(pattern)) if path.stat().st_size <= most]
    return {path.name: path.read_bytes() for path in found[:12]}


def _few(**files: bytes) -> Callable[[], Mapping[str, bytes]]:
    return lambda: {name.replace("_", "."): data for name, data in files.items()}


PAGE = b"<html><body><article><h1>Seeds</h1><p>Words and <b>words</b>.</p><table><tr><td>a<td>b</table></article></body></html>"


def _made_archives() -> Mapping[str, bytes]:
    made = {
        "a.docx": word(b"<w:p><w:r><w:t>Words</w:t></w:r></w:p>" * 3),
        "a.epub": book(PAGE),
        "a.pptx": _slides(b"x"),
    }
    return made | _find("**/*.docx") | _find("**/*.epub") | _find("**/*.pptx")


def _made_pdfs() -> Mapping[str, bytes]:
    made = {
        "a.pdf": pdf(pack(b"BT /F 12 Tf 10 700 Td (word word word) Tj ET\n" * 5)),
        "b.pdf": pdf(b"BT /F 12 Tf 10 700 Td (word) Tj ET\n", filters=""),
    }
    return made | _find("**/*.pdf", 200_000)


def _made_tables() -> Mapping[str, bytes]:
    import pyarrow
    from pyarrow import parquet

    made = {"question": ["How many?", "Why?"] * 20, "answer": ["Three.", 'Be "cause".'] * 20}
    out = io.BytesIO()
    parquet.write_table(pyarrow.table(made), out)
    return {
        "a.csv": b'question,answer\n"How, many?",Three\nWhy?,"Be ""cause"""\n',
        "a.tsv": b"question\tanswer\nHow many?\tThree\nWhy?\tBecause\n",
        "a.jsonl": b'{"question": "a", "answer": "b"}\n' * 3,
        "a.json": b'[{"question": "a", "answer": "b"}]',
        "a.parquet": out.getvalue(),
        "a.xlsx": sheet(ROWS),
    }


def _short_sounds() -> Mapping[str, bytes]:
    import av
    import numpy as np

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, codec in (
            ("a.mp3", "libmp3lame"),
            ("a.wav", "pcm_s16le"),
            ("a.flac", "flac"),
            ("a.m4a", "aac"),
            ("a.ogg", "libopus"),
        ):
            path = Path(folder) / name
            with av.open(str(path), "w") as container:
                stream = container.add_stream(codec, rate=48_000)
                stream.layout = "mono"
                tone = (9_000 * np.sin(np.arange(24_000) / 20)).astype(np.int16)[None]
                frame = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
                frame.sample_rate = 48_000
                resampler = av.AudioResampler(
                    format=stream.format, layout="mono", rate=48_000, frame_size=960
                )
                for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                    container.mux(stream.encode(piece))
                container.mux(stream.encode(None))
            found[name] = path.read_bytes()
    return found


NUMBER = st.floats() | st.integers() | st.text("0123456789:.,eE+-", max_size=12)
SEGMENTS = shaped(
    segments=st.lists(
        shaped(start=NUMBER, end=NUMBER, startTime=NUMBER, endTime=NUMBER, text=st.text(), body=st.text(), speaker=st.text(),
               words=st.lists(shaped(word=st.text(), start=NUMBER, end=NUMBER, speaker=st.text(), score=NUMBER)))
    ), language=st.text(),
)  # fmt: skip
INFO = shaped(
    title=st.text(), description=st.text(), url=st.text(), upload_date=st.text("0123456789-", max_size=10),
    chapters=st.lists(shaped(start_time=NUMBER, end_time=NUMBER, title=st.text())),
)  # fmt: skip
ENTRY = shaped(
    key=st.text(), file=st.just("a.txt"), sha256=st.text(), facts=shaped(words=st.integers()), error=st.text()
)
MANIFEST = shaped(items=st.dictionaries(st.sampled_from(["a", "b"]), ENTRY)) | st.tuples(st.just("a"), ENTRY)
EPISODES = st.lists(
    shaped(item=st.text(), host=st.text(), guest=st.lists(st.text()), intro_end=NUMBER, outro_start=NUMBER)
)

KINDS: dict[str, Kind] = {
    "pages": Kind(
        _read_document, pages, lambda: {"a.html": PAGE} | _find("**/*.html"), limits=extraction.LIMITS
    ),
    "texts": Kind(
        _read_document,
        texts,
        lambda: (
            {"a.md": b"# Seeds\n\nWords, *words*.\n\n- a\n- b\n\n| a | b |\n|---|---|\n| c | d |\n"}
            | _find("**/*.md")
            | _find("documents/*.txt")
        ),
        limits=extraction.LIMITS,
    ),
    "archives": Kind(_read_document, archives, _made_archives, limits=extraction.LIMITS),
    "pdfs": Kind(_read_document, pdfs, _made_pdfs, limits=extraction.LIMITS),
    "transcripts": Kind(
        _read_transcript,
        transcripts,
        _few(
            a_vtt=b"WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.500\n<v Ann>Words <00:00:01.500>words.\n\n00:03.000 --> 00:04.000\n- Words\n- Words?\n",
            a_srt=b"1\n00:00:01,000 --> 00:00:02,500\nAnn: Words and words.\n\n2\n00:00:03,000 --> 00:00:04,000\n>> BEN: Words?\n",
            a_json=b'{"segments": [{"start": 1.0, "end": 2.5, "text": "Words.", "speaker": "Ann", "words": [{"word": "Words.", "start": 1.0, "end": 2.0, "score": 0.9}]}]}',
        ),
        functools.partial(draw, SEGMENTS, to_json, "drawn.json"),
    ),
    "info.json": Kind(
        _read_info,
        infos,
        _few(
            a_json=b'{"title": "Seeds", "url": "https://example.org/a", "upload_date": "20261122", "chapters": [{"start_time": 0, "end_time": 5.5, "title": "One"}]}'
        ),
        functools.partial(draw, INFO, to_json, "drawn.json"),
    ),
    "tables": Kind(_read_table, tables, _made_tables),
    "sound": Kind(_read_sound, sounds, _short_sounds),
    "speakers": Kind(_read_speakers, yamls(SPEAKERS), _few(a_yaml=SPEAKERS)),
    "voices": Kind(
        _read_voices,
        yamls(b"- {name: Ann, model: m, item: a, speaker: s, embedding: [0.6, 0.8]}\n"),
        _few(a_yaml=b"- {name: Ann, model: m, item: a, speaker: s, embedding: [0.6, 0.8]}\n"),
    ),
    "metadata": Kind(
        _read_metadata,
        metadatas,
        _few(a_csv=b"item,host,intro_end\na,Ann;Ben,0:10\n", a_json=b'[{"item": "a", "host": "Ann"}]'),
        functools.partial(draw, EPISODES, to_json, "drawn.json"),
    ),
    "corrections": Kind(
        _read_rows,
        lambda: iter([("latin.jsonl", "Größe".encode("latin-1")), ("deep.jsonl", b"[" * DEEP)]),
        _few(a_jsonl=ROW),
    ),
    "params": Kind(_read_params, yamls(PARAMS), _few(params_yaml=PARAMS)),
    "manifests": Kind(
        _heal,
        manifests,
        _few(a_json=b'{"items": {"a": {"key": "k", "file": "a.txt", "sha256": "x", "facts": {"words": 1}}}}'),
        functools.partial(draw, MANIFEST, to_json, "drawn.json"),
    ),
}


# Running


def load(kind: str) -> Make:
    """The function that reads one file, and tells what that took."""
    return functools.partial(_measure, kind)


def _measure(kind: str, item: Item, out: Path) -> Mapping[str, Any]:
    Path("/proc/self/clear_refs").write_text("5")  # the greatest memory so far is that of now
    began, used, said = time.monotonic(), _used(), ""
    _begun(item.inputs["file"]).write_text(str(used))
    try:
        KINDS[kind].read(item.inputs["file"])
    except (ItemError, LecternError) as error:
        said = str(error)
    out.write_text(said or "read")
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1000
    return {"refused": said, "seconds": time.monotonic() - began, "cpu": _used() - used, "mb": peak}


def _begun(path: Path) -> Path:
    """The file in which a worker notes the CPU seconds that it had taken when it began a file."""
    return path.parent / "_begun"


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def generate(kind: Kind, seed: int) -> Inputs:
    """Yield what is drawn and what is damaged by turns, for ever."""
    files = kind.files()
    sources = [damage(files, random.Random(seed))] if files else []
    sources += [kind.drawn(seed)] if kind.drawn else []
    while sources:
        for source in sources:
            yield next(source)


@dataclass
class Tally:
    """What became of the inputs of a kind."""

    inputs: int = 0
    read: int = 0
    refused: int = 0
    limited: int = 0
    unforeseen: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    slowest: str = ""
    mb: float = 0.0
    largest: str = ""

    def add(self, name: str, made: Any, seconds: float, mb: float) -> None:
        """Count one input, and keep what was worst: what it says itself, or `seconds` and `mb` if its worker ended."""
        self.inputs += 1
        facts = made.facts
        seconds, mb = facts.get("cpu", seconds), facts.get("mb", mb)
        if seconds > self.seconds:
            self.seconds, self.slowest = seconds, name
        if mb > self.mb:
            self.mb, self.largest = mb, name
        if not made.error:
            self.read += not facts["refused"]
            self.refused += bool(facts["refused"])
        elif made.traceback:
            self.unforeseen.setdefault(made.error[:200], name)
        elif "reader crashed" in made.error and not name.endswith(tuple(extraction.FORMATS)):
            self.unforeseen.setdefault(made.error, name)
        else:
            self.limited += 1


def _ended() -> tuple[float, float]:
    """CPU seconds of all workers that have ended, and megabytes of the largest."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def try_kind(kind: str, inputs: Inputs, folder: Path) -> Tally:
    """Read these inputs of a kind."""
    tally = Tally()
    while source := list(itertools.islice(inputs, 20)):
        batch: dict[str, Path] = {}
        for number, (name, data) in enumerate(source):
            path = folder / f"{tally.inputs + number}-{kind}" / name.replace("/", "_")
            path.parent.mkdir()
            path.write_bytes(data)
            batch[f"{tally.inputs + number:06}"] = path
        found = [Item(id, {"file": path}) for id, path in batch.items()]
        run = processes.run(
            functools.partial(load, kind),
            found,
            folder,
            ".txt",
            workers=1,
            max_tries=3,
            limits=KINDS[kind].limits,
        )
        with closing(run):
            before = _ended()[0]
            for made in run:
                cpu, mb = _ended()
                note = _begun(batch[made.id])
                seconds = cpu - before - float(note.read_text()) if note.exists() else 0.0
                tally.add(batch[made.id].name, made, max(0.0, seconds), mb)
                before = cpu
        for path in batch.values():
            shutil.rmtree(path.parent)
    return tally


def make_inputs(kind: Kind, most: int, only: str | None, seed: int) -> Inputs:
    """Yield the giants of a kind, and so many drawn and damaged inputs."""
    if only != "damaged":
        yield from kind.bombs()
    if only != "giants":
        yield from itertools.islice(generate(kind, seed), most)


def main(kinds: list[str], most: int, only: str | None, seed: int) -> int:
    """Try the kinds, print the table, and return the exit status."""
    wrong = False
    print(
        "| kind | inputs | read | refused by a message | ended by the limits | unforeseen | longest | most memory |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for kind in kinds:
        with tempfile.TemporaryDirectory() as folder:
            tally = try_kind(kind, make_inputs(KINDS[kind], most, only, seed), Path(folder))
        print(
            f"| {kind} | {tally.inputs} | {tally.read} | {tally.refused} | {tally.limited} | {len(tally.unforeseen)} | "
            f"{tally.seconds:.1f} s ({tally.slowest}) | {tally.mb:.0f} MB ({tally.largest}) |",
            flush=True,
        )
        for error, name in tally.unforeseen.items():
            print(f"    {name}: {error}", flush=True)
        wrong = wrong or bool(tally.unforeseen) or tally.seconds > SECONDS or tally.mb > MEGABYTES
    return int(wrong)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--inputs", type=int, default=400)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--only", choices=("giants", "damaged"))
    chosen = parser.parse_args()
    raise SystemExit(main(chosen.kinds or list(KINDS), chosen.inputs, chosen.only, chosen.seed))
