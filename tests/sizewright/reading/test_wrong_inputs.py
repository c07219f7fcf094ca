"""Every kind of faulty file through whole commands gives one line on stderr, and nothing else."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pytest
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from sizing.site import Site
from sizing.workload import ZONE_ID, Workload
from tests.sizewright.conftest import Ended, Run, after_contradictions

CHAT = "tests/workloads/chat.yaml"
HUB = f"id: a/b, revision: {'abcdef0123' * 4}"
S3 = f"{{uri: s3://abc/d/, digest: sha256:{'01234567' * 8}}}"


def _place(path: Path, before: str) -> str:
    """`file:line:column` of the first place of a text; the file alone for no text."""
    if not before:
        return f"{path}:"
    text = path.read_text(encoding="utf-8")
    index = text.index(before)
    line_start = text.rfind("\n", 0, index) + 1
    return f"{path}:{text.count(chr(10), 0, index) + 1}:{index - line_start + 1}: "


WRONG_WORKLOADS = {
    "unknown key": (("daily_users:", "dayly_users:"), "dayly_users", "'daily_users'?"),
    "wrong type": (("100_000", "many"), "many", "traffic.daily_users: found text 'many'"),
    "negative": (("100_000", "-1"), "-1, req", "found whole number -1"),
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
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(_place(path, before))
    assert said in ended.err
    assert ended.err.count("\n") == 1
    assert [p.name for p in path.parent.iterdir()] == ["chat.yaml"]


ACCESS = "data: {profile"


def access(text: str) -> tuple[str, str]:
    return ACCESS, f"access: {{{text}}}\n{ACCESS}"


CLAIMS = ", claims: [{name: scope, values: [chat]}]"
WRONG_DOORS = {
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
        "a public service asks for a token",
    ),
    "limit of nobody": ("requests_per_key_per_min: 77", "77}", "nobody bears a token"),
    "limit below a request": (
        f"public: true, tokens_per_key_per_min: 2000{CLAIMS}",
        "2000, c",
        "less than one request, at its longest; expected at least 2048",
    ),
    "claim that is checked anyway": (
        "public: true, requests_per_key_per_min: 60, claims: [{name: exp, values: [a]}]",
        "exp,",
        "exp is validated anyway",
    ),
    "unknown format": (
        "public: true, requests_per_key_per_min: 60, claims: [{name: a, values: [a], format: x}]",
        "x}]",
        "single-string",
    ),
}


@pytest.mark.parametrize("fault", WRONG_DOORS)
@pytest.mark.parametrize("command", ["size", "check", "preview"])
def test_a_door_without_its_guards_is_one_line(
    run: Run, chat: Callable[..., Path], command: str, fault: str
) -> None:
    text, before, said = WRONG_DOORS[fault]
    path = chat(access(text))
    ended = run(command, path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(_place(path, before))
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_a_public_door_needs_a_certificate(
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


WRONG_CONTENTS = {
    "empty": b"",
    "10 MB": b"name: chat\n" + b"#" * 10_000_000,
    "binary": bytes(range(256)) * 10,
    "not a mapping": b"- 1\n",
    "two documents": b"name: a\n---\nname: b\n",
}


@pytest.mark.parametrize("fault", WRONG_CONTENTS)
def test_a_file_that_is_no_workload_is_one_line(run: Run, tmp_path: Path, fault: str) -> None:
    path = tmp_path / "w.yaml"
    path.write_bytes(WRONG_CONTENTS[fault])
    ended = run("size", path, "--json")
    assert ended.code == 2
    error = json.loads(ended.out)["error"]
    assert error["file"] == str(path)
    assert ended.err.startswith(f"{path}:") and ended.err.count("\n") == 1
    assert run("size", path) == Ended(2, "", ended.err)


def test_a_folder_and_a_missing_file_are_one_line(
    run: Run, tmp_path: Path, chat: Callable[..., Path]
) -> None:
    near = chat()
    for path, said in (
        (tmp_path, "is a directory"),
        (near.with_name("chta.yaml"), "did you mean 'chat.yaml'?"),
        (Path(f"{tmp_path}/a\nb.yaml"), "a\\nb.yaml: no such file"),
    ):
        ended = run("size", path)
        assert (ended.code, ended.out) == (2, "")
        assert said in ended.err and ended.err.count("\n") == 1


def test_two_services_of_one_name_are_refused(run: Run, chat: Callable[..., Path]) -> None:
    path = chat()
    ended = run("size", CHAT, path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(_place(path, "chat\nkind"))


WRONG_SITES = {
    "unknown zone": (("use1-az4", "use1-az9"), "use1-az9", "expected one of use1-az1"),
    "zone of another region": (("use1-az4", "euw1-az1"), "euw1-az1", "not a zone id of us-east-1"),
    "zone name": (
        ("use1-az4", "us-east-1a"),
        "us-east-1a",
        "zones[2]: 'us-east-1a' is a zone's name, which means another place in each account; "
        "expected the zone's id, such as use1-az1",
    ),
    "no zone at all": (
        ("use1-az4", "zone4"),
        "zone4",
        "zones[2]: 'zone4' is not a zone id; expected the zone's id, such as use1-az1",
    ),
    "unknown region": (("region: us-east-1", "region: us-est-1"), "us-est-1", "us-east-1"),
    "version without a pin": (
        ("environment: dev", 'environment: dev\n  sizewright:kubernetes_version: "1.20"'),
        '"1.20"',
        "unknown version '1.20'; expected one of 1.34",
    ),
    "missing region": (("  sizewright:region: us-east-1\n", ""), "", "region: missing"),
    "unknown key": (("sizewright:zones", "sizewright:zoned"), "sizewright:zoned", "'zones'?"),
    "unknown environment": (("environment: dev", "environment: test"), "test\n", "prod"),
    "required tag": (
        (
            "sizewright:region",
            "sizewright:tags: {a: b}\n  sizewright:required_tags: [team]\n  sizewright:region",
        ),
        "{a: b}",
        "tags: lacks team; expected a value for each of required_tags",
    ),
    "role path without slashes": (
        ("sizewright:region", "sizewright:role_path: platform\n  sizewright:region"),
        "platform\n",
        "role_path",
    ),
    "zone used and created": (
        (
            "sizewright:region",
            "sizewright:dns: {use: {zone_id: Z1, domain: a.io}, create: {domain: a.io}}\n"
            "  sizewright:region",
        ),
        "{use: {zone_id",
        "dns: says both or neither; expected either use or create",
    ),
    "zone without its id": (
        ("sizewright:region", "sizewright:dns: {use: {domain: a.io}}\n  sizewright:region"),
        "{domain: a.io}",
        "dns.use.zone_id: missing",
    ),
    "cluster without its network": (
        (
            "sizewright:region",
            "sizewright:cluster: {use: {name: c, endpoint: 'https://c', certificate_authority: "
            "LS0tLS1CRUdJTiBDRVJUSUZJ, security_group_id: sg-00000001}}\n  sizewright:region",
        ),
        "{name: c",
        "cluster.use: needs network.use next to it; expected the VPC of the cluster that is used",
    ),
    "cluster without its version": (
        ("sizewright:region", "sizewright:cluster: {stack: a/b/c}\n  sizewright:region"),
        "{stack: a/b/c}",
        "cluster: needs kubernetes_version next to it",
    ),
    "another stack's cluster without its range": (
        (
            "sizewright:region",
            "sizewright:cluster: {stack: a/b/c}\n  sizewright:kubernetes_version: '1.35'\n"
            "  sizewright:region",
        ),
        "a/b/c",
        "cluster.stack: needs vpc_cidr next to it; expected as in that stack",
    ),
    "network without a zone": (
        (
            "sizewright:region",
            "sizewright:network: {use: {vpc_id: vpc-00000001, vpc_cidr: 10.0.0.0/16, "
            "private_subnet_ids: {use1-az1: subnet-00000001}}}\n  sizewright:region",
        ),
        "{use1-az1: subnet",
        "network.use.private_subnet_ids: lacks use1-az2, use1-az4",
    ),
    "part that nobody knows": (
        (
            "sizewright:region",
            "sizewright:cluster: {stack: a/b/c, provides: [core-dns]}\n  sizewright:region",
        ),
        "core-dns",
        "did you mean 'coredns'?",
    ),
    "parts of no other cluster": (
        ("sizewright:region", "sizewright:cluster: {provides: [coredns]}\n  sizewright:region"),
        "[coredns]",
        "cluster.provides: of no other cluster",
    ),
    "key that is none": (
        (
            "sizewright:region",
            "sizewright:keys: {use: {data: alias/data}}\n  sizewright:region",
        ),
        "alias/data",
        "keys.use.data",
    ),
    "nobody gets in": (
        (
            "sizewright:region",
            "sizewright:access: {viewers: ['arn:aws:iam::111122223333:role/v']}\n"
            "  sizewright:region",
        ),
        "{viewers",
        "access: nobody administers the cluster; expected admins, or creator: true",
    ),
    "a role gets in twice": (
        (
            "sizewright:region",
            "sizewright:access: {admins: ['arn:aws:iam::111122223333:role/a'], "
            "viewers: ['arn:aws:iam::111122223333:role/a']}\n  sizewright:region",
        ),
        "'arn:aws:iam::111122223333:role/a']}",
        "access.viewers[0]: arn:aws:iam::111122223333:role/a is named twice",
    ),
    "issuer without its keys": (
        ("sizewright:region", "sizewright:token_issuer: https://i.example\n  sizewright:region"),
        "",
        "token_jwks_url: missing",
    ),
    "keys over plain HTTP": (
        ("sizewright:region", "sizewright:token_jwks_url: http://i.example\n  sizewright:region"),
        "http://i.example",
        "token_jwks_url",
    ),
    "range with host bits": (
        ("sizewright:region", "sizewright:public_cidrs: [192.0.2.1/24]\n  sizewright:region"),
        "192.0.2.1/24",
        "has host bits set; expected an IPv4 range",
    ),
    "allowed range with host bits": (
        ("sizewright:region", "sizewright:allowed_cidrs: [10.8.0.1/24]\n  sizewright:region"),
        "10.8.0.1/24",
        "has host bits set; expected an IPv4 range",
    ),
    "the network's own range allowed again": (
        ("sizewright:region", "sizewright:allowed_cidrs: [10.0.0.0/16]\n  sizewright:region"),
        "10.0.0.0/16",
        "allowed_cidrs[0]: 10.0.0.0/16 is allowed already",
    ),
    "a mirror of nothing": (
        (
            "sizewright:region",
            "sizewright:mirrors: {docker.example.com: copy.example.com}\n  sizewright:region",
        ),
        "copy.example.com",
        "docker.example.com is the beginning of no image and of no chart",
    ),
    "a mirror with a credential": (
        (
            "sizewright:region",
            "sizewright:mirrors: {docker.io: 'https://me:pw@c.example.com'}\n  sizewright:region",
        ),
        "",
        "mirrors",
    ),
    "no prefix list": (
        ("sizewright:region", "sizewright:allowed_prefix_list_ids: [pl-x]\n  sizewright:region"),
        "pl-x",
        "allowed_prefix_list_ids[0]",
    ),
    "no config": (("config:", "settings:"), "", "has no config"),
}


@pytest.mark.parametrize("fault", WRONG_SITES)
@pytest.mark.parametrize("command", ["size", "explain", "check", "render"])
def test_a_wrong_site_is_one_line(
    run: Run, site: Callable[..., Path], command: str, fault: str
) -> None:
    replaced, before, said = WRONG_SITES[fault]
    path = site(replaced)
    ended = run(command, CHAT, "--site", path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(_place(path, before))
    assert said in ended.err
    assert ended.err.count("\n") == 1


CERTIFICATE = "acm:us-east-1:111122223333:certificate/"
WRONG_CERTIFICATES = {
    "acm:eu-west-1:111122223333:certificate/": (
        "the certificate is in eu-west-1, the load balancers are in us-east-1; expected a "
        "certificate of us-east-1"
    ),
    "acm:us-east-1:999999999999:certificate/": (
        "the certificate is of account 999999999999, the stack of 111122223333; expected a "
        "certificate of the stack's own account"
    ),
    "acm-pca:us-east-1:111122223333:certificate-authority/": (
        "is not the ARN of an ACM certificate; expected arn:aws:acm:us-east-1:"
    ),
}


@pytest.mark.parametrize("arn", WRONG_CERTIFICATES)
def test_a_certificate_that_no_load_balancer_can_use(
    run: Run, site: Callable[..., Path], arn: str
) -> None:
    """Building needs the certificate, sizing does not."""
    path = site((CERTIFICATE, arn))
    said = f"certificate_arn: {WRONG_CERTIFICATES[arn]}"
    for command in (("preview", CHAT), ("diff", CHAT, CHAT)):
        ended = run(*command, "--site", path)
        assert (ended.code, ended.out) == (2, "")
        assert said in ended.err and ended.err.startswith(_place(path, "arn:aws"))
        assert ended.err.count("\n") == 1
    checked = run("check", CHAT, "--site", path)
    assert checked.code == 4
    assert said in checked.out
    assert checked.err == "failed: build inputs\n"
    assert run("size", CHAT, "--site", path).code == 0


def test_a_wrong_lock_is_one_line(run: Run, chat: Callable[..., Path]) -> None:
    path = chat()
    path.with_suffix(".lock").write_text("model: a\ntensor_parallel: 0\n", encoding="utf-8")
    ended = run("size", path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"{path.with_suffix('.lock')}:")
    assert ended.err.count("\n") == 1


def test_a_network_that_is_too_small_is_refused_before_it_is_built(
    run: Run, chat: Callable[..., Path], site: Callable[..., Path]
) -> None:
    many = chat(("100_000", "10_000_000"))
    path = site(("sizewright:region", "sizewright:vpc_cidr: 10.0.0.0/18\n  sizewright:region"))
    for words in (("preview", many), ("diff", CHAT, many)):
        ended = run(*words, "--site", path)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith(_place(path, "10.0.0.0/18"))
        assert "gives a zone 2,043 private addresses" in ended.err
        assert ended.err.count("\n") == 1
    assert run("size", many, "--site", path).code == 0, "sizing alone needs no network"
    ended = run("check", many, "--site", path)
    assert ended.code == 4 and "subnet addresses" in ended.err


TOKEN = "hf_abcdefghijklmnopqrstuvwxyz0123"


@pytest.mark.parametrize("written", [TOKEN, f"[{TOKEN}]", f"{{a: {TOKEN}}}", "12345678"])
def test_a_token_is_never_echoed(run: Run, chat: Callable[..., Path], written: str) -> None:
    source = f"precision: nf4, source: {{hub: {{{HUB}, token_secret_arn: {written}}}}}}}"
    ended = run("size", chat(("precision: nf4}", source)))
    said = "is no ARN" if written == "12345678" else "holds what looks like a Hugging Face token"
    assert ended.code == 2 and f"{said}; its value is not shown" in ended.err
    assert "token_secret_arn" in ended.err
    assert TOKEN not in ended.err and "12345678" not in ended.err
    looks = "store it in AWS Secrets Manager and give the ARN"
    assert (looks in ended.err) is (written != "12345678")


def test_a_token_in_another_place_is_not_echoed_either(run: Run, chat: Callable[..., Path]) -> None:
    ended = run("size", chat(("precision: nf4}", f"precision: nf4, source: {TOKEN}}}")))
    assert ended.code == 2 and "model.source: holds what looks like a Hugging Face" in ended.err
    assert TOKEN not in ended.err


def test_an_account_without_quotes(run: Run, site: Callable[..., Path]) -> None:
    ended = run("size", CHAT, "--site", site(('["111122223333"]', "[111122223333]")))
    assert ended.code == 2
    assert ended.err.endswith("; write it in quotes\n") and "account_ids[0]" in ended.err


@pytest.mark.parametrize("key", ["region", "certificate_arn", "workloads"])
def test_a_misspelt_prefix(run: Run, site: Callable[..., Path], key: str) -> None:
    path = site((f"sizewright:{key}", f"sizewrite:{key}"))
    ended = run("size", CHAT, "--site", path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(_place(path, f"sizewrite:{key}"))
    assert ended.err.endswith(f"did you mean 'sizewright:{key}'?\n")


def test_a_default_is_not_blamed_on_a_line(run: Run, chat: Callable[..., Path]) -> None:
    many = chat(("100_000", "999_999_999_999_999"))
    ended = run("preview", many)
    assert ended.code == 2
    assert ended.err.startswith("Pulumi.dev.yaml: vpc_cidr: the default 10.0.0.0/16 gives a zone")
    assert "chat has 138,888,888,890 nodes" in ended.err
    title = after_contradictions(run("size", many, "--verbose").out).split("\n")[0]
    assert title == "chat: 138,888,888,890 GPUs (NVIDIA L4) on 138,888,888,890 x g6.xlarge"


def _forms(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[tuple[str, FieldInfo]]:
    """Every field of a model and of those below it, by name."""
    for name, field in model.model_fields.items():
        yield f"{model.__name__}.{name}", field
        for below in _models(field.annotation):
            if below not in seen:
                seen.add(below)
                yield from _forms(below, seen)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _noted(annotation: Any) -> Iterator[tuple[Any, FieldInfo]]:
    """Field notes of a type and of its parts."""
    first, *rest = get_args(annotation) or (None,)
    if get_origin(annotation) is Annotated:
        yield from ((first, note) for note in rest if isinstance(note, FieldInfo))
        rest = []
    for part in (first, *rest):
        if part is not None:
            yield from _noted(part)


def test_every_form_has_an_example_of_that_form() -> None:
    """A zone id is excepted, because its fault has its own message."""
    checked = 0
    for root in (Workload, Site):
        for name, field in _forms(root, set()):
            for kind, note in ((field.annotation, field), *_noted(field.annotation)):
                patterns = [m.pattern for m in note.metadata if getattr(m, "pattern", None)]
                assert patterns in ([], [ZONE_ID]) or note.examples, name
                for example in note.examples or ():
                    form: Any = Annotated[kind, *note.metadata] if note.metadata else kind
                    TypeAdapter(form).validate_python(example)
                    checked += 1
    assert checked >= 30


@pytest.mark.parametrize("command", ["size", "check", "preview", "compare", "explain"])
def test_a_stack_file_in_the_place_of_a_workload_names_the_option(run: Run, command: str) -> None:
    ended = run(command, "Pulumi.prod.yaml")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "Pulumi.prod.yaml:3:1: config: this is a stack file; expected a workload file; "
        "give it with --site Pulumi.prod.yaml\n"
    )
