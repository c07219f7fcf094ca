"""Which resources may a killed engine have left behind, outside the state of a stack?"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from sizewright.reading.input_error import InputError
from sizing.values.strict import Strict

PRODUCT_TAG, NAME_TAG, ENVIRONMENT_TAG = "managed-by", "Name", "environment"
PRODUCT = "sizewright"
MADE_BY_OTHERS = re.compile(
    r"arn:aws[a-z-]*:(ec2:[^:]*:[^:]*:(instance|volume|network-interface|snapshot|fleet|"
    r"spot-instances-request)/|rds:[^:]*:[^:]*:(cluster-)?snapshot:|autoscaling:)"
)
"""ARNs of kinds that this program never creates; nodes, disks and snapshots carry its tags."""
OWNER_TAGS = ("aws:", "eks:", "karpenter.")
"""Prefixes of tags that EKS, Auto Scaling and Karpenter put on their own resources."""
HELM = "kubernetes:helm.sh/v3:Release"


class Cause(StrEnum):
    """Reason why a resource is listed."""

    pending_create = "pending_create"
    """Its creation began and no reply was recorded. It may exist outside the state."""
    pending_other = "pending_other"
    """Its update or deletion began and no reply was recorded. A refresh reads the actual state."""
    untracked = "untracked"
    """It exists with this program's tags, and none of the given states contains it."""
    duplicate = "duplicate"
    """Several resources of its kind share one name, and a stack has at most one of them."""


class Orphan(Strict):
    """One resource that may be left behind, and the next step."""

    cause: Cause
    """Reason why it is listed."""
    type: str | None
    """Pulumi type; null where only its tags are known."""
    name: str | None
    """Name in the program; null where it has none."""
    urn: str | None
    """URN in the state; null where only its tags are known."""
    arn: str | None
    """ARN; null where only the state is known."""
    next: str
    """Command that finds it, or a hint where to look."""
    adopt: str | None
    """Command that imports it into the state, with ID as a placeholder for its id; null where
    another way is better."""


def pending(export: Mapping[str, Any], where: str) -> list[Orphan]:
    """Operations that a state records as begun. Raises InputError where it is not an export."""
    return [_pending(each) for each in _mappings(_deployment(export, where), "pending_operations")]


def _mappings(within: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    """Items of a list that are mappings; empty where the file has another form."""
    items = within.get(key)
    yield from (each for each in items or [] if isinstance(each, Mapping))


def _deployment(export: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    deployment = export.get("deployment")
    if not isinstance(deployment, Mapping):
        expected = "what `pulumi stack export` prints"
        raise InputError(where, message="has no deployment", expected=expected)
    return deployment


def _pending(operation: Mapping[str, Any]) -> Orphan:
    resource = operation.get("resource") or {}
    urn = str(resource.get("urn", ""))
    type_, name = str(resource.get("type", "")), urn.rpartition("::")[2]
    creating = operation.get("type") in ("creating", "importing")
    return Orphan(
        cause=Cause.pending_create if creating else Cause.pending_other,
        type=type_,
        name=name,
        urn=urn,
        arn=None,
        next=_after_create(type_, resource.get("inputs") or {}) if creating else "pulumi refresh",
        adopt=_adoption(resource, name) if creating and type_.startswith("aws:") else None,
    )


def _adoption(resource: Mapping[str, Any], name: str) -> str:
    """Return the command that imports a resource.

    Guard: `pulumi refresh --import-pending-creates` drops the operation and reads nothing. Basis:
    measured, engine 3.230: `up` then creates the resource again.
    """
    words = ["pulumi", "import", str(resource["type"]), name, "ID"]
    if parent := resource.get("parent"):
        words += ["--parent", f"'parent={parent}'"]
    if provider := str(resource.get("provider", "")).rpartition("::")[0]:
        words += ["--provider", f"'provider={provider}'"]
    return " ".join([*words, "--protect=false", "--generate-code=false", "--yes"])


def _after_create(type_: str, inputs: Mapping[str, Any]) -> str:
    """Return how to find or take over a resource whose creation began."""
    if type_ == HELM:
        release, namespace = inputs.get("name"), inputs.get("namespace")
        return (
            f"helm status {release} --namespace {namespace}; helm uninstall if it is not deployed"
        )
    if type_.startswith("kubernetes:"):
        return "PULUMI_K8S_UPSERT_EXISTING_OBJECTS=true pulumi up"
    tags = inputs.get("tags")
    name = tags.get(NAME_TAG) if isinstance(tags, Mapping) else None
    if name is None:
        return "look for it in what it belongs to: the state records no Name tag of it"
    return f"aws resourcegroupstaggingapi get-resources --tag-filters Key={NAME_TAG},Values={name}"


def untracked(
    inventory: Mapping[str, Any], where: str, exports: Sequence[tuple[Mapping[str, Any], str]]
) -> list[Orphan]:
    """Resources of a tag inventory that no state contains; without a state, the duplicates.

    Raises InputError where the input is not an inventory or not an export.
    """
    found = list(_of_the_product(inventory, where))
    if not exports:
        return list(_duplicates(found))
    known = {text for export, place in exports for text in _identities(_deployment(export, place))}
    return [_listed(Cause.untracked, arn, tags) for arn, tags in found if not _is_in(arn, known)]


def _of_the_product(
    inventory: Mapping[str, Any], where: str
) -> Iterator[tuple[str, Mapping[str, str]]]:
    if not isinstance(inventory.get("ResourceTagMappingList"), list):
        expected = "what `aws resourcegroupstaggingapi get-resources` prints"
        raise InputError(where, message="has no ResourceTagMappingList", expected=expected)
    for entry in _mappings(inventory, "ResourceTagMappingList"):
        arn = str(entry.get("ResourceARN", ""))
        tags = {str(t.get("Key")): str(t.get("Value")) for t in _mappings(entry, "Tags")}
        theirs = MADE_BY_OTHERS.match(arn) or any(key.startswith(OWNER_TAGS) for key in tags)
        if tags.get(PRODUCT_TAG) == PRODUCT and not theirs:
            yield arn, tags


def _duplicates(found: Sequence[tuple[str, Mapping[str, str]]]) -> Iterator[Orphan]:
    by_name = defaultdict(list)
    for arn, tags in found:
        if NAME_TAG in tags:
            alike = _kind(arn), tags[NAME_TAG], tags.get(ENVIRONMENT_TAG)
            by_name[alike].append((arn, tags))
    for same in by_name.values():
        if len(same) > 1:
            yield from (_listed(Cause.duplicate, arn, tags) for arn, tags in same)


def _kind(arn: str) -> str:
    """Service and kind of resource: ec2 vpc."""
    parts = arn.split(":", 5)
    return f"{parts[2]} {re.split('[:/]', parts[5])[0]}" if len(parts) == 6 else arn


def _listed(cause: Cause, arn: str, tags: Mapping[str, str]) -> Orphan:
    keep = "pulumi import it, or delete it, once you know that no stack has it"
    name = tags.get(NAME_TAG)
    return Orphan(cause=cause, type=None, name=name, urn=None, arn=arn, next=keep, adopt=None)


def _identities(deployment: Mapping[str, Any]) -> Iterator[str]:
    for resource in _mappings(deployment, "resources"):
        outputs = resource.get("outputs") or {}
        yield from (text for text in (resource.get("id"), outputs.get("arn")) if text)


def _is_in(arn: str, known: set[str]) -> bool:
    """True where a state contains the ARN, or the id at its end."""
    bare = arn.removesuffix(":*")
    return bare in known or f"{bare}:*" in known or re.split("[:/]", bare)[-1] in known
