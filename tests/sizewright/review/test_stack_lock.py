"""`Pulumi.<stack>.lock`: only `update` changes the versions that a stack runs."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import sizing.locks.versions
from sizewright.gates.lock import lock_gates
from sizewright.reading.input_error import InputError
from sizewright.reading.read import read_model
from sizewright.reading.stack.plan import plan_of
from sizewright.reading.stack.site_file import SiteFile, read_site, site_of
from sizewright.reading.stack.workload_file import read_workload
from sizewright.record import Recorded
from sizewright.record.program import record_program
from sizing.catalog import Catalog, load_catalog
from sizing.locks.stack_lock import ImageLock, StackLock
from sizing.locks.versions import image_reference
from sizing.plan.whole import Plan
from sizing.stack.pins import stack_lock
from sizing.stack.unverified import one_node_images
from tests.components.plans import CHAT
from tests.sizewright.conftest import INFEASIBLE, ROOT, Run

BURSTING = ROOT / "tests/program/bursting.yaml"
CATALOG = load_catalog()
Site = Callable[..., Path]


@pytest.fixture
def stack_file(site: Site, tmp_path: Path) -> Site:
    """Dev stack file over one workload, `chat.yaml` in its folder, with replaced texts."""

    def build(*replaced: tuple[str, str]) -> Path:
        (tmp_path / "chat.yaml").write_text(json.dumps(CHAT, indent=1), "utf-8")
        return site(("workloads/chat.yaml", str(tmp_path / "chat.yaml")), *replaced)

    return build


def files_of(stack: Path) -> list[Path]:
    return [Path(name) for name in read_site(stack).workloads or ()]


def planned(stack: Path, catalog: Catalog = CATALOG) -> Plan:
    files = [read_workload(file, catalog) for file in files_of(stack)]
    return plan_of(files, read_site(stack), catalog)


def newer_release(monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """Catalog of a later release of this project, in which every pinned version is another."""
    monkeypatch.setattr(sizing.locks.versions, "DEFAULT_KUBERNETES", "1.36")
    kept = ("kubernetes-", "ami-type-")
    pins = tuple(
        pin if pin.item.startswith(kept) else pin.model_copy(update={"version": "17.99"})
        for pin in CATALOG.pins
    )
    return CATALOG.model_copy(update={"pins": pins})


def versions(plan: Plan) -> dict[str, Any]:
    whole = plan.as_json()
    names = ("services", "pools", "system", "cluster", "cluster_services")
    return {name: whole[name] for name in names}


def test_a_new_release_of_this_project_changes_no_stack_with_a_lock(
    run: Run, stack_file: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = both(stack_file())
    before = versions(planned(stack))
    newer = newer_release(monkeypatch)
    assert versions(planned(stack, newer)) != before, "nothing is pinned yet"
    monkeypatch.undo()
    assert run("update", stack).code == 0
    newer = newer_release(monkeypatch)
    assert versions(planned(stack, newer)) == before


def both(stack: Path) -> Path:
    """Stack file with a second workload, which bursts and so adds charts."""
    text = stack.read_text("utf-8")
    end = "chat.yaml\n"
    assert end in text
    stack.write_text(text.replace(end, f"{end}    - {BURSTING}\n"), "utf-8")
    return stack


def test_a_version_that_later_catalogs_no_longer_offer_still_runs(stack_file: Site) -> None:
    stack = stack_file()
    stack.with_suffix(".lock").write_text('kubernetes: "1.31"\n', "utf-8")
    cluster = planned(stack).cluster
    assert (cluster.kubernetes_version, cluster.end_of_support) == ("1.31", "unknown")


A, B = "a" * 64, "b" * 64
LOCKED = f"""\
kubernetes: "1.34"
addons:
  vpc-cni: v1.1.1-eksbuild.1
  kube-proxy: v1.1.2-eksbuild.1
  coredns: v1.1.3-eksbuild.1
  eks-pod-identity-agent: v1.1.4-eksbuild.1
  eks-node-monitoring-agent: null
ami_releases:
  AL2023_x86_64_STANDARD: 1.34.1-20260101
  AL2023_x86_64_NVIDIA: 1.34.1-20260102
charts:
  nvidia-device-plugin: 0.0.1
  aws-load-balancer-controller: 0.0.2
images:
  public.ecr.aws/aws-cli/aws-cli:
    tag: 0.0.3
    digest: sha256:{A}
  vllm/vllm-openai for nf4:
    tag: v0.0.4
    digest: sha256:{B}
