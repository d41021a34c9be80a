"""What `parse` does with each item, a document or recording, and the totals over all items."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from lectern.conversations import housekeeping
from lectern.core import io
from lectern.core.errors import LecternError
from lectern.core.item import Item, Make
from lectern.core.schema import Conversation, Document
from lectern.models import tokens
from lectern.passages import back_matter, boilerplate, lecture, passages
from lectern.settings.housekeeping import HousekeepingRule

SHOWN = 20
"""How many boilerplate texts and copied pages the metrics name."""
SHOWN_CHARACTERS = 80


def list_items(
    documents: Mapping[str, Path], conversations: Mapping[str, Path], *, share: float, pages: int
) -> list[Item]:
    """One item per document and per recording.

    A document's values hold the digests of its blocks that are boilerplate, and the item that it is a copy of. They
    hold nothing else of its site, so that after a new page only those documents are made again for which one of the two
    has changed.

    Args:
        documents: item -> file of a `Document`.
        conversations: item -> file of a `Conversation`.
        share: least share of a site's pages that have a boilerplate block (`boilerplate.find_repeated`).
        pages: least number of pages that have it.

    Raises:
        LecternError: an item is both a document and a recording, or a document cannot be read.
    """
    if both := sorted(documents.keys() & conversations.keys()):
        raise LecternError(
            f"{both[0]!r} is both a document and a recording. Rename one of their sources in section corpus."
        )
    blocks: dict[str, list[str]] = {}
    sites: dict[str, dict[str, list[str]]] = {}
    for name, path in documents.items():
        document = io.read_json(path, Document)
        blocks[name] = [boilerplate.digest(block.text) for block in document.blocks]
        if document.site is not None:
            own = [
                d for d, block in zip(blocks[name], document.blocks, strict=True) if block.kind != "heading"
            ]
            sites.setdefault(document.site, {})[name] = own
    repeated = {
        name: found
        for site in sites.values()
        for name, found in boilerplate.find_repeated(site, share, pages).items()
    }
    rest = {name: [d for d in own if d not in set(repeated.get(name, ()))] for name, own in blocks.items()}
    copies = boilerplate.find_copies(rest)
    return [
        *(
            Item(
                name, {"document": path}, {"boilerplate": repeated.get(name, []), "copy_of": copies.get(name)}
            )
            for name, path in documents.items()
        ),
        *(Item(name, {"conversation": path}) for name, path in conversations.items()),
    ]


def load(
    *,
    tokenizer: str,
    min_share: float,
    least: int,
    most: int,
    overlap: int,
    left_out: Collection[str],
    rules: Sequence[HousekeepingRule],
    max_words: int,
) -> Make:
    """The function that writes an item's passages; see `passages.cut`, `lecture.cut` and `housekeeping.remove`.

    `left_out` names the sections of documents that become no passages (`back_matter.NAMES`).
    """
    count = tokens.counter(tokenizer)

    def make(item: Item, path: Path) -> Mapping[str, Any]:
        if "conversation" in item.inputs:
            conversation = io.read_json(item.inputs["conversation"], Conversation)
            kept = housekeeping.remove(conversation, rules, max_words).conversation
            made, share = lecture.cut(
                kept, count, min_share=min_share, least=least, most=most, overlap=overlap
            )
            more: dict[str, Any] = {"share": round(share, 4)}
        elif original := item.values["copy_of"]:
            made, more = [], {"copy_of": original}
        else:
            document = io.read_json(item.inputs["document"], Document)
            known = frozenset(item.values["boilerplate"])
            back = back_matter.find(document.blocks, left_out)
            found = passages.cut(
                document, known, count, least=least, most=most, overlap=overlap, left_out=back.keys()
            )
            texts = {" ".join(text.split())[:SHOWN_CHARACTERS] for text in found.removed}
            made = found.passages
            more = {"boilerplate": {"blocks": len(found.removed), "texts": sorted(texts)}}
            more["left_out"] = dict(sorted(Counter(back.values()).items()))
        unique = {
            passage.id: passage for passage in reversed(made)
        }  # reversed, so that the first of equals is kept
        made, repeated = (
            [passage for passage in made if unique[passage.id] is passage],
            len(made) - len(unique),
        )
        io.write_jsonl(path, made)
        lengths = [passage.tokens for passage in made]
        return {
            "kind": next(iter(item.inputs)),
            "passages": len(made),
            "tokens": sum(lengths),
            "longest": max(lengths, default=0),
            "short": sum(length < least for length in lengths),
            "words": sum(len(passage.text.split()) for passage in made),
            "repeated": repeated,
            **more,
        }

    return make


def summarise(facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Totals of the facts that `load` returned for each item."""
    totals = Counter({name: 0 for name in ("passages", "tokens", "short", "words", "repeated")})
    boilerplate_on: Counter[str] = Counter()
    for item in facts.values():
        totals.update({name: item[name] for name in totals})
        boilerplate_on.update(item.get("boilerplate", {}).get("texts", ()))
    documents = [item for item in facts.values() if item["kind"] == "document"]
    left_out = {
        name: [item["left_out"][name] for item in documents if name in item.get("left_out", {})]
        for name in back_matter.NAMES
    }
    removed = [item["boilerplate"]["blocks"] for item in documents if item.get("boilerplate")]
    copies = {name: item["copy_of"] for name, item in facts.items() if "copy_of" in item}
    frequent = sorted(boilerplate_on.items(), key=lambda entry: (-entry[1], entry[0]))[:SHOWN]
    return {
        "items": len(facts),
        "documents": len(documents),
        "documents_without_passages": sum(not item["passages"] for item in documents),
        "lectures": sum(item["kind"] == "conversation" and item["passages"] > 0 for item in facts.values()),
        "passages": totals["passages"],
        "tokens": totals["tokens"],
        "words": totals["words"],
        "longest_passage": max((item["longest"] for item in facts.values()), default=0),
        "short_passages": totals["short"],
        "repeated_passages": totals["repeated"],
        "boilerplate": {
            "documents": sum(count > 0 for count in removed),
            "blocks": sum(removed),
            "most_frequent": [{"text": text, "documents": count} for text, count in frequent],
        },
        "left_out_sections": {
            name: {"documents": len(counts), "blocks": sum(counts)} for name, counts in left_out.items()
        },
        "duplicate_pages": {"count": len(copies), "copy_of": dict(sorted(copies.items())[:SHOWN])},
    }
