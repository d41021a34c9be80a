"""What differs between two runs of the pipeline: one page that opens anywhere, and Markdown for a pull request."""
