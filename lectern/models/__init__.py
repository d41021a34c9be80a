"""A chat model and an embedding model: where they come from, how they are loaded, asked and measured.

Begin with `loading` (a base model and its tokenizer), `templates` (the chat format) and `generation`. `bundled` has the
models that arrive as packages. It may import what stands above it: `core`, `text`, `settings`.
"""
