"""Pages in the browser: `review/` (speakers, rows, answers, rebuilds) and `chat/`; `web/` is what they share.

Begin with `review/pages`. It may import everything but `tools`.
"""
