"""Every kind of faulty stack file through whole commands gives one line on stderr."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sizewright.conftest import Run
from tests.sizewright.reading.wrong_files import CHAT, assert_one_line, place

WRONG_SITES = {
    "unknown zone": (("use1-az4", "use1-az9"), "use1-az9", "expected one of use1-az1"),
    "zone of another region": (("use1-az4", "euw1-az1"), "euw1-az1", "not a zone id of us-east-1"),
    "zone name": (
        ("use1-az4", "us-east-1a"),
        "us-east-1a",
        "zones[2]: 'us-east-1a' is a zone's name, which means another place in each account; "
        "expected the zone's id, such as use1-az1",
    ),
    "no zone at all": (
        ("use1-az4", "zone4"),
        "zone4",
        "zones[2]: 'zone4' is not a zone id; expected the zone's id, such as use1-az1",
    ),
    "unknown region": (("region: us-east-1", "region: us-est-1"), "us-est-1", "us-east-1"),
    "version without a pin": (
        ("environment: dev", 'environment: dev\n  sizewright:kubernetes_version: "1.20"'),
        '"1.20"',
        "unknown version '1.20'; expected one of 1.34",
    ),
    "missing region": (("  sizewright:region: us-east-1\n", ""), "", "region: missing"),
    "unknown key": (("sizewright:zones", "sizewright:zoned"), "sizewright:zoned", "'zones'?"),
    "unknown environment": (("environment: dev", "environment: test"), "test\n", "prod"),
    "required tag": (
        (
            "sizewright:region",
            "sizewright:tags: {a: b}\n  sizewright:required_tags: [team]\n  sizewright:region",
        ),
        "{a: b}",
        "tags: lacks team; expected a value for each of required_tags",
    ),
    "role path without slashes": (
        ("sizewright:region", "sizewright:role_path: platform\n  sizewright:region"),
        "platform\n",
        "role_path",
    ),
    "zone used and created": (
        (
            "sizewright:region",
            "sizewright:dns: {use: {zone_id: Z1, domain: a.io}, create: {domain: a.io}}\n"
            "  sizewright:region",
        ),
        "{use: {zone_id",
        "dns: says both or neither; expected either use or create",
    ),
    "zone without its id": (
        ("sizewright:region", "sizewright:dns: {use: {domain: a.io}}\n  sizewright:region"),
        "{domain: a.io}",
        "dns.use.zone_id: missing",
    ),
    "cluster without its network": (
        (
            "sizewright:region",
            "sizewright:cluster: {use: {name: c, endpoint: 'https://c', certificate_authority: "
            "LS0tLS1CRUdJTiBDRVJUSUZJ, security_group_id: sg-00000001}}\n  sizewright:region",
        ),
        "{name: c",
        "cluster.use: needs network.use next to it; expected the VPC of the cluster that is used",
    ),
    "cluster without its version": (
        ("sizewright:region", "sizewright:cluster: {stack: a/b/c}\n  sizewright:region"),
        "{stack: a/b/c}",
        "cluster: needs kubernetes_version next to it",
    ),
    "another stack's cluster without its range": (
        (
            "sizewright:region",
            "sizewright:cluster: {stack: a/b/c}\n  sizewright:kubernetes_version: '1.35'\n"
            "  sizewright:region",
        ),
        "a/b/c",
        "cluster.stack: needs vpc_cidr next to it; expected as in that stack",
    ),
    "network without a zone": (
        (
            "sizewright:region",
            "sizewright:network: {use: {vpc_id: vpc-00000001, vpc_cidr: 10.0.0.0/16, "
            "private_subnet_ids: {use1-az1: subnet-00000001}}}\n  sizewright:region",
        ),
        "{use1-az1: subnet",
        "network.use.private_subnet_ids: lacks use1-az2, use1-az4",
    ),
    "part that nobody knows": (
        (
            "sizewright:region",
            "sizewright:cluster: {stack: a/b/c, provides: [core-dns]}\n  sizewright:region",
        ),
        "core-dns",
        "did you mean 'coredns'?",
    ),
    "parts of no other cluster": (
        ("sizewright:region", "sizewright:cluster: {provides: [coredns]}\n  sizewright:region"),
        "[coredns]",
        "cluster.provides: of no other cluster",
    ),
    "key that is none": (
        (
            "sizewright:region",
            "sizewright:keys: {use: {data: alias/data}}\n  sizewright:region",
        ),
        "alias/data",
        "keys.use.data",
    ),
    "nobody gets in": (
        (
            "sizewright:region",
            "sizewright:access: {viewers: ['arn:aws:iam::111122223333:role/v']}\n"
            "  sizewright:region",
        ),
        "{viewers",
        "access: nobody administers the cluster; expected admins, or creator: true",
    ),
    "a role gets in twice": (
        (
            "sizewright:region",
            "sizewright:access: {admins: ['arn:aws:iam::111122223333:role/a'], "
            "viewers: ['arn:aws:iam::111122223333:role/a']}\n  sizewright:region",
        ),
        "'arn:aws:iam::111122223333:role/a']}",
        "access.viewers[0]: arn:aws:iam::111122223333:role/a is named twice",
    ),
    "issuer without its keys": (
        ("sizewright:region", "sizewright:token_issuer: https://i.example\n  sizewright:region"),
        "",
        "token_jwks_url: missing",
    ),
    "keys over plain HTTP": (
        ("sizewright:region", "sizewright:token_jwks_url: http://i.example\n  sizewright:region"),
        "http://i.example",
        "token_jwks_url",
    ),
    "range with host bits": (
        ("sizewright:region", "sizewright:public_cidrs: [192.0.2.1/24]\n  sizewright:region"),
        "192.0.2.1/24",
        "has host bits set; expected an IPv4 range",
    ),
    "allowed range with host bits": (
        ("sizewright:region", "sizewright:allowed_cidrs: [10.8.0.1/24]\n  sizewright:region"),
        "10.8.0.1/24",
        "has host bits set; expected an IPv4 range",
    ),
    "the network's own range allowed again": (
        ("sizewright:region", "sizewright:allowed_cidrs: [10.0.0.0/16]\n  sizewright:region"),
        "10.0.0.0/16",
        "allowed_cidrs[0]: 10.0.0.0/16 is allowed already",
    ),
    "a mirror of nothing": (
        (
            "sizewright:region",
            "sizewright:mirrors: {docker.example.com: copy.example.com}\n  sizewright:region",
        ),
        "copy.example.com",
        "docker.example.com is the beginning of no image and of no chart",
    ),
    "a mirror with a credential": (
        (
            "sizewright:region",
            "sizewright:mirrors: {docker.io: 'https://me:pw@c.example.com'}\n  sizewright:region",
        ),
        "",
        "mirrors",
    ),
    "no prefix list": (
        ("sizewright:region", "sizewright:allowed_prefix_list_ids: [pl-x]\n  sizewright:region"),
        "pl-x",
        "allowed_prefix_list_ids[0]",
    ),
    "no config": (("config:", "settings:"), "", "has no config"),
}


@pytest.mark.parametrize("fault", WRONG_SITES)
@pytest.mark.parametrize("command", ["size", "explain", "check", "render"])
def test_a_wrong_site_is_one_line(
    run: Run, site: Callable[..., Path], command: str, fault: str
) -> None:
    replaced, before, said = WRONG_SITES[fault]
    path = site(replaced)
    ended = run(command, CHAT, "--site", path)
    assert_one_line(ended, path, before, said)


CERTIFICATE = "acm:us-east-1:111122223333:certificate/"
WRONG_CERTIFICATES = {
    "acm:eu-west-1:111122223333:certificate/": (
        "the certificate is in eu-west-1, the load balancers are in us-east-1; expected a "
        "certificate of us-east-1"
    ),
    "acm:us-east-1:999999999999:certificate/": (
        "the certificate is of account 999999999999, the stack of 111122223333; expected a "
        "certificate of the stack's own account"
    ),
    "acm-pca:us-east-1:111122223333:certificate-authority/": (
        "is not the ARN of an ACM certificate; expected arn:aws:acm:us-east-1:"
    ),
}


@pytest.mark.parametrize("arn", WRONG_CERTIFICATES)
def test_a_certificate_that_no_load_balancer_can_use(
    run: Run, site: Callable[..., Path], arn: str
) -> None:
    """Building needs the certificate, sizing does not."""
    path = site((CERTIFICATE, arn))
    said = f"certificate_arn: {WRONG_CERTIFICATES[arn]}"
    for command in (("preview", CHAT), ("diff", CHAT, CHAT)):
        ended = run(*command, "--site", path)
        assert (ended.code, ended.out) == (2, "")
        assert said in ended.err and ended.err.startswith(place(path, "arn:aws"))
        assert ended.err.count("\n") == 1
    checked = run("check", CHAT, "--site", path)
    assert checked.code == 4
    assert said in checked.out
    assert checked.err == "failed: build inputs\n"
    assert run("size", CHAT, "--site", path).code == 0
