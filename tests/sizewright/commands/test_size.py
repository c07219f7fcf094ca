"""`size`: the JSON that scripts rely on, the tables people read, and the exit codes."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sizewright.reading.read import read_model
from sizing.locks.workload_lock import Lock
from tests.sizewright.conftest import INFEASIBLE, ROOT, UNTIMED, Run

CONTRACT = {
    "traffic": "requests_per_s_mean requests_per_s_peak users_online_peak requests_in_flight_peak",
    "capacity": "method load request_s requests_per_gpu_per_s users_per_gpu_per_day",
    "memory": "weights_bytes kv_bytes_per_token max_sequences",
    "pool": "instance_type gpu gpus_needed gpus_total nodes_needed nodes_spare nodes_total "
    "nodes_by_zone survives binding utilisation_at_peak",
    "storage": "weights_bytes profile_bytes interaction_bytes_per_day indexed_bytes_per_day "
    "indexed_bytes_per_month",
    "network": "ingress_mbit_per_s egress_mbit_per_s ingress_mbit_per_s_peak "
    "egress_mbit_per_s_peak",
}


def _sized(run: Run, *words: object) -> Any:
    ended = run("size", *words, "--json")
    return json.loads(ended.out)


def test_json_has_the_contract_names(run: Run) -> None:
    plan = _sized(run, "tests/workloads/chat.yaml")
    assert plan["schema_version"] == "1"
    (service,) = plan["services"]
    assert {"name", "kind", "rejected", "cost"} <= service.keys()
    for part, names in CONTRACT.items():
        assert set(names.split()) <= service[part].keys(), part
    assert service["pool"]["survives"].keys() == {"nodes", "zones"}


def test_json_says_twelve_needed_fifteen_in_all(run: Run) -> None:
    (service,) = _sized(run, "tests/workloads/chat.yaml")["services"]
    pool = service["pool"]
    assert (pool["gpus_needed"], pool["gpus_total"], pool["nodes_spare"]) == (12, 15, 3)
    assert pool["nodes_by_zone"] == {"use1-az1": 5, "use1-az2": 5, "use1-az4": 5}
    assert service["storage"]["weights_bytes"] == 3_500_000_000


def test_rejected_options_have_name_reason_and_numbers(run: Run, chat: Callable[..., Path]) -> None:
    (service,) = _sized(run, chat(INFEASIBLE))["services"]
    assert service["pool"] is None
    assert all(
        r.keys() == {"option", "reason", "numbers", "instance_type", "zone"}
        for r in service["rejected"]
    )
    assert service["rejected"][0]["reason"] == "gpu_memory_minimum"


def test_text_says_it_all_and_is_plain(run: Run) -> None:
    ended = run("size", "tests/workloads/chat.yaml", "--verbose")
    assert (ended.code, ended.err) == (0, "")
    for said in (
        "12 needed + 3 spare = 15",
        "use1-az1 5, use1-az2 5, use1-az4 5",
        "any 3 nodes; not a lost zone",
        "throughput (GPUs: throughput 12, memory 1)",
        "77.2 % at the mean, 1,110 % at the peak: requests queue and the queue grows",
        "912 GB kept",
        "unverified",
    ):
        assert said in ended.out
    assert "\x1b" not in ended.out and "…" not in ended.out
    assert all(line == line.rstrip() for line in ended.out.splitlines())


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_infeasible_is_exit_code_5_with_the_answer(
    run: Run, chat: Callable[..., Path], as_json: list[str]
) -> None:
    ended = run("size", chat(INFEASIBLE), *as_json)
    assert ended.code == 5
    assert "the workload requires at least 1000 GB" in ended.out
    assert ended.err.startswith("chat: infeasible: g6.xlarge: ")
    assert ended.err.count("\n") == 1


def test_beyond_this_version_is_exit_code_6(run: Run) -> None:
    ended = run("size", UNTIMED)
    assert ended.code == 6
    assert "no GPU pool" in ended.out
    assert ended.err.startswith(
        "over-nodes: not answered by this version: method calibrated, a replica over 2 nodes: "
    )


def test_infeasible_outranks_beyond_this_version(run: Run, chat: Callable[..., Path]) -> None:
    ended = run("size", UNTIMED, chat(INFEASIBLE))
    assert ended.code == 5
    assert ended.err.count("\n") == 2


def test_several_files_are_one_plan(run: Run, chat: Callable[..., Path]) -> None:
    plan = _sized(run, chat(), chat(name="search"))
    assert [service["name"] for service in plan["services"]] == ["chat", "search"]
    assert plan["pools"][0]["services"] == ["chat", "search"]


def test_another_site_is_another_answer(
    run: Run, chat: Callable[..., Path], site: Callable[..., Path]
) -> None:
    two = site(("[use1-az1, use1-az2, use1-az4]", "[use1-az1, use1-az2]"))
    (service,) = _sized(run, chat(), "--site", two)["services"]
    assert service["pool"]["nodes_by_zone"] == {"use1-az1": 8, "use1-az2": 7}


@pytest.mark.parametrize("width", [24, 40, 60, 80, 160])
def test_nothing_is_cut_at_any_width(
    run: Run, chat: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    words = ("size", chat(name="a-name-of-30-characters-in-all"), "--verbose")
    piped = run(*words).out
    monkeypatch.setattr("sizewright.layout.table.output_width", lambda: width)
    narrow = run(*words).out
    assert max(map(len, narrow.splitlines())) <= width
    lost = Counter("".join(piped.split())) - Counter("".join(narrow.split()))
    assert not lost - Counter("optioncode"), "a row for itself needs no first heading"


def test_same_bytes_twice(run: Run) -> None:
    words = ("size", "tests/workloads/chat.yaml", "--json")
    assert run(*words).out == run(*words).out


def test_the_golden_designs_can_be_sized(run: Run) -> None:
    site = ROOT / "workloads/golden/Pulumi.golden.yaml"
    for path in sorted((ROOT / "workloads/golden").glob("text-to-[ti]*.yaml")):
        assert run("size", path, "--site", site).code == 0


OPEN = ROOT / "tests/program/public.yaml"
SITE = ROOT / "tests/program/Pulumi.public.yaml"
PUBLIC_INGRESS = (
    "It is open to the internet, to anyone with a token of https://issuer.example that has the "
    "right scope, at most 97 requests a token in 60 s"
)
SOURCES = {
    "hub: {id: a/b, revision: abcdef0123abcdef0123abcdef0123abcdef0123}": (
        "the hub's a/b at abcdef0123ab"
    ),
    f"s3: {{uri: s3://abc/d/, digest: sha256:{'01' * 32}}}": "s3://abc/d/",
    f"image: {{reference: registry.example/m@sha256:{'01' * 32}, path: /m}}": (
        "the image registry.example/m"
    ),
}


@pytest.mark.parametrize("command", ["size", "preview"])
def test_public_ingress_is_a_sentence(run: Run, command: str, tmp_path: Path) -> None:
    answer = " ".join(run(command, OPEN, "--site", SITE, "--verbose").out.split())
    assert PUBLIC_INGRESS in answer
    site = tmp_path / "Pulumi.public.yaml"
    ranges = "[192.0.2.0/24, 198.51.100.0/24]"
    site.write_text(SITE.read_text("utf-8").replace("[0.0.0.0/0]", ranges), "utf-8")
    answer = " ".join(run(command, OPEN, "--site", site, "--verbose").out.split())
    assert "open to the internet, from 192.0.2.0/24, 198.51.100.0/24 with a token of" in answer
    assert "internet" not in run("size", "tests/workloads/chat.yaml", "--verbose").out


@pytest.mark.parametrize("command", ["size", "preview"])
@pytest.mark.parametrize("source", SOURCES)
def test_an_import_of_weights_is_a_sentence(
    run: Run, chat: Callable[..., Path], command: str, source: str
) -> None:
    path = chat(("precision: nf4}", f"precision: nf4, source: {{{source}}}}}"))
    answer = " ".join(run(command, path, "--verbose").out.split())
    assert f"Its weights come from {SOURCES[source]}: a Job brings them into the bucket" in answer
    assert "Its weights come" not in run(command, "tests/workloads/chat.yaml", "--verbose").out


def test_a_precision_that_was_chosen_is_reported(run: Run, tmp_path: Path) -> None:
    run("init", "a", "--directory", tmp_path)
    chosen = read_model(tmp_path / "a.lock", Lock).precision
    answer = f"The planned weights are in {chosen}, as published"
    assert answer in " ".join(run("preview", tmp_path / "a.yaml", "--verbose").out.split())
    text = (tmp_path / "a.yaml").read_text(encoding="utf-8")
    (tmp_path / "b.yaml").write_text(
        text.replace('{name: "llama-3.1-8b"}', f'{{name: "llama-3.1-8b", precision: {chosen}}}')
    )
    assert answer not in " ".join(run("preview", tmp_path / "b.yaml", "--verbose").out.split())
    assert f" GB of GPU memory in {chosen}, KV" in run("size", tmp_path / "b.yaml", "--verbose").out


def test_a_reason_is_reported_once(run: Run, tmp_path: Path) -> None:
    run("init", "a", "--directory", tmp_path)
    text = (tmp_path / "a.yaml").read_text(encoding="utf-8").replace('"auto"', "g6.xlarge")
    (tmp_path / "b.yaml").write_text(text.replace("{name: ", "{precision: bf16, name: "))
    ended = run("size", tmp_path / "b.yaml")
    assert ended.code == 5
    assert len(re.findall(r"TPOT [\d.]+ ms at best, 60 ms is the target", ended.err)) == 1
    assert "another instance type: g6e.xlarge (2 nodes, 2,717 USD a month), " in ended.err


def test_only_zones_are_reported_not_to_sell_a_type(run: Run, tmp_path: Path) -> None:
    run("init", "a", "--directory", tmp_path)
    (tmp_path / "a.lock").unlink()
    answer = " ".join(run("preview", tmp_path / "a.yaml", "--verbose").out.split())
    assert re.search(r"By zone: (use1-az\d \d, ){2}use1-az\d \d\. It survives", answer)


def test_the_rate_of_a_gpu_says_its_share_of_full_utilisation(run: Run) -> None:
    """141.7 requests/s on 15 GPUs of 13.4 each are 70.5 %; of 12.1 each they would be 78.3 %."""
    out = run("size", "workloads/chat.yaml", "--verbose").out
    full = re.search(
        r"one GPU +12\.1 requests/s within the latency targets and the limit of utilisation, "
        r"90 % of ([\d.]+) at 100 %",
        out,
    )
    assert full is not None
    load_share = re.search(r"utilisation +[\d.]+ % at the mean, ([\d.]+) % at the peak", out)
    assert load_share is not None
    peak = 100_000 * 0.085 / 60
    assert float(load_share[1]) == pytest.approx(100 * peak / (15 * float(full[1])), abs=0.2)
    assert "GPU time each" not in out
    assert "12.1 requests/s a GPU at 90 % utilisation" in " ".join(
        run("preview", "workloads/chat.yaml", "--verbose").out.split()
    )


def test_figures_that_look_alike_say_what_each_is(run: Run) -> None:
    out = run("size", "workloads/chat.yaml", "--verbose").out
    for label in (
        "2,900 in flight at the peak if each took as long as its targets allow",
        "1,400 requests in flight at the peak as estimated (P50)",
        "weights take 9.44 GB of GPU memory in fp8",
        "weights 8.19 GB as parameters x nominal bits",
        "have room for weights and margin, 20 GiB, without one",
    ):
        assert label in out, label
