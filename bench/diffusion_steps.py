"""Times the parts of image and video models on this machine, with random weights.

`python bench/diffusion_steps.py [--table FILE] [--minutes 9] [--models NAME ...]` needs the
packages of `bench/diffusion/requirements.in` and no weights. It builds each model of
`bench/data/diffusion_parts.json` from its config, and times one step of the denoiser, the encoders
and the decoder apart. Three shapes, two precisions and two runtimes make twelve rows a model. Each
row is written to the table at once, the most valuable rows first. After the time has passed, no
further part is measured. A second run continues where the first ended.

A part that is missing in the installed libraries, that does not fit in memory, or for which no time
was left, leaves a row with the reason. A later run measures such a row again, after the others.
Other versions of PyTorch or diffusers, and other cards, have rows of their own.

`--tiny` builds small models and small shapes for a CPU: such times mean nothing.
`docs/how-to/measure-images-and-clips.md` has the steps for a machine with an H100 or H200.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import diffusers
import torch
import transformers
from diffusion.inputs import Call, Draw, denoiser_inputs
from diffusion.parts import MissingClassError, Part, Parts, models
from diffusion.rows import (
    ENGINES,
    SOURCE,
    Machine,
    Table,
    lacking,
    row_id,
    rows_by_id,
    seconds_per_item,
    write,
)
from diffusion.shapes import Item, items, latent, temporal, three
from diffusion.timing import FULL, ONCE, Calls, Timed, compile_blocks, timed, to_eight_bits

TABLE = Path(__file__).parent / "data" / "diffusion_steps.csv"
PRECISIONS = ("bf16", "fp8")
RUNTIMES = ("eager", "compiled")
FAULTS = (MissingClassError, RuntimeError, TypeError, ValueError, AttributeError, ImportError)
"""Errors of one part that leave a row with a reason. Libraries of other versions raise any of
these where a class or an argument differs; a full memory is a RuntimeError."""
WIDE = torch.bfloat16
"""Type of all weights that are not in 8 bits, and of all activations."""


@dataclass(frozen=True)
class Job:
    """Model, precision, runtime and item of one row."""

    parts: Parts
    precision: str
    runtime: str
    item: Item


@dataclass
class Bench:
    """Measures parts on one device; encoders and decoders once for all rows that have them."""

    device: str
    calls: Calls
    decoder_type: torch.dtype
    end_s: float
    """Reading of the monotonic clock after which no part is measured."""
    measured: dict[tuple[object, ...], Timed | str] = field(default_factory=dict)

    def encode(self, parts: Parts) -> list[Timed | str]:
        """Return the times of each encoder for one prompt."""
        return [
            self._once((part.name, tokens), lambda p=part, n=tokens: self._encoder(p, n))
            for part, tokens in parts.encoders
        ]

    def decode(self, parts: Parts, item: Item) -> Timed | str:
        """Return the times of the decoder for one item."""
        key = parts.autoencoder.name, parts.tiled, item.size
        return self._once(key, lambda: self._decoder(parts, item))

    def step(self, job: Job) -> Timed | str:
        """Return the times of one call of the denoiser."""
        return self.attempt("denoiser", lambda: self._step(job))

    def is_over(self) -> bool:
        """True after the end of the run's minutes."""
        return time.monotonic() > self.end_s

    def attempt(self, part: str, measure: Callable[[], Timed]) -> Timed | str:
        """Return the times of a part, or the reason why there are none."""
        if self.is_over():
            return f"{part}: not measured, because the minutes had passed"
        try:
            return measure()
        except torch.OutOfMemoryError:
            return f"{part}: out of memory"
        except FAULTS as fault:
            first = (str(fault).strip() or type(fault).__name__).splitlines()[0]
            return f"{part}: {first}"
        finally:
            _free()

    def _once(self, key: tuple[object, ...], measure: Callable[[], Timed]) -> Timed | str:
        if key not in self.measured:
            self.measured[key] = self.attempt(str(key[0]), measure)
        return self.measured[key]

    def _step(self, job: Job) -> Timed:
        parts, item = job.parts, job.item
        module = parts.denoiser.module(self.device, WIDE)
        if job.precision == "fp8":
            to_eight_bits(module)
        if job.runtime == "compiled":
            compile_blocks(module, self.device)
        batch = item.passes if parts.passes_together else 1
        size = latent(parts, item, module.config.in_channels)
        call = Call(module.config, size, batch, item.text_tokens, Draw(self.device, WIDE))
        inputs = denoiser_inputs(parts.denoiser.class_name, call)
        return self._timed(lambda: module(**inputs, return_dict=False)[0])

    def _encoder(self, part: Part, tokens: int) -> Timed:
        module = part.module(self.device, WIDE)
        words = torch.randint(3, module.config.vocab_size, (1, tokens), device=self.device)
        return self._timed(lambda: module(input_ids=words)[0])

    def _decoder(self, parts: Parts, item: Item) -> Timed:
        module = parts.autoencoder.module(self.device, self.decoder_type)
        if parts.tiled:
            module.enable_tiling()
        config = module.config
        channels = config.get("latent_channels") or config.z_dim
        draw = Draw(self.device, self.decoder_type)
        latents = Call(config, latent(parts, item, channels), 1, 0, draw).latents(channels)
        return self._timed(lambda: module.decode(latents, return_dict=False)[0])

    def _timed(self, call: Callable[[], torch.Tensor]) -> Timed:
        return timed(call, self.device, self.calls)


