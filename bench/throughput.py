"""How exact is predicted capacity against a table of published throughputs?

`python bench/throughput.py TABLE.csv`. The table is not part of this project. Its columns are
workload, core, split, group, engine, gpu, model, weight_prec, tp, pp, n_gpus, input_tokens,
output_tokens, load_type, concurrency and out_tok_s. The fit used none of its rows. Each group
counts once: the median error of its rows.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import mean, median

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from sizewright.measured.replay import (  # noqa: E402
    Replay,
    Unanswerable,
    engine_named,
    precision_named,
)
from sizing.catalog import load_catalog  # noqa: E402
from sizing.catalog.architecture import Architecture  # noqa: E402
from sizing.steps.model import StepModel, step_model  # noqa: E402
from sizing.steps.replica import Formats, Parallel  # noqa: E402
from sizing.steps.room import most_running  # noqa: E402
from sizing.workload import Precision  # noqa: E402

MODELS = {
    "llama-2-7b": ("llama-2-7b-hf", "llama(2)-7b", "llama2-7b", "llama-2-7b"),
    "llama-2-13b": ("llama2-13b", "llama-2-13b-hf"),
    "llama-2-70b": ("llama-2-70b-hf", "llama2-70b"),
    "llama-3.1-8b": (
        "meta-llama-3-8b",
        "llama-3.1-8b",
        "meta-llama-3-8b-instruct",
        "llama-3.1-8b-instruct",
        "meta-llama-3.1-8b-instruct-quantized.w4a16",
        "meta-llama-3.1-8b-instruct-quantized.w8a16",
        "meta-llama-3.1-8b-instruct-quantized.w8a8",
    ),
    "llama-3.1-70b": (
        "llama-3.1-70b",
        "meta-llama-3-70b",
        "llama-3.3-70b",
        "meta-llama-3-70b-instruct",
    ),
    "llama-3.1-405b": ("llama-3.1-405b",),
    "mistral-7b-v0.3": ("mistral-7b-v0.1", "mistral-7b"),
    "mixtral-8x7b": ("mixtral-8x7b", "mixtral-8x7b-v0.1", "mixtral-8x7b-instruct-v0.1"),
    "mixtral-8x22b": ("mixtral-8x22b",),
    "qwen2.5-7b": ("qwen2-7b",),
    "qwen2.5-72b": ("qwen2-72b",),
}
"""Catalog names by the table's names; each pair has one architecture."""
GPUS = {
    "A100-SXM4-40GB": "a100-40",
    "A100-SXM4-80GB": "a100-80",
    "H100-SXM-80GB": "h100",
    "H200-SXM-141GB": "h200",
    "L40S": "l40s",
    "A10G": "a10g",
}
ENGINE_MOST = {"vllm": 256.0, "tensorrt-llm": 2048.0}
"""Most sequences that an engine of that time runs by default. Basis: vendor (defaults)."""


@dataclass(frozen=True)
class Capacity:
    """An answered row."""

    group: str
    engine: str
    gpu: str
    split: str
    ratio: float
    """Predicted over measured output tokens per second."""


@dataclass(frozen=True)
class Setting:
    """A row whose names are known."""

    model: str
    engine: str
    steps: StepModel
    room: tuple[Architecture, int, Parallel, Formats]
    """Inputs that decide how many sequences fit."""
    prompt: float
    answer: float
    most: float
    """Mean number of sequences that run at once."""
    replicas: float

    @property
    def parallel(self) -> Parallel:
        return self.room[2]


