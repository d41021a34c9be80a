"""Readers of documents: each takes a file and returns its blocks in reading order."""
