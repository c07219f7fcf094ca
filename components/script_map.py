"""An immutable ConfigMap with a program that pods run; its name contains a digest."""

from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap


def script_map(name: str, document: Any, opts: pulumi.ResourceOptions) -> ConfigMap:
    """Return the ConfigMap of a program.

    Guard: the digest is part of the resource's name too. A changed program is then another
    resource: Pulumi creates it before the pods change and deletes the old one after them.
    """
    digest = document["metadata"]["name"].rpartition("-")[2]
    return ConfigMap(
        f"{name}-{digest}",
        metadata=document["metadata"],
        immutable=document["immutable"],
        data=document["data"],
        opts=opts,
    )
