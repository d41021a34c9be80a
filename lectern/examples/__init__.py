"""Chat examples from what was said: questions with their answers, and whole dialogues.

Begin with `examples`, which tries the ways to find questions one after the other. It may import `passages` and what
stands above that.
"""
