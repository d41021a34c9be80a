"""Where items come from: one file for each kind of source, and `crawl/` for web sites.

Begin with `media`, the simplest kind. It may import `formats` and what stands above that.
"""
