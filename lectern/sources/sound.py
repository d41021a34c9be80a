"""Keep the sound of a downloaded file as it was encoded: it is neither decoded nor encoded again."""

from pathlib import Path
from typing import Any

from lectern.core.errors import ItemError
from lectern.formats import containers, joined
from lectern.formats.mixing import LEAST, choose_stream, find_sound, find_zero

# Codec of the sound -> the container for it without the video. Matroska takes any codec.
_WITHOUT_VIDEO = {"aac": "mp4", "alac": "mp4", "mp3": "mp3", "opus": "ogg", "vorbis": "ogg", "flac": "flac"}
_KEEPS_ITS_CLOCK = ("mp4", "matroska")
"""Containers in which sound may begin late or pause; in the others, it begins at 0 and goes on."""
_ENDINGS = {"mp4": ".m4a", "mp3": ".mp3", "ogg": ".ogg", "flac": ".flac", "matroska": ".mka"}


def keep_sound(downloaded: Path, folder: Path) -> str:
    """Move a download to `folder` as `recording.<container>`, without its video. Returns the file's name.

    A file that only has sound keeps its bytes, as does one that holds several recordings (`joined`). Otherwise the
    packets are copied into a container that fits the codec and in which the sound keeps its place, since stamps and
    chapters count from the beginning of the video.

    Raises:
        ItemError: it is not a recording, or has no sound.
    """
    with _open(downloaded) as container:
        streams = container.streams
        if not find_sound(container):
            raise ItemError(
                "the download has no sound that can be decoded. Remove its line from the listing."
            )
        film = any(not _is_picture(stream) for stream in streams.video)
        if not film or joined.divide(downloaded, container.format.name):
            name = "recording" + containers.SUFFIXES[container.format.name.partition(",")[0]]
            downloaded.rename(folder / name)
            return name
        heard = choose_stream(container)
        target = _WITHOUT_VIDEO.get(heard.codec_context.name, "matroska")
        if target not in _KEEPS_ITS_CLOCK and _pauses(container, heard):
            target = "matroska"
        name = "recording" + _ENDINGS[target]
        _copy_packets(container, heard, folder / name, target)
    downloaded.unlink()
    return name


def duration(recording: Path) -> float:
    """Seconds, as the container states; 0.0 if it states none."""
    with _open(recording) as container:
        return (container.duration or 0) / 1_000_000


def _open(path: Path) -> Any:
    import av

    try:
        return av.open(str(path), options=containers.options(with_others=False))
    except av.FFmpegError as error:
        start = path.read_bytes()[:200].lstrip().lower()
        what = (
            "a web page" if start.startswith((b"<!doctype", b"<html")) else "a file that FFmpeg does not know"
        )
        raise ItemError(f"the download is {what}, not a recording. Open its address in a browser.") from error


def _pauses(container: Any, stream: Any) -> bool:
    """Whether sound begins later than the video or has a gap. The container is left at its beginning."""
    end, paused = find_zero(container), False
    for packet in container.demux(stream):
        if packet.pts is not None and not paused:
            start = float(packet.pts * packet.time_base)
            paused = start - end > LEAST
            end = start + float((packet.duration or 0) * packet.time_base)
    container.seek(0)
    return paused


def _copy_packets(source: Any, stream: Any, path: Path, container: str) -> None:
    import av

    # bitexact: no random serial number and no library name, so that the output depends only on the input
    zero = round(find_zero(source) / stream.time_base)
    with av.open(str(path), "w", format=container, options={"fflags": "+bitexact"}) as target:
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.dts -= zero
                packet.pts = packet.dts if packet.pts is None else packet.pts - zero
                packet.stream = copy
                target.mux(packet)


def _is_picture(stream: Any) -> bool:
    """Whether a video stream is only a cover picture."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)