def _free() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def jobs(
    chosen: Sequence[Parts],
    precisions: Sequence[str],
    runtimes: Sequence[str],
    shapes: int,
    tiny: bool,
) -> Iterator[Job]:
    """Return the jobs, the most valuable first: the first shape of all models, then the others."""
    defaults = items(tiny)
    wanted = {p.model: three(defaults[p.model], temporal(p))[:shapes] for p in chosen}
    for part in (slice(0, 1), slice(1, 3)):
        for precision in precisions:
            for runtime in runtimes:
                for parts in chosen:
                    for item in wanted[parts.model][part]:
                        yield Job(parts, precision, runtime, item)


def measured_row(job: Job, bench: Bench, machine: Machine) -> dict[str, str]:
    """Measure the parts of a job, each alone on the device, and return the cells of its row."""
    parts = [bench.step(job), *bench.encode(job.parts), bench.decode(job.parts, job.item)]
    return cells_of(job, machine, parts)


def cells_of(job: Job, machine: Machine, parts: Sequence[Timed | str]) -> dict[str, str]:
    """Return the cells of a row; `parts` are the step, the encoders and the decoder."""
    item = job.item
    step, *encoders, decoder = parts
    reasons = [part for part in parts if isinstance(part, str)]
    if isinstance(step, Timed) and not step.finite:
        reasons.append("denoiser: the result is not finite")
    cells = {
        "id": row_name(job, machine),
        "workload": "image" if item.frames == 1 else "video",
        "source_id": SOURCE,
        "source_date": machine.date,
        "engine": ENGINES[job.runtime],
        "engine_version": machine.versions,
        "model": job.parts.model,
        "weight_prec": job.precision,
        "act_prec": job.precision,
        "gpu": machine.gpu,
        "n_gpus": "1",
        "driver": machine.driver,
        "power_limit_w": machine.power_limit_w,
        "resolution": f"{item.width}x{item.height}",
        "frames": str(item.frames),
        "steps": str(item.steps),
        "passes": str(item.passes),
        "load_type": "serial",
        "concurrency": "1",
        "reason": "; ".join(reasons),
        "notes": "random weights; parts timed apart",
    }
    calls = 1 if job.parts.passes_together else item.passes
    if isinstance(step, Timed):
        cells |= {
            "step_ms": f"{calls * step.median_ms:.3f}",
            "step_low_ms": f"{calls * step.low_ms:.3f}",
            "step_high_ms": f"{calls * step.high_ms:.3f}",
            "timed_steps": str(step.calls),
            "peak_gb": "" if step.peak_gb is None else f"{step.peak_gb:.2f}",
        }
    read = [each.median_ms for each in encoders if isinstance(each, Timed)]
    if len(read) == len(encoders):
        cells["encode_ms"] = f"{sum(read):.3f}"
    if isinstance(decoder, Timed):
        cells["decode_ms"] = f"{decoder.median_ms:.3f}"
    if not reasons:
        seconds = seconds_per_item(
            float(cells["step_ms"]),
            float(cells["encode_ms"]),
            float(cells["decode_ms"]),
            steps=item.steps,
            passes=item.passes,
        )
        cells["sec_per_item"] = f"{seconds:.4f}"
    return cells


