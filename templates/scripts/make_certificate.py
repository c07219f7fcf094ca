"""Make a key and a certificate for this pod; its load balancer accepts them without verification.

It runs before the engine, in the engine's image: vLLM needs mcp, which needs PyJWT with
cryptography. Argument: the folder for tls.key and tls.crt.
"""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DAYS = 3650
"""Days of validity. It exceeds the life of any pod, because nothing renews the certificate."""
NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "engine")])


def main() -> None:
    """Write the key and the certificate.

    Guard: the key's file is made unreadable for others before anything is written into it.
    """
    folder = Path(sys.argv[1])
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .sign(key, hashes.SHA256())
    )
    opened = os.open(folder / "tls.key", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(opened, "wb") as writing:
        writing.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    (folder / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


if __name__ == "__main__":
    main()
