"""The tuned model for others: export, model card, a server, the Hugging Face hub.

Begin with `exporting` and `cards`; `gateway` stands before the server. It may import `report` and what stands above
that.
"""
