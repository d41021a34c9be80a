"""Running the pipeline by `dvc repro`: what is told while it runs, and when it has ended."""
