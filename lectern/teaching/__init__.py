"""Chat examples that a teacher LLM writes from passages, each borne out by a quotation.

Begin with `methods`: what is asked for, and which rows a reply makes. It may import `llm`, `passages` and what stands
above them.
"""
