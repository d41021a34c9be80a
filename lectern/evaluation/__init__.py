"""Figures with intervals: scores of answers, judgements, and how far the judge agrees with people.

Begin with `measuring` (a score for each answer), `answer_figures` (the registry of figures) and `bootstrap`
(intervals). It may import `answering` and what stands above that.
"""