def this_machine(device: str) -> Machine:
    """Return the card, its driver and power limit, the versions and the date."""
    card, driver, watts = "CPU", "", ""
    if device == "cuda":
        card = torch.cuda.get_device_name()
        query = ["nvidia-smi", "--query-gpu=driver_version,power.limit"]
        query += ["--format=csv,noheader,nounits", "--id=0"]
        answer = subprocess.run(query, capture_output=True, check=True, text=True).stdout
        driver, watts = (cell.strip() for cell in answer.split(","))
    versions = (library.__version__ for library in (torch, diffusers, transformers))
    return Machine(card, driver, watts, *versions, datetime.now(UTC).date().isoformat())


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = list(models(tiny=False))
    parser.add_argument("--table", type=Path, default=TABLE, help="CSV that gets the rows")
    parser.add_argument("--minutes", type=float, default=9.0, help="after them, nothing starts")
    parser.add_argument("--models", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS)
    parser.add_argument("--runtimes", nargs="+", choices=RUNTIMES, default=RUNTIMES)
    parser.add_argument(
        "--shapes", type=int, choices=(1, 2, 3), default=3, help="the first of three"
    )
    parser.add_argument("--tiny", action="store_true", help="small models and shapes, on the CPU")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    given = arguments().parse_args(words)
    if not given.tiny and not torch.cuda.is_available():
        print("no CUDA device; --tiny runs on the CPU", file=sys.stderr)
        return 2
    try:
        table = rows_by_id(given.table)
    except ValueError as fault:
        print(fault, file=sys.stderr)
        return 2
    warnings.simplefilter("ignore")
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
    end_s = time.monotonic() + 60 * given.minutes
    bench = Bench("cuda", FULL, WIDE, end_s)
    if given.tiny:
        torch.set_num_threads(1)
        bench = Bench("cpu", ONCE, torch.float32, end_s)
    measure(given, bench, table)
    return 0


def measure(given: argparse.Namespace, bench: Bench, table: Table) -> None:
    """Write the rows that the table lacks, until the minutes have passed."""
    machine = this_machine(bench.device)
    chosen = [parts for name, parts in models(given.tiny).items() if name in given.models]
    all_jobs = jobs(chosen, given.precisions, given.runtimes, given.shapes, given.tiny)
    by_name = {row_name(job, machine): job for job in all_jobs}
    for name in lacking(by_name, table):
        if bench.is_over():
            print(f"{given.minutes:g} minutes have passed; run again for the other rows")
            break
        row = measured_row(by_name[name], bench, machine)
        write(given.table, row)
        print(f"{name:<96} {row['reason'] or row['step_ms'] + ' ms a step'}", flush=True)


def row_name(job: Job, machine: Machine) -> str:
    """Return the id of the row of a job."""
    return row_id(job.parts.model, job.item.size, job.precision, job.runtime, machine)


if __name__ == "__main__":
    sys.exit(main())
