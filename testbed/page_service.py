"""A server of Open WebUI behind our own program, for tests and measurements.

It is the real program, on the loopback address, and ends with this process.
"""

import base64
import json
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from testbed.application_services import AS_GROUP
from testbed.aws_services import FOLDER
from testbed.local_server import LocalServer

PYTHON = FOLDER / "page" / "bin" / "python"
"""Python with the slim form of Open WebUI."""
SIGNER, CLIENT = "arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/a/1", "page"
"""Load balancer that signs, and the page's client at the issuer."""


def page_missing() -> str:
    """Reason why Open WebUI cannot run here; empty where it can."""
    ready = (FOLDER / ".ready-page").is_file()
    return "" if ready else "no Open WebUI: run `make testbed` with Python 3.12"


class Balancer:
    """A load balancer's signature on who a person is, with its key in a folder."""

    def __init__(self, folder: Path) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.keys_url = folder.as_uri()
        public = self._key.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        (folder / "key-1").write_bytes(public)

    def claims(self, subject: str, **header: object) -> str:
        """Signed claims of a person, padded as a load balancer pads them."""
        own = {"alg": "ES256", "kid": "key-1", "signer": SIGNER, "client": CLIENT}
        given: dict[str, object] = {**own, "exp": int(time.time()) + 120, **header}
        body = {"sub": subject, "name": f"Name of {subject}"}
        signed = ".".join(
            base64.urlsafe_b64encode(json.dumps(each).encode()).decode() for each in (given, body)
        )
        numbers = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(SHA256())))
        raw = b"".join(number.to_bytes(32, "big") for number in numbers)
        return f"{signed}.{base64.urlsafe_b64encode(raw).decode()}"


class ChatPage(LocalServer):
    """A server of Open WebUI with our program, from entry to exit.

    It gets the given environment and no other, but for PATH and a home of its own.
    """

    title, prefix, start_limit_s = "Open WebUI", "sizewright-page-", 400

    def __init__(self, programs: Path, environment: Mapping[str, str]) -> None:
        super().__init__()
        self._programs = programs
        self._given = dict(environment)
        self.url = f"http://127.0.0.1:{self._given['PORT']}"

    def _prepare(self) -> None:
        """Nothing: the program makes its folders."""

    def _command(self) -> list[str]:
        program = [str(PYTHON), str(self._programs / "page_start.py")]
        return [sys.executable, "-c", AS_GROUP, *program]

    def _environment(self) -> dict[str, str]:
        # Guard: the package keeps its files elsewhere than the image.
        home = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "FROM_INIT_PY": "true"}
        folders = {"DATA_DIR": str(self.folder / "data"), "STATIC_DIR": str(self.folder / "static")}
        return {**self._given, **home, **folders, "HOST": "127.0.0.1"}

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                return True
        except OSError:
            return False
