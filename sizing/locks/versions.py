"""Which version of each part runs: from the stack's lock, else the stack file, else the catalog?

An unknown version is None. The vendor's service then chooses it, and nothing here invents a value.
"""

from sizing.catalog import Catalog
from sizing.locks.stack_lock import (
    KUBERNETES,
    addon_item,
    digest_item,
    nodes_item,
    nodes_release_item,
    release_item,
)
from sizing.site import Site
from sizing.site.monitoring import MetricsStore
from sizing.site.reuse import EKS_ADDONS

VOLUMES_ADDON = "aws-ebs-csi-driver"
"""EKS add-on that makes the volumes of pods. Only metrics need it."""
DRIVER_ACCOUNT = "ebs-csi-controller-sa"
"""Service account of its controller. Basis: vendor (EKS add-on)."""
DEFAULT_KUBERNETES = "1.35"
"""Basis: vendor, in standard support; see data/pins.csv for its end."""


def kubernetes_version(site: Site, catalog: Catalog) -> str:
    """EKS version of the cluster and its nodes."""
    return catalog.locked(KUBERNETES) or wanted_kubernetes(site)


def wanted_kubernetes(site: Site) -> str:
    """EKS version that the stack file requests, whatever a lock contains."""
    return site.kubernetes_version or DEFAULT_KUBERNETES


def addon_versions(site: Site, catalog: Catalog) -> dict[str, str | None]:
    """Version by EKS add-on of a created cluster; empty for a cluster of another owner."""
    if site.cluster.elsewhere:
        return {}
    names = [part.value for part in EKS_ADDONS]
    if site.metrics_store is MetricsStore.in_cluster:
        names.append(VOLUMES_ADDON)
    return {name: catalog.locked(addon_item(name)) for name in names}


def system_ami_release(ami_type: str, catalog: Catalog) -> str | None:
    """Image release of the system nodes."""
    return catalog.locked(release_item(ami_type))


def gpu_ami_release(ami_type: str, site: Site, catalog: Catalog) -> str | None:
    """Image release of GPU nodes, from the stack file where the lock has none.

    Guard: a stack file may name the next Kubernetes before the lock does. Its image release does
    not fit the locked version, and EKS would refuse it.
    """
    locked = catalog.locked(release_item(ami_type))
    if locked is not None or site.ami_release is None:
        return locked
    fits = site.ami_release.startswith(f"{kubernetes_version(site, catalog)}.")
    return site.ami_release if fits else None


def node_template(
    pool: str, zone: str, ami_type: str, site: Site, catalog: Catalog
) -> tuple[str, str | None]:
    """Kubernetes version and image release of a pool's GPU nodes in one zone.

    A zone in the lock keeps its locked versions. Every other zone has the common ones.
    """
    held = catalog.locked(nodes_item(pool, zone))
    if held is None:
        return kubernetes_version(site, catalog), gpu_ami_release(ami_type, site, catalog)
    return held, catalog.locked(nodes_release_item(pool, zone)) or None


def image_reference(item: str, repository: str, catalog: Catalog, digest: str | None = None) -> str:
    """Container image by exact tag, and by digest where the lock or the stack file has one.

    Guard: the stack file's digest may belong to a tag older than the locked one.
    """
    tag = f"{repository}:{catalog.pin(item).version}"
    known = digest if catalog.locked(item) is None else catalog.locked(digest_item(item))
    return f"{tag}@{known}" if known else tag
