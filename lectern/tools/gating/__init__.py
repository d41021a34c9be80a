"""What `lectern compare --fail-if` refuses: conditions, what two runs say of them, and the Markdown of a comment."""
