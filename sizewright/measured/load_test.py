"""Runs from the files of load generators: `vllm bench serve --save-result`, and guidellm.

The log of a Job of `sizewright benchmark` has results of the first kind.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sizewright.measured.run import ACCEPTED, MOST, MeasuredRun, Unread, read_runs
from sizewright.reading.input_error import InputError, found
from sizewright.reading.read import file_content
from sizing.benchmark import MOST_FAILED

Json = Mapping[str, Any]

LOG = ".log"
"""Ending of the log of a Job of `sizewright benchmark`."""
MARK = "sizewright-run "
"""Start of a result in such a log, as `templates/scripts/benchmark_replica.py` prints it."""


@dataclass(frozen=True)
class Setting:
    """Facts that a load generator does not know of the server; None or 1 where none was given."""

    model: str | None = None
    gpu: str | None = None
    engine: str = "vllm"
    tensor: int = 1
    data: int = 1
    weights: str = ""


def read_measured(path: Path, setting: Setting) -> list[MeasuredRun | Unread]:
    """Runs of a CSV table, of a load generator's JSON, or of a Job's log. Raises InputError."""
    if path.suffix.lower() == LOG:
        return _logged(path)
    if path.suffix.lower() != ".json":
        return read_runs(path)
    try:
        content = json.loads(file_content(path, "a load generator's JSON"))
    except (UnicodeDecodeError, RecursionError):
        raise InputError(str(path), message="cannot be read", expected="JSON") from None
    except json.JSONDecodeError as fault:
        raise InputError(
            str(path), fault.lineno, fault.colno, message=fault.msg.lower(), expected="JSON"
        ) from None
    except ValueError:
        raise InputError(str(path), message="a number is too long", expected="JSON") from None
    if setting.gpu is None:
        raise InputError(str(path), message="does not say which GPU", expected="--gpu NAME")
    runs = [replace(run, id=f"{path.name} {run.id}") for run in _runs(path, content, setting)]
    return list(runs)


def _logged(path: Path) -> list[MeasuredRun | Unread]:
    """Runs of the log of a Job. Each states its model and GPU. Raises InputError."""
    text = file_content(path, "the log of a benchmark").decode("utf-8", "replace")
    runs = list[MeasuredRun | Unread]()
    for number, line in enumerate(text.splitlines(), 1):
        _, mark, content = line.partition(MARK)
        if mark:
            runs.append(_logged_run(path, number, content))
    if not runs:
        expected = "a log of the Job of `sizewright benchmark`"
        raise InputError(str(path), message="has no result", expected=expected)
    return runs


def _logged_run(path: Path, number: int, content: str) -> MeasuredRun | Unread:
    """Run of one line; an open loop is not one, because its concurrency varies."""
    try:
        line = json.loads(content)
        name, result = str(line["run"]), dict(line["result"])
        setting = Setting(**line["setting"])
    except (ValueError, TypeError, KeyError, RecursionError):
        expected = "the line as the Job printed it"
        raise InputError(
            str(path), number, 1, message="cannot be read", expected=expected
        ) from None
    identity = f"{path.name} {name}"
    if result.get("max_concurrency") is None:
        _completed(path, result)
        return Unread(identity, _open_loop(result))
    return replace(_vllm(path, result, setting), id=identity)


def _open_loop(result: Json) -> str:
    """Measured times of an open loop, for a comparison with the targets."""
    times = [
        f"{name.upper().replace('_', ' ').removesuffix(' MS')} {value:,.0f} ms"
        for name, value in sorted(result.items(), reverse=True)
        if name.startswith(("mean_t", "p")) and name.endswith(("_ttft_ms", "_tpot_ms"))
        if isinstance(value, int | float)
    ]
    said = [f"{result.get('request_rate')} requests/s", *times]
    return f"an open loop corrects nothing; it measured {', '.join(said)}"


def _runs(path: Path, content: object, setting: Setting) -> Iterator[MeasuredRun]:
    if isinstance(content, Mapping) and isinstance(content.get("benchmarks"), list):
        for index, each in enumerate(content["benchmarks"]):
            if isinstance(each, Mapping):
                yield _guidellm(path, each, setting, index)
        return
    if isinstance(content, Mapping) and "mean_tpot_ms" in content:
        yield _vllm(path, content, setting)
        return
    expected = "mean_tpot_ms of `vllm bench serve`, or benchmarks of guidellm"
    raise InputError(str(path), message="is no load generator's result", expected=expected)


def _vllm(path: Path, result: Json, setting: Setting) -> MeasuredRun:
    """Return the run of one result; its lengths are means over the completed requests.

    Basis: vendor (the keys that vLLM's serving benchmark saves).
    """
    done = _completed(path, result)
    return _run(
        path,
        setting,
        identity=f"concurrency {result.get('max_concurrency')}",
        model=str(result.get("model_id") or ""),
        input_tokens=_number(path, result, "total_input_tokens") / done,
        output_tokens=_number(path, result, "total_output_tokens") / done,
        concurrency=_number(path, result, "max_concurrency"),
        ttft_ms=_number(path, result, "mean_ttft_ms"),
        tpot_ms=_number(path, result, "mean_tpot_ms"),
    )


def _completed(path: Path, result: Json) -> float:
    """Completed requests of one result. Raises InputError where too many others failed."""
    done = _number(path, result, "completed")
    failed = result.get("failed")
    if isinstance(failed, int) and failed > MOST_FAILED * (failed + done):
        raise InputError(
            str(path),
            field="failed",
            message=f"{failed:,} of {failed + done:,.0f} requests failed; the rest says too little",
            expected=f"at most {MOST_FAILED:.0%} of them",
        )
    return done


def _guidellm(path: Path, result: Json, setting: Setting, index: int) -> MeasuredRun:
    """Return the run of one benchmark of a report. Its time between tokens is the inter-token
    latency, because guidellm's time per output token counts the first. Basis: vendor (guidellm's
    report)."""

    def mean(name: str) -> float:
        metrics = result.get("metrics")
        metric = metrics.get(name) if isinstance(metrics, Mapping) else None
        successful = metric.get("successful") if isinstance(metric, Mapping) else None
        return _number(path, successful if isinstance(successful, Mapping) else {}, "mean", name)

    return _run(
        path,
        setting,
        identity=f"benchmark {index + 1}",
        model="",
        input_tokens=mean("prompt_token_count"),
        output_tokens=mean("output_token_count"),
        concurrency=mean("request_concurrency"),
        ttft_ms=mean("time_to_first_token_ms"),
        tpot_ms=mean("inter_token_latency_ms"),
    )


def _run(
    path: Path,
    setting: Setting,
    *,
    identity: str,
    model: str,
    input_tokens: float,
    output_tokens: float,
    concurrency: float,
    ttft_ms: float,
    tpot_ms: float,
) -> MeasuredRun:
    known = setting.model or model
    if not known:
        raise InputError(str(path), message="does not say which model", expected="--model NAME")
    return MeasuredRun(
        id=identity,
        engine=setting.engine,
        engine_version="",
        model=known,
        gpu=setting.gpu or "",
        tensor=setting.tensor,
        data=setting.data,
        pipeline=1,
        expert=1,
        weights=setting.weights,
        experts="",
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        concurrency=concurrency,
        ttft_ms=ttft_ms,
        tpot_ms=tpot_ms,
        length_ratio=1.0,
    )


def _number(path: Path, values: Json, name: str, field: str = "") -> float:
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < MOST:
        message = "is missing" if value is None else f"found {found(value)}"
        raise InputError(str(path), field=field or name, message=message, expected=ACCEPTED)
    return float(value)
