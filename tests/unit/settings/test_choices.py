"""The choices that the settings name are those that the library has, each of which stands in a layer above them."""

from collections.abc import Collection
from contextlib import nullcontext
from typing import get_args

import pytest

from lectern.conversations import roles
from lectern.core import compute as computing
from lectern.core.schema import Role
from lectern.curation import partition
from lectern.examples import examples as finding
from lectern.formats import table_rows
from lectern.models import packaged
from lectern.settings import (
    base_model,
    compute,
    converse,
    diarize,
    examples,
    sources,
    split,
    teach,
    transcribe,
)
from lectern.sources import addresses, kinds
from lectern.speech import asr, diarization
from lectern.teaching import methods


@pytest.mark.parametrize(
    ("named", "known"),
    [
        pytest.param(transcribe.ENGINES, asr.ENGINES, id="transcribe.engine"),
        pytest.param(diarize.ENGINES, diarization.ENGINES, id="diarize.engine"),
        pytest.param(
            converse.ROLES, [role for role in get_args(Role) if role != "unknown"], id="converse.roles: role"
        ),
        pytest.param(converse.RULES, roles.RULES, id="converse.roles: rule"),
        pytest.param(examples.QUESTIONS, finding.QUESTIONS, id="examples.questions"),
        pytest.param(teach.METHODS, methods.METHODS, id="teach.methods"),
        pytest.param(split.UNITS, partition.UNITS, id="split.by"),
        pytest.param(compute.EXECUTORS, computing.EXECUTORS, id="compute.executor"),
        pytest.param(base_model.PACKAGES, packaged.language_models(), id="base_model.package"),
        pytest.param(sources.KINDS, kinds.MODULES, id="corpus.sources"),
        pytest.param(sources.COLUMNS, table_rows.COLUMNS, id="columns of a table"),
    ],
)
def test_every_choice_is_one_that_the_library_has(named: Collection[str], known: Collection[str]) -> None:
    assert sorted(named) == sorted(known)


@pytest.mark.parametrize("engine", [*asr.ENGINES.items(), *diarization.ENGINES.items()], ids=lambda e: e[0])
def test_an_engine_takes_fields_of_its_section(engine: tuple[str, asr.Engine]) -> None:
    section = transcribe.Transcribe if engine[0] in asr.ENGINES else diarize.Diarize
    assert set(engine[1].choices) <= set(section.__dataclass_fields__)


@pytest.mark.parametrize(
    ("address", "is_page"),
    [
        ("https://example.org/", True),
        ("https://example.org:8080/a?b=c", True),
        ("https://bücher.example/ä", True),
        ("https://EXAMPLE.org./x", True),
        ("https://[::1]/", True),
        ("https://127.0.0.1/a", True),
        ("https://a_b.example/", True),
        ("https://example.org/" + "a" * 2000, False),
        ("https://ann@example.org/", False),
        ("https://exa mple.org/", False),
        ("https://example!.org/", False),
    ],
)
def test_a_start_is_accepted_where_the_crawl_can_ask_it(address: str, is_page: bool) -> None:
    assert (addresses.canonical(address) is not None) == is_page
    with (
        nullcontext()
        if is_page
        else pytest.raises(ValueError, match=r"not the address of a page|holds a secret")
    ):
        sources.WebsiteSource(name="a", start=[address])
