"""Delivery of a service's results by a content delivery network."""

from typing import Annotated

from sizing.plan.part import Part
from sizing.plan.reaches import DISTRIBUTION, FUNCTION, LOGS, PUBLIC_KEY, Reaches
from sizing.values.exact import Number


class LinkApiPlan(Part):
    """Function behind the load balancer, which redirects an owner to a signed address."""

    kind: Annotated[str, Reaches(FUNCTION, "environment.variables.KIND")]
    """Kind of the items: image or video."""
    runtime: Annotated[str, Reaches(FUNCTION, "runtime")]
    """Runtime of the function, which has the SDK of AWS and its own cryptography."""
    memory_mib: Annotated[int, Reaches(FUNCTION, "memorySize")]
    """Memory of the function, which also decides its share of a CPU."""
    timeout_s: Annotated[int, Reaches(FUNCTION, "timeout")]
    """Maximum seconds of one request."""
    at_once: Number
    """Requests that run at once at the busiest moment, where each view asks for its address."""
    issuer: Annotated[str, Reaches(FUNCTION, "environment.variables.ISSUER")]
    """Issuer of the callers' tokens."""
    url_s: Annotated[int, Reaches(FUNCTION, "environment.variables.URL_S")]
    """Maximum seconds for which a signed address is valid. It never outlives its result."""
    log_days: Annotated[int, Reaches(LOGS, "retentionInDays")]
    """Days for which the function's log is kept."""
    public_key: Annotated[str, Reaches(PUBLIC_KEY, "encodedKey")]
    """Public key that checks the addresses."""
    secret_arn: Annotated[str, Reaches(FUNCTION, "environment.variables.SECRET_ARN")]
    """Secret with the private key."""
    secret_key_arn: str | None
    """KMS key of the secret; null where it is AWS's own."""


class CdnPlan(Part):
    """Views of results, and the share of them that the bucket answers."""

    price_class: Annotated[str, Reaches(DISTRIBUTION, "priceClass")]
    """Edge locations that serve viewers."""
    item_bytes: Number
    """Bytes of one result."""
    views_per_s_mean: Number
    """Views a second, mean of the day."""
    views_per_s_peak: Number | None
    """Views a second at the peak, where views follow their results at once."""
    egress_mbit_per_s: Number
    """Megabits a second to viewers, mean."""
    egress_mbit_per_s_peak: Number | None
    """Megabits a second to viewers, peak."""
    origin_requests_per_s: Number
    """Requests a second to the bucket, at the highest known rate."""
    origin_mbit_per_s: Number
    """Megabits a second from the bucket, at the highest known rate."""
    egress_gb_per_month: Number
    """Gigabytes to viewers in a month of 30 days."""
    egress_usd_per_month: Number | None
    """US dollars for those gigabytes, without charges for requests; null where no price is known
    for the edge locations."""
    link: LinkApiPlan | None
    """Function that signs addresses; null where nothing accepts the service's jobs."""
