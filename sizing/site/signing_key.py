"""Which key pair signs the addresses of a content delivery network?"""

from typing import Annotated

from pydantic import Field, field_validator

from sizing.site.reuse import KeyArn
from sizing.values.field_error import FieldError
from sizing.values.strict import Strict

PUBLIC = "-----BEGIN PUBLIC KEY-----"
EXAMPLE = f"{PUBLIC}\nMFkw...\n-----END PUBLIC KEY-----\n"


class SigningKey(Strict):
    """Existing key pair. Its private key stays in a secret that the program never reads."""

    # Guard: no message may contain a private key pasted here, because logs keep messages.
    public_key: str = Field(max_length=2_000, examples=[EXAMPLE], repr=False)
    """Public key in PEM form: RSA of 2,048 bits, or ECDSA on P-256."""
    secret_arn: Annotated[
        str,
        Field(
            repr=False,
            pattern=r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[\w/+=.@-]+$",
            examples=["arn:aws:secretsmanager:us-east-1:111122223333:secret:signing-key-a1b2c3"],
        ),
    ]
    """ARN of a Secrets Manager secret in the stack's region whose text is the private key in PEM
    form."""
    secret_key_arn: KeyArn | None = None
    """ARN of the secret's KMS key, if it is not AWS's own key."""

    @field_validator("public_key")
    @classmethod
    def _is_public(cls, text: str) -> str:
        """Return the key with one newline at its end.

        Guard: without it, the provider replaces the key in each update. Basis: vendor (pulumi-aws).
        """
        lines = text.strip().splitlines()
        ends = lines and (lines[0], lines[-1])
        if ends != (PUBLIC, "-----END PUBLIC KEY-----") or "PRIVATE" in text:
            raise FieldError((), "is not a public key in PEM form", f"{PUBLIC} and its lines")
        return "\n".join(lines) + "\n"

    @property
    def region(self) -> str:
        """Region of the secret."""
        return self.secret_arn.split(":")[3]
