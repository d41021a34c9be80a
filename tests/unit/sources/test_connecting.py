"""What a request of yt-dlp tells a site of the page that led to it."""

import pytest

from lectern.sources import connecting

PAGE = "https://ann:pw@example.org:8443/private/page?key=1#part"
"""An address of which other sites may learn the host alone, and nobody the user, the password and the fragment."""


@pytest.mark.parametrize(
    ("page", "asked", "sent"),
    [
        (PAGE, "https://example.org:8443/a.mp3", "https://example.org:8443/private/page?key=1"),
        (PAGE, "https://example.org/a.mp3", "https://example.org:8443/"),
        (PAGE, "https://media.example/a.mp3", "https://example.org:8443/"),
        ("https://example.org/page", "https://media.example/a.mp3", "https://example.org/"),
        ("http://example.org/page", "http://example.org/a.mp3", "http://example.org/page"),
        ("http://example.org/page", "https://example.org/a.mp3", "http://example.org/"),
        (PAGE, "http://example.org/a.mp3", None),
        ("file:///home/ann/page.html", "https://example.org/a.mp3", None),
        ("https://example.org:port/page", "https://example.org/a.mp3", None),
    ],
)
def test_another_site_learns_the_host_of_a_page_and_an_open_line_nothing(
    page: str, asked: str, sent: str | None
) -> None:
    assert connecting.sent_referer(page, asked) == sent
