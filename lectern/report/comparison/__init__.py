"""Compare two runs of the pipeline: one HTML file that loads nothing else, and Markdown for a pull request."""
