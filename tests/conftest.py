"""Property tests draw the same examples in every run; `pytest --hypothesis-profile=search` draws others, and more."""

from hypothesis import settings

settings.register_profile("fixed", derandomize=True)
settings.register_profile("search", max_examples=500, deadline=None)
settings.load_profile("fixed")
