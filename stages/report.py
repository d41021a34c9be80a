"""Write what the run did as one page that opens anywhere.

Run: python -m stages.report        (dvc stage: report)
Reads metrics/, data/predictions, data/scores.jsonl, data/judgements, data/episodes, data/conversations and params.yaml;
writes metrics/report.html and metrics/report.md.
"""

from dataclasses import dataclass
from pathlib import Path

from lectern.core import io, params, stage
from lectern.report import inputs, render, view


@dataclass(frozen=True)
class ReportParams:
    """Section `report`."""

    samples: int = 12
    """Held-out questions shown with all answers: a quarter those that gained most likelihood, a quarter those that lost
    most, the rest drawn evenly; of each other set a quarter as many."""

    def __post_init__(self) -> None:
        if self.samples < 0:
            raise ValueError(f"samples is {self.samples}; choose 0 or more")


def main(params: ReportParams, metrics: Path, data: Path, parameters: Path) -> str:
    """Write the page and its Markdown twin into `metrics`: the same bytes for the same inputs."""
    shown = view.build(inputs.read(metrics, data, parameters), samples_shown=params.samples)
    io.write_text(metrics / "report.html", render.render_html(shown))
    io.write_text(metrics / "report.md", render.render_markdown(shown))
    return str(shown["title"])


if __name__ == "__main__":
    stage.run(
        "report",
        lambda: main(
            params.load("report", ReportParams),
            Path("metrics"),
            Path("data"),
            Path("params.yaml"),
        ),
    )
