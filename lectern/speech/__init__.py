"""Hearing: recognition of words and diarization, by engines that can be exchanged.

Begin with `asr` and `diarization`; `*_engine` are the engines. It may import `formats` and `models`.
"""
