"""What the server of workers imports (workers.py): nothing that reads a variable but the number of threads."""

import importlib

from yt_dlp.extractor import list_extractor_classes

for name in (
    "lectern.conversations.conversation",
    "lectern.core.executors.processes",
    "lectern.core.items",
    "lectern.formats.extraction",
    "lectern.sources.kinds",
    "tests.support.item_makers",
):
    importlib.import_module(name)
# yt-dlp compiles the patterns of 1,800 sites where it is asked for the first time, which takes a second.
for site in list_extractor_classes():
    site.suitable("https://example.org/")
