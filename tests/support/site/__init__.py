"""A small web site on 127.0.0.1, written for this project: twenty pages to read, and what a crawl may fall into.

`with serve() as site:` starts it; `site.address` is where. `python -m tests.support.site 8000` serves it until it
is interrupted. Each page that is worth reading stands in `texts.PAGES`; what else is linked from `/odd` is a trap:

/loop/a             redirects to /loop/b and back        /huge        grows and grows
/far                redirects to another host            /drip        a byte now and then, for ever
/metadata           redirects to a link-local address    /calendar    endless months, each linked from the last
/file               redirects to file:///etc/passwd      /secret/     forbidden by robots.txt
/compost?view=full  says that /compost is the canonical  /draft       asks not to be indexed
/old-compost        moved to /compost                    /missing     404
/broken             500                                  /plan.pdf    a PDF of one page
"""

import gzip
import hashlib
import html
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.support.site.texts import (BY_SCRIPT, GERMAN, NEAR_COPY, ODD, ONLY_BY_SCRIPT, ONLY_BY_SITEMAP, PAGES, TEXTS)

__all__ = ["PAGES", "TEXTS", "Site", "serve"]

TRAPS = (
    "/loop/a", "/far", "/metadata", "/file", "/huge", "/drip", "/calendar?month=1", "/secret/page", "/draft",
    "/missing", "/broken", "/plan.pdf", "/compost?view=full&utm_source=odd", "/old-compost",
)  # fmt: skip


@dataclass
class Site:
    """The running site. What a test changes in it holds from the next request on."""

    address: str = ""
    hits: list[str] = field(default_factory=list)
    """paths with their queries, as they were asked for"""
    headers: list[dict[str, str]] = field(default_factory=list)
    """of the requests, names in lower case"""
    answers: list[tuple[str, int]] = field(default_factory=list)
    """paths and statuses, in the order in which they were sent; one that never ends has none"""
    texts: dict[str, tuple[str, list[tuple[str, str]]]] = field(default_factory=lambda: dict(TEXTS))
    instead: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    """path -> what answers it in place of the page"""
    sent: int = 0
    """bytes of /huge"""
    traps: bool = True
    closing: threading.Event = field(default_factory=threading.Event)

    def asked(self, path: str) -> int:
        """How often a path was asked for, its query included."""
        return self.hits.count(path)


