"""The parameters: one frozen dataclass for each section of params.yaml, with its meaning, its unit and its checks.

Imports `core`, `text` and other settings only. Defaults stand in conf/. Begin at sections.py, which lists them all.
"""
