"""What a search finds for a question: passages of documents, and turns of conversations.

Begin with `units`, which says what is searched, and `index`, which searches it; `lookup` does so for whole sets of
questions, and `prompts` puts the found passages before a question. It may import `curation` and what stands above that.
"""
