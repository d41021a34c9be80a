"""The containers of recordings that are opened, and nothing else: FFmpeg also knows scripts and playlists.

A file named talk.mp3 may be a script of FFmpeg's concat demuxer or a playlist, which would make FFmpeg read other files
of this machine, or ask another one. So only containers that hold their sound themselves are opened, from files alone.
"""

SUFFIXES = {
    "aac": ".aac", "aiff": ".aiff", "asf": ".wma", "avi": ".avi", "flac": ".flac", "matroska": ".mka", "mov": ".m4a",
    "mp3": ".mp3", "mpeg": ".mpg", "mpegts": ".ts", "ogg": ".ogg", "wav": ".wav",
}  # fmt: skip
"""FFmpeg's name of a container -> the suffix of its files, for recordings that are downloaded."""
OTHERS = (
    "ac3", "amr", "amrnb", "amrwb", "ape", "au", "caf", "dts", "eac3", "flv", "loas", "m4v", "mpegvideo", "tta", "w64",
    "wv",
)  # fmt: skip
"""Containers that a file of one's own may also be, whatever its suffix."""
_WHOLE = {"mov": "mov,mp4,m4a,3gp,3g2,mj2", "matroska": "matroska,webm"}
"""FFmpeg compares whole names, and these have several."""


def options(*, with_others: bool = True) -> dict[str, str]:
    """Return the options by which `av.open` opens these containers alone."""
    names = [_WHOLE.get(name, name) for name in (*SUFFIXES, *(OTHERS if with_others else ()))]
    return {"format_whitelist": ",".join(names), "protocol_whitelist": "file"}
