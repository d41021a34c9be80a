"""What the base model, the tuned one and others answer, and the whole episodes that they write.

Begin with `contestants` (who answers) and `answering` (how they are asked, batch by batch). It may import `training`.
"""
