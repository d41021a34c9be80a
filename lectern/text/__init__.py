"""Plain strings: words, sentences, lines, encodings, cutting, and finding a quotation. It knows no domain.

Begin with `words`. It may import `core`.
"""
