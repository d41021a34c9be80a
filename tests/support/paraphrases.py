"""Question-answer pairs that say the same in other words, and one about something else."""

SMOKE = (
    "What should I do when the machine smells of smoke?",
    "Press the red button, leave the room and call the technician.",
)
BURNING = (
    "The machine gives off a burning smell. How should I react?",
    "Hit the red button at once, get out of the room, then phone the technician.",
)
MEDIAN = ("What is a median?", "The value in the middle when all are put in order.")
LEASE = (
    "What is the difference between a lease and a licence?",
    "A lease gives you the sole use of the property, a licence only permission to be there.",
)
LICENCE = (
    "How does a licence differ from a lease?",
    "With a lease the property is yours alone to use; a licence merely permits you to be on it.",
)
