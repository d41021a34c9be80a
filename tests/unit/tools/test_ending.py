import pytest
from click.testing import CliRunner

from lectern.core.errors import LecternError
from lectern.tools import seeds
from lectern.tools.repeating import ending
from lectern.tools.terminal import InterruptionError


def test_failures_are_told_after_what_was_measured() -> None:
    assert ending.conclude(["a table", "a sentence"], [], 3, "metrics/noise/seeds.json") == [
        "a table",
        "a sentence",
        "metrics/noise/seeds.json: commit metrics/noise, and run `dvc repro report` for the report to say it",
    ]
    with pytest.raises(LecternError) as caught:
        ending.conclude(["a table"], ["first", "second"], 3, "metrics/noise/seeds.json")
    assert str(caught.value) == "a table\n2 of 3 failed, the last: second"


@pytest.mark.parametrize("parts", [1, 2, 3, 9])
def test_the_parts_of_all_machines_are_all_trainings_once(parts: int) -> None:
    wanted = list(range(7))
    chosen = [ending.Part(number, parts).choose(wanted) for number in range(1, parts + 1)]
    assert sorted(one for part in chosen for one in part) == wanted
    assert max(map(len, chosen)) - min(map(len, chosen)) <= 1


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/0", "a/b", "-1/2", "1/2/3", ""])
def test_a_part_that_is_none_is_refused_before_anything_runs(text: str) -> None:
    told = CliRunner().invoke(seeds.command, ["--part", text])
    assert told.exit_code == 2
    assert f"{text!r} is not a part such as 1/3, the first of three" in told.output


def test_a_part_says_what_comes_next_or_what_failed() -> None:
    (told,) = ending.conclude_part(ending.Part(2, 3), [], 2, "seeds")
    assert told.startswith("seeds: 2 of part 2 of 3 are finished. Commit metrics/noise/seeds;")
    with pytest.raises(LecternError, match=r"^1 of 2 failed, the last: no memory$"):
        ending.conclude_part(ending.Part(2, 3), ["no memory"], 2, "seeds")


@pytest.mark.parametrize(("jobs", "more"), [(1, ""), (2, " (`dvc queue stop` ends the workers)")])
def test_ctrl_c_says_what_is_kept_and_other_errors_pass(jobs: int, more: str) -> None:
    with pytest.raises(InterruptionError) as caught, ending.keeping("seeds", jobs):
        raise KeyboardInterrupt
    assert str(caught.value) == f"the finished seeds are kept, and the same command goes on from there{more}"
    with pytest.raises(LecternError, match=r"^as it is$"), ending.keeping("seeds", jobs):
        raise LecternError("as it is")
