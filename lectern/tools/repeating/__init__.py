"""Train the committed run again with one parameter changed, as DVC experiments: for `lectern seeds` and `curve`."""
