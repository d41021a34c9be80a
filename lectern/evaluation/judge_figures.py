"""The figures of metrics/judge.json: what a judge says of the answers, and how far it agrees with people."""

from lectern.evaluation.figure_type import Figure

WIN_RATE = Figure(
    key="win_rate",
    name="Preferred by the judge",
    about="ties count half; 50 % is no difference",
    is_share=True,
)
RUBRIC = Figure(key="score", name="Rubric score", about="1 to 5; higher is better", lower_is_better=False)
FLIP_RATE = Figure(
    key="flip_rate", name="Flips", about="pairs whose verdict changed with their order", is_share=True
)
CALIBRATION = (
    Figure(
        key="kappa",
        name="Cohen's kappa",
        about="agreement beyond chance: 0 is chance, 1 is the same verdict always",
    ),
    Figure(key="agreement", name="Agreement", about="the same verdict", is_share=True),
    Figure(
        key="tpr",
        name="True positives",
        about="where people prefer the first answer, the judge does too",
        is_share=True,
    ),
    Figure(key="tnr", name="True negatives", about="where people do not, nor does the judge", is_share=True),
    FLIP_RATE,
)
"""The judge compared with people, in the order in which it is read."""