database: "16.1"
"""


def of_type(recorded: Recorded, kind: str) -> list[Any]:
    return [r for r in recorded.resources if r.type.endswith(f":{kind}")]


def test_every_locked_version_reaches_its_resource(stack_file: Site) -> None:
    """The Pulumi program itself reads the lock in the folder of the stack file."""
    stack = stack_file()
    stack.with_suffix(".lock").write_text(LOCKED, "utf-8")
    recorded = record_program(stack, files_of(stack))
    addons = {
        r.inputs["addonName"]: r.inputs.get("addonVersion") for r in of_type(recorded, "Addon")
    }
    assert addons == {
        "vpc-cni": "v1.1.1-eksbuild.1",
        "kube-proxy": "v1.1.2-eksbuild.1",
        "coredns": "v1.1.3-eksbuild.1",
        "eks-pod-identity-agent": "v1.1.4-eksbuild.1",
        "eks-node-monitoring-agent": None,
    }
    groups = {
        r.name: (r.inputs["version"], r.inputs["releaseVersion"])
        for r in of_type(recorded, "NodeGroup")
    }
    system = groups.pop("sw-system-nodes")
    assert system == ("1.34", "1.34.1-20260101")
    assert set(groups.values()) == {("1.34", "1.34.1-20260102")}
    releases = {r.inputs["chart"]: r.inputs["version"] for r in of_type(recorded, "Release")}
    assert releases == {"nvidia-device-plugin": "0.0.1", "aws-load-balancer-controller": "0.0.2"}
    databases = [r for r in recorded.resources if r.type == "aws:rds/cluster:Cluster"]
    assert [r.inputs["engineVersion"] for r in databases] == ["16.1"]
    pods = [r.inputs["spec"]["template"]["spec"] for r in of_type(recorded, "Deployment")]
    assert pods
    for pod in pods:
        engine, copier = pod["containers"][0]["image"], pod["initContainers"][0]["image"]
        assert engine == f"docker.io/vllm/vllm-openai:v0.0.4@sha256:{B}"
        assert copier == f"public.ecr.aws/aws-cli/aws-cli:0.0.3@sha256:{A}"


def test_a_lock_may_lie_where_the_stack_file_says(stack_file: Site, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.lock"
    elsewhere.write_text(LOCKED, "utf-8")
    named = ("environment: dev\n", f"environment: dev\n  sizewright:lock: {elsewhere}\n")
    stack = stack_file(named)
    assert read_site(stack).lock_path == elsewhere
    recorded = record_program(stack, files_of(stack))
    assert {r.inputs["version"] for r in of_type(recorded, "NodeGroup")} == {"1.34"}


def test_a_named_lock_that_does_not_exist_is_refused_and_unpins_nothing(
    run: Run, stack_file: Site, tmp_path: Path
) -> None:
    """A misspelt path would otherwise move every version of a running stack."""
    missing = tmp_path / "mising.lock"
    named = ("environment: dev\n", f"environment: dev\n  sizewright:lock: {missing}\n")
    stack = stack_file(named)
    refused = run("check", "--site", stack)
    assert refused.code == 2
    assert f"{missing} does not exist" in refused.err and "sizewright update" in refused.err
    assert "sizewright:lock" in refused.err
    run("update", stack)
    assert missing.is_file() and read_site(stack).lock is not None


def test_the_program_refuses_a_named_lock_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        site_of({"region": "us-east-1"}, tmp_path / "Pulumi.dev.yaml", tmp_path / "no.lock")


def test_a_stated_digest_does_not_follow_the_engine_to_another_tag(
    stack_file: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Engine flags follow the tag and nodes run the digest: a newer tag needs its own digest."""
    digest = f"sha256:{'d' * 64}"
    stated = (
        "environment: dev\n",
        f'environment: dev\n  sizewright:engine_image_digest: "{digest}"\n',
    )
    stack = stack_file(stated)
    site, plan = read_site(stack), planned(stack)
    (name,) = one_node_images(plan.services)
    first = stack_lock(plan, CATALOG, None)
    assert first.images[name].digest == digest
    newer = newer_release(monkeypatch)
    moved = stack_lock(planned(stack, newer), newer, first)
    assert moved.images[name] == ImageLock(tag="17.99", digest=None)
    locked = newer.with_lock(dict(moved.versions()))
    assert "@" not in image_reference(name, "vllm", locked, site.site.engine_image_digest)


