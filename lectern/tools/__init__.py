"""What `lectern ...` runs: one file for each command. Nothing imports it."""
