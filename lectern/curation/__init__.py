"""Which rows are kept, and on which side of the split: ratings, rules, repeats, corrections, leaks.

Begin with `curation.run`, which decides on each row once; `tracing` tells a row's story. It may import `teaching` and
what stands above that.
"""
