"""The tags of Podcasting 2.0, of which an episode may have several."""

from lectern.sources import feed_tags
from lectern.sources.feed_tags import Tags, TranscriptTag
from tests.support.corpora import entry, feed


def test_what_a_tag_says_counts_in_any_case_and_its_address_as_it_stands() -> None:
    written = (
        "<podcast:Transcript url=' https://example.org/A.vtt ' type='Text/VTT' language='EN-gb' rel='Captions '/>"
        "<podcast:transcript url='https://example.org/b'/><podcast:transcript type='text/vtt'/>"
        "<podcast:person role=' Co-Host '>Ann  Lee</podcast:person><podcast:person role='GUEST'>Bob</podcast:person>"
    )
    (found,) = feed_tags.read(feed(entry(1, "https://example.org/1.mp3", written)).encode(), 1)
    assert found == Tags(
        [
            TranscriptTag("https://example.org/A.vtt", "text/vtt", "en-gb", "captions"),
            TranscriptTag("https://example.org/b", "", "", ""),
        ],
        ["Ann Lee"],
        ["Bob"],
    )
