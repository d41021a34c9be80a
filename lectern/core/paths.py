"""Where the stages read and write, from the root of the repository: the one place in the code that says so."""

from pathlib import Path

PARAMS = Path("params.yaml")
CONF = Path("conf")
DATA = Path("data")
METRICS = Path("metrics")

# What people write
SOURCES = DATA / "sources"
LISTINGS = DATA / "listings"
CORRECTIONS = DATA / "corrections"
LABELS = DATA / "labels"
EVALS = DATA / "evals"
GENERAL = DATA / "general"
MIX = DATA / "mix"
OPENINGS = DATA / "openings"
EARLIER_ADAPTERS = Path("models/adapters")

# What the stages write
CHECKED_PARAMS = DATA / "checked_params.txt"
RAW = DATA / "raw"
TRANSCRIPTS = DATA / "transcripts"
DIARIZATION = DATA / "diarization"
CONVERSATIONS = DATA / "conversations"
DOCUMENTS = DATA / "documents"
PASSAGES = DATA / "passages"
EXAMPLES = DATA / "examples"
TAUGHT = DATA / "taught"
RATINGS = DATA / "ratings"
CURATED = DATA / "curated.jsonl"
DECISIONS = DATA / "curation_decisions.jsonl"
SPLITS = DATA / "splits"
TRAIN_SPLIT = SPLITS / "train.jsonl"
TEST_SPLIT = SPLITS / "test.jsonl"
REWORDED = DATA / "reworded" / "questions.jsonl"  # in a folder, since DVC warns of an empty file
MIXED = DATA / "mixed" / "rows.jsonl"  # in a folder, as above
INDEX = DATA / "index"
RETRIEVED = DATA / "retrieved"
SFT = DATA / "sft"
ADAPTER = Path("models/adapter")
CHECKPOINTS = Path("models/checkpoints")
PREDICTIONS = DATA / "predictions"
BACKGROUND = DATA / "background"
EPISODES = DATA / "episodes"
FORGETTING = DATA / "forgetting"
CLEANED = DATA / "cleaned"
SCORES = DATA / "scores.jsonl"
JUDGEMENTS = DATA / "judgements"
REPLIES = DATA / "replies"
EXPORT = Path("models/export")
