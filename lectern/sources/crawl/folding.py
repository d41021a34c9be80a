"""Keep only one of the pages that are found at several addresses."""

from collections.abc import Mapping

from lectern.sources.crawl.journal import Visit


def fold(visits: Mapping[str, Visit]) -> dict[str, str]:
    """Find the pages that are duplicates of others.

    A page is a duplicate if it names another fetched page as canonical, has the same bytes as another page (the one
    nearest to the start is kept), or now redirects to another one.

    Returns: address of a duplicate -> address of the page that is kept.
    """
    kept = {url: visit for url, visit in visits.items() if visit.page is not None}
    folded = {}
    for url in sorted(kept):
        end = _follow(url, kept)
        if end != url:
            folded[url] = end
    first: dict[str, str] = {}
    for url, visit in sorted(kept.items(), key=lambda entry: (entry[1].page.depth, entry[0])):  # type: ignore[union-attr]
        if url not in folded:
            assert visit.page is not None
            same = first.setdefault(visit.page.sha256, url)
            if same != url:
                folded[url] = same
    for url, visit in sorted(visits.items()):
        if visit.outcome == "redirect" and visit.target in kept:
            folded[url] = visit.target
    return folded


def _follow(url: str, kept: Mapping[str, Visit]) -> str:
    """The end of a chain of canonical addresses. If pages name each other in a circle, the smallest address in it."""
    chain = [url]
    while (named := kept[chain[-1]].canonical) is not None and named in kept:
        if named in chain:
            return min(chain[chain.index(named) :])
        chain.append(named)
    return chain[-1]
