"""From rows to an adapter: rendering, preflight, LoRA and QLoRA, checkpoints, memory, several GPUs.

Begin with `rendering` (rows to tokens) and `sft` (tokens to weights). It may import `models` and what stands above
`training`.
"""
