"""CPU time and bytes of renditions, measured with ffmpeg on this machine.

    python bench/renditions.py [CLIP ...] [--ffmpeg PROGRAM] [--threads N]

Clips are any videos that ffmpeg reads; two that ffmpeg draws itself are always added. Each is
first encoded as the engine writes it, H.264 at CRF 18. Then every codec makes it at each height,
with the command of the worker. Printed are the rows of
`sizing/catalog/data/rendition_work.csv`: CPU seconds for one megapixel of frames, and bits of
the file for one pixel, the median of all runs with the lowest and the highest. CPU seconds are
those of the process, so that another load on the machine changes them little.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "templates" / "scripts" / "jobs"))
from rendition_ffmpeg import ENCODERS, Variant, command  # noqa: E402

SHAPES = ((832, 480), (1280, 720))
"""Width and height of the clips: those of video models in the catalog."""
FRAMES = 81
SHARES = (1.0, 0.5)
"""Heights of a rendition over that of its clip."""
GENERATED = {
    "mandelbrot": "mandelbrot=size=1280x720:rate=24",
    "chart with noise": "testsrc2=size=1280x720:rate=24,noise=alls=6:allf=t",
}
"""Sources that ffmpeg draws itself: smooth motion, and motion with film grain."""
MEGA = 1_000_000


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("clips", nargs="*", type=Path)
    given.add_argument("--ffmpeg", default="ffmpeg", type=found)
    given.add_argument("--threads", default=2, type=int)
    options = given.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured(options.ffmpeg, options.clips, options.threads, Path(folder))


def found(program: str) -> str:
    """Path of ffmpeg."""
    path = shutil.which(program)
    if path is None:
        raise argparse.ArgumentTypeError(f"there is no program {program}; install ffmpeg")
    return path


def measured(ffmpeg: str, clips: Sequence[Path], threads: int, folder: Path) -> None:
    """Measure every codec on every clip, and print the rows."""
    inputs = {clip.name: ["-i", str(clip)] for clip in clips}
    inputs |= {name: ["-f", "lavfi", "-i", text] for name, text in GENERATED.items()}
    seconds: dict[str, list[float]] = {"decode": []} | {codec: [] for codec in ENCODERS}
    bits: dict[str, list[float]] = {codec: [] for codec in ENCODERS}
    for name, source in inputs.items():
        for width, height in SHAPES:
            clip = folder / "clip.mp4"
            as_the_engine(ffmpeg, source, width, height, clip)
            pixels = width * height * FRAMES / MEGA
            decode = cpu_s(
                [
                    ffmpeg,
                    "-v",
                    "error",
                    "-threads",
                    str(threads),
                    "-i",
                    str(clip),
                    "-f",
                    "null",
                    "-",
                ]
            )
            seconds["decode"].append(decode / pixels)
            for codec in ENCODERS:
                for share in SHARES:
                    made = folder / "made.mp4"
                    variant = Variant(codec, codec, int(height * share))
                    spent = cpu_s(command(ffmpeg, str(clip), FRAMES, {str(made): variant}, threads))
                    size = pixels * share**2
                    seconds[codec].append((spent - decode) / size)
                    bits[codec].append(made.stat().st_size * 8 / size / MEGA)
                    print(
                        f"  {name} {width}x{height} to {variant.height} {codec}: "
                        f"{seconds[codec][-1]:.3f} s/Mpixel, {bits[codec][-1]:.3f} bits/pixel",
                        file=sys.stderr,
                    )
    print(f"# {about(ffmpeg)}, {threads} threads, {len(inputs)} clips of {FRAMES} frames")
    print(
        "work,low_cpu_s_per_megapixel,cpu_s_per_megapixel,high_cpu_s_per_megapixel,"
        "low_bits_per_pixel,bits_per_pixel,high_bits_per_pixel"
    )
    for work, values in seconds.items():
        print(",".join([work, *spread(values), *spread(bits.get(work, []))]))


def as_the_engine(ffmpeg: str, source: list[str], width: int, height: int, clip: Path) -> None:
    """Write a clip in the shape and the quality of the engine."""
    scaled = f"scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height}"
    made = ["-frames:v", str(FRAMES), "-an", "-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p"]
    subprocess.run(
        [
            ffmpeg,
            "-nostdin",
            "-v",
            "error",
            "-y",
            *source,
            "-vf",
            scaled,
            "-r",
            "16",
            *made,
            str(clip),
        ],
        check=True,
    )


def cpu_s(arguments: Sequence[str]) -> float:
    """CPU seconds of a command, of the fastest of two runs."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(arguments, check=True, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(once(), once())


def spread(values: Sequence[float]) -> list[str]:
    """Lowest, median and highest value as texts; empty texts without values."""
    if not values:
        return ["", "", ""]
    chosen: Sequence[Callable[[Sequence[float]], float]] = (min, statistics.median, max)
    return [f"{of(values):.4f}" for of in chosen]


def about(ffmpeg: str) -> str:
    """Date, processor and version of ffmpeg of a measurement."""
    first = subprocess.run([ffmpeg, "-version"], check=True, capture_output=True, text=True).stdout
    version = " ".join(first.split()[:3])
    names = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    card = names[0].partition(":")[2].strip() if names else platform.processor()
    return f"{datetime.now(UTC):%Y-%m-%d}, {card}, {os.cpu_count()} CPUs, {version}"


if __name__ == "__main__":
    main()
