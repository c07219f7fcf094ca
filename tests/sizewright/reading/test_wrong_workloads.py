"""Every kind of faulty workload through whole commands gives one line on stderr."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sizewright.conftest import Run
from tests.sizewright.reading.wrong_files import HUB, S3, assert_one_line

WRONG_WORKLOADS = {
    "unknown key": (("daily_users:", "dayly_users:"), "dayly_users", "'daily_users'?"),
    "wrong type": (("100_000", "many"), "many", "traffic.daily_users: found text 'many'"),
    "negative": (("100_000", "-1"), "-1, req", "found whole number -1"),
    "percentage": (("spare_ratio: 0.20", "spare_ratio: 20"), "20}", "write 0.2 for 20 %"),
    "unknown key in a list": (
        ("input_tokens: 100", "input_tokens: [{tokens: 100, shar: 1}]"),
        "shar: 1",
        "request.input_tokens[0].shar: unknown key; expected one of tokens, share; "
        "did you mean 'share'?",
    ),
    "empty list": (
        ("input_tokens: 100", "input_tokens: []"),
        "[], out",
        "request.input_tokens: must have at least 1 item",
    ),
    "missing": (("daily_users: 100_000, ", ""), "{requests_per_user", "daily_users: missing"),
    "unknown model": (("llama-2-7b", "llama-2-7c"), "llama-2-7c", "did you mean llama-2-7b"),
    "unknown type": (("g6.xlarge", "g6.xlrge"), "g6.xlrge", "did you mean g6.xlarge"),
    "model of another kind": (("llama-2-7b", "flux.1-dev"), "flux.1-dev", "a language model"),
    "reserved name": (("name: chat", "name: kube-system"), "kube-system", "namespace of Kube"),
    "truth for a number": (("100_000", "true"), "true", "found true; expected a number"),
    "share without think time": ((", think_time_s: 60", ""), "{daily", "think_time_s: missing"),
    "moving revision": (
        ("precision: nf4}", "precision: nf4, source: {hub: {id: a/b, revision: main}}}"),
        "main}}}",
        "model.source.hub.revision: found text 'main'; expected text like 0123456789abcdef0123",
    ),
    "token for its secret": (
        (
            "precision: nf4}",
            f"precision: nf4, source: {{hub: {{{HUB}, token_secret_arn: hf_x}}}}}}",
        ),
        "hf_x}}}",
        "is no ARN; its value is not shown; expected text like arn:aws:secretsmanager:us-east-1:",
    ),
    "two sources": (
        (
            "precision: nf4}",
            f"precision: nf4, source: {{hub: {{{HUB}}}, s3: {S3}}}}}",
        ),
        "{hub: {id",
        "model.source: hub and s3 given; expected exactly one of hub, s3, image",
    ),
    "image by tag": (
        ("precision: nf4}", "precision: nf4, source: {image: {reference: a/b:v1, path: /m}}}"),
        "a/b:v1",
        "(Image by digest, which must contain cp: registry/name@sha256: and 64 hex digits)\n",
    ),
    "no source of nodes": (
        ("instance_type: g6.xlarge", "instance_type: g6.xlarge, capacity: {}"),
        "{}",
        "hardware.capacity: names no source of nodes; expected reservations or blocks",
    ),
    "spot": (
        ("instance_type: g6.xlarge", "instance_type: g6.xlarge, capacity: spot"),
        "spot",
        "'spot'; expected on_demand, or a mapping with reservations or blocks\n",
    ),
    "no blocks": (
        ("instance_type: g6.xlarge", "instance_type: g6.xlarge, capacity: {blocks: {}}"),
        "{}",
        "expected a mapping like {use1-az1: cr-0123456789abcdef0} (Capacity blocks by zone id)\n",
    ),
    "id of no reservation": (
        (
            "instance_type: g6.xlarge",
            "instance_type: g6.xlarge, capacity: {reservations: {use1-az1: r-1}}",
        ),
        "r-1",
        "use1-az1: found text 'r-1'; expected text like cr-0123456789abcdef0 (On-demand",
    ),
    "text for a source": (
        ("precision: nf4}", "precision: nf4, source: meta-llama}"),
        "meta-llama}",
        "model.source: found text 'meta-llama'; expected a mapping with hub, s3, image\n",
    ),
    "two sources of nodes": (
        (
            "instance_type: g6.xlarge",
            "instance_type: g6.xlarge, capacity: {reservations: {use1-az1: cr-00000001}, "
            "blocks: {use1-az2: cr-00000002}}",
        ),
        "{reservations",
        "hardware.capacity: names two sources of nodes; expected either reservations or blocks\n",
    ),
    "reservation by zone name": (
        (
            "instance_type: g6.xlarge",
            "instance_type: g6.xlarge, capacity: {reservations: {us-east-1a: cr-00000001}}",
        ),
        "us-east-1a",
        "'us-east-1a' is a zone's name, which means another place in each account; expected the",
    ),
    "negative burst": (("load: mean", "load: mean, burst_gpus: -4"), "-4", "burst_gpus"),
    "truth for a burst": (("load: mean", "load: mean, burst_gpus: true"), "true", "found true"),
    "unreadable": (("kind: chat", "kind: ["), "", "not valid YAML"),
    "duplicate key": (("kind: chat", "kind: text\nkind: chat"), "kind: chat", "kind"),
}


@pytest.mark.parametrize("fault", WRONG_WORKLOADS)
@pytest.mark.parametrize("command", ["size", "explain", "check", "render"])
def test_a_wrong_workload_is_one_line(
    run: Run, chat: Callable[..., Path], command: str, fault: str
) -> None:
    replaced, before, said = WRONG_WORKLOADS[fault]
    path = chat(replaced)
    ended = run(command, path)
    assert_one_line(ended, path, before, said)
    assert [p.name for p in path.parent.iterdir()] == ["chat.yaml"]


ACCESS = "data: {profile"


def access(text: str) -> tuple[str, str]:
    return ACCESS, f"access: {{{text}}}\n{ACCESS}"


CLAIMS = ", claims: [{name: scope, values: [chat]}]"
WRONG_ACCESS = {
    "no issuer": (
        f"public: true, requests_per_key_per_min: 60{CLAIMS}",
        "true, r",
        "no issuer of tokens",
    ),
    "no issuer inside": ("token_required: true", "true}", "no issuer of tokens"),
    "no limit": ("public: true", "{public", "needs a limit for each key"),
    "no claims": (
        "public: true, requests_per_key_per_min: 60",
        "{public",
        "needs claims of its own",
    ),
    "public without token": (
        "public: true, token_required: false, requests_per_key_per_min: 60",
        "false, r",
        "a public service requires a token",
    ),
    "limit of nobody": ("requests_per_key_per_min: 77", "77}", "no request has a token"),
    "limit below a request": (
        f"public: true, tokens_per_key_per_min: 2000{CLAIMS}",
        "2000, c",
        "less than one request, at its longest; expected at least 2048",
    ),
    "claim that is checked anyway": (
        "public: true, requests_per_key_per_min: 60, claims: [{name: exp, values: [a]}]",
        "exp,",
        "exp is always validated",
    ),
    "unknown format": (
        "public: true, requests_per_key_per_min: 60, claims: [{name: a, values: [a], format: x}]",
        "x}]",
        "single-string",
    ),
}


@pytest.mark.parametrize("fault", WRONG_ACCESS)
@pytest.mark.parametrize("command", ["size", "check", "preview"])
def test_access_without_its_guards_is_one_line(
    run: Run, chat: Callable[..., Path], site: Callable[..., Path], command: str, fault: str
) -> None:
    text, before, said = WRONG_ACCESS[fault]
    path = chat(access(text))
    ended = run(command, path, "--site", site())
    assert_one_line(ended, path, before, said)


def test_public_ingress_needs_a_certificate(
    run: Run, chat: Callable[..., Path], site: Callable[..., Path]
) -> None:
    path = chat(access(f"public: true, requests_per_key_per_min: 60{CLAIMS}"))
    text = site().read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if "certificate_arn: arn" in line)
    issuer = (
        "  sizewright:token_issuer: https://i.example\n"
        "  sizewright:token_jwks_url: https://i.example/k"
    )
    ended = run("size", path, "--site", site((line, issuer)))
    assert (ended.code, ended.out) == (2, "")
    assert "access.public: the site has no certificate" in ended.err
    assert ended.err.count("\n") == 1
