"""Which versions does a stack run? They do not change until an update of the lock."""

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, model_validator

from sizing.locks.cluster_lock import ClusterLock
from sizing.plan.stack.held import PodRevision
from sizing.values.field_error import FieldError, FieldPath
from sizing.values.strict import Strict
from sizing.workload import ZoneId
from sizing.workload.source import SHA256_EXAMPLE

KUBERNETES = "kubernetes"
DATABASE = "aurora-postgresql"
"""Item of data/pins.csv for the database engine."""
UNKNOWN = ""
"""Release of a zone that the lock names without one. The zone waits for the common one."""
Kubernetes = Annotated[str, Field(pattern=r"^1\.[0-9]{2}$", examples=["1.35"])]
Version = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._+-]{0,127}$")]
AmiRelease = Annotated[
    str,
    Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+-[0-9]{8}$", examples=["1.35.0-20261101"]),
]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$", examples=[SHA256_EXAMPLE])]


class ImageLock(Strict):
    """Locked container image."""

    tag: Version
    """Tag of the image."""
    digest: Digest | None = None
    """Digest of that tag; null where it was not read from the registry."""


class NodeTemplate(Strict):
    """Settings with which the GPU nodes of one zone start."""

    kubernetes: Kubernetes
    """EKS version of the nodes."""
    release: AmiRelease | None = None
    """Release of the nodes' image; null where it is unknown, so that EKS chooses the newest."""

    @model_validator(mode="after")
    def _of_its_kubernetes(self) -> Self:
        _check_release(("release",), self.release, self.kubernetes)
        return self


class ZoneTemplates(Strict):
    """Versions of each zone where zones roll one after another."""

    nodes: dict[str, dict[ZoneId, NodeTemplate]] = Field(default_factory=dict)
    """Node templates by node pool and zone."""
    pods: dict[str, dict[ZoneId, str]] = Field(default_factory=dict)
    """Revision of the pods by service and zone."""
    revisions: dict[str, PodRevision] = Field(default_factory=dict)
    """Pods by revision."""

    @model_validator(mode="after")
    def _known_revisions(self) -> Self:
        for service, zones in self.pods.items():
            for zone, revision in zones.items():
                if revision not in self.revisions:
                    field = ("pods", service, zone)
                    raise FieldError(field, f"{revision} is not among revisions", "one of them")
        return self

    def held_pods(self) -> dict[str, dict[str, PodRevision]]:
        """Return the pods of each service and zone."""
        return {
            service: {zone: self.revisions[revision] for zone, revision in zones.items()}
            for service, zones in self.pods.items()
        }


class StackLock(Strict):
    """Contents of `Pulumi.<stack>.lock`, in the folder of the stack file and committed with it."""

    kubernetes: Kubernetes
    """EKS version of the cluster and its nodes."""
    addons: dict[str, Version | None] = Field(default_factory=dict)
    """Version by EKS add-on; null where it is unknown, so that EKS chooses one at creation."""
    ami_releases: dict[str, AmiRelease | None] = Field(default_factory=dict)
    """Release by EKS image type; null where it is unknown, so that EKS chooses the newest."""
    charts: dict[str, Version] = Field(default_factory=dict)
    """Version by Helm chart."""
    images: dict[str, ImageLock] = Field(default_factory=dict)
    """Container images by the catalog's name."""
    database: str | None = Field(default=None, pattern=r"^[0-9]+\.[0-9]+$", examples=["17.9"])
    """Version of Aurora PostgreSQL; absent without a database."""
    templates_by_zone: ZoneTemplates = Field(default_factory=ZoneTemplates)
    """Versions of each zone, for pools whose zones roll in turn; `update` moves one zone."""

    cluster: ClusterLock | None = None
    """Settings that the cluster was made with; absent without an own cluster."""

    @model_validator(mode="after")
    def _of_one_kubernetes(self) -> Self:
        for image_type, release in self.ami_releases.items():
            _check_release(("ami_releases", image_type), release, self.kubernetes)
        return self

    def versions(self) -> Iterator[tuple[str, str]]:
        """Yield the locked versions, as an item of the catalog's pins and its version."""
        yield KUBERNETES, self.kubernetes
        yield from ((addon_item(name), v) for name, v in self.addons.items() if v)
        yield from ((release_item(name), v) for name, v in self.ami_releases.items() if v)
        yield from ((chart_item(name), v) for name, v in self.charts.items())
        for name, image in self.images.items():
            yield name, image.tag
            if image.digest is not None:
                yield digest_item(name), image.digest
        if self.database is not None:
            yield DATABASE, self.database
        for pool, zones in self.templates_by_zone.nodes.items():
            for zone, template in zones.items():
                yield nodes_item(pool, zone), template.kubernetes
                yield nodes_release_item(pool, zone), template.release or UNKNOWN


def _check_release(field: FieldPath, release: str | None, kubernetes: str) -> None:
    if release is not None and not release.startswith(f"{kubernetes}."):
        expected = f"a release like {kubernetes}.0-20261101"
        raise FieldError(field, f"{release} is not of Kubernetes {kubernetes}", expected)


def addon_item(addon: str) -> str:
    """Catalog item of an EKS add-on's version."""
    return f"addon:{addon}"


def release_item(ami_type: str) -> str:
    """Catalog item of the release of an EKS image type."""
    return f"ami-release:{ami_type}"


def chart_item(chart: str) -> str:
    """Catalog item of a Helm chart's version."""
    return f"chart:{chart}"


def nodes_item(pool: str, zone: str) -> str:
    """Catalog item of the Kubernetes version of a pool's nodes in one zone."""
    return f"nodes:{pool}/{zone}"


def nodes_release_item(pool: str, zone: str) -> str:
    """Catalog item of the image release of a pool's nodes in one zone."""
    return f"nodes-release:{pool}/{zone}"


def digest_item(image: str) -> str:
    """Catalog item of a container image's digest."""
    return f"digest:{image}"
