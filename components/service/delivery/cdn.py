"""The content delivery network of a service's results, which only signed addresses reach."""

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import cloudfront, s3

from components.naming import Tags
from components.service.jobs.function import RESULTS
from sizing.plan.service.files.cdn import CdnPlan, LinkApiPlan

PRINCIPAL = "cloudfront.amazonaws.com"
"""Principal that reads the bucket. Basis: vendor (CloudFront developer guide, "Restrict access to
an Amazon S3 origin")."""
CACHE_POLICY = "658327ea-f89d-4fab-a63d-7e88639e58f6"
"""Managed policy CachingOptimized: a result is cached for a day, whatever its signature. Basis:
vendor (CloudFront developer guide, "Use managed cache policies")."""
HEADERS_POLICY = "67f7725c-6f97-4210-82d7-5512b31e9d03"
"""Managed policy SecurityHeadersPolicy: browsers take no result for another type. Basis: vendor
(CloudFront developer guide, "Use managed response headers policies")."""
ORIGIN = "artefacts"
READS = ["GET", "HEAD"]


@dataclass(frozen=True, kw_only=True)
class CdnArgs:
    plan: CdnPlan
    link: LinkApiPlan
    service: str
    origin: s3.Bucket
    """Bucket of results."""
    tags: Tags


class Cdn(pulumi.ComponentResource):
    """A distribution of CloudFront with one origin and one key group."""

    link: LinkApiPlan
    """Function that signs its addresses."""
    domain: pulumi.Output[str]
    key_pair_id: pulumi.Output[str]
    """Id of the public key, which a signed address names."""

    def __init__(
        self, name: str, args: CdnArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Cdn", name, None, opts)
        self._name = name
        self._args = args
        self.link = args.link
        self._child = pulumi.ResourceOptions(parent=self)
        key = self._public_key()
        distribution = self._distribution(self._access(), self._key_group(key))
        self.domain, self._arn = distribution.domain_name, distribution.arn
        self.key_pair_id = key.id
        self.register_outputs({"domain": self.domain})

    @property
    def may_read(self) -> dict[str, Any]:
        """Statement of the bucket's policy: this distribution reads results, and nothing else."""
        return {
            "Sid": "Cdn",
            "Effect": "Allow",
            "Principal": {"Service": PRINCIPAL},
            "Action": "s3:GetObject",
            "Resource": pulumi.Output.concat(self._args.origin.arn, f"/{RESULTS}"),
            "Condition": {"StringEquals": {"AWS:SourceArn": self._arn}},
        }

    def _public_key(self) -> cloudfront.PublicKey:
        return cloudfront.PublicKey(
            f"{self._name}-key",
            comment=f"Signs addresses of {self._args.service}",
            encoded_key=self._args.link.public_key,
            opts=self._child,
        )

    def _key_group(self, key: cloudfront.PublicKey) -> cloudfront.KeyGroup:
        return cloudfront.KeyGroup(
            f"{self._name}-keys",
            comment=f"Signs addresses of {self._args.service}",
            items=[key.id],
            opts=self._child,
        )

    def _access(self) -> cloudfront.OriginAccessControl:
        return cloudfront.OriginAccessControl(
            f"{self._name}-access",
            description=f"Results of {self._args.service}",
            origin_access_control_origin_type="s3",
            signing_behavior="always",
            signing_protocol="sigv4",
            opts=self._child,
        )

    def _distribution(
        self, access: cloudfront.OriginAccessControl, keys: cloudfront.KeyGroup
    ) -> cloudfront.Distribution:
        name, args = f"{self._name}-distribution", self._args
        return cloudfront.Distribution(
            name,
            comment=f"Results of {args.service}",
            enabled=True,
            http_version="http2and3",
            is_ipv6_enabled=True,
            price_class=args.plan.price_class,
            origins=[
                {
                    "origin_id": ORIGIN,
                    "domain_name": args.origin.bucket_regional_domain_name,
                    "origin_access_control_id": access.id,
                }
            ],
            default_cache_behavior={
                "target_origin_id": ORIGIN,
                "viewer_protocol_policy": "https-only",
                "allowed_methods": READS,
                "cached_methods": READS,
                "cache_policy_id": CACHE_POLICY,
                "response_headers_policy_id": HEADERS_POLICY,
                "trusted_key_groups": [keys.id],
            },
            restrictions={"geo_restriction": {"restriction_type": "none"}},
            # Guard: CloudFront decides the TLS versions of its own name; it takes no other policy.
            viewer_certificate={"cloudfront_default_certificate": True},
            tags=args.tags.named(name),
            opts=self._child,
        )