def test_what_nobody_could_read_is_null_and_never_invented(run: Run, stack_file: Site) -> None:
    stack = stack_file()
    ended = run("update", stack)
    assert ended.code == 0 and "is written" in ended.out
    lock = read_model(stack.with_suffix(".lock"), StackLock)
    assert len(lock.addons) == 5 and set(lock.addons.values()) == {None}
    assert lock.ami_releases == {"AL2023_x86_64_STANDARD": None, "AL2023_x86_64_NVIDIA": None}
    assert {image.digest for image in lock.images.values()} == {None}
    assert lock.charts["nvidia-device-plugin"] == CATALOG.pin("chart:nvidia-device-plugin").version
    text = stack.with_suffix(".lock").read_text("utf-8")
    assert '"coredns": null  # aws eks describe-addon-versions --region us-east-1' in text


def test_what_a_person_put_in_stays_until_its_kubernetes_or_tag_moves(
    run: Run, stack_file: Site
) -> None:
    stack = stack_file()
    run("update", stack)
    path = stack.with_suffix(".lock")
    text = path.read_text("utf-8")
    for old, new in (
        ('"coredns": null', '"coredns": v1.13.2-eksbuild.4'),
        ('"AL2023_x86_64_NVIDIA": null', '"AL2023_x86_64_NVIDIA": 1.35.0-20261101'),
        ('"digest": null', f'"digest": "sha256:{"c" * 64}"'),
    ):
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, "utf-8")
    filled = read_model(path, StackLock)
    assert "current; nothing changes" in run("update", stack).out
    assert read_model(path, StackLock) == filled
    requested = stack.read_text("utf-8") + '  sizewright:kubernetes_version: "1.36"\n'
    stack.write_text(requested, "utf-8")
    moved = run("update", stack)
    assert "kubernetes: 1.35 -> 1.36" in moved.out
    assert "addons.coredns: v1.13.2-eksbuild.4 -> null" in moved.out
    assert "ami_releases.AL2023_x86_64_NVIDIA: 1.35.0-20261101 -> null" in moved.out
    assert read_model(path, StackLock).images == filled.images


COMMANDS = {
    "addons.coredns": "aws eks describe-addon-versions --region us-east-1 "
    "--kubernetes-version 1.35 --addon-name coredns --query 'addons[0].addonVersions"
    "[?compatibilities[0].defaultVersion].addonVersion | [0]' --output text",
    "ami_releases.AL2023_x86_64_NVIDIA": "aws ssm get-parameter --region us-east-1 --name "
    "/aws/service/eks/optimized-ami/1.35/amazon-linux-2023/x86_64/nvidia/recommended/"
    "release_version --query Parameter.Value --output text",
    "images.vllm/vllm-openai for nf4.digest": "aws ecr describe-images --region eu-west-1 "
    "--registry-id 111122223333 --repository-name hub/vllm --image-ids imageTag=v0.27.1 "
    "--query 'imageDetails[0].imageDigest' --output text",
}
MIRROR = (
    "  sizewright:engine_image_repository: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/hub/vllm\n"
)


@pytest.mark.parametrize(("environment", "code", "passed"), [("dev", 0, None), ("prod", 4, False)])
def test_a_null_is_printed_in_dev_and_fails_in_prod_with_the_command_that_yields_it(
    run: Run, stack_file: Site, *, environment: str, code: int, passed: bool | None
) -> None:
    stack = stack_file(("environment: dev\n", f"environment: {environment}\n{MIRROR}"))
    run("update", stack)
    ended = run("check", "--site", stack, "--json")
    assert ended.code == code
    gates = {gate["name"]: gate for gate in json.loads(ended.out)["gates"]}
    assert gates["stack lock"]["passed"] is True
    for path, command in COMMANDS.items():
        gate = gates[f"pin {path}"]
        assert gate["passed"] is passed
        assert gate["detail"].endswith(command)


@pytest.mark.parametrize(("environment", "code"), [("dev", 0), ("prod", 4)])
def test_without_a_lock_check_and_preview_say_so_and_name_the_command(
    run: Run, stack_file: Site, environment: str, code: int
) -> None:
    stack = stack_file(("environment: dev", f"environment: {environment}"))
    says = f"`sizewright update {stack}` writes {stack.with_suffix('.lock')}"
    ended = run("check", "--site", stack)
    assert ended.code == code
    assert "nothing is pinned yet" in ended.out and says in ended.out
    previewed = " ".join(run("preview", "--site", stack, "--verbose").out.split())
    assert "Nothing is pinned yet" in previewed and says in previewed