def setting_of(row: dict[str, str], replay: Replay) -> Setting:
    """Return the row's replicas and lengths. Raises Unanswerable with the reason."""
    engine = engine_named(row["engine"])
    name = row["model"].split("/")[-1].lower()
    model = next((known for known, names in MODELS.items() if name in names), None)
    if model is None:
        raise Unanswerable("model")
    if row["gpu"] not in GPUS:
        raise Unanswerable("GPU")
    weights = precision_named(row["weight_prec"])
    if weights is None or not row["input_tokens"]:
        raise Unanswerable("precision or lengths not stated")
    shape, _ = replay.shape(model)
    gpu = replay.gpu(GPUS[row["gpu"]])
    parallel = Parallel(int(float(row["tp"] or 1)), 1, int(float(row["pp"] or 1)))
    eight = weights is Precision.fp8 and engine == "tensorrt-llm"
    formats = Formats(weights, weights, "fp8" if eight else "fp16")
    coefficients = replay.catalog.coefficients
    steps = step_model(shape, gpu, coefficients, engine=engine, parallel=parallel, formats=formats)
    if steps is None:
        raise Unanswerable("datasheet")
    prompt, answer = float(row["input_tokens"]), float(row["output_tokens"])
    room = shape, gpu.memory_bytes, parallel, formats
    held = most_running(*room, Fraction(prompt + answer / 2))
    most = min(max(held, 1.0), ENGINE_MOST[engine])
    replicas = max(1.0, float(row["n_gpus"] or parallel.gpus) / parallel.gpus)
    return Setting(model, engine, steps, room, prompt, answer, most, replicas)


def capacity(row: dict[str, str], replay: Replay) -> Capacity:
    """Return the row's prediction. Raises Unanswerable with the reason."""
    if not row["out_tok_s"]:
        raise Unanswerable("throughput not stated")
    found = setting_of(row, replay)
    rate = tokens_per_s(found.steps, row, found.prompt, found.answer, found.most)
    ratio = rate * found.replicas / float(row["out_tok_s"])
    return Capacity(row["group"], found.engine, row["gpu"], row["split"], ratio)


def tokens_per_s(
    steps: StepModel, row: dict[str, str], prompt: float, answer: float, most: float
) -> float:
    """Output tokens per second of one replica: unlimited supply, or one batch from start to end."""
    if row["load_type"] == "offline_max":
        return steps.closed_loop(prompt, answer, most).requests_per_s * answer
    if row["load_type"] not in ("static_batch", "serial", "closed_concurrency"):
        raise Unanswerable(f"load {row['load_type']}")
    batch = float(row["concurrency"] or 1)
    load = steps.load(prompt, answer, min(batch, most), None)
    step = sum(steps.terms(min(batch, most), load)[:-1])
    waves = batch / min(batch, most)
    whole = batch * load.prompt_ms / steps.work.ranks + waves * (load.answer * step)
    return 1000 * batch * answer / whole


def line(name: str, found: Sequence[Capacity]) -> str:
    """Median error of each group, then the median, mean and P90 over groups, and the bias."""
    groups = defaultdict[str, list[float]](list)
    for x in found:
        groups[x.group].append(x.ratio)
    errors = sorted(100 * median(abs(r - 1) for r in ratios) for ratios in groups.values())
    bias = median(median(ratios) for ratios in groups.values())
    tail = errors[min(len(errors) - 1, len(errors) * 9 // 10)]
    figures = f"{median(errors):8.1f}{mean(errors):7.1f}{tail:7.1f}{bias:7.2f}"
    return f"{name:<36}{len(found):5}{len(groups):7}{figures}"


def show(title: str, found: Sequence[Capacity], key: Callable[[Capacity], str]) -> None:
    print(f"\n{title:<36}{'rows':>5}{'groups':>7}{'median':>8}{'mean':>7}{'P90':>7}{'bias':>7}")
    print(line("all", found))
    for name in sorted({key(x) for x in found}):
        print(line(f"  {name}", [x for x in found if key(x) == name]))


def main() -> None:
    replay = Replay(load_catalog(), {})
    found, reasons = [], Counter[str]()
    with Path(sys.argv[1]).open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["workload"] != "llm" or row["core"] != "1":
                continue
            try:
                found.append(capacity(row, replay))
            except Unanswerable as reason:
                reasons[str(reason)] += 1
    print(f"{len(found)} rows answered; not answered: {dict(reasons.most_common())}")
    for split in ("validation", "calibration"):
        part = [x for x in found if x.split == split]
        show(split, part, lambda x: f"{x.engine} {x.gpu}")


if __name__ == "__main__":
    main()
