"""What does the step model predict for a measured run, whose names first become catalog facts?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from sizewright.measured.names import gpu_named, same_models, same_repositories
from sizewright.measured.run import MeasuredRun
from sizewright.reading.input_error import InputError
from sizewright.reading.model_file import read_model_file
from sizing.catalog import Catalog, Gpu, ModelFacts, UnknownName
from sizing.catalog.architecture import Architecture
from sizing.model.rows import architecture_of
from sizing.steps.model import StepModel, StepTime, step_model
from sizing.steps.replica import Formats, KvPrecision, Parallel
from sizing.steps.room import most_running
from sizing.workload import Precision

MEAN_OF_NOMINAL = 0.9
"""Mean over nominal length: prompts and answers are drawn from 0.8 to 1.0 of their nominal length.
Basis: the load generator of the public runs (InferenceX)."""
ENGINES = (
    ("trt", "tensorrt-llm"),
    ("tensorrt", "tensorrt-llm"),
    ("sglang", "sglang"),
    ("vllm", "vllm"),
)
"""Parts of an engine's name in a log, and the family of each."""
FORMATS = (
    ("fp4", Precision.fp4),
    ("fp8", Precision.fp8),
    ("int4", Precision.int4),
    ("awq", Precision.int4),
    ("gptq", Precision.int4),
    ("nf4", Precision.nf4),
    ("int8", Precision.int8),
    ("bf16", Precision.bf16),
    ("bfloat16", Precision.bf16),
    ("fp16", Precision.fp16),
    ("float16", Precision.fp16),
)
"""Parts of a precision in a log, and their meaning: nvfp4, mxfp4, fp8_block, int4_awq ..."""


class Unanswerable(LookupError):  # noqa: N818
    """Reason why a run cannot be predicted."""


@dataclass
class Predictor:
    """The catalog, and the models of a folder of config.json files, which take precedence."""

    catalog: Catalog
    configs: Mapping[str, Path]
    _shapes: dict[str, tuple[Architecture, Precision]] = field(default_factory=dict)
    _models: dict[tuple[object, ...], StepModel] = field(default_factory=dict)

    def predict(self, run: MeasuredRun) -> StepTime:
        """Return the mean times of the run. Raises Unanswerable."""
        model, most = self.model(run)
        ratio = run.length_ratio or MEAN_OF_NOMINAL
        return model.closed_loop(
            run.input_tokens * ratio, run.output_tokens * ratio, run.concurrency, most
        )

    def model(self, run: MeasuredRun) -> tuple[StepModel, float | None]:
        """Return the step model of the run's replica, and the most sequences in its memory.

        The second value is None, without a limit, where not even one fits: the run shows otherwise.
        Raises Unanswerable.
        """
        shape, native = self.shape(run.model)
        gpu = self.gpu(run.gpu)
        engine = engine_named(run.engine)
        if engine not in self.catalog.coefficients.engines:
            raise Unanswerable(f"no coefficients for engine {run.engine}")
        formats = run_formats(run, engine, native, gpu)
        parallel = Parallel(run.tensor, run.data, run.pipeline)
        key = (run.model, gpu.name, engine, parallel, formats)
        if key not in self._models:
            made = step_model(
                shape,
                gpu,
                self.catalog.coefficients,
                engine=engine,
                parallel=parallel,
                formats=formats,
            )
            if made is None:
                raise Unanswerable(f"the catalog has no datasheet rates of {gpu.name}")
            self._models[key] = made
        ratio = run.length_ratio or MEAN_OF_NOMINAL
        tokens = Fraction((run.input_tokens + run.output_tokens / 2) * ratio)
        most = most_running(shape, gpu.memory_bytes, parallel, formats, tokens)
        return self._models[key], most if most >= 1 else None

    def shape(self, model: str) -> tuple[Architecture, Precision]:
        """Architecture and own precision of a model, by Hugging Face id. Raises Unanswerable."""
        if model not in self._shapes:
            self._shapes[model] = self._found(model)
        return self._shapes[model]

    def _found(self, model: str) -> tuple[Architecture, Precision]:
        rows = self._rows(model)
        if not rows:
            raise Unanswerable(f"no config.json and no catalog row of model {model}")
        shapes = [(architecture_of(row), Precision(row.native_dtype)) for row in rows]
        if any(each != shapes[0] for each in shapes):
            names = " or ".join(sorted(row.hf_repo for row in rows))
            raise Unanswerable(f"model {model} may be {names}")
        shape, native = shapes[0]
        if shape is None:
            raise Unanswerable(f"the catalog lacks the architecture of {model}")
        return shape, native

    def _rows(self, model: str) -> list[ModelFacts]:
        """Facts of every model with this id, else with this name in another spelling."""
        if model.lower() in self.configs:
            return [self._config(model.lower())]
        if same := same_repositories(model, self.configs):
            return [self._config(name) for name in same]
        try:
            return [self.catalog.model(model)]
        except UnknownName:
            pass
        rows = {row.hf_repo.lower(): row for row in self.catalog.models}
        same = same_models(model, {**rows, **self.configs})
        return [self._config(name) if name in self.configs else rows[name] for name in same]

    def _config(self, name: str) -> ModelFacts:
        """Facts of a config.json. Raises Unanswerable where it cannot be read."""
        path = self.configs[name]
        try:
            return read_model_file(path, str(path))
        except InputError as fault:
            raise Unanswerable(str(fault)) from None

    def gpu(self, name: str) -> Gpu:
        """Return the accelerator with this name in a log. Raises Unanswerable."""
        card = gpu_named(name, self.catalog)
        if card is None:
            raise Unanswerable(f"no catalog row of GPU {name or 'without name'}")
        return card


def engine_named(name: str) -> str:
    """Return the engine family of a log's name. Raises Unanswerable."""
    low = name.lower()
    for part, engine in ENGINES:
        if part in low:
            return engine
    raise Unanswerable(f"no coefficients for engine {name or 'without name'}")


def config_files(folder: Path | None) -> dict[str, Path]:
    """The `<org>--<model>.json` files of a folder by Hugging Face id, in lower case."""
    if folder is None:
        return {}
    return {path.stem.replace("--", "/", 1).lower(): path for path in sorted(folder.glob("*.json"))}


def run_formats(run: MeasuredRun, engine: str, native: Precision, gpu: Gpu) -> Formats:
    """Return the formats of a run from its log, else the model's own.

    Logs do not state the KV cache's format. With narrow weights it is 8 bits in TensorRT-LLM, whose
    checkpoints define it, and in every engine on cards with FP4. Otherwise it is 16 bits. Basis:
    vendor (TensorRT Model Optimizer's recipes); measured, the concurrency from which requests queue
    for memory in the public runs (H100: 16 bits, B200: 8 bits).
    """
    weights = precision_named(run.weights) or native
    experts = precision_named(run.experts) or weights
    narrow = weights in (Precision.fp8, Precision.fp4)
    eight = narrow and (engine == "tensorrt-llm" or gpu.native_fp4)
    kv: KvPrecision = "fp8" if eight else "fp16"
    return Formats(weights, experts, kv)


def precision_named(label: str) -> Precision | None:
    """Return the precision that a log's label means; None where it is empty. Raises Unanswerable
    for an unknown label."""
    low = label.strip().lower()
    if not low:
        return None
    for part, precision in FORMATS:
        if part in low:
            return precision
    raise Unanswerable(f"unknown precision {label}")
