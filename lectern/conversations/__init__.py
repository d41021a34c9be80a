"""Who said what: roles, remembered voices, people's corrections, cuts and housekeeping.

Begin with `conversation`, which joins words and voices. It may import `speech` and what stands above that.
"""
