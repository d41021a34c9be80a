"""What a run did, as a page and as Markdown; `comparison/` is the same for two runs.

Begin with `inputs` and `view`; templates/ holds the words. It may import `evaluation` and what stands above that.
"""