def gate_of(site: SiteFile) -> Any:
    plan = plan_of([read_workload(Path(n), CATALOG) for n in site.workloads or ()], site, CATALOG)
    return next(iter(lock_gates(site, plan, CATALOG)))


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("kubernetes_version", "1.36", "kubernetes 1.36, locked 1.35"),
        ("ami_release", "1.35.0-20261101", "ami_releases.AL2023_x86_64_NVIDIA 1.35.0-20261101"),
        ("engine_image_digest", f"sha256:{'d' * 64}", "images.vllm/vllm-openai for nf4.digest"),
    ],
)
def test_a_stack_file_that_asks_for_another_version_than_is_locked_fails(
    run: Run, stack_file: Site, key: str, value: str, says: str
) -> None:
    stack = stack_file()
    run("update", stack)
    stack.write_text(stack.read_text("utf-8") + f'  sizewright:{key}: "{value}"\n', "utf-8")
    gate = gate_of(read_site(stack))
    assert gate.passed is False and says in gate.detail
    assert f"`sizewright update {stack}` moves it" in gate.detail
    run("update", stack)
    assert gate_of(read_site(stack)).passed is True


def test_a_part_that_the_stack_uses_and_the_lock_lacks_is_named(run: Run, stack_file: Site) -> None:
    stack = stack_file(("environment: dev", "environment: prod"))
    run("update", stack)
    where = read_site(stack)
    assert where.lock is not None
    less = where.lock.model_copy(update={"charts": {}, "database": None})
    gate = gate_of(replace(where, lock=less))
    assert gate.passed is False
    assert "lacks charts.nvidia-device-plugin" in gate.detail and "database" in gate.detail


def test_update_shows_what_follows_before_it_moves_anything(run: Run, stack_file: Site) -> None:
    stack = stack_file()
    path = stack.with_suffix(".lock")
    run("update", stack)
    newest = CATALOG.pin("chart:nvidia-device-plugin").version
    path.write_text(path.read_text("utf-8").replace(newest, "0.1.0"), "utf-8")
    before = path.read_text("utf-8")
    dry = run("update", stack, "--why", "--dry-run")
    assert path.read_text("utf-8") == before
    assert f"charts.nvidia-device-plugin: 0.1.0 -> {newest}  [" in dry.out
    assert "effects\n  resources: 0 created, 1 updated" in dry.out
    assert f"version: 0.1.0 -> {newest}" in dry.out
    answer = json.loads(run("update", stack, "--json").out)
    assert answer["written"] is True
    assert [r["effect"] for r in answer["resources"]] == ["update"]
    assert newest in path.read_text("utf-8")


def test_nothing_is_written_for_a_stack_that_is_infeasible(
    run: Run, site: Site, chat: Callable[..., Path]
) -> None:
    stack = site(("workloads/chat.yaml", str(chat(INFEASIBLE))))
    assert run("update", stack).code == 5
    assert not stack.with_suffix(".lock").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kubernetes: '1.35'\naddon: {}\n", ":2:1: addon: unknown key"),
        ("addons: {}\n", "kubernetes: missing"),
        (
            "kubernetes: '1.35'\nami_releases:\n  AL2023_x86_64_NVIDIA: 1.34.0-20261101\n",
            ":3:25: ami_releases.AL2023_x86_64_NVIDIA: 1.34.0-20261101 is not of Kubernetes 1.35",
        ),
        ("kubernetes: '1.35'\nimages: {a: {tag: x, digest: sha256:0}}\n", "images.a.digest"),
    ],
)
def test_a_wrong_lock_is_refused_with_its_place(
    run: Run, stack_file: Site, text: str, says: str
) -> None:
    stack = stack_file()
    files = files_of(stack)
    stack.with_suffix(".lock").write_text(text, "utf-8")
    ended = run("size", *files, "--site", stack)
    assert (ended.code, ended.out) == (2, "")
    assert str(stack.with_suffix(".lock")) in ended.err and says in ended.err


def test_the_example_for_prod_is_locked_and_its_nulls_fail_the_check(run: Run) -> None:
    """Nobody could read these versions without an account; the example does not pretend to."""
    where = read_site(ROOT / "Pulumi.prod.yaml")
    assert where.lock is not None
    ended = run("check", "--site", "Pulumi.prod.yaml")
    assert ended.code == 4
    assert all(name.startswith("pin ") for name in ended.err.removeprefix("failed: ").split(", "))
