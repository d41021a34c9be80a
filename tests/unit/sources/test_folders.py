"""What lies in a folder of a source, and what lies beside each file of it."""

from pathlib import Path

import pytest

from lectern.core.errors import LecternError
from lectern.core.item import Item
from lectern.sources import folders


def is_text(path: Path) -> bool:
    return path.suffix == ".txt"


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    (tmp_path / "deep" / "a.txt").mkdir(parents=True)  # a folder of a file's name
    for name in ("b.txt", "deep/c.txt", "a.md"):
        (tmp_path / name).touch()
    return tmp_path


def test_the_files_of_a_kind_are_found_in_order_at_any_depth(shelf: Path) -> None:
    found = folders.find_files(shelf, "text", {".txt"}, is_text)
    assert [str(path.relative_to(shelf)) for path in found] == ["b.txt", "deep/c.txt"]


def test_the_order_is_that_of_the_names_whatever_the_disk_says(tmp_path: Path) -> None:
    names = [f"{number * 7 % 40:02}.txt" for number in range(40)]
    for name in names:
        (tmp_path / name).touch()
    found = folders.find_files(tmp_path, "text", {".txt"}, is_text)
    assert [path.name for path in found] == sorted(names)


def test_a_file_is_taken_for_a_folder_only_where_that_is_meant(shelf: Path) -> None:
    file = shelf / "b.txt"
    assert folders.find_files(file, "text", {".txt"}, is_text, may_be_file=True) == [file]
    with pytest.raises(
        LecternError, match=r"b\.txt is not a folder\. Put the texts there, or correct `path`"
    ):
        folders.find_files(file, "text", {".txt"}, is_text)


@pytest.mark.parametrize(
    ("place", "may_be_file", "message"),
    [
        ("nowhere", False, r"nowhere is not a folder"),
        ("nowhere", True, r"nowhere is neither a text nor a folder"),
        ("deep/a.txt", False, r"holds no text \(looked for \.rst \.txt\)\. Put one there"),
        ("a.md", True, r"a\.md is not and does not hold a text"),
    ],
)
def test_a_place_without_any_says_what_was_looked_for(
    shelf: Path, place: str, may_be_file: bool, message: str
) -> None:
    with pytest.raises(LecternError, match=message):
        folders.find_files(shelf / place, "text", {".txt", ".rst"}, is_text, may_be_file=may_be_file)


def test_the_inputs_of_an_item_are_the_files_that_are_there(tmp_path: Path) -> None:
    for name in ("a.mp3", "a.description", "a.info.json"):
        (tmp_path / name).touch()
    beside = {"description": folders.DESCRIPTION, "info": folders.INFO, "truth": folders.TRUTH}
    found = folders.find_inputs("media", tmp_path / "a.mp3", **beside)
    assert {role: path.name for role, path in found.items()} == {
        "media": "a.mp3",
        "description": "a.description",
        "info": "a.info.json",
    }
    (tmp_path / "a.description.txt").touch()
    # property: of two, the first suffix counts
    assert (
        folders.find_inputs("media", tmp_path / "a.mp3", **beside)["description"].name == "a.description.txt"
    )


def test_a_description_of_its_own_counts_before_that_of_the_info(tmp_path: Path) -> None:
    path = tmp_path / "a.description.txt"
    item = Item("a", {"description": path}, {"name": "deep/a"})
    for text, found in (("own", "own"), ("", "info's")):
        path.write_text(text)
        assert folders.read_description(item, {"description": "info's"}) == found
    assert folders.read_description(Item("a", {}), {"description": 3}) == ""


def test_a_title_that_nobody_gave_is_the_name_of_the_file() -> None:
    item = Item("a", {}, {"name": "deep/a"})
    assert folders.read_title(item, {"title": "A talk"}) == "A talk"
    assert folders.read_title(item, {"title": ""}) == "a"


def test_a_link_that_leaves_the_folder_becomes_no_item(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("mine")
    mine = tmp_path / "data"
    (mine / "deep").mkdir(parents=True)
    (mine / "deep/a.txt").write_text("a")
    (mine / "b.txt").symlink_to("deep/a.txt")
    assert len(folders.find_files(mine, "text", {".txt"}, is_text)) == 2
    for target in ("../../secret.txt", str(tmp_path / "secret.txt"), "../deep/../../secret.txt"):
        (mine / "deep/c.txt").symlink_to(target)
        with pytest.raises(
            LecternError, match=r"deep/c\.txt is a link to .*/secret\.txt, which is outside of"
        ):
            folders.find_files(mine, "text", {".txt"}, is_text)
        (mine / "deep/c.txt").unlink()


def test_what_lies_beside_a_file_is_no_link_out_either(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("mine")
    (tmp_path / "data").mkdir()
    talk = tmp_path / "data/talk.mp3"
    talk.touch()
    (tmp_path / "data/talk.description.txt").symlink_to("../secret.txt")
    with pytest.raises(
        LecternError, match=r"talk\.description\.txt is a link to .*secret\.txt, which is outside"
    ):
        folders.find_inputs("media", talk, description=folders.DESCRIPTION)


def test_links_into_the_cache_of_dvc_are_files_like_others(tmp_path: Path) -> None:
    cached = tmp_path / "elsewhere/cache/files/md5/ab" / ("c" * 30)
    cached.parent.mkdir(parents=True)
    cached.write_text("tracked")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.txt").symlink_to(cached)
    assert folders.find_files(tmp_path / "data", "text", {".txt"}, is_text) == [tmp_path / "data/a.txt"]
