"""Whole commands on a workload whose application keeps its conversations."""

import json
from pathlib import Path

from tests.sizewright.conftest import ROOT, Run

APP, FAQ = (ROOT / "workloads" / f"{name}.yaml" for name in ("chat-app", "faq-app"))


def changed(tmp_path: Path, old: str, new: str) -> Path:
    """Return a copy of the workload, without its lock, in which a text is replaced."""
    text = APP.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path = tmp_path / APP.name
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_size_shows_its_pods_and_its_database(run: Run) -> None:
    ended = run("size", APP, "--verbose")
    assert ended.code == 0
    answer = " ".join(ended.out.split())
    assert "18 pods needed + 1 spare, each on an m7i.large of its own" in answer
    assert "1 KB of files a request, kept for 365 days" in answer
    assert "at most 257 of 2,000 connections; 30 KB of rows an interaction" in answer


def test_a_stated_size_of_its_rows_is_compared_with_the_measured(run: Run, tmp_path: Path) -> None:
    stated = changed(tmp_path, "data: {", "data: {interaction_bytes: 60_074, ")
    answer = " ".join(run("size", stated, "--verbose").out.split())
    stated_over_measured = "the stated bytes are 1.76 times the measured ones, indexes included"
    assert stated_over_measured in answer, "60,074 / (30,037 x 1.134)"


def test_size_and_explain_name_what_counts_tokens(run: Run) -> None:
    limited = ROOT / "tests" / "program" / "limited-app.yaml"
    answer = " ".join(run("size", limited, "--verbose").out.split())
    assert "at most 8,192 tokens a user in a minute, counted by the application" in answer
    assert "each request reserves 2,048, so 4 requests at once" in answer
    explained = " ".join(run("explain", limited, "tokens_per_user_per_min").out.split())
    assert "the application counts them, exactly, over all its pods" in explained


def test_size_diff_and_explain_name_the_cache_of_answers(run: Run, tmp_path: Path) -> None:
    ended = run("size", FAQ)
    assert ended.code == 0
    short = " ".join(ended.out.split())
    assert "nodes for the application and without the cache of answers" in short, (
        "neither has a price"
    )
    assert "while the cache of answers is empty" not in short, "its spares hold the peak"
    answer = " ".join(run("size", FAQ, "--verbose").out.split())
    assert "23.1 requests/s mean, 92.6 peak; 20.8 and 83.3 at the engines" in answer
    assert "10 % of requests reach no engine (of 10 % to 20 %)" in answer
    assert "GPUs needed: 13 at 10 %, 12 at 20 %, 15 without it" in answer
    assert "with an empty cache the fleet serves 100 % of the busiest moment" in answer
    without = tmp_path / FAQ.name
    text = FAQ.read_text(encoding="utf-8")
    cache = ", cache: {hit_ratio: 0.2, low_hit_ratio: 0.1, ttl_s: 3600}"
    assert cache in text
    without.write_text(text.replace(cache, ""), encoding="utf-8")
    changed = " ".join(run("diff", without, FAQ).out.split())
    assert "GPUs needed" in changed and "15 -> 13" in changed
    explained = " ".join(run("explain", FAQ, "cache.entries").out.split())
    assert "min(92.59259259 * 3600" in explained
    bare = tmp_path / "bare" / FAQ.name
    bare.parent.mkdir()
    text = text.replace("hit_ratio: 0.2, low_hit_ratio: 0.1", "hit_ratio: 0.6")
    bare.write_text(text.replace("redundancy: {spare_ratio: 0.20}", ""), encoding="utf-8")
    assert "while the cache of answers is empty, the fleet serves" in run("size", bare).out


def test_a_limit_below_what_a_user_sends_is_named(run: Run, tmp_path: Path) -> None:
    """142 requests/s of 8,500 users at the peak are 1 a minute; with 5 s to think, 12."""
    limit = "token_required: true\n  tokens_per_key_per_min: 2_048"
    tight = changed(tmp_path, "token_required: true", limit)
    assert "the limit of tokens allows" not in " ".join(run("size", tight).out.split())
    text = tight.read_text(encoding="utf-8").replace("think_time_s: 60", "think_time_s: 5")
    tight.write_text(text, encoding="utf-8")
    answer = " ".join(run("size", tight).out.split())
    assert (
        "the limit of tokens allows 1 request a minute, and a user who is online sends 12."
        in answer
    )


def test_it_passes_the_gates(run: Run) -> None:
    ended = run("check", APP, "--json")
    assert (ended.code, ended.err) == (0, "")
    gates = json.loads(ended.out)["gates"]
    assert not [gate for gate in gates if gate["passed"] is False]
    (needs,) = [gate for gate in gates if gate["name"] == "requirements"]
    assert needs["passed"] is True


def test_a_token_cannot_be_refused(run: Run, tmp_path: Path) -> None:
    refused = changed(tmp_path, "token_required: true", "token_required: false")
    ended = run("size", refused)
    assert (ended.code, ended.out) == (2, "")
    assert f"{refused}:" in ended.err and "access.token_required" in ended.err


def test_size_names_the_nodes_of_the_page_and_its_licence(run: Run) -> None:
    site = ROOT / "stacks" / "Pulumi.team-chat.yaml"
    ended = run("size", ROOT / "workloads" / "team-chat.yaml", "--site", site)
    answer = " ".join(ended.out.split())
    assert "nodes for the page" in answer, "they have no price"
    assert "of the application any 1 node, of the page any 1 node" in answer
    assert "the licence of Open WebUI keeps its branding above 50 users" in answer
