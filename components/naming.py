"""Names and tags of the resources that components create."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from sizing.site import Site
from sizing.site.resource_tags import GIVES_WAY

PRODUCT = "sizewright"


@dataclass(frozen=True)
class Tags:
    """Tags of one stack or of one of its services."""

    shared: Mapping[str, str]

    @classmethod
    def of_site(cls, site: Site) -> Self:
        """Tags of the site and of the product; the product's tag wins where both have a key.

        Guard: IAM refuses two keys that differ in case alone, so `Environment` replaces ours.
        """
        own = {"managed-by": PRODUCT, "environment": site.environment.value}
        for key in GIVES_WAY:
            if any(other != key and other.lower() == key for other in site.tags):
                del own[key]
        return cls({**site.tags, **own})

    def of_service(self, service: str) -> Self:
        """The same tags for the resources of one service."""
        return replace(self, shared={**self.shared, "service": service})

    def named(self, name: str) -> dict[str, str]:
        """Tags of the resource with that logical name."""
        return {**self.shared, "Name": name}


def aws_name(text: str) -> str:
    """Letters, digits and single hyphens, as all AWS names allow: g6.xlarge becomes g6-xlarge."""
    return re.sub(r"[^0-9A-Za-z]+", "-", text).strip("-")


def partition(region: str) -> str:
    """ARN partition of a region: aws, aws-cn or aws-us-gov."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def service_host(service: str, region: str) -> str:
    """Host name of a service in a region, as policies name it: logs.us-east-1.amazonaws.com."""
    suffix = "amazonaws.com.cn" if partition(region) == "aws-cn" else "amazonaws.com"
    return f"{service}.{region}.{suffix}"
