"""Which roles administer the cluster of a stack, and which may read it?"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from sizing.values.field_error import FieldError
from sizing.values.strict import Strict
from sizing.workload import Flag

RoleArn = Annotated[
    str,
    Field(
        pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/([\w+=,.@-]+/)*[\w+=,.@-]{1,64}$",
        examples=["arn:aws:iam::111122223333:role/platform/admin"],
    ),
]
ADMIN_POLICY, VIEW_POLICY = "AmazonEKSClusterAdminPolicy", "AmazonEKSViewPolicy"
"""Access policies of EKS for the whole cluster, and for reading most objects except secrets."""


class ClusterAccess(Strict):
    """Roles with access to the cluster's API, in addition to its own nodes."""

    admins: tuple[RoleArn, ...] = ()
    """Roles that administer the cluster, by ARN. The role that runs `pulumi up` must be one of
    them."""
    viewers: tuple[RoleArn, ...] = ()
    """Roles that may read everything except secrets."""
    creator: Flag = False
    """True where the role that creates the cluster administers it without a separate entry. EKS
    reads this only at creation."""

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.admins and not self.creator:
            raise FieldError((), "nobody administers the cluster", "admins, or creator: true")
        roles = (*self.admins, *self.viewers)
        for field, start in (("admins", 0), ("viewers", len(self.admins))):
            for index, role in enumerate(getattr(self, field)):
                if role in roles[: start + index]:
                    raise FieldError((field, index), f"{role} is named twice", "each role once")
        return self

    @property
    def policies(self) -> dict[str, str]:
        """Access policy of each role."""
        return dict.fromkeys(self.admins, ADMIN_POLICY) | dict.fromkeys(self.viewers, VIEW_POLICY)
