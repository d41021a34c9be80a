"""The report: one HTML file that opens anywhere, and the same in Markdown."""
