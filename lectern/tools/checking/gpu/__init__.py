"""What `lectern check --gpu` does: it trains, generates and merges on this machine's GPU, and writes one JSON.

Begin with `catalog`, the list of all checks in their order. `running` runs them within a budget of time, `report` says
what the JSON holds, and `bench` holds what checks share. Nothing here is imported by a stage.
"""
