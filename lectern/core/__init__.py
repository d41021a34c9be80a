"""The ground that everything stands on: it knows nothing of talks, models or reports.

Begin with `items` (make only what changed), `schema` (the record types) and `io` (read and write them, validated). It
imports nothing else of lectern.
"""
