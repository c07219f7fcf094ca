"""A program that pods run, as an immutable ConfigMap whose name holds a digest of it."""

from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap


def script_map(name: str, document: Any, opts: pulumi.ResourceOptions) -> ConfigMap:
    """Guard: the digest is part of the resource's name too. A changed program is then another
    resource, which is there before the pods change and goes after them."""
    digest = document["metadata"]["name"].rpartition("-")[2]
    return ConfigMap(
        f"{name}-{digest}",
        metadata=document["metadata"],
        immutable=document["immutable"],
        data=document["data"],
        opts=opts,
    )