@contextmanager
def serve(port: int = 0, traps: bool = True) -> Iterator[Site]:
    """Run the site until the block ends.

    Args:
        port: 0 takes a free one. Ids of pages hold a digest of their addresses: with a fixed port they are the same in
            each run.
        traps: link what a crawl may fall into from the page `/odd`.
    """
    site = Site(traps=traps)

    class Handler(_Handler):
        pass

    Handler.site = site

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that goes away in mid-answer is part of the matter."""

    with Server(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        site.address = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield site
        finally:
            site.closing.set()
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    site: Site
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.site.hits.append(self.path)
        self.site.headers.append({name.lower(): value for name, value in self.headers.items()})
        path = urlsplit(self.path).path
        if path in self.site.instead:
            self.site.instead[path](self)
        elif path in _SPECIAL:
            _SPECIAL[path](self)
        elif path == NEAR_COPY or path in self.site.texts:
            self.page(path)
        elif (
            path.startswith("/api/")
            and (name := path.removeprefix("/api").removesuffix(".json")) in BY_SCRIPT
        ):
            self.send(json.dumps(self.site.texts[name]).encode(), "application/json")
        else:
            self.send(b"<title>Not here</title><p>No such page.", status=404)

    def page(self, path: str) -> None:
        """A page of the site, or 304 to whoever has it already."""
        body = _to_html(self.site, path)
        charset = "iso-8859-1" if path == GERMAN else "utf-8"
        self.send(body.encode(charset), f"text/html; charset={charset}", cached=True)

    def send(
        self, body: bytes, kind: str = "text/html; charset=utf-8", status: int = 200, **more: object
    ) -> None:
        """Answer; with `cached=True` with an ETag, to be asked for again by."""
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        cached = more.pop("cached", False)
        if cached and self.headers.get("If-None-Match") == etag:
            body, status = b"", 304
        self.site.answers.append((self.path, status))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 200:
            self.send_header("Content-Type", kind)
        if cached:
            self.send_header("ETag", etag)
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _to_html(site: Site, path: str) -> str:
    if path in BY_SCRIPT:
        return _shell(site, path)
    title, sections = site.texts["/compost" if path == NEAR_COPY else path]
    parts = [f"<h2>{html.escape(heading)}</h2>\n<p>{html.escape(text)}</p>" for heading, text in sections]
    if path == NEAR_COPY:
        parts.append(
            "<p>This is the page for printing; it leaves out the photographs of the three heaps.</p>"
        )
    if path == "/":
        linked = [p for p in PAGES if p not in ("/", ONLY_BY_SCRIPT, ONLY_BY_SITEMAP)]
        parts.append("<ul>" + "".join(f'<li><a href="{p}">{p[1:]}</a></li>' for p in linked) + "</ul>")
    if path == ODD and site.traps:
        parts.append(
            "<ul>"
            + "".join(f'<li><a href="{html.escape(p)}">{html.escape(p)}</a></li>' for p in TRAPS)
            + "</ul>"
        )
    return _frame(
        site, title, "\n".join([f"<h1>{html.escape(title)}</h1>", *parts]), "de" if path == GERMAN else "en"
    )


def _shell(site: Site, path: str) -> str:
    """A page whose words come with a script: from the site, or out of the script itself."""
    words = json.dumps(site.texts[path]).replace("<", "\\u003c")
    source = (
        f'fetch("/api{path}.json").then(answer => answer.json())'
        if path == "/js/tomatoes"
        else f"Promise.resolve({words})"
    )
    more = f'<a href="{ONLY_BY_SCRIPT}">In the cellar</a>' if path == "/js/index" else ""
    script = (
        "<script>\n" + source + ".then(([title, sections]) => {\n"
        "  document.title = title;\n"
        '  const main = document.querySelector("main");\n'
        "  const put = (name, text) => main.append(Object.assign(document.createElement(name), {textContent: text}));\n"
        '  put("h1", title);\n'
        '  for (const [heading, text] of sections) { put("h2", heading); put("p", text); }\n'
        f"  main.insertAdjacentHTML('beforeend', '{more}');\n"
        "});\n</script>"
    )
    return _frame(site, "Loading ...", "", "en", script)


def _frame(site: Site, title: str, body: str, language: str, more: str = "") -> str:
    """What every page has around its own words."""
    menu = " ".join(
        f'<a href="{path}">{path[1:] or "home"}</a>' for path in ("/", "/notebook", "/repeat", "/odd")
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head><title>{html.escape(title)} - The Green Ledger</title>'
        '<meta name="author" content="The people of the house"></head>\n<body>\n'
        f"<header><p>The Green Ledger: trials in house and garden</p><nav>{menu}</nav></header>\n<main>{body}</main>\n"
        "<footer><p>Written by hand and put on the web by one half of the household. You may copy all of it. "
        "This site sets no cookies. Questions go to the letter box beside the gate.</p></footer>\n"
        f"{more}\n</body>\n</html>\n"
    )


def _redirect(place: str) -> Callable[[_Handler], None]:
    return lambda handler: handler.send(b"", status=302, Location=place)


def _robots(handler: _Handler) -> None:
    text = f"User-agent: *\nDisallow: /secret/\nSitemap: {handler.site.address}/sitemaps.xml\n"
    handler.send(text.encode(), "text/plain")


def _sitemaps(handler: _Handler) -> None:
    part = f"<sitemap><loc>{handler.site.address}/sitemap.xml.gz</loc></sitemap>"
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    handler.send(f'<sitemapindex xmlns="{space}">{part}</sitemapindex>'.encode(), "application/xml")


def _sitemap(handler: _Handler) -> None:
    listed = "".join(f"<url><loc>{handler.site.address}{path}</loc></url>" for path in ("/", ONLY_BY_SITEMAP))
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    handler.send(
        gzip.compress(f'<urlset xmlns="{space}">{listed}</urlset>'.encode(), mtime=0), "application/gzip"
    )


def _compost(handler: _Handler) -> None:
    if "view" not in parse_qs(urlsplit(handler.path).query):
        handler.page("/compost")
        return
    canonical = '<link rel="canonical" href="/compost">'
    body = _to_html(handler.site, "/compost").replace("</head>", f"{canonical}</head>")
    handler.send(body.encode())


def _drip(handler: _Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.end_headers()
    handler.close_connection = True
    while not handler.site.closing.wait(0.2):
        handler.wfile.write(b"<p>drip ")
        handler.wfile.flush()


def _huge(handler: _Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.end_headers()
    handler.close_connection = True
    while not handler.site.closing.is_set():
        handler.site.sent += handler.wfile.write(b"<p>more and more " * 4096)


def _calendar(handler: _Handler) -> None:
    month = int(parse_qs(urlsplit(handler.path).query)["month"][0])
    links = (
        f'<a href="/calendar?month={month + 1}">next</a> <a href="/calendar?month={month + 2}">after that</a>'
    )
    handler.send(
        _frame(
            handler.site, f"Month {month}", f"<h1>Month {month}</h1><p>Nothing is planned. {links}</p>", "en"
        ).encode()
    )


def _draft(handler: _Handler) -> None:
    body = _frame(handler.site, "Draft", "<p>Not ready.</p>", "en")
    handler.send(body.replace("</head>", '<meta name="robots" content="noindex"></head>').encode())


def _pdf(handler: _Handler) -> None:
    handler.send(
        small_pdf("The plan of the garden has four beds and a path of gravel."),
        "application/pdf",
        cached=True,
    )


def small_pdf(text: str) -> bytes:
    """A PDF of one page with one line."""
    stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body, starts = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        starts.append(len(body))
        body += b"%d 0 obj%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % start for start in starts)
    size = len(objects) + 1
    return body + b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        size, table, size, len(body),
    )  # fmt: skip


_SPECIAL: dict[str, Callable[[_Handler], None]] = {
    "/robots.txt": _robots,
    "/sitemaps.xml": _sitemaps,
    "/sitemap.xml.gz": _sitemap,
    "/compost": _compost,
    "/old-compost": _redirect("/compost"),
    "/loop/a": _redirect("/loop/b"),
    "/loop/b": _redirect("/loop/a"),
    "/far": _redirect("http://127.0.0.2:9/away"),
    "/metadata": _redirect("http://169.254.169.254/latest/meta-data/"),
    "/file": _redirect("file:///etc/passwd"),
    "/huge": _huge,
    "/drip": _drip,
    "/calendar": _calendar,
    "/draft": _draft,
    "/broken": lambda handler: handler.send(b"Internal", "text/plain", status=500),
    "/plan.pdf": _pdf,
}
