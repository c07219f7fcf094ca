"""Command of ffmpeg that makes the renditions and the thumbnail of one clip.

It runs next to `rendition_worker.py`, without any other library.
"""

from __future__ import annotations

from dataclasses import dataclass

ENCODERS = {
    "h264": ("-c:v", "libx264", "-preset", "medium", "-crf", "23"),
    "h265": ("-c:v", "libx265", "-preset", "medium", "-crf", "28", "-tag:v", "hvc1"),
    "av1": ("-c:v", "libsvtav1", "-preset", "8", "-crf", "35"),
}
"""Encoder of each codec, with its usual constant quality. Basis: vendor (ffmpeg's guides: CRF 23 of
x264 and 28 of x265 are the defaults; 35 is SVT-AV1's), measured by bench/renditions.py."""
PICTURE = ("-c:v", "mjpeg", "-q:v", "4")
"""Encoder of a thumbnail, at a high quality."""


@dataclass(frozen=True)
class Variant:
    """One file to make of a clip."""

    name: str
    codec: str
    """h264, h265 or av1; jpeg for the thumbnail."""
    height: int
    """Pixels of a column; the width keeps the shape of the clip."""


def command(
    ffmpeg: str, clip: str, frames: int, outputs: dict[str, Variant], threads: int
) -> list[str]:
    """Return the command that makes all outputs, by their path, in one pass over the clip.

    A thumbnail is the frame in the middle. No variant is larger than the clip.
    """
    splits = "".join(f"[s{number}]" for number in range(len(outputs)))
    graph = [f"[0:v]split={len(outputs)}{splits}"]
    made = list[str]()
    for number, (path, variant) in enumerate(outputs.items()):
        scaled = f"scale=-2:min(ih\\,{variant.height})"
        if variant.codec == "jpeg":
            middle = frames // 2
            graph.append(
                f"[s{number}]trim=start_frame={middle}:end_frame={middle + 1},{scaled}[v{number}]"
            )
            encoder = [*PICTURE, "-frames:v", "1", "-update", "1", "-f", "image2"]
        else:
            graph.append(f"[s{number}]{scaled}[v{number}]")
            encoder = [*ENCODERS[variant.codec], *threaded(variant.codec, threads)]
            encoder += ["-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4"]
        made += ["-map", f"[v{number}]", "-map_metadata", "-1", *encoder, path]
    return [
        *(ffmpeg, "-nostdin", "-v", "error", "-y"),
        *("-protocol_whitelist", "file", "-f", "mov", "-threads", str(threads), "-i", clip),
        *("-filter_complex", ";".join(graph), "-filter_complex_threads", str(threads)),
        *made,
    ]


def threaded(codec: str, threads: int) -> list[str]:
    """Options that keep an encoder to a number of threads."""
    if codec == "h265":
        return ["-x265-params", f"pools={threads}:log-level=error"]
    if codec == "av1":
        return ["-svtav1-params", f"lp={threads}"]
    return ["-threads", str(threads)]
