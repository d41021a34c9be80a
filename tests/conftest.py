"""Property tests draw the same examples in every run; `pytest --hypothesis-profile=search` draws others, and more."""

from functools import cache

from hypothesis import settings

from stages.core import code

# No deadline: how long an example takes says how busy the machine is.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=500, deadline=None)
settings.load_profile("fixed")

# A stage reads its own source once, the tests hundreds of times in a process; the result depends on the text alone.
code._bare = cache(code._bare)
