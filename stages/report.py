"""Write the results of a run as one page that opens anywhere, and as Markdown.

Run: python -m stages.report        (dvc stage: report)
Reads metrics/, data/predictions, data/scores.jsonl, data/judgements, data/episodes, data/conversations and params.yaml;
writes metrics/report.html and metrics/report.md.
"""

from pathlib import Path

from lectern.core import io, params, paths, stage
from lectern.report import inputs, render, view
from lectern.settings.report import Report


def main(
    settings: Report, metrics: Path = paths.METRICS, data: Path = paths.DATA, parameters: Path = paths.PARAMS
) -> str:
    """Write the page, and the same as Markdown, into `metrics`. The same inputs give the same bytes."""
    shown = view.build(inputs.read(metrics, data, parameters), samples_shown=settings.samples)
    io.write_text(metrics / "report.html", render.render_html(shown))
    io.write_text(metrics / "report.md", render.render_markdown(shown))
    return str(shown["title"])


if __name__ == "__main__":
    stage.run("report", lambda: main(params.load("report", Report)))
