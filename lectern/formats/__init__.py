"""What a file says: sound, captions, PDF, Word, EPUB, HTML, Markdown and tables.

Begin with `extraction`, which chooses the reader of a document. A reader takes bytes and returns blocks in reading
order. It may import `core` and `text`, and knows nothing of where a file came from.
"""
