"""One client for every LLM that is asked over OpenAI's chat API, and for the bundled one in this process.

Begin with `client.ask`: it looks into the store of replies and asks for the rest, within a budget. `prompts/` holds the
prompts. It may import `models` and what stands above that.
"""
