"""Can the load balancers of a site use the certificate that it names?"""

from sizing.site import Site
from sizing.values.field_error import FieldError

FIELD = ("certificate_arn",)


def check_certificate(site: Site) -> None:
    """Check that the certificate belongs to the stack's region and account. Raises FieldError.

    Basis: vendor (Elastic Load Balancing guide: a certificate is in the load balancer's region; ACM
    shares none between accounts).
    """
    if site.certificate_arn is None:
        return
    _, _, service, region, account, name = site.certificate_arn.split(":", 5)
    if service != "acm" or not name.startswith("certificate/"):
        expected = f"arn:aws:acm:{site.region}:...:certificate/..."
        raise FieldError(FIELD, "is not the ARN of an ACM certificate", expected)
    if region != site.region:
        raise FieldError(
            FIELD,
            f"the certificate is in {region or 'no region'}, the load balancers are in "
            f"{site.region}",
            f"a certificate of {site.region}",
            "request or import it there too, or let sizewright:dns make one",
        )
    if site.account_ids and account not in site.account_ids:
        raise FieldError(
            FIELD,
            f"the certificate is of account {account}, the stack of {site.account_ids[0]}",
            "a certificate of the stack's own account",
            "no load balancer can use another account's",
        )
