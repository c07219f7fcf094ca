"""The AWS provider: one region, named accounts, default tags."""

from pulumi_aws.provider import Provider

from components.naming import Tags
from sizing.site import Site


def aws_provider(name: str, site: Site, tags: Tags) -> Provider:
    """Return a provider that refuses every account that the site does not name."""
    return Provider(
        name,
        region=site.region,
        allowed_account_ids=list(site.account_ids),
        default_tags={"tags": tags.shared},
    )
