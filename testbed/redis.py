"""Redis of Debian with TLS and one user, for tests: the real program, on the loopback address.

Nothing outlives this process. Its protocol and commands are those of Valkey 7.2.
"""

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from testbed.aws_services import FOLDER, free_port
from testbed.local_server import LocalServer

HOST = "127.0.0.1"
UNPACKED = FOLDER / "redis" / "usr"
"""Debian's packages, unpacked by `make testbed` where Redis is not installed."""
LIBRARIES = UNPACKED / "lib"


def program(name: str) -> list[str]:
    """Command of a program of Redis; empty where there is none."""
    if installed := shutil.which(name):
        return [installed]
    found = shutil.which(name, path=str(UNPACKED / "bin"))
    folders = ":".join(str(each) for each in LIBRARIES.glob("*-linux-gnu"))
    return ["env", f"LD_LIBRARY_PATH={folders}", found] if found else []


def redis_missing() -> str:
    """Reason why Redis cannot run here; empty where it can."""
    found = program("redis-server") and program("redis-cli")
    return "" if found else "no Redis: install Debian's package redis-server, or run `make testbed`"


class Redis(LocalServer):
    """A server with one user whose rights are an access string, empty at entry.

    Any password of the user is right: no server but that of AWS verifies a token of IAM.
    """

    title, prefix = "Redis", "sizewright-redis-"

    def __init__(self, user: str, access: str) -> None:
        super().__init__()
        self._user, self._access = user, access
        self.host, self.port, self._plain_port = HOST, free_port(), free_port()

    @property
    def authorities(self) -> Path:
        """File with the authority of the server's certificate: the certificate itself."""
        return self.folder / "certificate.pem"

    def _prepare(self) -> None:
        write_certificate(self.authorities, self.folder / "key.pem")
        rights = self._access.removeprefix("on ")
        users = ("user default on nopass ~* +@all", f"user {self._user} on nopass {rights}")
        (self.folder / "users.acl").write_text("\n".join((*users, "")))

    def _command(self) -> Sequence[str]:
        values = {
            "bind": self.host,
            "port": str(self._plain_port),
            "tls-port": str(self.port),
            "tls-cert-file": str(self.authorities),
            "tls-key-file": str(self.folder / "key.pem"),
            "tls-auth-clients": "no",
            "aclfile": str(self.folder / "users.acl"),
            "save": "",
            "dir": str(self.folder),
        }
        return [
            *program("redis-server"),
            *(word for k, v in values.items() for word in (f"--{k}", v)),
        ]

    def ask(self, *words: str) -> list[str]:
        """Lines of the reply to a command of an administrator."""
        command = [*program("redis-cli"), "-p", str(self._plain_port), *words]
        found = subprocess.run(command, check=True, capture_output=True, text=True)
        return found.stdout.split("\n")[:-1]

    def pipe(self, commands: Iterable[Sequence[str]]) -> None:
        """Send many commands of an administrator at once. Raises CalledProcessError."""
        command = [*program("redis-cli"), "-p", str(self._plain_port), "--pipe"]
        text = "".join(_encoded(words) for words in commands)
        subprocess.run(command, input=text.encode(), check=True, capture_output=True)

    def _answers(self) -> bool:
        command = [*program("redis-cli"), "-p", str(self._plain_port), "ping"]
        return subprocess.run(command, capture_output=True, check=False).stdout == b"PONG\n"


def _encoded(words: Sequence[str]) -> str:
    """Command of ASCII words as the protocol writes it."""
    parts = "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
    return f"*{len(words)}\r\n{parts}"


def write_certificate(certificate: Path, key: Path) -> None:
    """Write a certificate of the loopback address that signs itself, and its key."""
    made, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cache")])
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))])
    signed = (
        x509.CertificateBuilder(name, name, made.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(made, SHA256())
    )
    certificate.write_bytes(signed.public_bytes(Encoding.PEM))
    plain = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key.write_bytes(plain)
