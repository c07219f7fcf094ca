"""Which tags does AWS accept on every resource of a stack?"""

import unicodedata
from collections.abc import Mapping

from sizing.values.field_error import FieldError

TAG_LIMIT = 50
"""Maximum tags of one resource. Basis: vendor (AWS general reference and EKS API, Tag, 2026-11)."""
ADDED_BY_OWNERS = (
    "eks:eks-cluster-name",
    "karpenter.k8s.aws/ec2nodeclass",
    "karpenter.sh/nodeclaim",
    "karpenter.sh/nodepool",
    "kubernetes.io/cluster/",
)
"""Keys that Karpenter sets on a node, and refuses in the definition of its nodes. The last is a
prefix.
Basis: vendor (Karpenter, validation rules of EC2NodeClass, v1). Assumed: EKS sets as many on a node
of a managed group: its cluster, its group and three for autoscalers."""
OWN_KEYS = ("Name", "environment", "managed-by", "service", "sizewright-cluster")
"""Keys that this program sets. Subnets have one more, `kubernetes.io/role/...`."""
GIVES_WAY = ("environment",)
"""Keys that are omitted where the stack file has them in another spelling, as many owners
require."""
OWN_MOST = 5
"""Maximum number of these keys on one resource, a target group. Nodes have neither of the last
two."""
ROOM = TAG_LIMIT - (OWN_MOST + len(ADDED_BY_OWNERS))
"""Maximum tags of a stack file, so that a node still has room for all others."""
KEY_LIMIT, VALUE_LIMIT = 128, 256
"""Maximum characters. Basis: vendor (IAM API, Tag, 2026-11)."""
SIGNS = "_.:/=+-@"
EXPECTED = "letters, digits, spaces and _ . : / = + - @"
_RESERVED = "aws:"


def check_tags(tags: Mapping[str, str]) -> None:
    """Check the tags. Raises FieldError for a tag that a service refuses on a resource.

    Basis: vendor (IAM API, Tag, whose characters are the fewest; its error "Duplicate tag keys
    found. Please note that Tag keys are case insensitive").
    """
    if len(tags) > ROOM:
        message = f"holds {len(tags)} tags"
        others = (
            f"of the {TAG_LIMIT} of AWS this program, EKS and Karpenter need {TAG_LIMIT - ROOM}"
        )
        raise FieldError(("tags",), message, f"at most {ROOM}: {others}")
    known = {key.lower(): key for key in OWN_KEYS if key not in GIVES_WAY}
    for key, value in tags.items():
        _check_key(key)
        _check_value(key, value)
        first = known.setdefault(key.lower(), key)
        if first != key:
            whose = "this program sets" if first in OWN_KEYS else "another tag has"
            message = f"{whose} {first!r}, and IAM takes no two keys that differ in case alone"
            raise FieldError(("tags", key), message, "another key")


def _check_key(key: str) -> None:
    field = ("tags", key)
    if not 1 <= len(key) <= KEY_LIMIT:
        message = f"a key of {len(key)} characters"
        raise FieldError(field, message, f"1 to {KEY_LIMIT}")
    if not _is_plain(key):
        raise FieldError(field, "a key with characters that AWS refuses", EXPECTED)
    if key.lower().startswith(_RESERVED):
        raise FieldError(field, f"the prefix {_RESERVED!r} is reserved for AWS", "another key")
    if any(key == own or (own.endswith("/") and key.startswith(own)) for own in ADDED_BY_OWNERS):
        raise FieldError(field, "EKS or Karpenter sets this key itself", "another key")


def _check_value(key: str, value: str) -> None:
    field = ("tags", key)
    if len(value) > VALUE_LIMIT:
        message = f"a value of {len(value)} characters"
        raise FieldError(field, message, f"at most {VALUE_LIMIT}")
    if not _is_plain(value or "-"):
        raise FieldError(field, "a value with characters that AWS refuses", EXPECTED)
    if value.lower().startswith(_RESERVED):
        raise FieldError(field, f"the prefix {_RESERVED!r} is reserved for AWS", "another value")


def _is_plain(text: str) -> bool:
    """True where all characters are Unicode letters, separators and digits, or one of the eight
    signs."""
    return all(c in SIGNS or unicodedata.category(c)[0] in "LNZ" for c in text)
