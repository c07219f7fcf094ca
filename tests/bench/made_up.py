"""Invented runs, which nobody measured."""

from sizewright.measured.run import MeasuredRun

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"


def run(flight: float, ttft_ms: float, tpot_ms: float, identity: str = "") -> MeasuredRun:
    return MeasuredRun(
        id=identity or f"c{flight}",
        engine="vllm",
        engine_version="1",
        model=LLAMA,
        gpu="h100",
        tensor=1,
        data=1,
        pipeline=1,
        expert=1,
        weights="",
        experts="",
        input_tokens=1000,
        output_tokens=501,
        concurrency=flight,
        ttft_ms=ttft_ms,
        tpot_ms=tpot_ms,
        length_ratio=1.0,
    )
