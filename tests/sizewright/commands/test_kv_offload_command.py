"""A KV cache in host memory in the words of `size`, `explain`, `diff` and `compare`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sizewright.conftest import Run

CHAT = """\
name: chat
kind: chat
model: {model}
traffic: {{daily_users: 864_000, requests_per_user_per_day: 10, peak_ratio: 1}}
request: {{input_tokens: {prompt}, output_tokens: 300, request_bytes: 2000, response_bytes: 10000}}
latency: {{ttft_ms: 4000, tpot_ms: 60}}
hardware: {{instance_type: {type}}}
data: none
{engine}
"""
OFFLOAD = "engine: {kv_offload: {hit_ratio: 0.4, low_hit_ratio: 0.2, high_hit_ratio: 0.6}}"
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def go(name: str = "chat", **changes: object) -> Path:
        fields = {"model": "llama-3.1-8b", "prompt": 8_000, "type": "p5.4xlarge"}
        path = tmp_path / f"{name}.yaml"
        text = CHAT.format(**{**fields, "engine": OFFLOAD, **changes})
        path.write_text(text, encoding="utf-8")
        return path

    return go


def row(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(name))


def test_size_shows_both_ends(run: Run, write: Write) -> None:
    shown = row(run("size", write(), "--verbose").out, "host cache")
    assert "217 GiB a replica, 1,777,664 tokens, 16 GB/s to a GPU (recalled, not read)" in shown
    assert "49 GPUs without it; low 0.2: 47 GPUs" in shown
    assert "1,600 tokens of a prompt copied in 20.2 ms instead of computed in 38.7 ms" in shown
    assert "high 0.6: 41 GPUs" in shown and "saves nothing" not in shown
    plain = run("size", write(engine=""), "--verbose").out
    assert "host cache" not in plain


def test_a_copy_that_saves_nothing_is_in_the_first_lines(run: Run, write: Write) -> None:
    slow = write(model="llama-2-7b", prompt=3_000)
    warnings = row(run("size", slow).out, "warnings")
    assert "copying KV cache from host memory takes longer than computing it" in warnings
    assert "which saves nothing" in row(run("size", slow, "--verbose").out, "host cache")
    assert "copying KV cache" not in run("size", write()).out


def test_explain_has_the_end_in_seconds_and_gpus(run: Run, write: Write) -> None:
    file = write()
    copying = run("explain", file, "chat.host_cache.hits.low.copying_ms").out
    assert "1600 * 131072 * 1 / (1 * 16 * 0.65 * 1000000)" in copying
    assert "band     41 to 47" in run("explain", file, "chat.host_cache.hits.low.gpus_needed").out
    link = run("explain", file, "chat.host_cache.link_gb_per_s").out
    assert "basis    assumed" in link and "recalled" in link
    read = run("explain", write(type="g6e.xlarge"), "chat.host_cache.link_gb_per_s").out
    assert "basis    vendor" in read


def test_diff_names_the_cause_and_the_cache(run: Run, write: Write) -> None:
    text = run("diff", write("before", engine=""), write("after")).out
    assert "engine.kv_offload.hit_ratio       absent -> 0.4" in text
    assert "GiB of KV cache in host memory  none -> 217" in text
    assert "GPUs needed                     49 -> 47" in text


def test_a_type_without_room_is_infeasible(run: Run, write: Write) -> None:
    ended = run("size", write(type="g6.xlarge", prompt=20_000, model="qwen3-1.7b"))
    assert ended.code == 5
    assert "g6.xlarge with a KV cache in host memory: one context takes" in ended.out
