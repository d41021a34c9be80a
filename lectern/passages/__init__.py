"""Documents, pages and lectures, cut into passages that end where sections do.

Begin with `parsing`, which decides what of an item becomes passages, and `passages`, which cuts. It may import
`conversations` and what stands above that.
"""
