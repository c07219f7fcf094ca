"""A server of Open WebUI behind our own program, for tests and measurements.

It is the real program, on the loopback address, and ends with this process.
"""

import base64
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from templates.applications.page import OFF, SETTINGS
from testbed.application_services import AS_GROUP
from testbed.aws_services import FOLDER
from testbed.local_server import LocalServer

PYTHON = FOLDER / "page" / "bin" / "python"
"""Python with the slim form of Open WebUI."""
SIGNER, CLIENT = "arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/a/1", "page"
"""Load balancer that signs, and the page's client at the issuer."""
READ_ONLY = (
    'mount --make-rprivate / && mount --bind "$0" "$0" && mount -o remount,bind,ro / &&'
    ' cd "$0" && exec "$@"'
)
"""Command of a shell that runs another where of the root's files only a folder can be written."""


def page_missing() -> str:
    """Reason why Open WebUI cannot run here; empty where it can."""
    ready = (FOLDER / ".ready-page").is_file()
    return "" if ready else "no Open WebUI: run `make testbed` with Python 3.12"


def read_only_missing() -> str:
    """Reason why no page can run here with a root that cannot be written; empty where one can."""
    try:
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", READ_ONLY, "/tmp", "true"],
            capture_output=True,
            check=False,
        )
    except OSError:
        return "no command unshare"
    return "" if done.returncode == 0 else "no right to mount"


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


def page_environment(application: str, model: str, keys_url: str) -> dict[str, str]:
    """Environment of a page with the settings of its pods, in front of an application's address.

    It lacks the port and the database.
    """
    address = f"{application}/v1"
    connection = {"auth_type": "none", "model_ids": [model]}
    return {
        **SETTINGS,
        **dict.fromkeys(OFF, "false"),
        "APPLICATION_URL": address,
        "OPENAI_API_BASE_URLS": address,
        "OPENAI_API_CONFIGS": json.dumps({"0": connection}),
        "BALANCER_ARNS": SIGNER,
        "BALANCER_KEYS_URL": keys_url,
        "CLIENT_ID": CLIENT,
        "DATABASE_POOL_SIZE": "5",
        "KEEP_ALIVE_S": "60",
    }


def make_tables(programs: Path, environment: Mapping[str, str], folder: Path) -> None:
    """Make the tables of a page as its setup does. Raises RuntimeError with the end of its log."""
    own = {"DATA_DIR": str(folder / "d"), "STATIC_DIR": str(folder / "s"), "FROM_INIT_PY": "true"}
    done = subprocess.run(
        [str(PYTHON), str(programs / "page_start.py"), "migrate"],
        env={**environment, **own},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"no tables were made: {done.stderr[-2000:]}")


class ChatPage(LocalServer):
    """A server of Open WebUI with our program, from entry to exit.

    It gets the given environment and no other, but for PATH and a home of its own. With
    `read_only`, it can write in its own folder alone, as in its pods.
    """

    title, prefix, start_limit_s = "Open WebUI", "sizewright-page-", 400

    def __init__(
        self, programs: Path, environment: Mapping[str, str], *, read_only: bool = False
    ) -> None:
        super().__init__()
        self._read_only = read_only
        self._programs = programs
        self._given = dict(environment)
        self.url = f"http://127.0.0.1:{self._given['PORT']}"

    def _prepare(self) -> None:
        """Nothing: the program makes its folders."""

    def _command(self) -> list[str]:
        program = [str(PYTHON), str(self._programs / "page_start.py")]
        if self._read_only:
            program = ["unshare", "--mount", "sh", "-c", READ_ONLY, str(self.folder), *program]
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
