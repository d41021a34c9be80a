"""The two kinds of failure whose messages a person is expected to read."""


class LecternError(Exception):
    """The stage cannot go on. The message names the file, the value and the remedy; no traceback is shown."""


class ItemError(Exception):
    """One item cannot be made. It is recorded with this message and the other items go on."""
