"""What `lectern check` looks at: each function yields findings, a line each.

Begin with `finding`. `requirements` says what a configuration needs; the others look whether it is here.
"""
