"""What can be set: one dataclass for each section of params.yaml, in the file of that name.

A field's docstring is its page in docs/reference/parameters.md; its default stands in conf/ and nowhere else. Begin
with `train`; `sections` lists them all. It may import `core` and `text`.
"""
