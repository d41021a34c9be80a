"""The pages of the documentation that are written by a program: `python -m lectern.tools.reference` (`make docs`).

`pipeline` reads dvc.yaml; `stages`, `files` and `picture` write what follows from it; `site` is the hook of mkdocs.
"""
