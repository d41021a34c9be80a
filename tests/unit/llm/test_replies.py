"""No kill at any moment loses a stored reply, and what is stored depends on nothing but the replies."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lectern.core.errors import LecternError
from lectern.core.journal import JOURNAL
from lectern.llm.replies import COUNT, Replies
from lectern.llm.request import Reply

# In few shards, so that some hold several replies and lose some of them.
ALL = [f"{shard}{number:062x}" for number in range(4) for shard in ("00", "7f", "ff")]


def reply(key: str, text: str = "") -> Reply:
    return Reply(key=key, model="m", text=text or f'{{"a": "{key[:2]} é \u2028 👩 \\n"}}', output_tokens=3)


def layout(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != COUNT}


def killed_in(work: Callable[[], object], step: int) -> None:
    """Do the work in a process that dies, as by kill -9, before its `step`th change or opening of a file."""
    child = os.fork()
    if child == 0:
        left = step

        def die_at_last(event: str, _: Any) -> None:
            nonlocal left
            if event in ("open", "os.rename", "os.remove", "os.mkdir"):
                left -= 1
                if left < 0:
                    os._exit(0)

        sys.addaudithook(die_at_last)
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


one = st.sampled_from(ALL)
some = st.sets(one)
half_lines = st.tuples(st.just("killed in put"), one, st.sampled_from([JOURNAL, "spare"]), st.integers(0, 90))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), one),
        st.tuples(st.just("close"), some),
        st.tuples(st.just("killed in close"), some, st.integers(0, 25)),
        half_lines,
    ),
    max_size=25,
)


@pytest.mark.slow
@given(steps, some)
@settings(max_examples=60, deadline=None)
def test_whatever_is_killed_no_stored_reply_is_lost(played: list[Any], needed: set[str]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "replies/teach"
        store, put = Replies(folder), set()
        for name, what, *how in played:
            if name == "put":
                store.put(reply(what))
                put.add(what)
            elif name == "close":
                store.close(what)
            elif name == "killed in close":
                killed_in(partial(store.close, what), how[0])
                store = Replies(folder)
            else:  # a line of which so many bytes were written
                path = store.spare if how[0] == "spare" else folder / JOURNAL
                path.parent.mkdir(exist_ok=True)
                line = reply(what).model_dump_json().encode()
                with path.open("ab") as file:
                    file.write(b"\n" + line[: min(how[1], len(line) - 1)])
                store = Replies(folder)
            assert {key for key in ALL if store.get(key)} == put
            assert all(store.get(key) == reply(key) for key in put)
        store.close(needed)
        # The shards hold what is needed, and are those of a store that never saw anything else
        clean = Replies(Path(scratch) / "clean/replies/teach")
        for key in sorted(put & needed, reverse=True):
            clean.put(reply(key))
        clean.close(put)
        assert layout(folder) == layout(clean.folder)
        assert {key for key in ALL if Replies(folder).get(key)} == put


@pytest.mark.slow
def test_closing_may_be_killed_before_each_of_its_steps(tmp_path: Path) -> None:
    # Some replies are in shards, some in the journal; some are needed, some not, and some of these are spares already.
    finished = 0
    for step in range(40):
        store = in_folder(tmp_path / str(step), ALL[:9])
        store.close(ALL[:6])
        store.put(reply(ALL[10]))
        store.put(reply(ALL[11]))
        killed_in(partial(store.close, [*ALL[1:8], ALL[10]]), step)
        finished += not (store.folder / JOURNAL).exists()
        store = Replies(store.folder)
        assert [key for key in ALL if store.get(key)] == [*ALL[:9], *ALL[10:]]
    assert 5 < finished < 30


def in_folder(tmp_path: Path, keys: Iterable[str]) -> Replies:
    store = Replies(tmp_path / "replies/teach")
    for key in keys:
        store.put(reply(key))
    return store


def test_an_empty_store_is_a_folder_with_a_file_since_dvc_wants_one_and_warns_of_empty_ones(
    tmp_path: Path,
) -> None:
    in_folder(tmp_path, []).close([])
    assert layout(tmp_path / "replies/teach") == {}
    assert (tmp_path / "replies/teach" / COUNT).read_text() == '{"replies": 0}\n'
    in_folder(tmp_path, ALL).close(ALL[:3])
    assert (tmp_path / "replies/teach" / COUNT).read_text() == '{"replies": 3}\n'


def test_replies_that_nobody_asks_for_leave_the_store_but_not_the_machine(tmp_path: Path) -> None:
    store = in_folder(tmp_path, ALL)
    store.close(ALL[:3])
    assert sum(data.count(b"\n") for data in layout(store.folder).values()) == 3
    # going back to them pays nothing, and they are not kept twice
    size = store.spare.stat().st_size
    for needed in (ALL, ALL[:1], ALL):
        store = Replies(store.folder)
        assert all(store.get(key) == reply(key) for key in ALL)
        store.close(needed)
    assert sum(data.count(b"\n") for data in layout(store.folder).values()) == len(ALL)
    assert store.spare.read_bytes().count(b'"key"') == len(ALL) - 1
    assert store.spare.stat().st_size < 2 * size


def test_the_first_reply_to_a_request_stays(tmp_path: Path) -> None:
    store = in_folder(tmp_path, ALL[:1])
    store.close(ALL)
    store.put(reply(ALL[0], "another"))
    assert store.get(ALL[0]) == Replies(store.folder).get(ALL[0]) == reply(ALL[0])
    # such as the one that everybody has, over what a killed run left here
    (store.folder / JOURNAL).write_text(reply(ALL[0], "another").model_dump_json() + "\n")
    store = Replies(store.folder)
    before = (store.folder / "00.jsonl").read_bytes()
    store.close(ALL)
    assert layout(store.folder) == {"00.jsonl": before}


def test_what_does_not_change_is_not_written(tmp_path: Path) -> None:
    in_folder(tmp_path, ALL).close(ALL)
    folder = tmp_path / "replies/teach"
    before = {path.name: path.stat().st_ino for path in folder.iterdir()}
    Replies(folder).close([key for key in ALL if key != ALL[0]])
    after = {path.name: path.stat().st_ino for path in folder.iterdir()}
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == {"00.jsonl", COUNT}


def test_a_damaged_shard_is_an_error_that_names_its_line(tmp_path: Path) -> None:
    store = in_folder(tmp_path, ALL)
    store.close(ALL)
    with (store.folder / "00.jsonl").open("a") as file:
        file.write("<<<<<<< HEAD\n")
    with pytest.raises(LecternError, match=r"00\.jsonl:5"):
        Replies(store.folder)


def test_a_disk_that_takes_nothing_is_an_error_that_says_so(tmp_path: Path) -> None:
    store = in_folder(tmp_path, ALL[:2])
    (store.folder / JOURNAL).unlink()
    (store.folder / JOURNAL).mkdir()  # what cannot be written to, also by root
    with pytest.raises(LecternError, match=r"replies/teach.*run `dvc repro` again"):
        store.put(reply(ALL[2]))
    assert store.get(ALL[2]) is None
