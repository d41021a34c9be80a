import pytest

from lectern.core.errors import LecternError
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


@pytest.mark.parametrize(("jobs", "more"), [(1, ""), (2, " (`dvc queue stop` ends the workers)")])
def test_ctrl_c_says_what_is_kept_and_other_errors_pass(jobs: int, more: str) -> None:
    with pytest.raises(InterruptionError) as caught, ending.keeping("seeds", jobs):
        raise KeyboardInterrupt
    assert str(caught.value) == f"the finished seeds are kept, and the same command goes on from there{more}"
    with pytest.raises(LecternError, match=r"^as it is$"), ending.keeping("seeds", jobs):
        raise LecternError("as it is")
