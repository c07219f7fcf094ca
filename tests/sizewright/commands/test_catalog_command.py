"""`catalog`: lists, single rows with their origin, and names that are nearly right."""

import json

import pytest

from tests.sizewright.conftest import Run

KINDS = ("instance-types", "gpus", "models", "checkpoints", "engines", "pins")


def test_kinds_with_counts_and_digest(run: Run) -> None:
    answer = json.loads(run("catalog", "--json").out)
    assert [row["kind"] for row in answer["kinds"]] == list(KINDS)
    text = run("catalog").out
    assert text.startswith(f"catalog {answer['catalog_digest']}\n")
    for row in answer["kinds"]:
        assert [row["kind"], str(row["count"])] in [line.split() for line in text.splitlines()]


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_is_listed(run: Run, kind: str) -> None:
    rows = json.loads(run("catalog", kind, "--json").out)["rows"]
    assert len(run("catalog", kind).out.splitlines()) == len(rows) + 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [40, 60, 80, 160])
def test_nothing_is_cut_at_any_width(
    run: Run, monkeypatch: pytest.MonkeyPatch, kind: str, width: int
) -> None:
    piped = run("catalog", kind).out
    monkeypatch.setattr("sizewright.layout.table.output_width", lambda: width)
    narrow = run("catalog", kind).out
    assert max(map(len, narrow.splitlines())) <= width
    cells = set(piped.split("\n", 1)[1].split())
    long = {cell for cell in cells if len(cell) >= width}
    assert cells - long <= set(narrow.split())
    assert all(cell in "".join(narrow.split()) for cell in long), "folded, not cut"


def test_a_row_has_its_source_and_date(run: Run) -> None:
    lines = run("catalog", "instance-types", "g6.xlarge").out.splitlines()
    assert lines[0] == "g6.xlarge"
    cells = {line.split("  ")[0]: line.split("  ")[-1].strip() for line in lines[1:]}
    assert cells["gpu_memory_bytes"] == "24 GB (23,999,807,488 bytes)"
    assert cells["checked"] == "2026-10-27"
    assert cells["source"]


def test_unverified_columns_are_flagged_and_unknown_ones_named(run: Run) -> None:
    out = run("catalog", "models", "bge-large-en-v1.5").out
    assert "layers                    24 (unverified)" in out
    assert "kind                      embedding\n" in out
    assert "checked                   no date stated" in out
    unknown = out.splitlines()[-1]
    assert unknown.startswith("unknown ") and "kv_bytes_per_token_16bit" not in unknown
    assert "moe_ffn_dim" in unknown


def test_an_absent_limit_is_not_called_unknown(run: Run) -> None:
    out = run("catalog", "engines", "vllm", "fp8").out
    assert "max_compute_capability     no limit" in out
    assert "min_compute_capability     8.0" in out


def test_decimals_are_json_numbers(run: Run) -> None:
    row = json.loads(run("catalog", "gpus", "l4", "--json").out)["row"]
    assert row["compute_capability"] == 8.9
    assert row["fp4_tflops"] is None


def test_region_lists_what_is_sold_there(run: Run) -> None:
    there = json.loads(run("catalog", "instance-types", "--region", "eu-west-1", "--json").out)[
        "rows"
    ]
    everywhere = json.loads(run("catalog", "instance-types", "--json").out)["rows"]
    assert 0 < len(there) < len(everywhere)
    assert all("eu-west-1" in row["regions"] for row in there)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gpu",), "unknown kind 'gpu'; did you mean 'gpus'?"),
        (("instance-types", "g6.xlrge"), "did you mean g6.xlarge"),
        (("gpus", "L4O"), "did you mean"),
        (("models", "llama-3.1-9b"), "llama-3.1-8b"),
        (("pins", "vllm"), "vllm/vllm-openai"),
        (("engines", "vllm fp9"), "did you mean 'vllm fp8'?"),
        (("models", "zzzzzzzz"), "`sizewright catalog models` lists them"),
        (("instance-types", "--region", "eu-central1"), "did you mean 'eu-central-1'?"),
        (("gpus", "--region", "eu-central-1"), "--region applies only to the list"),
        (
            ("instance-types", "g6.xlarge", "--region", "us-east-1"),
            "--region applies only to the list",
        ),
        (("--region", "us-east-1"), "--region applies only to the list"),
    ],
)
def test_unknown_names_are_bad_input(run: Run, words: tuple[str, ...], said: str) -> None:
    ended = run("catalog", *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1
