"""The lock file of a stack, and the commands that print its unknown versions."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from sizewright.reading.read import read_mapping
from sizing.locks.stack_lock import ImageLock, StackLock

HEAD = (
    "# Versions that this stack runs; commit it. `sizewright update` of the stack file moves it.\n"
    "# A null is a version that nobody has read yet: put in what the command after it prints."
)
NO_LOCK = Path(os.devnull)
"""Path that a program receives where its stack has no lock."""
ZONES = "templates_by_zone"
EKS_IMAGES = {
    "AL2023_x86_64_STANDARD": "x86_64/standard",
    "AL2023_x86_64_NVIDIA": "x86_64/nvidia",
    "AL2023_ARM_64_STANDARD": "arm64/standard",
    "AL2023_ARM_64_NVIDIA": "arm64/nvidia",
}
"""Place of an image type among the SSM parameters of EKS. Basis: vendor (eksctl, pkg/ami and
terraform-aws-eks, module eks-managed-node-group: both read these parameters; 2026-11)."""


def read_stack_lock(path: Path) -> StackLock | None:
    """Return the lock at a path; None where there is none, or where it is the null device.

    Raises InputError.
    """
    if path == NO_LOCK or (not path.exists() and not path.is_symlink()):
        return None
    return read_mapping(path).validate(StackLock)


def stack_lock_text(
    lock: StackLock, region: str, repositories: dict[str, str], first: str = ""
) -> str:
    """Return the lock as a file after a first line; each null has a comment with its command."""
    commands = dict(unknown(lock, region, repositories))
    lines = list[str]()
    for key, value in lock.model_dump(mode="json").items():
        if key == ZONES:
            lines += _zones(value)
        elif isinstance(value, dict):
            lines.append(f"{key}:" if value else f"{key}: {{}}")
            lines += [
                _line(f"{key}.{name}", name, each, commands)
                for name, each in value.items()
                if each is not None or f"{key}.{name}" in commands
            ]
        elif value is not None:
            lines.append(f"{key}: {_json(value)}")
    return first + "\n".join([HEAD, *lines, ""])


def _zones(templates: dict[str, dict[str, dict[str, object]]]) -> Iterator[str]:
    """Lines for what each zone runs; empty where no zones take turns."""
    if any(templates.values()):
        yield f"{ZONES}:"
    for part, items in templates.items():
        if items:
            yield f"  {part}:"
        for name, values in items.items():
            yield f"    {_json(name)}:"
            yield from (f"      {_json(key)}: {_json(each)}" for key, each in values.items())


def _line(path: str, name: str, value: object, commands: dict[str, str]) -> str:
    command = commands.get(path) or commands.get(f"{path}.digest")
    return f"  {_json(name)}: {_json(value)}" + (f"  # {command}" if command else "")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def unknown(
    lock: StackLock, region: str, repositories: dict[str, str]
) -> Iterator[tuple[str, str]]:
    """Dotted path of each null, and the command that prints its value.

    `repositories` says from where each image is pulled.
    """
    for name, version in lock.addons.items():
        if version is None:
            yield f"addons.{name}", addon_command(name, lock.kubernetes, region)
    for name, release in lock.ami_releases.items():
        if release is None and name in EKS_IMAGES:
            yield f"ami_releases.{name}", release_command(name, lock.kubernetes, region)
    for name, image in lock.images.items():
        if image.digest is None:
            yield f"images.{name}.digest", digest_command(repositories.get(name, name), image)


def addon_command(addon: str, kubernetes: str, region: str) -> str:
    """Return the command that prints the add-on's default version for a Kubernetes version."""
    query = "addons[0].addonVersions[?compatibilities[0].defaultVersion].addonVersion | [0]"
    return (
        f"aws eks describe-addon-versions --region {region} --kubernetes-version {kubernetes} "
        f"--addon-name {addon} --query '{query}' --output text"
    )


def release_command(ami_type: str, kubernetes: str, region: str) -> str:
    """Return the command that prints the release that EKS recommends for a Kubernetes version."""
    place = f"{kubernetes}/amazon-linux-2023/{EKS_IMAGES[ami_type]}/recommended/release_version"
    return (
        f"aws ssm get-parameter --region {region} --name /aws/service/eks/optimized-ami/{place} "
        "--query Parameter.Value --output text"
    )


def digest_command(repository: str, image: ImageLock) -> str:
    """Return the command that prints a tag's digest: AWS for the account's registry, else
    skopeo."""
    host, _, name = repository.partition("/")
    parts = host.split(".")
    if len(parts) > 5 and parts[1:3] == ["dkr", "ecr"]:
        return (
            f"aws ecr describe-images --region {parts[3]} --registry-id {parts[0]} "
            f"--repository-name {name} --image-ids imageTag={image.tag} "
            "--query 'imageDetails[0].imageDigest' --output text"
        )
    return f"skopeo inspect --format '{{{{.Digest}}}}' docker://{repository}:{image.tag}"
