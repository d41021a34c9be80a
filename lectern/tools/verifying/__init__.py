"""Verifying a revision: a rebuild from nothing in a folder apart, compared with the committed outputs and figures."""
