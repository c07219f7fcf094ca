#!/usr/bin/env python3
"""Stand-in for `vllm bench serve`: it writes the keys that version 0.30.0 saves, for given times.

The variable STAND_IN is a JSON object: `times` has TTFT and TPOT in ms by concurrency ("open" for
none), `failed` the number of failed requests, `code` the exit code, and `sleep_s` a delay.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

VALUES = (
    *("base-url", "model", "tokenizer", "dataset-name", "ready-check-timeout-sec"),
    *("random-range-ratio", "random-input-len", "random-output-len", "percentile-metrics"),
    *("metric-percentiles", "max-concurrency", "request-rate", "num-prompts", "num-warmups"),
    *("seed", "result-dir", "result-filename"),
)
SWITCHES = ("disable-tqdm", "ignore-eos", "insecure", "save-result")
"""Options of `vllm bench serve`. Basis: vendor (wheel vllm 0.30.0, vllm/benchmarks/serve.py and
datasets/datasets.py, 2026-12-01)."""


def main() -> int:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in VALUES:
        parser.add_argument(f"--{name}")
    for name in SWITCHES:
        parser.add_argument(f"--{name}", action="store_true")
    bench, serve, *words = sys.argv[1:]
    if (bench, serve) != ("bench", "serve"):
        return 2
    given = parser.parse_args(words)
    stand_in = json.loads(os.environ["STAND_IN"])
    time.sleep(stand_in.get("sleep_s", 0))
    if stand_in.get("code"):
        return int(stand_in["code"])
    closed = given.max_concurrency
    ttft_ms, tpot_ms = stand_in["times"][closed or "open"]
    failed = stand_in.get("failed", 0)
    done = int(given.num_prompts) - failed
    result = {
        "model_id": given.model,
        "num_prompts": int(given.num_prompts),
        "request_rate": "inf" if closed else float(given.request_rate),
        "max_concurrency": int(closed) if closed else None,
        "completed": done,
        "failed": failed,
        "total_input_tokens": done * int(given.random_input_len),
        "total_output_tokens": done * int(given.random_output_len),
        "mean_ttft_ms": ttft_ms,
        "p95_ttft_ms": ttft_ms,
        "mean_tpot_ms": tpot_ms,
        "p95_tpot_ms": tpot_ms,
        "latencies": [1.0] * done,
    }
    path = Path(given.result_dir) / given.result_filename
    path.write_text(json.dumps(result), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
