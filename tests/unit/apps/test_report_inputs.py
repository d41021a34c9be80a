"""What the report reads, and what it says of a file that is not as it should be."""

from pathlib import Path

import pytest

from lectern.core.errors import LecternError
from lectern.report import inputs
from lectern.report.inputs import LossPoint


def curve(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.tsv").write_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "step\ttrain_loss\n1\thigh\n",  # no number
        "step\ttrain_loss\none\t2.5\n",
        "train_loss\tstep\n2.5\n",  # a line that was cut off
        "step\tloss\n1\t2.5\n",  # another column
        "time\ttrain_loss\n1\t2.5\n",
    ],
)
def test_a_wrong_table_of_losses_is_named_with_its_line_and_the_remedy(tmp_path: Path, text: str) -> None:
    curve(tmp_path, "train_loss", text)
    expected = r"train_loss\.tsv:2: expected the columns step and train_loss \(.*\)\. `dvc repro -f train`"
    with pytest.raises(LecternError, match=expected):
        inputs._read_loss(tmp_path)


def test_what_was_not_measured_is_no_point_of_a_curve_but_a_step_of_the_table(tmp_path: Path) -> None:
    curve(tmp_path, "train_loss", "step\ttrain_loss\n1\t2.5\n2\t\n4\tinf\n")
    curve(tmp_path, "validation_loss", "step\tvalidation_loss\n3\t2.0\n1\tnan\n")
    assert inputs._read_loss(tmp_path) == [
        LossPoint(1, 2.5, None), LossPoint(2, None, None), LossPoint(3, None, 2.0), LossPoint(4, None, None),
    ]  # fmt: skip
    assert inputs._read_loss(tmp_path / "nothing") == []


def test_parameters_are_shown_without_how_they_were_computed(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("train:\n  seed: 1\ncompute:\n  workers: 4\n")
    assert inputs._read_params(tmp_path / "params.yaml") == "train:\n  seed: 1\n"
